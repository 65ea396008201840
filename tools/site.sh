#!/usr/bin/env bash
# Builds target/site: the compiled frontend, style sheet and public files that the server embeds.
#
#   tools/site.sh          full: a bundle for each kind of page, wasm-opt -Oz, brotli 11; fails when
#                          the sign-in page gets too heavy; nothing to do when no input is newer
#   tools/site.sh --fast   for make watch: no wasm-opt, quick compression
#   tools/site.sh --force  even when nothing changed
#
# Everything that is compiled here goes to target/frontend, because the Rust that builds WASM can
# be another one than the server's.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mode=full force=no
for argument in "$@"; do
    case "$argument" in
        --fast) mode=fast ;;
        --force) force=yes ;;
        *) die "unknown option $argument: --fast or --force" ;;
    esac
done

[ -f "$TOOLCHAIN_ENV" ] || "$ROOT/tools/setup.sh" build
. "$TOOLCHAIN_ENV"

cd "$ROOT"
site="$TARGET/site"
stamp="$site/.stamp-$mode"
# A full site serves where a quick one is asked for.
[ "$mode" = fast ] && [ -f "$site/.stamp-full" ] && [ ! -f "$stamp" ] && stamp="$site/.stamp-full"
inputs=(app frontend style public tools/site tools/site.sh Cargo.toml Cargo.lock)
if [ "$force" = no ] && [ -f "$site/manifest.json" ] && [ -f "$stamp" ] \
    && [ -z "$(find "${inputs[@]}" -newer "$stamp" -print -quit)" ]; then
    exit 0
fi

mkdir -p "$site"
touch "$site/.started"
started=$SECONDS
say "building the frontend for the browser with $WASM_TOOLCHAIN's $WASM_RUSTC_VERSION"
[ -n "$WASM_LINKER" ] && export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$WASM_LINKER"
[ -n "$WASM_RUSTFLAGS" ] && export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$WASM_RUSTFLAGS"
# cargo-deny, rust-analyzer and the like may have set these for another Rust.
unset RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET
# wasm-bindgen reads the module's list of WASM features, which a full strip takes away; it and
# wasm-opt remove names and debug information themselves.
export CARGO_PROFILE_WASM_RELEASE_STRIP=none
export RUSTC="$WASM_RUSTC"
profile=wasm-release folder=wasm-release
[ "$mode" = fast ] && profile=dev folder=debug
locked=()
[ -n "${CI:-}" ] && locked=(--locked)
# frontend BUNDLE [cargo's options]: compiles the islands and keeps the module as BUNDLE's.
arguments=(--root "$ROOT" --out "$site")
frontend() {
    local bundle=$1 module="$TARGET/frontend/$1.wasm"
    shift
    "$WASM_CARGO" build "${locked[@]}" -p frontend "$@" --target wasm32-unknown-unknown --profile "$profile" \
        --target-dir "$TARGET/frontend" </dev/null >&2
    cp "$TARGET/frontend/wasm32-unknown-unknown/$folder/frontend.wasm" "$module"
    arguments+=(--bundle "$bundle=$module")
}
if [ "$mode" = fast ]; then
    # One module with everything for every page.
    frontend journey
    arguments+=(--bundle "claims=$TARGET/frontend/journey.wasm")
else
    for bundle in journey claims; do frontend "$bundle" --no-default-features --features "$bundle"; done
fi
"$WASM_CARGO" build "${locked[@]}" -p lanyard-site --target-dir "$TARGET/frontend" </dev/null >&2

if [ "$mode" = fast ]; then
    arguments+=(--fast)
else
    arguments+=(--wasm-opt "$ROOT/end2end/node_modules/.bin/wasm-opt")
fi
"$TARGET/frontend/debug/lanyard-site" "${arguments[@]}" </dev/null >&2
rm -f "$site"/.stamp-*
mv "$site/.started" "$site/.stamp-$mode"
say "target/site is ready ($mode) after $((SECONDS - started)) s"
