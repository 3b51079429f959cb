#!/usr/bin/env bash
# Makes a Maskinporten client of an organisation in a running sandbox, and prints what the examples read from the environment.
# Usage: eval "$(examples/sandbox-client.sh ORGANISATION_NUMBER)"
set -euo pipefail

port=${PORT:-8080}
testtools=${TESTTOOLS_URL:-http://127.0.0.1:$((port + 12))}
client=$(curl -sSf -u sandbox:sandbox -H 'Content-Type: application/json' -d "{\"orgNumber\":\"$1\"}" "$testtools/sandbox/clients")

print() { printf 'export %s=%q\n' "$1" "$2"; }
# The answer is one line of JSON; these members have no brace or quote inside.
member() { sed -E "s/.*\"$1\":($2).*/\1/" <<<"$client"; }
id=$(member clientId '"[^"]*"')
print SYSTEMBRUKER_URL "${SYSTEMBRUKER_URL:-http://127.0.0.1:$port}"
print MASKINPORTEN_URL "${MASKINPORTEN_URL:-http://127.0.0.1:$((port + 10))}"
print MASKINPORTEN_CLIENT_ID "${id//\"/}"
print MASKINPORTEN_JWK "$(member jwk '\{[^}]*\}')"
