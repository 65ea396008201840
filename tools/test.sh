#!/usr/bin/env bash
# make test: every test, in phases, the quick ones first; the first failure ends it.
#
#   tools/test.sh                     everything
#   tools/test.sh domain storage      only these phases (see PHASES)
#
# The server embeds the site, so that is built first (nothing to do when nothing changed); then
# all native tests are compiled at once, with the same features as each other, and each phase runs
# its crate's test programs. A table of the phases' times closes the run, whatever its outcome.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PHASES=(site compile domain oidc crypto messaging app tool storage server doc end2end clients)
CRATES=(lanyard-domain lanyard-oidc lanyard-crypto lanyard-messaging lanyard-storage lanyard-app lanyard)
cd "$ROOT"
locked=()
[ -n "${CI:-}" ] && locked=(--locked)

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${PHASES[@]}")
wants() { case " ${wanted[*]} " in *" $1 "*) return 0 ;; *) return 1 ;; esac }
for phase in "${wanted[@]}"; do
    case " ${PHASES[*]} " in
        *" $phase "*) ;;
        *) die "no phase '$phase'; there are: ${PHASES[*]}" ;;
    esac
done

TABLE=()
CURRENT=""
finish() {
    local status=$?
    [ -z "${POSTGRES_NAME:-}" ] || "$ROOT/tools/postgres.sh" stop "$POSTGRES_NAME" || true
    [ -z "$CURRENT" ] || TABLE+=("$(printf '%-12s %6d s   FAILED' "$CURRENT" $((SECONDS - phase_started)))")
    {
        echo
        echo "phase          time"
        printf '%s\n' "${TABLE[@]}"
        printf '%-12s %6d s\n' "all" "$SECONDS"
        if [ -n "$CURRENT" ]; then
            printf '\n\033[1;31mmake test: the phase "%s" failed\033[0m (again, alone: make test PHASES=%s)\n' "$CURRENT" "$CURRENT"
        fi
    } >&2
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

phase() { # phase name command…
    CURRENT="$1"
    phase_started=$SECONDS
    shift
    printf '\n\033[1m== %s\033[0m\n' "$CURRENT" >&2
    "$@"
    TABLE+=("$(printf '%-12s %6d s   ok' "$CURRENT" $((SECONDS - phase_started)))")
    CURRENT=""
}

# No test program may hang the run: after so many seconds it is stopped, and its phase has failed.
PROGRAM_LIMIT="${LANYARD_TEST_LIMIT:-600}"
# The server's own tests take every LANYARD_ variable for a setting.
unset LANYARD_TEST_LIMIT
limited() { # limited "what" seconds command…
    local what="$1" limit="$2" status=0
    shift 2
    timeout --foreground --kill-after=10 "$limit" "$@" </dev/null || status=$?
    [ "$status" != 124 ] && [ "$status" != 137 ] || say "$what: stopped after $limit s (a test hangs)"
    return "$status"
}

packages() { printf -- '-p %s ' "${CRATES[@]}"; }

# Compiles every native test and writes the list of programs: package, folder, program.
programs="$TARGET/test-programs.tsv"
compile() {
    local messages="$TARGET/test-programs.json"
    mkdir -p "$TARGET"
    # The word splitting is meant. Rendered diagnostics go to stderr, the messages to the file.
    # shellcheck disable=SC2046
    cargo test "${locked[@]}" $(packages) --features lanyard-app/ssr --no-run \
        --message-format=json-render-diagnostics </dev/null >"$messages"
    node - "$messages" >"$programs" <<'JS'
const fs = require("node:fs");
const path = require("node:path");
for (const line of fs.readFileSync(process.argv[2], "utf8").split("\n")) {
    if (!line.startsWith("{")) continue;
    const message = JSON.parse(line);
    if (message.reason !== "compiler-artifact" || !message.executable || !message.profile.test) continue;
    const manifest = message.manifest_path;
    const name = /^\s*name\s*=\s*"([^"]+)"/m.exec(fs.readFileSync(manifest, "utf8"))[1];
    console.log([name, path.dirname(manifest), message.executable].join("\t"));
}
JS
    say "$(wc -l <"$programs") test programs"
}

# Runs one crate's test programs from the crate's folder, as cargo does.
programs_of() {
    local crate="$1" package folder program found=no
    while IFS=$'\t' read -r package folder program; do
        [ "$package" = "$crate" ] || continue
        found=yes
        say "$crate: $(basename "$program")"
        limited "$crate's tests" "$PROGRAM_LIMIT" \
            env -C "$folder" CARGO_MANIFEST_DIR="$folder" "$program" --quiet
    done <"$programs"
    [ "$found" = yes ] || die "no test program of $crate was compiled"
}

start_postgres() {
    [ -n "${LANYARD_TEST_POSTGRES_URL:-}" ] && return 0
    POSTGRES_NAME="test-$$"
    local url
    url="$("$ROOT/tools/postgres.sh" start "$POSTGRES_NAME")"
    export "${url?}"
}

tool_tests() {
    # With the Rust, folder and flags that tools/site.sh uses, so that nothing is built twice.
    . "$TOOLCHAIN_ENV"
    RUSTC="$WASM_RUSTC" "$WASM_CARGO" test "${locked[@]}" -p lanyard-site --target-dir "$TARGET/frontend" --quiet </dev/null
}

doc_tests() {
    local libraries=() crate
    for crate in "${CRATES[@]}"; do [ "$crate" = lanyard ] || libraries+=(-p "$crate"); done
    [ -f server/src/lib.rs ] && libraries+=(-p lanyard)
    cargo test "${locked[@]}" --doc "${libraries[@]}" --features lanyard-app/ssr --quiet </dev/null
}

end2end() {
    # The programs of the compile phase hold the server too; this makes sure of the right one.
    cargo build "${locked[@]}" -p lanyard </dev/null
    export CHROMIUM
    CHROMIUM="$(chromium_path)"
    limited "the browser tests" 2400 node end2end/node_modules/.bin/playwright test --config end2end/playwright.config.ts
}

# Libraries that we did not write sign in at a server with TLS, with the quick starts as they are.
clients() {
    cargo build "${locked[@]}" -p lanyard </dev/null
    export CHROMIUM
    CHROMIUM="$(chromium_path)"
    limited "the clients' tests" 1200 node end2end/node_modules/.bin/playwright test --config end2end/clients.config.ts
}

"$ROOT/tools/setup.sh" build browser postgres clients
# Setting up wrote down what it chose.
unset LANYARD_WASM
for name in domain oidc crypto messaging app storage server; do
    if wants "$name" && ! wants compile; then wanted+=(compile); break; fi
done
for name in "${PHASES[@]}"; do
    wants "$name" || continue
    case "$name" in
        site) phase site "$ROOT/tools/site.sh" ;;
        compile) phase compile compile ;;
        tool) phase tool tool_tests ;;
        doc) phase doc doc_tests ;;
        end2end) phase end2end end2end ;;
        clients) phase clients clients ;;
        storage | server)
            start_postgres
            if [ "$name" = server ]; then phase server programs_of lanyard; else phase storage programs_of lanyard-storage; fi
            ;;
        domain | oidc | crypto | messaging | app) phase "$name" programs_of "lanyard-$name" ;;
    esac
done
