#!/usr/bin/env bash
# Writes the table of rules and the tests named after them into docs/SECURITY.md, between the two
# markers. The names are read from the sources: `fn n13_…`, and Playwright titles that begin with a
# rule's number (`U11 …`). With --check it only says whether the table is up to date.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

table() {
    {
        (grep -rhoE 'fn (n|a|f|d|c|u|oidcc_|rfc)[0-9]*_[a-z0-9_]+' --include='*.rs' app server tools || true) |
            sed 's/^fn //' | awk '{ rule = $1; sub(/_.*/, "", rule); print toupper(rule) "\t`" $1 "`" }'
        (grep -rhoE "test\(['\"\`][UOANFC][0-9]+[^'\"\`]*" --include='*.ts' end2end/tests || true) |
            sed -E "s/^test\(['\"\`]//" | awk '{ print $1 "\t" $0 " (browser)" }'
    } | grep -E '^(N|A|F|D|C|U|O)[0-9]+[[:space:]]' | sort -t "$(printf '\t')" -k1,1V -k2,2 -u |
        awk -F '\t' '{ if ($1 != last) { if (last) print row " |"; row = "| " $1 " | " $2; last = $1 } else row = row "<br>" $2 } END { if (last) print row " |" }'
}

fresh="$(mktemp)"
trap 'rm -f "$fresh"' EXIT
{
    sed '/<!-- rules: begin -->/q' docs/SECURITY.md
    printf '| rule | tests |\n|---|---|\n'
    table
    sed -n '/<!-- rules: end -->/,$p' docs/SECURITY.md
} >"$fresh"
if [ "${1:-}" = --check ]; then
    cmp -s "$fresh" docs/SECURITY.md || die "docs/SECURITY.md is out of date: tools/rules.sh"
else
    cat "$fresh" >docs/SECURITY.md
    say "docs/SECURITY.md: $(table | wc -l) rules"
fi
