#!/usr/bin/env bash
# Writes, builds and tests the clients, and runs the examples, against a sandbox.
# Usage: scripts/check-clients.sh          starts a sandbox of its own for the time
#        PORT=8080 scripts/check-clients.sh   uses the one that runs there
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n-- %s (after %s s)\n' "$*" "$SECONDS"; }

scripts/prerequisites.sh clients
if [ "$(node --print 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    echo "the clients need Node 20 or later; here is $(node --version)" >&2
    exit 1
fi

work=$(mktemp -d)
# The sandbox's Postgres runs as another user where this runs as root.
chmod 755 "$work"
started=()
finish() {
    local process
    for process in "${started[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

free_port() { # OFFSET…   a port that is free, also with each offset
    python3 - "$@" <<'PYTHON'
import random, socket, sys

def is_free(port):
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

offsets = [0, *map(int, sys.argv[1:])]
print(next(port for _ in range(1000) if all(is_free((port := random.randrange(20000, 30000)) + offset) for offset in offsets)))
PYTHON
}

answers() { # URL   waits up to two minutes until something answers there, with any status
    curl -s -o /dev/null --retry 240 --retry-delay 0 --retry-max-time 120 --retry-connrefused "$1"
}

if [ -z "${PORT:-}" ]; then
    step "a sandbox"
    cargo build --quiet --locked --bin systembruker
    PORT=$(free_port 10 11 12 1010)
    "${CARGO_TARGET_DIR:-target}/debug/systembruker" sandbox --port "$PORT" --data-dir "$work/sandbox" >"$work/sandbox.log" 2>&1 &
    started+=($!)
    if ! answers "http://127.0.0.1:$PORT/health/ready"; then
        cat "$work/sandbox.log" >&2
        exit 1
    fi
fi
export PORT SYSTEMBRUKER_URL="http://127.0.0.1:$PORT" MASKINPORTEN_URL="http://127.0.0.1:$((PORT + 10))" TESTTOOLS_URL="http://127.0.0.1:$((PORT + 12))"

step "quotations in README"
python3 - README.md <<'PYTHON'
import re, sys
from pathlib import Path

readme = Path(sys.argv[1]).read_text(encoding="utf-8")
quoted = re.findall(r"^From \[(.*)\]\(\1\):\n\n```\w+\n(.*?)```$", readme, re.MULTILINE | re.DOTALL)
wrong = [name for name, text in quoted if any(line.strip() not in Path(name).read_text(encoding="utf-8") for line in text.splitlines())]
if wrong or not quoted:
    sys.exit(f"README quotes what is not there: {wrong or 'no example'}")
PYTHON

step "generated code"
clients/generate.sh

step "TypeScript"
npm --prefix clients/typescript ci --no-audit --no-fund --silent
(cd clients/typescript && rm -rf dist && npm run --silent build && npm test && npm pack --silent --ignore-scripts --pack-destination "$work")
npm --prefix examples/typescript ci --no-audit --no-fund --silent
npm --prefix examples/typescript run --silent build

step "Python"
python="$PWD/target/ci-tools/clients/python-test"
[ -x "$python/bin/pip" ] || python3 -m venv "$python"
"$python/bin/pip" install --quiet --requirement clients/python/requirements-test.txt
# The package as it would be published, so that what it lacks is seen here.
"$python/bin/pip" wheel --quiet --no-deps --wheel-dir "$work" ./clients/python
"$python/bin/pip" install --quiet --force-reinstall --no-deps "$work"/systembruker_client-*.whl
"$python/bin/pip" install --quiet "$work"/systembruker_client-*.whl
(
    cd clients/python
    "$python/bin/ruff" check --quiet . && "$python/bin/ruff" format --quiet --check .
    "$python/bin/mypy" && "$python/bin/mypy" ../../examples/python/*.py
    "$python/bin/pytest" --quiet -p no:cacheprovider
)

step "Java"
mvn --quiet --batch-mode --file clients/java/pom.xml install -DskipTests
mvn --batch-mode --no-transfer-progress --file clients/java/pom.xml surefire:test | grep -E '^\[(INFO|ERROR)\] .*(Tests run|FAIL|ERROR)|^\[ERROR\]'
mvn --quiet --batch-mode --file examples/java/pom.xml compile

# Each example pair: a service owner's API, and a vendor that calls it when its request is approved.
client_of() { # ORGANISATION COMMAND…   becomes the command: for the background
    local organization=$1
    shift
    eval "$(examples/sandbox-client.sh "$organization")"
    exec "$@"
}

approve() { # REQUEST   as Oddny Ildflue, who owns the customer
    local token
    token=$(curl -sSf -u sandbox:sandbox "$TESTTOOLS_URL/api/GetPersonalToken?env=local&pid=11859024884&scopes=altinn:portal/enduser")
    curl -sSf -o /dev/null -X POST "$SYSTEMBRUKER_URL/authentication/api/v1/systemuser/request/52000091/$1/approve" -H "Authorization: Bearer $token"
}

example() { # LANGUAGE SERVICE_OWNER VENDOR   two commands
    step "examples/$1"
    local output="$work/$1.txt" api vendor request
    API_PORT=$(free_port)
    export API_PORT API_URL="http://127.0.0.1:$API_PORT/"
    : >"$output"
    # shellcheck disable=SC2086
    client_of 390028466 $2 >"$work/$1-api.txt" 2>&1 &
    api=$!
    started+=("$api")
    # shellcheck disable=SC2086
    client_of 390198116 $3 >"$output" 2>&1 &
    vendor=$!
    started+=("$vendor")
    request=
    local until=$((SECONDS + 120))
    while [ -z "$request" ] && [ "$SECONDS" -lt "$until" ] && kill -0 "$vendor" 2>/dev/null; do
        request=$(sed -n 's/.*Approve at .*[?&]id=\([0-9a-f-]*\).*/\1/p' "$output")
        sleep 0.2
    done
    if [ -n "$request" ] && answers "$API_URL" && approve "$request" && wait "$vendor" \
        && grep -q 'The API answers 200: Welcome, 390198116_.* on behalf of 390381492$' "$output" \
        && [ "$(curl -s -o /dev/null -w '%{http_code}' "$API_URL")" = 401 ]; then
        cat "$output"
        kill "$api"
    else
        cat "$work/$1-api.txt" "$output" >&2
        return 1
    fi
}

example typescript "node examples/typescript/dist/service-owner.js" "node examples/typescript/dist/vendor.js"
example python "$python/bin/python examples/python/service_owner.py" "$python/bin/python examples/python/vendor.py"
run_java="mvn --quiet --batch-mode --file examples/java/pom.xml exec:java"
example java "$run_java -Dexec.mainClass=ServiceOwner" "$run_java -Dexec.mainClass=Vendor"

step "all clients and examples work"
