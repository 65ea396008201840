#!/usr/bin/env bash
# Writes the table of rules and the tests named after them into docs/SECURITY.md, between the two
# markers. The names are read from the sources: `fn n13_…` (`fn n9_n10_…` proves both), and Playwright
# titles that begin with rules' numbers (`U11 …`, `U28 O2 …`). Each of the rules N1 to N27 and failures
# F1 to F54 has a test, or a reason below why it does not apply, and each number that is used has a line in
# docs/RULES.md: else this fails. With --check, which make lint runs, it only says whether the table is up
# to date.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

# What there is not cannot be attacked. A reason is left out of the table once a test bears the number.
reasons() {
    cat <<'REASONS'
F5	does not apply: nobody signs in through another provider
F51	does not apply: nothing is exported as CSV; people get a copy of their data as JSON
REASONS
}

named() {
    {
        (grep -rhoE 'fn ([nafdcuos][0-9]+_)+[a-z0-9_]+' --include='*.rs' app server tools || true) |
            awk '{ n = split($2, part, "_"); for (i = 1; i <= n && part[i] ~ /^[nafdcuos][0-9]+$/; i++) print toupper(part[i]) "\t`" $2 "`" }'
        (grep -rhoE "test\(['\"\`][UOANFCDS][0-9]+[^'\"\`]*" --include='*.ts' end2end/tests || true) |
            sed -E "s/^test\(['\"\`]//" | awk '{ for (i = 1; i <= NF && $i ~ /^[UOANFCDS][0-9]+$/; i++) print $i "\t" $0 " (browser)" }'
    } | sort -u
}

table() {
    local tested
    tested="$(named)"
    {
        printf '%s\n' "$tested"
        reasons | while IFS=$'\t' read -r rule why; do
            grep -q "^$rule"$'\t' <<<"$tested" || printf '%s\t%s\n' "$rule" "$why"
        done
    } | sort -t "$(printf '\t')" -k1,1V -k2,2 -u |
        awk -F '\t' '{ if ($1 != last) { if (last) print row " |"; row = "| " $1 " | " $2; last = $1 } else row = row "<br>" $2 } END { if (last) print row " |" }'
}

# The numbers of docs/RULES.md that must be accounted for.
missing() {
    local rule
    for rule in N{1..27} F{1..54}; do
        grep -q "^| $rule |" <<<"$1" || printf '%s ' "$rule"
    done
}

rows="$(table)"
untold="$(missing "$rows")"
[ -z "$untold" ] || die "no test is named after, and no reason given for: $untold"
unsaid="$(sed -nE 's/^\| ([A-Z][0-9]+) \|.*/\1/p' <<<"$rows" | while read -r rule; do
    grep -q "^- \*\*$rule\*\* " docs/RULES.md || printf '%s ' "$rule"
done)"
[ -z "$unsaid" ] || die "no line in docs/RULES.md says what this is: $unsaid"
fresh="$(mktemp)"
trap 'rm -f "$fresh"' EXIT
{
    sed '/<!-- rules: begin -->/q' docs/SECURITY.md
    printf '| rule | tests |\n|---|---|\n%s\n' "$rows"
    sed -n '/<!-- rules: end -->/,$p' docs/SECURITY.md
} >"$fresh"
if [ "${1:-}" = --check ]; then
    cmp -s "$fresh" docs/SECURITY.md || die "docs/SECURITY.md is out of date: tools/rules.sh"
else
    cat "$fresh" >docs/SECURITY.md
    say "docs/SECURITY.md: $(wc -l <<<"$rows") rules"
fi
