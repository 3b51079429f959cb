#!/usr/bin/env bash
# Fetches the vendored front-end files again. Needed only to update a version: builds and runs use what is committed.
# Usage: scripts/vendor-assets.sh [--accept]     --accept writes the digests of what was fetched into MANIFEST.toml
set -euo pipefail
cd "$(dirname "$0")/.."
manifest=static/vendor/MANIFEST.toml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # package version
    local file
    file=$(cd "$work" && npm pack --silent "$1@$2")
    local digest
    digest=$(sha256sum "$work/$file" | cut -d' ' -f1)
    if [ "${accept:-}" = yes ]; then
        printf '["%s"]\nversion = "%s"\nsha256 = "%s"\n\n' "$1" "$2" "$digest" >> "$manifest"
    elif ! grep -q "$digest" "$manifest"; then
        echo "$1@$2: the package is not the one in $manifest" >&2
        exit 1
    fi
    mkdir -p "$work/out/$1"
    tar -xzf "$work/$file" -C "$work/out/$1" --strip-components=1
}

[ "${1:-}" = --accept ] && accept=yes && printf '# Where the vendored files come from, and the digest of each package.\n\n' > "$manifest"
fetch @digdir/designsystemet-css 1.22.0
fetch @fontsource-variable/inter 5.3.0
fetch axe-core 4.14.1

cp "$work/out/@digdir/designsystemet-css/dist/src/index.css" static/vendor/ds.css
cp "$work/out/@digdir/designsystemet-css/dist/theme/designsystemet.css" static/vendor/theme.css
cp "$work/out/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2" static/vendor/
cp "$work/out/@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2" static/vendor/
cp "$work/out/axe-core/axe.min.js" tests/browser/axe.min.js
{
    echo "Designsystemet CSS (ds.css, theme.css)"; echo; cat "$work/out/@digdir/designsystemet-css/LICENSE"* 2>/dev/null || echo "MIT, Copyright Digdir"
    echo; echo "----"; echo; echo "Inter (inter-*.woff2)"; echo; cat "$work/out/@fontsource-variable/inter/LICENSE"
} > static/vendor/licenses.txt
cp "$work/out/axe-core/LICENSE" tests/browser/axe-LICENSE
echo "done"
