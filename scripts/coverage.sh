#!/usr/bin/env bash
# Runs tests, and prints how much of each crate they execute; the lines are in target/llvm-cov/html.
# Usage: scripts/coverage.sh [arguments of cargo test], for example scripts/coverage.sh --test api connections
# Needs cargo-llvm-cov (cargo install --locked cargo-llvm-cov) and LLVM's tools in the version of the compiler's own LLVM: the
# component llvm-tools of rustup, or Debian's package llvm-22.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo llvm-cov --version >/dev/null 2>&1 || {
    echo "cargo-llvm-cov is missing: cargo install --locked cargo-llvm-cov" >&2
    exit 1
}
version=$(rustc --version --verbose | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
# Without the component, the system's.
if ! compgen -G "$(rustc --print sysroot)/lib/rustlib/*/bin/llvm-profdata" >/dev/null; then
    for tool in cov profdata; do
        found=$(command -v "llvm-$tool-$version" || command -v "/usr/lib/llvm-$version/bin/llvm-$tool") || {
            echo "llvm-$tool $version is missing: rustup component add llvm-tools, or apt-get install llvm-$version" >&2
            exit 1
        }
        export "LLVM_${tool^^}=$found"
    done
fi

# What only tests and this repository use is no code of the service.
ignored='(^|/)(tests|benches|xtask|crates/testkit|crates/xacml/(benches|fuzz|tests))/'
[ $# -gt 0 ] || set -- --workspace
cargo llvm-cov --locked --no-report "$@"
cargo llvm-cov report --workspace --ignore-filename-regex "$ignored" --html >/dev/null
cargo llvm-cov report --workspace --ignore-filename-regex "$ignored" --json --summary-only \
    | python3 -c '
import collections, json, os, sys

crates = collections.defaultdict(lambda: [0, 0])
for file in json.load(sys.stdin)["data"][0]["files"]:
    parts = os.path.relpath(file["filename"]).split(os.sep)
    crate = parts[1] if parts[0] == "crates" else "systembruker"
    lines = file["summary"]["lines"]
    for name in (crate, "together"):
        crates[name][0] += lines["count"]
        crates[name][1] += lines["covered"]
total = crates.pop("together")
for name, (count, covered) in sorted(crates.items()) + [("together", total)]:
    print(f"{name:24} {covered:6} of {count:6} lines {100 * covered / max(count, 1):6.1f} %")
'
