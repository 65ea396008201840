#!/usr/bin/env bash
# Installs what building and testing Lanyard needs and this machine lacks.
#
#   tools/setup.sh [build|browser|postgres|clients|lint|mutants|all]…      (default: build)
#
#   build     a C compiler, a Rust that builds WASM, the node tools (wasm-opt, Playwright)
#   browser   chromium, for the end-to-end tests and screenshots
#   postgres  PostgreSQL's server programs, for the tests' private cluster
#   clients   the libraries of the quick starts, which sign in in the tests: npm's, Python's, Rust's
#   lint      rustfmt and clippy
#   mutants   cargo-mutants, for make soak; not part of all
#
# It says what it installs and why before it does. Only root with apt gets system packages
# installed; anybody else gets the exact commands printed, and exit code 1. Pieces that are there
# cost nothing. The Rust that builds WASM is recorded in target/toolchain.env, which the other
# scripts source. LANYARD_WASM=debian or LANYARD_WASM=rustup forces that choice.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WASM=wasm32-unknown-unknown
MUTANTS=27.1.0
SYSROOT="$TARGET/wasm-sysroot"
PACKAGES=()
REASONS=()

need() { # need package "why"
    PACKAGES+=("$1")
    REASONS+=("$1: $2")
}

# ---- what is missing -------------------------------------------------------------------------

check_compiler() {
    have cc || { need gcc "SQLite and the cryptography library contain C"; need libc6-dev "the C library's headers"; }
    have cargo || die "Rust is missing: install 1.95 or newer from https://rustup.rs, then run this again"
    local version
    version="$(rustc --version | cut -d' ' -f2)"
    if [ "$(printf '%s\n1.95.0\n' "${version%%-*}" | sort -V | head -1)" != 1.95.0 ]; then
        die "Rust $version is too old: 1.95 or newer is needed (rustup update stable)"
    fi
    have node || die "node is missing: install version 20 or newer (https://nodejs.org)"
    [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] \
        || die "node $(node --version) is too old: 20 or newer is needed"
    have npm || die "npm is missing: install it (Debian, Ubuntu: apt-get install npm; elsewhere it comes with Node.js)"
}

has_std() { compgen -G "$1/libstd-*.rlib" >/dev/null; }

rustup_has_wasm() {
    local dir
    dir="$(rustc --print target-libdir --target "$WASM" 2>/dev/null)" && has_std "$dir"
}

# Is the recorded choice still good?
toolchain_recorded() {
    [ -f "$TOOLCHAIN_ENV" ] || return 1
    (
        . "$TOOLCHAIN_ENV"
        [ -z "${LANYARD_WASM:-}" ] || [ "$LANYARD_WASM" = "$WASM_TOOLCHAIN" ] || exit 1
        [ -x "$WASM_CARGO" ] && has_std "$WASM_LIBDIR" \
            && [ "$WASM_RUSTC_VERSION" = "$("$WASM_RUSTC" --version)" ]
    )
}

record() { # record name cargo rustc libdir rustflags linker
    mkdir -p "$TARGET"
    {
        echo "# Written by tools/setup.sh: the Rust that builds the browser's half."
        printf '%s=%q\n' WASM_TOOLCHAIN "$1" WASM_CARGO "$2" WASM_RUSTC "$3" WASM_LIBDIR "$4" \
            WASM_RUSTFLAGS "$5" WASM_LINKER "$6" WASM_RUSTC_VERSION "$("$3" --version)"
    } >"$TOOLCHAIN_ENV.new"
    mv "$TOOLCHAIN_ENV.new" "$TOOLCHAIN_ENV"
    say "WASM is built by $1's $("$3" --version)"
}

record_rustup() {
    record rustup "$(command -v cargo)" "$(command -v rustc)" \
        "$(rustc --print target-libdir --target "$WASM")" "" ""
}

# rustup's download host may be out of reach: ask with a short limit before waiting for it.
rustup_reachable() {
    have rustup || return 1
    local server="${RUSTUP_DIST_SERVER:-https://static.rust-lang.org}" host
    [ -n "${https_proxy:-${HTTPS_PROXY:-${all_proxy:-${ALL_PROXY:-}}}}" ] && return 0
    host="${server#*://}"
    host="${host%%/*}"
    say "is $host reachable? (at most 10 s) …"
    case "$host" in
        *:*) timeout 10 bash -c "exec 3<>/dev/tcp/${host%:*}/${host##*:}" 2>/dev/null ;;
        *) timeout 10 bash -c "exec 3<>/dev/tcp/$host/443" 2>/dev/null ;;
    esac
}

check_wasm() {
    WASM_ROUTE=""
    toolchain_recorded && return 0
    if [ "${LANYARD_WASM:-}" != debian ]; then
        if ! rustup_has_wasm && rustup_reachable; then
            say "installing Rust's $WASM target with rustup: the pages' interactive half is WebAssembly"
            slow 300 "rustup target add $WASM" rustup target add "$WASM" || true
        fi
        if rustup_has_wasm; then
            record_rustup
            return 0
        fi
        [ "${LANYARD_WASM:-}" = rustup ] && die "rustup has no $WASM target: rustup target add $WASM"
        say "rustup cannot supply the $WASM target: Debian's Rust will build it"
    fi
    WASM_ROUTE=debian
    have apt-get || die "no $WASM target for this Rust: rustup target add $WASM"
    [ -x /usr/bin/cargo ] || need cargo-web "Debian's cargo, to build WebAssembly (rustup's is left as it is)"
    [ -x /usr/bin/rustc ] || need rustc-web "Debian's Rust compiler, to build WebAssembly"
    compgen -G '/usr/src/rustc-*/library/std/Cargo.toml' >/dev/null \
        || need rust-web-src "the standard library's source, built once for WebAssembly"
    [ -n "$(lld_path)" ] || need lld "the linker for WebAssembly"
}

# Debian's Rust has no rust-lld: rustup's serves, or any installed wasm-ld.
lld_path() {
    local found
    found="$(ls "$(rustc --print sysroot 2>/dev/null)"/lib/rustlib/*/bin/rust-lld 2>/dev/null | head -1)"
    [ -n "$found" ] || found="$(ls /usr/bin/wasm-ld /usr/bin/wasm-ld-* 2>/dev/null | sort -rV | head -1)"
    echo "$found"
}

check_browser() {
    chromium_path >/dev/null && return 0
    need chromium "the browser of the end-to-end tests"
    need fonts-liberation "fonts for the browser's pages"
}

check_postgres() {
    [ -n "$(postgres_bin || true)" ] || need postgresql "the storage tests run a private PostgreSQL"
}

# The Python that has the module venv whole: Debian packages it apart.
venv_python() {
    local one
    for one in python3 /usr/bin/python3; do
        "$one" -c 'import ensurepip, venv' 2>/dev/null && { echo "$one"; return 0; }
    done
    return 1
}

check_clients() {
    have npm || die "npm is missing: install it (Debian, Ubuntu: apt-get install npm; elsewhere it comes with Node.js)"
    have curl || need curl "the curl quick start"
    have openssl || need openssl "the curl quick start"
    venv_python >/dev/null || need python3-venv "an environment of its own for the Python quick starts"
}

check_lint() {
    local piece
    for piece in rustfmt clippy; do
        if [ "$piece" = rustfmt ]; then cargo fmt --version >/dev/null 2>&1 && continue; fi
        if [ "$piece" = clippy ]; then cargo clippy --version >/dev/null 2>&1 && continue; fi
        have rustup && slow 300 "rustup component add $piece (make lint runs it)" rustup component add "$piece" \
            || die "$piece is missing: rustup component add $piece"
    done
}

# ---- installing ------------------------------------------------------------------------------

# The lists are there and younger than a day.
apt_lists_fresh() {
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 -print -quit 2>/dev/null)" ]
}

install_packages() {
    [ ${#PACKAGES[@]} -gt 0 ] || return 0
    say "missing on this machine:"
    printf '    %s\n' "${REASONS[@]}" >&2
    if ! have apt-get; then
        die "install these with your system's package manager, then run this again: ${PACKAGES[*]}"
    fi
    if ! is_root; then
        say "these are system packages, and you are not root. Please run, then try again:"
        printf '    sudo apt-get update\n    sudo apt-get install -y --no-install-recommends %s\n' "${PACKAGES[*]}" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    local wait=(-o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 -o Acquire::http::Timeout=30)
    apt_lists_fresh || slow 300 "apt-get update" apt-get "${wait[@]}" -q update \
        || die "apt-get update failed: is the Debian mirror reachable?"
    if ! slow 1200 "apt-get install ${PACKAGES[*]}" \
        apt-get "${wait[@]}" install -q -y --no-install-recommends "${PACKAGES[@]}"; then
        # A list that is fresh by date can still name packages that the mirror has replaced.
        slow 300 "apt-get update" apt-get "${wait[@]}" -q update || true
        slow 1200 "apt-get install ${PACKAGES[*]}" \
            apt-get "${wait[@]}" install -q -y --no-install-recommends "${PACKAGES[@]}" \
            || die "apt-get could not install: ${PACKAGES[*]}"
    fi
}

# Debian's Rust has no WASM standard library: build it once from the packaged source into
# target/wasm-sysroot, which is handed to rustc with --sysroot. Nothing outside target/ changes.
build_wasm_std() {
    local libdir="$SYSROOT/lib/rustlib/$WASM/lib" version stamp build linker cargo=/usr/bin/cargo rustc=/usr/bin/rustc
    version="$($rustc --version)"
    stamp="$SYSROOT/built-by"
    linker="$(lld_path)"
    [ -n "$linker" ] || die "no rust-lld and no wasm-ld found"
    if ! has_std "$libdir" || [ "$(cat "$stamp" 2>/dev/null)" != "$version" ]; then
        build="$(mktemp -d)"
        mkdir -p "$build/src"
        echo '#![no_std]' >"$build/src/lib.rs"
        printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$build/Cargo.toml"
        say "Rust's standard library is not packaged for WebAssembly: building it from /usr/src (once, about a minute)"
        (cd "$build" && slow 900 "building std for $WASM" \
            env -u RUSTFLAGS -u CARGO_TARGET_DIR RUSTC_BOOTSTRAP=1 RUSTC="$rustc" \
            CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker" \
            "$cargo" build --release --target "$WASM" \
            -Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test) \
            || { rm -rf "$build"; die "std could not be built for $WASM"; }
        rm -rf "$SYSROOT"
        mkdir -p "$libdir"
        find "$build/target/$WASM/release/deps" -name '*.rlib' ! -name 'libempty-*' -exec cp {} "$libdir/" \;
        rm -rf "$build"
        has_std "$libdir" || die "the build of std left no libstd"
        echo "$version" >"$stamp"
    fi
    record debian "$cargo" "$rustc" "$libdir" "--sysroot=$SYSROOT" "$linker"
}

install_node_modules() {
    local modules="$ROOT/end2end/node_modules" lock="$ROOT/end2end/package-lock.json"
    if [ -f "$modules/.package-lock.json" ] && [ ! "$lock" -nt "$modules/.lanyard-stamp" ]; then
        return 0
    fi
    say "installing node modules into end2end/node_modules: wasm-opt (shrinks the pages' WebAssembly), Playwright and axe (browser tests), openid-client and older MSAL.js and msal-node (clients we did not write)"
    (cd "$ROOT/end2end" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 slow 600 "npm ci" \
        npm ci --no-audit --no-fund --loglevel=error) || die "npm ci failed: is the npm registry reachable?"
    touch "$modules/.lanyard-stamp"
}

# Node modules of docs/quickstarts, its Python packages in target/clients-venv, its Rust program in
# target/quickstart-rust.
install_clients() {
    local quickstarts="$ROOT/docs/quickstarts" venv="$TARGET/clients-venv" modules pinned python
    modules="$quickstarts/node_modules"
    if [ ! -f "$modules/.lanyard-stamp" ] || [ "$quickstarts/package-lock.json" -nt "$modules/.lanyard-stamp" ]; then
        say "installing node modules into docs/quickstarts: MSAL.js, msal-node, oidc-client-ts, openid-client (clients we did not write)"
        (cd "$quickstarts" && slow 600 "npm ci" npm ci --no-audit --no-fund --loglevel=error) \
            || die "npm ci failed: is the npm registry reachable?"
        touch "$modules/.lanyard-stamp"
    fi
    pinned="$quickstarts/python/requirements.txt"
    if ! cmp -s "$pinned" "$venv/installed.txt" || ! "$venv/bin/python" -c 'import authlib, msal' 2>/dev/null; then
        python="$(venv_python)" || die "this Python has no venv: install python3-venv"
        say "installing Python packages into target/clients-venv: MSAL for Python, Authlib (clients we did not write)"
        rm -rf "$venv"
        slow 120 "a Python environment" "$python" -m venv "$venv" || die "python3 -m venv failed"
        slow 600 "pip install" "$venv/bin/pip" install -q --no-input --disable-pip-version-check --only-binary :all: -r "$pinned" \
            || die "pip install failed: is PyPI reachable?"
        cp "$pinned" "$venv/installed.txt"
    fi
    say "building docs/quickstarts/rust with the openidconnect crate (a client we did not write; a minute the first time)"
    slow 900 "cargo build of the Rust quick start" env -u CARGO_TARGET_DIR cargo build --quiet --locked \
        --manifest-path "$quickstarts/rust/Cargo.toml" --target-dir "$TARGET/quickstart-rust" </dev/null \
        || die "the Rust quick start could not be built: is crates.io reachable?"
}

# A program of its own in target/tools, at a version that is known to work.
install_mutants() {
    local program="$TARGET/tools/bin/cargo-mutants"
    [ "$("$program" mutants --version 2>/dev/null)" = "cargo-mutants $MUTANTS" ] && return 0
    slow 1200 "building cargo-mutants $MUTANTS into target/tools (tools/mutants.sh runs it)" \
        cargo install --locked --debug "cargo-mutants@$MUTANTS" --root "$TARGET/tools" --target-dir "$TARGET/tools-build" \
        || die "cargo install failed: is crates.io reachable?"
    rm -rf "$TARGET/tools-build"
}

# ---- the order of things ---------------------------------------------------------------------

[ $# -gt 0 ] || set -- build
WANT=" $* "
case "$WANT" in *" all "*) WANT=" build browser postgres clients lint " ;; esac
for piece in $WANT; do
    case "$piece" in
        build | browser | postgres | clients | lint | mutants) ;;
        *) die "unknown piece '$piece': build, browser, postgres, clients, lint, mutants or all" ;;
    esac
done
wants() { case "$WANT" in *" $1 "*) return 0 ;; *) return 1 ;; esac }

WASM_ROUTE=""
if wants build; then check_compiler; check_wasm; fi
if wants browser; then check_browser; fi
if wants postgres; then check_postgres; fi
if wants clients; then check_clients; fi
if wants lint; then check_lint; fi
install_packages
if [ "$WASM_ROUTE" = debian ]; then build_wasm_std; fi
if wants build; then install_node_modules; fi
if wants clients; then install_clients; fi
if wants mutants; then install_mutants; fi
exit 0
