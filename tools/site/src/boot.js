// Starts the islands of a page: loads the WASM, then gives each <leptos-island> to the function
// of its name. A file of its own, so that pages need no inline script.
//
// The same walk as leptos 0.8's hydration/island_script.js, with three differences: it starts at
// once and not when the browser is idle; an island that is missing under its full name (a hash of
// its source text closes the name, and compilers may print that text differently) is found by the
// part before the hash; and <html data-hydrated> says when the page is live.
import init, * as wasm from "__GLUE__";

// What a page of the journey shows for a while (data-again) does not come back by the button "Back" of a browser that
// keeps pages: the page is emptied when it is left, with what its islands were given, and asked for again. (What is
// shown once, and never again, is session.js's: answers to a POST are not repeated.)
let emptied = false;
addEventListener("pagehide", () => {
    emptied = document.querySelector("[data-again]") !== null;
    if (emptied) document.body.replaceChildren();
});
addEventListener("pageshow", (event) => event.persisted && emptied && location.reload());

// "Print" is for who has this file: others print the page as any other.
addEventListener("click", (event) => event.target.closest("[data-print]") && print());

const enclosing = [];

function find(id) {
    if (wasm[id]) return wasm[id];
    const stem = id.replace(/_\d+$/, "_");
    const names = Object.keys(wasm).filter(
        (name) => name.startsWith(stem) && /^\d+$/.test(name.slice(stem.length)),
    );
    return names.length === 1 ? wasm[names[0]] : undefined;
}

async function hydrate(element) {
    const island = find(element.dataset.component || "");
    if (!island) {
        console.warn(`no island called ${element.dataset.component}`);
        return;
    }
    enclosing.at(-1)?.();
    await island(element);
}

async function walk(node) {
    const tag = node.tagName.toLowerCase();
    if (tag === "leptos-island") await hydrate(node);
    if (tag === "leptos-children") enclosing.push(node.$$on_hydrate);
    for (const child of [...node.children]) await walk(child);
    if (tag === "leptos-children") enclosing.pop();
}

// Without WASM (an old browser, a policy) the page's plain forms go on working.
try {
    await init({ module_or_path: "__WASM__" });
    wasm.hydrate();
    await walk(document.body);
    document.documentElement.dataset.hydrated = "";
} catch (error) {
    console.warn("the page stays without its interactive parts:", error);
}
