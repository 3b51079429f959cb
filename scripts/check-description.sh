#!/usr/bin/env bash
# Checks docs/openapi.json: by two validators that know nothing of each other, and against the version before it.
# Usage: scripts/check-description.sh [REVISION]   REVISION is what it is compared with: where this branch left main, else the commit before.
set -euo pipefail
cd "$(dirname "$0")/.."

python_validator=openapi-spec-validator==0.9.0
node_validator=@redocly/cli@2.77.0
# In the target folder, so that a cache of it keeps them.
tools="$PWD/target/ci-tools/description"
description=docs/openapi.json

scripts/prerequisites.sh validators
mkdir -p "$tools"

if ! "$tools/python/bin/pip" freeze 2>/dev/null | grep -qiF "$python_validator"; then
    python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet "$python_validator"
fi
"$tools/python/bin/openapi-spec-validator" "$description"

if ! grep -qsF "\"${node_validator##*@}\"" "$tools/node_modules/@redocly/cli/package.json"; then
    npm install --prefix "$tools" --no-audit --no-fund --silent "$node_validator"
fi
REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true "$tools/node_modules/.bin/redocly" lint --config redocly.yaml --format=stylish "$description"

before=${1:-$(git merge-base HEAD origin/main 2>/dev/null || git rev-parse --verify --quiet HEAD^ || true)}
if [ "$before" = "$(git rev-parse HEAD)" ]; then
    before=$(git rev-parse --verify --quiet HEAD^ || true)
fi
if [ -n "$before" ] && git show "$before:$description" >"$tools/before.json" 2>/dev/null; then
    cargo xtask breaking "$tools/before.json"
else
    echo "breaking changes: there is no version before this one"
fi
