// What is shown once stays so, whatever the browser keeps for its button "Back".
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { at, becomeOperator, choose, operatorLink, person, press, TENANT, toAccount } from "../support/journey.ts";
import { kept } from "../support/page.ts";
import { shownCodes } from "../support/recovery.ts";
import { startServer } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

test("U22 recovery codes do not come back by the button “Back”", async ({ page, request }) => {
    await toAccount(page, request, person("Mary", "Jackson"));
    await press(page, "Make recovery codes");
    const codes = await shownCodes(page);
    await page.getByRole("link", { name: "I’ve saved these" }).click();
    await at(page, "Your account");
    await page.goBack().catch(() => null);
    const shown = await page.content();
    for (const code of codes) expect(shown).not.toContain(code);

    await page.goto(`/account/${TENANT}`);
    await press(page, "Make new codes");
    const again = await shownCodes(page);
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
