#!/usr/bin/env bash
# Checks the committed .sqlx against the migrations and the code, on a private Postgres of its own.
# Also that "system_user" is quoted, since Postgres reserves that name since version 16 for the user that is logged in, and that
# statements ask service_now() for the time.
# Usage: scripts/check-sql.sh [--update | --lint]     --update writes .sqlx anew; --lint runs Clippy where the code is compiled anyway
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prerequisites.sh postgres

bin=$(for d in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin "$(dirname "$(command -v initdb || echo /nowhere/x)")"; do
    [ -x "$d/initdb" ] && [ -x "$d/postgres" ] && echo "$d"; done | tail -n 1)
work=$(mktemp -d)
# Postgres does not run as root: then it is another user's folder and process.
as=()
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id -u "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$work"
    as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi
stop() {
    (cd / && "${as[@]}" "$bin/pg_ctl" -D "$work/data" -m immediate -s stop) || true
    rm -rf "$work"
}
trap stop EXIT
(
    cd /
    "${as[@]}" "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C >/dev/null
    "${as[@]}" "$bin/pg_ctl" -D "$work/data" -s -w -l "$work/log" -o "-k '$work' -h '' -F" start
)
database="postgresql:///postgres?host=$work&user=postgres"
psql=$(command -v "$bin/psql" || command -v psql)
run() { "$psql" --quiet --single-transaction --set ON_ERROR_STOP=1 --output /dev/null "$database" "$@"; }
# The table in which the service notes its migrations; statements read it.
run --command 'create table _sqlx_migrations (version bigint primary key, description text not null,
    installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null, execution_time bigint not null)'
for migration in migrations/*.sql; do
    run --file "$migration"
done

# The macros of sqlx write what the server says of each statement into SQLX_OFFLINE_DIR, when they are compiled: so everything that
# has statements is compiled anew.
found="$work/found"
mkdir "$found"
touch crates/*/src/lib.rs src/lib.rs src/main.rs tests/*/main.rs
compile=(cargo check --quiet --locked --workspace --all-targets)
[ "${1:-}" != --lint ] || compile=(cargo clippy --locked --workspace --all-targets -- -D warnings)
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$found" DATABASE_URL="$database" "${compile[@]}"
if [ "${1:-}" = --update ]; then
    rm -f .sqlx/query-*.json
    cp "$found"/query-*.json .sqlx/
elif ! diff --recursive --brief "$found" .sqlx; then
    echo ".sqlx differs from what the statements are: scripts/check-sql.sh --update writes it anew" >&2
    exit 1
fi
if found=$(grep --perl-regexp --only-matching --line-number '(?<![\w".'"'"'])(?i:system_user)(?![\w"'"'"'])' migrations/*.sql .sqlx/*.json); then
    printf '"system_user" is not quoted:\n%s\n' "$found" >&2
    exit 1
fi
if found=$(grep --perl-regexp --only-matching --line-number '(?<!\w)(now\(\)|current_timestamp|current_date)' .sqlx/*.json); then
    printf 'statements ask service_now() for the time:\n%s\n' "$found" >&2
    exit 1
fi
