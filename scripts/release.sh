#!/usr/bin/env bash
# Builds the archive of a release for this machine's platform, with its checksum, into dist/.
# Usage: scripts/release.sh                   builds the program for it
#        scripts/release.sh --program FILE    takes a program that is there, to try the rest
# The same commit gives the same archive of the same program: names, order, times and owners in it depend on nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n '/^\[workspace.package\]/,/^\[/{s/^version = "\(.*\)"/\1/p}' Cargo.toml)
platform=$(rustc --version --verbose | sed -n 's/^host: //p')
commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# Of the commit; without one the first day that an archive can name.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 315532800)
name=systembruker-$version-$platform

if [ "${1:-}" = --program ]; then
    program=$2
else
    export SQLX_OFFLINE=true SYSTEMBRUKER_COMMIT=$commit SOURCE_DATE_EPOCH
    # No path of this machine is compiled in.
    crates=${CARGO_HOME:-$HOME/.cargo}
    export RUSTFLAGS="--remap-path-prefix=$PWD=. --remap-path-prefix=$crates=crates" CFLAGS="-ffile-prefix-map=$PWD=. -ffile-prefix-map=$crates=crates"
    cargo build --release --locked --bin systembruker
    program=${CARGO_TARGET_DIR:-target}/release/systembruker
fi

rm -rf "dist/$name" "dist/$name.tar.gz" "dist/$name.tar.gz.sha256"
mkdir -p "dist/$name/completions" "dist/$name/config"
install -m 755 "$program" "dist/$name/systembruker"
install -m 644 README.md LICENSE THIRD-PARTY-NOTICES.txt CHANGELOG.md "dist/$name/"
install -m 644 config/production.example.toml "dist/$name/config/"
"dist/$name/systembruker" completions bash >"dist/$name/completions/systembruker.bash"
"dist/$name/systembruker" completions zsh >"dist/$name/completions/_systembruker"
"dist/$name/systembruker" completions fish >"dist/$name/completions/systembruker.fish"
"dist/$name/systembruker" manual "dist/$name/man/man1"

tar --create --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" \
    --directory dist "$name" | gzip --no-name -9 >"dist/$name.tar.gz"
rm -r "dist/${name:?}"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")

# As somebody who downloaded it.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd dist && sha256sum --check --quiet "$name.tar.gz.sha256")
tar --extract --gzip --file "dist/$name.tar.gz" --directory "$work"
"$work/$name/systembruker" --version
test -s "$work/$name/man/man1/systembruker-demo.1"
printf 'dist/%s.tar.gz\n' "$name"
