// Accessibility: axe-core, injected into the page, must find nothing.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { expect, type Page } from "@playwright/test";
import type { AxeResults } from "axe-core";

const SOURCE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** WCAG 2.0, 2.1 and 2.2 at levels A and AA, and what axe calls best practice. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/**
 * Asserts that axe finds no violation on the page as it is now. `state` names it in the message
 * ("sign-in, wrong password"). Runs outside the page's content security policy, and not where
 * scripting is off.
 */
export async function expectAccessible(page: Page, state: string): Promise<void> {
    await page.evaluate(SOURCE);
    const results: AxeResults = await page.evaluate(async (tags) => {
        const axe = (window as unknown as { axe: typeof import("axe-core") }).axe;
        return axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
    }, TAGS);
    const found = results.violations.map((violation) => ({
        rule: violation.id,
        help: violation.help,
        where: violation.nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary ?? ""}`),
    }));
    expect(found, `axe on ${state} (${page.url()})`).toEqual([]);
}

/** The same in light and in dark colours; leaves the page light. */
export async function expectAccessibleInBothColours(page: Page, state: string): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await expectAccessible(page, `${state}, ${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}
