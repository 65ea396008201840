// What is shown once stays so, whatever the browser keeps for its button "Back".
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { seen } from "../support/inbox.ts";
import { at, becomeOperator, choose, enterPhoneCode, givePassword, operatorLink, person, press, signUp, TENANT } from "../support/journey.ts";
import { startServer } from "../support/server.ts";
import { expect, test, type Page } from "../support/test.ts";

/** Leaves the page as for a browser that keeps it, and looks at what it kept. */
async function kept(page: Page): Promise<string> {
    return page.evaluate(() => {
        dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
        dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        return document.documentElement.outerHTML;
    });
}

test("U22 recovery codes do not come back by the button “Back”", async ({ page, request }) => {
    const who = person("Mary", "Jackson");
    await signUp(page, request, who);
    await page.goto(`/account/${TENANT}`);
    await at(page, "Sign in");
    const known = await seen(request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", known);
    await at(page, "Your account");
    await press(page, "Make recovery codes");
    await at(page, "Your recovery codes");
    const codes = await page.locator(".recovery-codes code").allInnerTexts();
    expect(codes).toHaveLength(10);
    await page.getByRole("link", { name: "I’ve saved these" }).click();
    await at(page, "Your account");
    await page.goBack().catch(() => null);
    const shown = await page.content();
    for (const code of codes) expect(shown).not.toContain(code);

    await page.goto(`/account/${TENANT}`);
    await press(page, "Make new codes");
    await at(page, "Your recovery codes");
    const again = await page.locator(".recovery-codes code").allInnerTexts();
    const html = await kept(page);
    for (const code of again) {
        expect(html).not.toContain(code);
        expect(html).not.toContain(encodeURIComponent(code));
    }
    await expect(page.getByText("This was shown once")).toBeVisible();
    await good(page, "recovery codes that are gone");
});

test("O8 a client secret does not come back by the button “Back”", async ({ browser }) => {
    test.setTimeout(120_000);
    const own = await startServer();
    try {
        const page = await (await browser.newContext({ baseURL: own.origin, locale: "en-GB" })).newPage();
        await becomeOperator(page, operatorLink(own.output()), person("Olive", "Operator"));
        await page.goto(`/portal/${TENANT}/applications/new`);
        await page.getByLabel("Name", { exact: true }).fill("Records");
        await choose(page, "Web application");
        await page.getByLabel("Reply URLs").fill("https://app.example/signed-in");
        await press(page, "Register application");
        await at(page, "Records");
        await press(page, "Create secret");
        await expect(page.getByText("The new client secret")).toBeVisible();
        const secret = await page.locator("[data-once] .fixed").innerText();
        expect(secret.length).toBeGreaterThan(20);
        await page.goto(`/portal/${TENANT}`);
        await page.goBack().catch(() => null);
        expect(await page.content()).not.toContain(secret);
        await page.goto(`/portal/${TENANT}/applications`);
        await page.getByRole("link", { name: "Records" }).first().click();
        await press(page, "Create secret");
        await expect(page.getByText("The new client secret")).toBeVisible();
        const next = await page.locator("[data-once] .fixed").innerText();
        expect(await kept(page)).not.toContain(next);
    } finally {
        await own.stop();
    }
});
