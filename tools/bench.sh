#!/usr/bin/env bash
# make bench: builds the release binary, measures it and prints a table.
#
#   tools/bench.sh                    sign-ins, footprint, provider, /clinic with 1,000 and 100,000 patients, factors, flood
#   tools/bench.sh --large            /clinic with 1,000,000 patients too (several minutes more)
#   tools/bench.sh --peer             npm oidc-provider beside our provider's endpoints
#   tools/bench.sh --write            puts the figures into BENCHMARKS.md as well
#   tools/bench.sh --only sign-in     one part; further options: target/release/examples/bench --help
#
# The measuring is done by the example `bench` of the server's package, so that nothing of it is in
# the product. Both databases are durable: SQLite with synchronous=FULL, PostgreSQL with fsync. Leave
# the machine alone meanwhile; the load before and after is in the report.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

write=no peer=no arguments=()
for argument in "$@"; do
    case "$argument" in
        --write) write=yes ;;
        --peer) peer=yes arguments+=("$argument") ;;
        *) arguments+=("$argument") ;;
    esac
done

"$ROOT/tools/setup.sh" build postgres
"$ROOT/tools/site.sh"
cd "$ROOT"
if [ "$peer" = yes ]; then
    slow 300 "installing the peer's packages" npm --prefix tools/bench-peer ci --no-audit --no-fund
fi
say "building for release (the first time takes several minutes; cargo shows what it is at) …"
cargo build --release -p lanyard --bin lanyard --example bench </dev/null

figures="$TARGET/bench-figures.md"
changed=""
git diff --quiet HEAD -- server app frontend Cargo.toml Cargo.lock 2>/dev/null || changed=" with uncommitted changes"
{
    echo "Measured on $(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)$changed."
    echo
    echo "Machine: $(nproc) cores of $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(awk '/MemTotal/ {printf "%.0f GiB", $2/1048576}' /proc/meminfo), $(uname -sr), $(rustc --version | cut -d' ' -f1-2)."
    echo
} >"$figures"
LANYARD_POSTGRES_DURABLE=1 "$ROOT/tools/postgres.sh" run "$TARGET/release/examples/bench" "${arguments[@]}" >>"$figures"
cat "$figures"

# The figures stand between two marks; what is written around them stays.
if [ "$write" = yes ]; then
    awk -v file="$figures" '
        /<!-- figures -->/ { print; while ((getline line < file) > 0) print line; inside = 1 }
        /<!-- end of figures -->/ { inside = 0 }
        !inside
    ' BENCHMARKS.md >"$TARGET/benchmarks.tmp"
    mv "$TARGET/benchmarks.tmp" BENCHMARKS.md
    say "BENCHMARKS.md has these figures now"
fi
