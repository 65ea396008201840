# Shared by the scripts in tools/: where things are, how they speak, how long they may take.
# Sourced, never run.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
TARGET="$ROOT/target"
TOOLCHAIN_ENV="$TARGET/toolchain.env"

# Messages go to stderr, so that a script's stdout stays its result.
say() { printf '\033[1m[%s]\033[0m %s\n' "$(basename "$0" .sh)" "$*" >&2; }
die() { printf '\033[1;31m[%s]\033[0m %s\n' "$(basename "$0" .sh)" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# slow SECONDS "what we wait for" command…: says what is awaited and for how long at most, stops
# it when the time is up, and says how long it took.
slow() {
    local limit=$1 what=$2 started=$SECONDS status=0
    shift 2
    say "$what (at most ${limit} s) …"
    timeout --foreground --kill-after=10 "$limit" "$@" </dev/null >&2 || status=$?
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        say "$what: gave up after ${limit} s"
    elif [ "$status" = 0 ]; then
        say "$what: done in $((SECONDS - started)) s"
    else
        say "$what: failed (exit code $status)"
    fi
    return "$status"
}

# PostgreSQL's programs are outside PATH on Debian; prints the folder that holds initdb.
postgres_bin() {
    local dir
    if have pg_config && dir="$(pg_config --bindir 2>/dev/null)" && [ -x "$dir/initdb" ]; then
        echo "$dir"
        return 0
    fi
    for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
        [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && { echo "$dir"; return 0; }
    done
    have initdb && have postgres && dirname "$(readlink -f "$(command -v initdb)")"
}

# The browser of the end-to-end tests: CHROMIUM, or what the system calls it.
chromium_path() {
    local name
    if [ -n "${CHROMIUM:-}" ]; then echo "$CHROMIUM"; return 0; fi
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" && return 0
    done
    return 1
}
