#!/usr/bin/env bash
# make screenshots: every page × light/dark × phone/desktop into end2end/screenshots (git ignores
# it), with a contact sheet, index.html. The pages are those that the specs named
# *.screens.ts in end2end/tests visit.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$ROOT/tools/setup.sh" build browser
"$ROOT/tools/site.sh"
cd "$ROOT"
cargo build -p lanyard </dev/null
rm -rf end2end/screenshots
CHROMIUM="$(chromium_path)" LANYARD_SCREENSHOTS=1 \
    node end2end/node_modules/.bin/playwright test --config end2end/playwright.config.ts "$@" </dev/null
node tools/contact-sheet.mjs end2end/screenshots
