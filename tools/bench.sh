#!/usr/bin/env bash
# make bench: measures with the release build and prints a table (kept by hand in BENCHMARKS.md).
# The measuring itself is `lanyard bench`; this supplies the machine's description, both databases
# and the sizes of what a browser loads.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$ROOT/tools/setup.sh" build postgres
"$ROOT/tools/site.sh"
cd "$ROOT"
cargo build --release -p lanyard </dev/null
echo "machine: $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(awk '/MemTotal/ {printf "%.0f GB", $2/1048576}' /proc/meminfo), $(uname -sr), $(rustc --version)"
echo "date: $(date -u +%Y-%m-%d)"
echo "binary: $(stat -c %s "$TARGET/release/lanyard") bytes"
node -e '
const { entry, files } = JSON.parse(require("fs").readFileSync("target/site/manifest.json", "utf8"));
let sum = 0;
for (const path of [entry.css, ...Object.values(entry.bundles.journey)]) {
    const file = files.find((file) => file.path === path);
    sum += file.wire_bytes;
    console.log(`brotli ${path}: ${file.wire_bytes} bytes`);
}
console.log(`brotli, style sheet, scripts and WASM of the sign-in page together: ${sum} bytes`);
'
LANYARD_POSTGRES_DURABLE=1 "$ROOT/tools/postgres.sh" run "$TARGET/release/lanyard" bench "$@"
