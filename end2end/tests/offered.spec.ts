// Recovery codes offered once a second step is set up: shown until they are kept or put off, by phone and desktop.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { nextMessage, seen } from "../support/inbox.ts";
import { at, enrolPhone, giveDetails, person, press, proveAddress, signIn, signOut, toSignIn, type Person } from "../support/journey.ts";
import { downloaded, hydrated, kept } from "../support/page.ts";
import { printCodes, shownCodes, toRecovery } from "../support/recovery.ts";
import { expectSameSize } from "../support/sizes.ts";
import { expect, test, type APIRequestContext, type Page } from "../support/test.ts";

/** A sign-up, up to the page that offers recovery codes. */
async function toOffer(page: Page, request: APIRequestContext, who: Person): Promise<string[]> {
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await enrolPhone(page, request, who, "Text message", false);
    return shownCodes(page);
}

test("U20 U22 who sets up a second step keeps recovery codes: copied, downloaded, the same after a reload, and one signs in", async ({ page, request }) => {
    const who = person("Edith", "Clarke");
    const codes = await toOffer(page, request, who);
    await good(page, "recovery codes offered");
    await expectSameSize(page, "I have kept my codes", "Not now");

    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy recovery codes" }).click();
    await expect(page.getByText("Copied")).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(codes.join("\n"));
    const file = await downloaded(page, () => page.getByRole("link", { name: "Download recovery codes" }).click());
    expect(file.name).toBe("recovery-codes.txt");
    for (const code of codes) expect(file.text).toContain(code);
    await printCodes(page);

    // Somebody who writes them down comes back to a page that was loaded anew, or to a second tab.
    await page.reload();
    await hydrated(page);
    expect(await shownCodes(page)).toEqual(codes);
    await page.emulateMedia({ media: "print" });
    await expect(page.locator(".recovery-codes")).toBeVisible();
    await expect(page.getByRole("button", { name: "Not now" })).toBeHidden();
    await page.emulateMedia({ media: "screen" });

    const mails = await seen(request, who.email);
    const journey = page.url();
    await press(page, "I have kept my codes");
    await at(page, "Your details");
    await nextMessage(request, who.email, { known: mails, kind: "email", subject: "recovery codes" });
    await page.goto(journey);
    await expect(page.locator(".recovery-codes")).toHaveCount(0);

    // In a browser that knows nothing of it.
    await page.context().clearCookies();
    await toRecovery(page, who);
    await page.getByLabel("Recovery code").fill(codes[3] ?? "");
    await press(page, "Continue");
    await at(page, "Your details");
});

test("U20 “Not now” leads on, and nobody asks again soon", async ({ page, request }) => {
    const who = person("Mary", "Keller");
    await toOffer(page, request, who);
    await press(page, "Not now");
    await signOut(page);
    await signIn(page, request, who);
});

test("U22 codes that are offered are not in a page that a browser keeps for its button “Back”, which shows them by asking again", async ({ page, request }) => {
    const codes = await toOffer(page, request, person("Beatrice", "Shilling"));
    const [, left] = await Promise.all([page.waitForEvent("load"), kept(page)]);
    for (const code of codes) expect(left).not.toContain(code);
    await hydrated(page);
    expect(await shownCodes(page)).toEqual(codes);
});
