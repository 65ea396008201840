// Writes docs/MUTANTS.md: what tools/mutants.sh changed in each file of the policy code, and that some test failed
// each time. The section of a file that was tried is made anew if none of its mutants lived on, and goes otherwise;
// those of other files stay.
//
//   node tools/mutants-list.mjs MUTANTS.json CAUGHT.txt UNVIABLE.txt
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const [all, caughtFile, unviableFile] = process.argv.slice(2);
const page = "docs/MUTANTS.md";
const lines = (file) => new Set(readFileSync(file, "utf8").split("\n").filter(Boolean));
const caught = lines(caughtFile);
const unviable = lines(unviableFile);

// "src/a.rs:1:2: replace F -> T with V", or "…: replace < with <= in F".
const parse = (name) => {
    const [, file, change] = /^(.*?\.rs):\d+:\d+: (.*)$/.exec(name);
    const whole = /^replace (\S+)(?: ->.*?)? with (.*)$/.exec(change);
    const within = /^(.*) in (\S+|<impl .*)$/.exec(change);
    const [place, what] = within ? [within[2], within[1]] : whole ? [whole[1], `gives ${whole[2]}`] : ["", change];
    return { file: file.replace("server/crates/domain/src/", ""), place, what };
};

const files = new Map();
for (const { name } of JSON.parse(readFileSync(all, "utf8"))) {
    const { file, place, what } = parse(name);
    const entry = files.get(file) ?? { places: new Map(), number: 0, left: 0, left_out: 0 };
    files.set(file, entry);
    if (unviable.has(name)) entry.left_out += 1;
    else if (!caught.has(name)) entry.left += 1;
    else {
        entry.number += 1;
        const changes = entry.places.get(place) ?? new Map();
        changes.set(what, (changes.get(what) ?? 0) + 1);
        entry.places.set(place, changes);
    }
}

const cell = (text) => text.replaceAll("|", "\\|");
const section = (file, { places, number, left_out }) => {
    const rows = [...places].map(([place, changes]) => {
        const what = [...changes].map(([change, times]) => `\`${cell(change)}\`${times > 1 ? ` ×${times}` : ""}`);
        return `| \`${cell(place)}\` | ${what.join(", ")} |`;
    });
    const compiled = left_out > 0 ? `; ${left_out} more do not compile` : "";
    return `## ${file}\n\n${number} caught${compiled}.\n\n| where | changes |\n|---|---|\n${rows.join("\n")}\n`;
};

const sections = new Map();
if (existsSync(page)) {
    for (const text of readFileSync(page, "utf8").split(/^(?=## )/m).slice(1)) {
        sections.set(/^## (\S+)/.exec(text)[1], text.trimEnd() + "\n");
    }
}
// What is no more has no section either.
for (const file of sections.keys()) if (!existsSync(`server/crates/domain/src/${file}`)) sections.delete(file);
for (const [file, entry] of files) {
    if (entry.left > 0) sections.delete(file);
    else if (entry.number > 0) sections.set(file, section(file, entry));
}
const sum = [...sections.values()].reduce((sum, text) => sum + Number(/^(\d+) caught/m.exec(text)[1]), 0);
const head = `# Mutants of the policy code

Written by \`tools/mutants.sh\` (part of \`make soak\`), which runs cargo-mutants: each change below was made by itself in
\`server/crates/domain/src\`, and some test failed or did not end. ${sum} changes in ${sections.size} files, all caught. A file
is listed when all of its changes were tried and none lived on; a file of \`POLICY\` in \`tools/mutants.sh\` that is not here was not
tried to the end. Left out are the tests themselves and what is printed for the log (\`server/crates/domain/mutants.toml\`).
`;
writeFileSync(page, [head, ...[...sections].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text)].join("\n"));
const open = [...files].filter(([, { left }]) => left > 0).map(([file, { left }]) => `${file} (${left})`);
if (open.length > 0) console.error(`not complete: ${open.join(", ")}`);
