#!/usr/bin/env bash
# make run: installs what is missing, builds what changed, starts the server in demo mode.
# Further arguments go to `lanyard serve` (make run ARGS="--tls").
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$ROOT/tools/setup.sh" build
"$ROOT/tools/site.sh"
cd "$ROOT"
say "building the server (the first time takes several minutes; cargo shows what it is at) …"
cargo build -p lanyard </dev/null
# The server takes every LANYARD_ variable for a setting.
unset LANYARD_WASM
exec "$TARGET/debug/lanyard" serve --demo "$@"
