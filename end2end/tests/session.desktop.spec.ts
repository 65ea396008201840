// A page that stands idle: the warning before the session ends, more time, and the end (U26, C8). The
// browser's clock is moved; the server's is not.
import { expectAccessible } from "../support/axe.ts";
import { at, person, press, signInToAccount, signUp, TENANT } from "../support/journey.ts";
import { expect, test, type APIRequestContext, type Page } from "../support/test.ts";

async function toAccount(page: Page, request: APIRequestContext): Promise<void> {
    const who = person("Annie", "Easley");
    await signUp(page, request, who);
    await page.clock.install();
    await signInToAccount(page, request, who);
}

test("U26 C8 an idle page warns, gives more time for one click, and signs out when nobody answers", async ({ page, request }) => {
    await toAccount(page, request);
    const dialog = page.getByRole("dialog", { name: "Do you need more time?" });
    await expect(dialog).toBeHidden();
    // 59 minutes less 150 seconds.
    await page.clock.fastForward("56:20");
    await expect(dialog).toBeHidden();
    await page.clock.fastForward("00:15");
    await expect(dialog).toBeVisible();
    await expect(dialog).toContainText("3 minutes");
    await expect(dialog.getByRole("button", { name: "Stay signed in" })).toBeFocused();
    for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await expectAccessible(page, `the warning before the session ends, ${colorScheme}`);
    }
    // The focus stays within, and Escape is no answer.
    await page.keyboard.press("Escape");
    for (let n = 0; n < 3; n++) await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest("dialog") !== null)).toBe(true);
    await expect(dialog).toBeVisible();

    const kept = page.waitForResponse((response) => response.request().method() === "HEAD");
    await dialog.getByRole("button", { name: "Stay signed in" }).click();
    expect((await kept).status()).toBe(200);
    await expect(dialog).toBeHidden();
    await page.clock.fastForward("50:00");
    await expect(dialog).toBeHidden();

    await page.clock.fastForward("08:50");
    await expect(dialog).toContainText("second");
    await page.clock.fastForward("00:15");
    await at(page, "You were signed out");
    await expectAccessible(page, "signed out of an idle page");
    // The server has ended it, not the page alone.
    await page.goto(`/account/${TENANT}`);
    await at(page, "Sign in");
});

/** Has the console used in another tab, by this page's session or by another one. */
async function used(page: Page, session: (own: string) => string): Promise<void> {
    const found = await page.evaluate(() => Object.entries(localStorage).find(([key]) => key.startsWith("used ")));
    if (!found) throw new Error("the page keeps no time of its use");
    const name = session(found[1].split(" ")[0] ?? "");
    await page.evaluate(([key, name]) => localStorage.setItem(key, `${name} ${Date.now()}`), [found[0], name] as const);
}

test("U26 another tab in use keeps this one", async ({ page, request, context }) => {
    await toAccount(page, request);
    await page.clock.fastForward("50:00");
    // The other one's clock stands where this one's does: its time of use is what this one reads.
    await used(page, (session) => session);
    await page.clock.fastForward("50:00");
    await expect(page.getByRole("dialog")).toBeHidden();
    await at(page, "Your account");
    await press(page, "Sign out");
    expect((await context.cookies()).some((cookie) => cookie.name === "__Host-console")).toBe(false);
});

test("C8 whoever signs in next keeps no page of the person before on the screen, and stays signed in", async ({ page, request, context }) => {
    await toAccount(page, request);
    await page.goto(`/account/${TENANT}/history`);
    await at(page, "Security history");
    await page.clock.fastForward("50:00");
    await used(page, () => "another");
    await page.clock.fastForward("09:10");
    // The page has gone to where the next person begins; nobody was signed out by it.
    await at(page, "Your account");
    expect((await context.cookies()).some((cookie) => cookie.name === "__Host-console")).toBe(true);
});
