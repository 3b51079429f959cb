#!/usr/bin/env bash
# Starts the example on this machine: etcd, two Postgres with Patroni, and a PgBouncer for each. Ctrl-C ends all of it.
# Usage: ops/patroni/try.sh FOLDER FIRST_PORT     needs patroni, etcd, pgbouncer and a Postgres (apt-get install patroni
# etcd-server pgbouncer postgresql). Uses eight ports from FIRST_PORT on; prints the address for the service.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?a folder} port=${2:?the first port}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# Postgres does not run as root.
as=()
if [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid postgres --regid "$(id -g postgres)" --init-groups)
fi
cp "$here/patroni.yml" "$here/roles.sh" "$here/pgbouncer.ini" "$folder/"
sed -i "s|/etc/systembruker/patroni/roles.sh|$folder/roles.sh|" "$folder/patroni.yml"
chmod +x "$folder/roles.sh"
[ "${#as[@]}" = 0 ] || chown -R postgres "$folder"

random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
bin=$(for d in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin "$(dirname "$(readlink -f "$(command -v postgres || echo /nowhere/x)")")"; do
    [ -x "$d/pg_rewind" ] && echo "$d"; done | tail -n 1)
export PATH="$PATH:/usr/sbin:$bin"
export SB_OWNER_PASSWORD SB_APP_PASSWORD PATRONI_SUPERUSER_PASSWORD PATRONI_REPLICATION_PASSWORD
SB_OWNER_PASSWORD=$(random) SB_APP_PASSWORD=$(random) PATRONI_SUPERUSER_PASSWORD=$(random) PATRONI_REPLICATION_PASSWORD=$(random)
export PATRONI_ETCD3_HOSTS="127.0.0.1:$port" PATRONI_POSTGRESQL_BIN_DIR=$bin

# Patroni stops its Postgres in order, as long as it finds etcd: that ends last.
patronis=() others=()
finish() {
    trap - TERM INT EXIT
    [ "${#patronis[@]}" = 0 ] || { kill "${patronis[@]}" 2>/dev/null || true; wait "${patronis[@]}" 2>/dev/null || true; }
    [ "${#others[@]}" = 0 ] || { kill "${others[@]}" 2>/dev/null || true; wait "${others[@]}" 2>/dev/null || true; }
    exit 0
}
trap finish TERM INT EXIT
cd /
"${as[@]}" etcd --name one --data-dir "$folder/etcd" --log-level error \
    --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
    --listen-peer-urls "http://127.0.0.1:$((port + 1))" --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" \
    --initial-cluster "one=http://127.0.0.1:$((port + 1))" >"$folder/etcd.log" 2>&1 &
others+=($!)

n=0
for name in one two; do
    postgres=$((port + 2 + 3 * n)) rest=$((port + 3 + 3 * n)) pooler=$((port + 4 + 3 * n))
    PATRONI_NAME=$name PATRONI_RESTAPI_LISTEN="127.0.0.1:$rest" PATRONI_RESTAPI_CONNECT_ADDRESS="127.0.0.1:$rest" \
        PATRONI_POSTGRESQL_LISTEN="127.0.0.1:$postgres" PATRONI_POSTGRESQL_CONNECT_ADDRESS="127.0.0.1:$postgres" \
        PATRONI_POSTGRESQL_DATA_DIR="$folder/$name" PATRONI_POSTGRESQL_PGPASS="$folder/$name.pgpass" \
        "${as[@]}" patroni "$folder/patroni.yml" >"$folder/$name.log" 2>&1 &
    patronis+=($!)
    echo $! >"$folder/$name.pid"
    echo "\"sb_owner\" \"$SB_OWNER_PASSWORD\"
\"sb_app\" \"$SB_APP_PASSWORD\"" >"$folder/userlist.txt"
    sed -e "s|port=5432|port=$postgres|" -e "s|^listen_addr = .*|listen_addr = 127.0.0.1|" -e "s|^listen_port = .*|listen_port = $pooler|" \
        -e "s|/etc/pgbouncer/userlist.txt|$folder/userlist.txt|" "$folder/pgbouncer.ini" >"$folder/pgbouncer-$name.ini"
    "${as[@]}" pgbouncer "$folder/pgbouncer-$name.ini" >"$folder/pgbouncer-$name.log" 2>&1 &
    others+=($!)
    echo $! >"$folder/pgbouncer-$name.pid"
    n=$((n + 1))
done

# Patroni's own interface knows who is the primary and whether the other one follows.
is_up() {
    local code
    code=$(curl --silent --noproxy '*' --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$1/$2") && [ "$code" = 200 ]
}
until { is_up "$((port + 3))" primary && is_up "$((port + 6))" synchronous; } \
    || { is_up "$((port + 6))" primary && is_up "$((port + 3))" synchronous; }; do
    sleep 0.2
done
echo "DATABASE_URL=postgresql://sb_owner:$SB_OWNER_PASSWORD@127.0.0.1:$((port + 4)),127.0.0.1:$((port + 7))/systembruker"
wait
