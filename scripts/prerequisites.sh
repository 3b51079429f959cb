#!/usr/bin/env bash
# Installs what this project needs from the system and does not find; says what it does, and does nothing when all is there.
# Usage: scripts/prerequisites.sh [compiler] [postgres] [browser] [load] [faults] [pip] [validators] [clients] [images]
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        say "  sudo $*"
        sudo "$@"
    else
        say "This needs root, and there is no sudo here. Run as root, once:"
        say "  $*"
        exit 1
    fi
}

install_packages() { # apt names | dnf names | brew names
    if command -v apt-get >/dev/null 2>&1; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
        # shellcheck disable=SC2086
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1
    elif command -v dnf >/dev/null 2>&1; then
        # shellcheck disable=SC2086
        as_root dnf install -y -q $2
    elif command -v brew >/dev/null 2>&1; then
        # shellcheck disable=SC2086
        brew install --quiet $3
    else
        say "No apt-get, dnf or brew was found. Install by hand: $1"
        exit 1
    fi
}

# The same places in which the program looks.
have_postgres() {
    local candidate
    for candidate in "$(command -v initdb 2>/dev/null || true)" \
        /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb \
        /opt/homebrew/opt/postgresql*/bin/initdb /usr/local/opt/postgresql*/bin/initdb; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && [ -x "$(dirname "$candidate")/postgres" ]; then
            return 0
        fi
    done
    return 1
}

have_browser() {
    local browser=
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && browser=yes
    done
    [ -n "$browser" ] && command -v chromedriver >/dev/null 2>&1
}

# Debian starts what it installs, unless this file says no: tests start their own, and no service is to run at the same time.
without_starting() {
    local policy=/usr/sbin/policy-rc.d made='' status=0
    if [ ! -e "$policy" ] && command -v apt-get >/dev/null 2>&1; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
        made=yes
    fi
    "$@" || status=$?
    [ -z "$made" ] || as_root rm "$policy"
    return "$status"
}

have_for_faults() {
    local name
    for name in pgbouncer haproxy patroni etcd faketime ip curl setpriv; do
        command -v "$name" >/dev/null 2>&1 || [ -x "/usr/sbin/$name" ] || return 1
    done
}

have_for_clients() {
    local name
    for name in node npm javac mvn curl; do
        command -v "$name" >/dev/null 2>&1 || return 1
    done
    python3 -c "import ensurepip" 2>/dev/null
}

have_for_images() {
    local name
    for name in mmdebstrap bwrap setpriv nsenter curl; do
        command -v "$name" >/dev/null 2>&1 || return 1
    done
}

for what in "$@"; do
    case "$what" in
    compiler)
        if ! command -v cc >/dev/null 2>&1; then
            say "Installing a C compiler …"
            install_packages "gcc libc6-dev" gcc gcc
        fi
        ;;
    postgres)
        if ! have_postgres; then
            say "Installing the PostgreSQL server's files …"
            install_packages postgresql postgresql-server postgresql@17
        fi
        ;;
    browser)
        if ! have_browser; then
            say "Installing Chromium and its driver for the browser tests …"
            install_packages "chromium chromium-driver" "chromium chromedriver" "--cask chromium chromedriver"
        fi
        ;;
    load)
        if ! command -v wrk >/dev/null 2>&1; then
            say "Installing wrk, which asks in the load benchmark …"
            install_packages wrk wrk wrk
        fi
        ;;
    faults)
        if ! have_for_faults; then
            say "Installing PgBouncer, HAProxy, Patroni, etcd, faketime and iproute for the tests under faults …"
            without_starting install_packages "pgbouncer haproxy patroni etcd-server faketime iproute2 curl util-linux" \
                "pgbouncer haproxy patroni etcd libfaketime iproute curl util-linux" "pgbouncer haproxy etcd libfaketime"
        fi
        ;;
    pip)
        if ! python3 -m pip --version >/dev/null 2>&1; then
            say "Installing pip, which fetches a newer PostgreSQL …"
            install_packages python3-pip python3-pip python3
        fi
        ;;
    validators)
        if ! python3 -c "import ensurepip" 2>/dev/null || ! command -v npm >/dev/null 2>&1; then
            say "Installing Python and Node for the validators of the API description …"
            install_packages "python3 python3-venv nodejs npm" "python3 nodejs npm" "python3 node"
        fi
        ;;
    clients)
        if ! have_for_clients; then
            say "Installing Python, Node, a JDK and Maven for the clients and the examples …"
            install_packages "python3 python3-venv nodejs npm default-jdk-headless maven curl" \
                "python3 nodejs npm java-17-openjdk-devel maven curl" "python3 node openjdk maven curl"
        fi
        ;;
    images)
        if ! have_for_images; then
            say "Installing mmdebstrap and bubblewrap, which make and run the images without a container engine …"
            install_packages "mmdebstrap bubblewrap util-linux curl" "mmdebstrap bubblewrap util-linux curl" ""
        fi
        ;;
    *)
        say "usage: $0 [compiler] [postgres] [browser] [load] [faults] [pip] [validators] [clients] [images]"
        exit 2
        ;;
    esac
done
