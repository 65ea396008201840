#!/usr/bin/env bash
# Mutants of the policy code: cargo-mutants changes one thing at a time in the domain crate, and some
# test must fail. Part of make soak; takes an hour or two.
#
#   tools/mutants.sh [FILE…]      all of the policy code, or these files of server/crates/domain/src
#
# Two passes, because most mutants fall to tests that take a second: the first leaves out the walks of
# journey/explore, the second tries what was let through against everything. What lives on is an error,
# unless server/crates/domain/mutants.toml says why it is no fault. What was caught goes into docs/MUTANTS.md; the
# lists (caught, missed, unviable) are in target/mutants/mutants.out.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

POLICY=(allowance.rs assurance.rs consent.rs contact.rs cool_down.rs delays.rs demand.rs factor.rs passkey.rs password.rs phone.rs recovery.rs
    remembered.rs reset.rs session.rs 'user_flow/*.rs' 'journey/*.rs')
# No mutant of these is of use: they are the tests themselves, or words for the log.
NOT_POLICY=('journey/testing/**' '*_tests.rs' 'user_flow/testing.rs' 'journey/tests/**' 'journey/explore/**')
# Seconds after which a mutant that never ends is caught: the quick tests take two, the walks some minutes.
QUICK=60 LIMIT=900
# Two at a time: the compiler works on one core for most of a mutant's time.
JOBS=2

"$ROOT/tools/setup.sh" build mutants
cd "$ROOT"
names=("$@")
[ $# -gt 0 ] || names=("${POLICY[@]}")
files=()
for name in "${names[@]}"; do files+=(--file "server/crates/domain/src/$name"); done
for name in "${NOT_POLICY[@]}"; do files+=(--exclude "server/crates/domain/src/$name"); done
out="$TARGET/mutants"
mkdir -p "$out"
rm -rf "$out/mutants.out" "$out/mutants.out.old"

# What is caught exits with 0, what is missed with 2, a limit of time with 3: the lists are read below.
mutate() {
    local status=0
    "$TARGET/tools/bin/cargo-mutants" mutants --config server/crates/domain/mutants.toml --package lanyard-domain \
        --output "$out" --jobs "$JOBS" --build-timeout 600 --no-shuffle --colors never "${files[@]}" "$@" || status=$?
    case "$status" in 0 | 2 | 3) ;; *) die "cargo-mutants failed (exit code $status)" ;; esac
}

say "the quick tests"
# Building takes longer than these tests, so nothing is optimised for them; the walks below need it.
CARGO_INCREMENTAL=1 mutate --timeout "$QUICK" --cargo-arg=--config=profile.dev.package.lanyard-domain.opt-level=0 \
    --cargo-arg=--config=profile.dev.debug=false -- --lib -- --skip explore
# A second run keeps the first one's list beside its own.
first="$(cat "$out/mutants.out/caught.txt")"
cp "$out/mutants.out/mutants.json" "$out/all.json"
cp "$out/mutants.out/unviable.txt" "$out/unviable.txt"
# Whatever did not end in a minute is tried once more as well: it may be the machine that was slow.
if [ -s "$out/mutants.out/missed.txt" ] || [ -s "$out/mutants.out/timeout.txt" ]; then
    say "all tests, for the $(cat "$out/mutants.out/missed.txt" "$out/mutants.out/timeout.txt" | grep -c .) that are left"
    LANYARD_FIRST_FAILURE_ENDS=1 mutate --timeout "$LIMIT" --iterate -- --lib
fi
caught="$(printf '%s\n' "$first" | cat - "$out/mutants.out/caught.txt" "$out/mutants.out/timeout.txt" | grep -v '^$' | sort -u)"
printf '%s\n' "$caught" >"$out/caught.txt"
node tools/mutants-list.mjs "$out/all.json" "$out/caught.txt" "$out/unviable.txt"
if [ -s "$out/mutants.out/missed.txt" ]; then
    cat "$out/mutants.out/missed.txt" >&2
    die "$(wc -l <"$out/mutants.out/missed.txt") mutants live on"
fi
number="$(wc -l <"$out/caught.txt")"
# So few would mean that nothing was tried.
[ $# -gt 0 ] || [ "$number" -ge 50 ] || die "only $number mutants"
say "$number mutants, all caught: docs/MUTANTS.md"
