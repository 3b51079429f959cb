#!/usr/bin/env bash
# Builds and tests the modules for Testcontainers against a sandbox on one port, with the settings that the modules give a container.
# Usage: scripts/check-testcontainers.sh                      starts a sandbox of its own for the time
#        SYSTEMBRUKER_URL=http://… scripts/check-testcontainers.sh   uses the one that runs there
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n-- %s (after %s s)\n' "$*" "$SECONDS"; }

scripts/prerequisites.sh clients

if [ -z "${SYSTEMBRUKER_URL:-}" ]; then
    step "a sandbox"
    cargo build --quiet --locked --bin systembruker
    work=$(mktemp -d)
    # The sandbox's Postgres runs as another user where this runs as root.
    chmod 755 "$work"
    port=$(python3 -c 'import socket; listener = socket.socket(); listener.bind(("127.0.0.1", 0)); print(listener.getsockname()[1])')
    internal=$(python3 -c 'import socket; listener = socket.socket(); listener.bind(("127.0.0.1", 0)); print(listener.getsockname()[1])')
    SYSTEMBRUKER_URL=http://localhost:$port
    SYSTEMBRUKER__SERVER__LISTEN=127.0.0.1:$port \
        SYSTEMBRUKER__SERVER__INTERNAL_LISTEN=127.0.0.1:$internal \
        SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL=$SYSTEMBRUKER_URL \
        SYSTEMBRUKER__SANDBOX__ALLOWED_HOSTS=localhost,sandbox \
        SYSTEMBRUKER__SANDBOX__SINGLE_PORT=true \
        "${CARGO_TARGET_DIR:-target}/debug/systembruker" sandbox --data-dir "$work/sandbox" >"$work/sandbox.log" 2>&1 &
    sandbox=$!
    trap 'kill "$sandbox" 2>/dev/null || true; wait "$sandbox" 2>/dev/null || true; rm -rf "$work"' EXIT
    if ! curl -s -o /dev/null --retry 240 --retry-delay 0 --retry-max-time 120 --retry-connrefused "http://127.0.0.1:$port/health/ready"; then
        cat "$work/sandbox.log" >&2
        exit 1
    fi
fi
export SYSTEMBRUKER_URL

step "Node"
npm --prefix testcontainers/node ci --no-audit --no-fund --silent
(cd testcontainers/node && rm -rf dist && npm run --silent build && npm test)

step "Java"
mvn --batch-mode --no-transfer-progress --file testcontainers/java/pom.xml test | grep -E '^\[(INFO|ERROR)\] .*(Tests run|FAIL|ERROR)|^\[ERROR\]'

step "both modules work"
