#!/usr/bin/env bash
# A private PostgreSQL for the tests: its own folder, a free loopback port, a random password.
#
#   tools/postgres.sh start [name]   starts it unless it runs; prints LANYARD_TEST_POSTGRES_URL=…
#   tools/postgres.sh stop [name]    stops it and removes its data
#   tools/postgres.sh run command…   starts a fresh one, runs the command with the variable set,
#                                    stops it again
#
#   eval "export $(tools/postgres.sh start)"   puts the variable into your shell.
#
# It forgets on a crash (fsync off), which is fine for tests and much faster;
# LANYARD_POSTGRES_DURABLE=1 makes it keep what it committed. initdb refuses root: then an
# unprivileged account runs it, in /tmp where that account cannot reach target/.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command="${1:-}"
shift || true

bin="$(postgres_bin || true)"
[ -n "$bin" ] || die "PostgreSQL's server programs are missing: tools/setup.sh postgres"

as_owner() {
    if is_root; then
        runuser -u "$owner" -- "$@"
    else
        "$@"
    fi
}
owner="$(id -un)"
if is_root; then
    owner=postgres
    id -u postgres >/dev/null 2>&1 || owner=nobody
fi

# target/pg/NAME holds `where` (the data folder) and `url`; the data itself may be elsewhere.
use() {
    name="$1"
    state="$TARGET/pg/$name"
    data="$(cat "$state/where" 2>/dev/null || true)"
}

running() {
    [ -n "$data" ] && [ -f "$state/url" ] && as_owner "$bin/pg_ctl" status -D "$data" >/dev/null 2>&1
}

make_folder() {
    mkdir -p "$state"
    data="$state/data"
    mkdir -p "$data"
    if is_root; then
        chown "$owner" "$data"
        if ! (cd / && as_owner test -w "$data"); then
            rmdir "$data"
            data="$(mktemp -d "${TMPDIR:-/tmp}/lanyard-pg.XXXXXX")"
            chown "$owner" "$data"
        fi
    fi
    chmod 700 "$data"
    echo "$data" >"$state/where"
}

create() {
    local password="$1" secret
    secret="$(mktemp)"
    printf '%s\n' "$password" >"$secret"
    is_root && chown "$owner" "$secret"
    as_owner "$bin/initdb" -D "$data" -U lanyard --auth=scram-sha-256 --pwfile="$secret" \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$state/initdb.log" 2>&1 </dev/null \
        || { cat "$state/initdb.log" >&2; rm -f "$secret"; die "initdb failed"; }
    rm -f "$secret"
    local durable=off
    [ "${LANYARD_POSTGRES_DURABLE:-}" = 1 ] && durable=on
    as_owner tee -a "$data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 128MB
fsync = $durable
synchronous_commit = $durable
full_page_writes = $durable
max_wal_size = 2GB
log_min_messages = warning
timezone = 'UTC'
CONF
}

start() {
    if running; then
        cat "$state/url"
        return 0
    fi
    [ -z "$data" ] || stop
    make_folder
    local password port try
    password="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    say "creating a private PostgreSQL in $data (a few seconds) …"
    create "$password"
    for try in 1 2 3 4 5 6 7 8; do
        port=$((20000 + (RANDOM + try) % 12000))
        # Somebody listens there already: another try.
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
        if as_owner "$bin/pg_ctl" start -w -t 60 -D "$data" -l "$data/server.log" -o "-p $port" \
            >/dev/null 2>&1 </dev/null; then
            (umask 077; echo "LANYARD_TEST_POSTGRES_URL=postgres://lanyard:$password@127.0.0.1:$port/postgres" >"$state/url")
            cat "$state/url"
            return 0
        fi
    done
    tail -20 "$data/server.log" >&2 || true
    die "PostgreSQL did not start"
}

stop() {
    if [ -n "$data" ]; then
        as_owner "$bin/pg_ctl" stop -D "$data" -m immediate -w -t 30 >/dev/null 2>&1 || true
        # Ours by construction: below target/pg, or a lanyard-pg folder of mktemp's.
        case "$data" in
            "$state"/* | */lanyard-pg.??????) rm -rf "$data" ;;
        esac
    fi
    rm -rf "$state"
    data=""
}

cd /
case "$command" in
    start)
        use "${1:-shared}"
        start
        ;;
    stop)
        use "${1:-shared}"
        stop
        ;;
    run)
        [ $# -gt 0 ] || die "run what?"
        use "run-$$"
        trap stop EXIT
        trap 'exit 130' INT TERM
        url="$(start)"
        use "$name"
        cd "$OLDPWD"
        env "$url" "$@"
        ;;
    *) die "start [name], stop [name] or run command…" ;;
esac
