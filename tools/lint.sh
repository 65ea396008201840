#!/usr/bin/env bash
# make lint: the table of rules, formatting, clippy with warnings denied (the native crates and the browser's half),
# type checks of the browser tests, and cargo-deny where it is installed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$ROOT/tools/setup.sh" build lint
. "$TOOLCHAIN_ENV"
cd "$ROOT"
locked=()
[ -n "${CI:-}" ] && locked=(--locked)
NATIVE=(-p lanyard -p lanyard-domain -p lanyard-oidc -p lanyard-storage -p lanyard-crypto -p lanyard-messaging -p lanyard-app)

step() {
    local name="$1" started=$SECONDS
    shift
    printf '\n\033[1m== %s\033[0m\n' "$name" >&2
    "$@" </dev/null || die "$name failed"
    say "$name: ok, $((SECONDS - started)) s"
}

step "rules and their tests" tools/rules.sh --check
step "formatting" cargo fmt --all --check
step "formatting, the Rust quick start" cargo fmt --check --manifest-path docs/quickstarts/rust/Cargo.toml
step "clippy, native" cargo clippy "${locked[@]}" "${NATIVE[@]}" --features lanyard-app/ssr --all-targets -- -D warnings
step "clippy, site builder" cargo clippy "${locked[@]}" -p lanyard-site --target-dir "$TARGET/frontend" --all-targets -- -D warnings
if [ "$WASM_TOOLCHAIN" = rustup ]; then
    step "clippy, browser" cargo clippy "${locked[@]}" -p frontend -p lanyard-app --features lanyard-app/hydrate \
        --target wasm32-unknown-unknown --target-dir "$TARGET/frontend" -- -D warnings
else
    # clippy must be of the very compiler that built the standard library; Debian's would do, but
    # its clippy package is not asked for. The compiler's own warnings are denied instead.
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$WASM_LINKER"
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$WASM_RUSTFLAGS -Dwarnings"
    step "warnings, browser" env RUSTC="$WASM_RUSTC" "$WASM_CARGO" check "${locked[@]}" -p frontend \
        --target wasm32-unknown-unknown --target-dir "$TARGET/frontend"
fi
step "types of the browser tests" node end2end/node_modules/.bin/tsc --noEmit -p end2end
if have cargo-deny; then
    step "cargo-deny" cargo deny --offline check licenses bans sources
else
    say "cargo-deny is not installed: licences and sources go unchecked here (cargo install cargo-deny)"
fi
