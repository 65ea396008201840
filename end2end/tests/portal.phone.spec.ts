// The portal on a phone: everything is in sight, nothing scrolls sideways.
// A server of its own, because the first operator's link works once.
import { expectAccessible } from "../support/axe.ts";
import { at, becomeOperator, chooseWhatIsNot, operatorLink, person, press, staffIn, TENANT } from "../support/journey.ts";
import { refused } from "../support/page.ts";
import { startServer } from "../support/server.ts";
import { CONSOLE_CONTROL, expectNothingSideways, expectTargets } from "../support/sizes.ts";
import { expect, test, type Page } from "../support/test.ts";

/** In a window of 320 px: all is in sight, and axe finds nothing, whose rules know of targets, too. */
async function fits(page: Page, state: string): Promise<void> {
    await expectNothingSideways(page, state);
    await expectAccessible(page, `${state} at 320 px`);
}

test("U28 O2 on a phone each attribute is a card with all its boxes, lists are cards, and flow names break at their joints", async ({ browser }) => {
    test.setTimeout(120_000);
    const own = await startServer();
    try {
        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB", viewport: { width: 320, height: 640 } });
        const page = await context.newPage();
        await becomeOperator(page, operatorLink(own.output()), person("Olive", "Operator"));
        for (const path of ["", "/applications", "/applications/new", "/flows", "/flows/new", "/flows/b2c_1_sign_up_sign_in", "/flows/b2c_1_sign_up_sign_in/run", "/flows/b2c_1_sign_up_sign_in/mfa?to=off", "/flows/b2c_1_sign_up_sign_in/mfa?to=conditional", "/attributes", "/staff", "/operators", "/settings"]) {
            await page.goto(`/portal/${TENANT}${path}`);
            await fits(page, `portal${path}`);
        }
        for (const [path, send, words] of [
            ["settings", "Save waiting time", "from 0 to 168"],
            ["staff", "Send invitation", "email address"],
        ] as const) {
            await page.goto(`/portal/${TENANT}/${path}`);
            await expectTargets(page, path, CONSOLE_CONTROL);
            if (path === "settings") await page.getByLabel("Waiting time in hours").fill("a day");
            await press(page, send);
            await refused(page, words);
            await fits(page, `portal/${path}, errors`);
            await expectTargets(page, `${path}, errors`, CONSOLE_CONTROL);
        }
        await page.goto(`/portal/${TENANT}/flows/b2c_1_sign_up_sign_in`);
        for (const label of ["Collect Given name", "Given name is required", "Return Given name"]) {
            const box = await page.getByLabel(label, { exact: true }).boundingBox();
            expect(box && box.x >= 0 && box.x + box.width <= 320, `${label} is in sight`).toBe(true);
        }
        // The short labels are seen, and a press on one ticks its box.
        const row = page.getByRole("row", { name: /Given name/ });
        await expect(row.locator(".cell-name")).toHaveText(["Collect", "Required", "Return"]);
        await row.locator(".cell-name").nth(1).click();
        await expect(page.getByLabel("Given name is required", { exact: true })).not.toBeChecked();
        // No line of the heading begins in the middle of a word.
        const heading = page.getByRole("heading", { level: 1 });
        await expect(heading).toHaveText("B2C_1_sign_up_sign_in");
        const lines = await heading.evaluate((element) => {
            const range = document.createRange();
            const found: string[] = [];
            let top = -1;
            const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
            for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                for (let at = 0; at < (node.textContent ?? "").length; at += 1) {
                    range.setStart(node, at);
                    range.setEnd(node, at + 1);
                    const rect = range.getBoundingClientRect();
                    if (rect.top > top + 2) found.push("");
                    top = rect.top;
                    found[found.length - 1] += node.textContent?.[at] ?? "";
                }
            }
            return found;
        });
        for (const line of lines.slice(0, -1)) expect(line, "breaks behind a joint").toMatch(/[_-]$/);
        await context.close();
    } finally {
        await own.stop();
    }
});

test("U28 O7 on a phone the list of patients is cards, and what sorts it stays in sight", async ({ browser }) => {
    test.setTimeout(120_000);
    const own = await startServer();
    try {
        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB", viewport: { width: 320, height: 640 } });
        const page = await context.newPage();
        await staffIn(page, context.request, own.output());
        const list = page.locator(".table-scroll").last();
        const outside = await list.evaluate((it) => {
            const edge = it.getBoundingClientRect().right + 1;
            const out = [...it.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > edge);
            return it.scrollWidth > it.clientWidth ? [`${it.scrollWidth} > ${it.clientWidth}`, ...out.slice(0, 5).map((one) => one.outerHTML.slice(0, 120))] : [];
        });
        expect(outside, "scrolls sideways").toEqual([]);
        const first = page.getByRole("row").filter({ has: page.locator(".row-link") }).first();
        const box = await first.getByRole("cell").last().boundingBox();
        expect(box && box.x >= 0 && box.x + box.width <= 320, "the last sign-in is in sight").toBe(true);
        await expectAccessible(page, "the clinic's list at 320 px");
        await page.getByRole("link", { name: "Created" }).click();
        await expect(page.getByRole("columnheader", { name: "Created" })).toHaveAttribute("aria-sort", /ending/);
        await expect(page.getByRole("columnheader", { name: "Created" }), "no scrolling past the figures again").toBeInViewport();
        await page.getByLabel("Search by email or name").fill("abe");
        await page.getByRole("button", { name: "Search" }).click();
        await expect(page.locator(".row-link").first()).toBeInViewport();

        // A patient, and what is asked of them when they sign in.
        await page.locator(".row-link").first().click();
        await page.getByRole("link", { name: "Change what is asked for" }).click();
        await at(page, "Second step for this patient");
        await fits(page, "second step for a patient");
        await expectTargets(page, "second step for a patient", CONSOLE_CONTROL);
        await chooseWhatIsNot(page.getByLabel("When the patient signs in"));
        await press(page, "Save");
        await refused(page, "Choose one.");
        await fits(page, "second step for a patient, errors");
        await expectTargets(page, "second step for a patient, errors", CONSOLE_CONTROL);
        await page.getByLabel("When the patient signs in").selectOption("aal2_strict");
        await press(page, "Save");
        await expect(page.locator("main")).toContainText("Saved");
        await fits(page, "second step for a patient, saved");
        await page.getByRole("link", { name: "Cancel" }).click();
        await expect(page.getByRole("region", { name: "Second step for this patient" })).toContainText("an authenticator app");
        await fits(page, "a patient with a rule");
        await context.close();
    } finally {
        await own.stop();
    }
});
