#!/usr/bin/env bash
# make soak: the tests that take long, marked #[ignore = "soak: …"] in the crates: races, timing
# statistics, fuzzing. Their output is kept in target/soak/DATE.log. In release, with a private
# PostgreSQL that keeps what it committed, and at the end the mutants of the policy code (tools/mutants.sh;
# LANYARD_SOAK_MUTANTS=no leaves them out). LANYARD_SOAK_MINUTES (default 10) tells all tests but the
# races, which have a hundred rounds, how long to go on.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$ROOT/tools/setup.sh" build postgres
"$ROOT/tools/site.sh"
cd "$ROOT"
mkdir -p "$TARGET/soak"
log="$TARGET/soak/$(date -u +%Y-%m-%dT%H-%M-%SZ).log"
export LANYARD_SOAK_MINUTES="${LANYARD_SOAK_MINUTES:-10}"
say "soaking for about $LANYARD_SOAK_MINUTES min a test; output in $log"
LANYARD_POSTGRES_DURABLE=1 "$ROOT/tools/postgres.sh" run \
    cargo test --release -p lanyard -p lanyard-domain -p lanyard-oidc -p lanyard-storage \
    -p lanyard-crypto -p lanyard-messaging --no-fail-fast \
    -- --ignored --nocapture --test-threads=1 soak 2>&1 | tee "$log"
[ "${LANYARD_SOAK_MUTANTS:-yes}" = no ] || "$ROOT/tools/mutants.sh" 2>&1 | tee -a "$log"
