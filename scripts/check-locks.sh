#!/usr/bin/env bash
# The packages outside the workspace depend on the engine: their lock files must follow when its dependencies change.
set -euo pipefail
cd "$(dirname "$0")/.."
for package in crates/xacml/benches/peers crates/xacml/fuzz; do
    cargo update --quiet --workspace --locked --manifest-path "$package/Cargo.toml" || {
        echo "$package/Cargo.lock is behind: cargo update --workspace --manifest-path $package/Cargo.toml" >&2
        exit 1
    }
done
