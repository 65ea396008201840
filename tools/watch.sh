#!/usr/bin/env bash
# make watch: rebuilds and restarts the demo server whenever a source file changes.
#
# It looks once a second for files that are newer than the last build; WASM is built without
# optimisation. A build that fails leaves the old server running. Ctrl-C ends it. Who has
# cargo-leptos can use `cargo leptos watch` instead.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$ROOT/tools/setup.sh" build
cd "$ROOT"
mark="$TARGET/watch-stamp"
server=""
stop() { [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; } || true; }
trap stop EXIT
trap 'exit 0' INT TERM

while true; do
    touch "$mark"
    if "$ROOT/tools/site.sh" --fast && cargo build -p lanyard </dev/null; then
        stop
        env -u LANYARD_WASM "$TARGET/debug/lanyard" serve --demo "$@" &
        server=$!
    else
        say "the build failed; waiting for the next change"
    fi
    until [ -n "$(find app frontend server style public tools/site Cargo.toml -newer "$mark" -type f -print -quit)" ]; do
        sleep 1
    done
    say "something changed"
done
