// Writes index.html beside the screenshots: one row per page, one column per variant.
// A screenshot is called PAGE.VARIANT.png, for example sign-in.phone-dark.png.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const shots = readdirSync(folder).filter((name) => name.endsWith(".png")).sort();
if (shots.length === 0) {
    console.error(`no screenshots in ${folder}`);
    process.exit(1);
}
const parts = shots.map((name) => name.slice(0, -".png".length).split("."));
const pages = [...new Set(parts.map(([page]) => page))];
const variants = [...new Set(parts.map(([, variant]) => variant ?? ""))].sort();
const cell = (page, variant) => {
    const name = variant ? `${page}.${variant}.png` : `${page}.png`;
    return shots.includes(name) ? `<a href="${name}"><img src="${name}" alt="${name}" loading="lazy"></a>` : "–";
};
const row = (page) =>
    `<tr><th>${page}</th>${variants.map((variant) => `<td>${cell(page, variant)}</td>`).join("")}</tr>`;
writeFileSync(
    join(folder, "index.html"),
    `<!doctype html><meta charset="utf-8"><title>Lanyard: screenshots</title>
<style>body{font:16px system-ui;background:#ddd}img{max-width:22rem;max-height:30rem;border:1px solid #999}td,th{padding:.5rem;vertical-align:top;text-align:left}</style>
<h1>${pages.length} pages, ${shots.length} screenshots</h1>
<table><tr><th></th>${variants.map((variant) => `<th>${variant}</th>`).join("")}</tr>
${pages.map(row).join("\n")}</table>
`,
);
console.log(`${join(folder, "index.html")}: ${pages.length} pages, ${shots.length} screenshots`);
