// Recovery codes offered once a second step is set up: shown until they are kept or put off, by phone and desktop.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { nextMessage, seen } from "../support/inbox.ts";
import { at, enrolPhone, enterPhoneCode, giveDetails, givePassword, person, press, proveAddress, toSignIn, type Person } from "../support/journey.ts";
import { hydrated } from "../support/page.ts";
import { expect, test, type APIRequestContext, type Page } from "../support/test.ts";

const SHAPE = /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$/;

/** A sign-up, up to the page that offers recovery codes. */
async function toOffer(page: Page, request: APIRequestContext, who: Person): Promise<string[]> {
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await enrolPhone(page, request, who, "Text message", false);
    return shown(page);
}

async function shown(page: Page): Promise<string[]> {
    await at(page, "Your recovery codes");
    const codes = await page.locator(".recovery-codes code").allInnerTexts();
    expect(codes).toHaveLength(10);
    for (const code of codes) expect(code).toMatch(SHAPE);
    return codes;
}

test("U20 U22 who sets up a second step keeps recovery codes: copied, downloaded, the same after a reload, and one signs in", async ({ page, request }) => {
    const who = person("Edith", "Clarke");
    const codes = await toOffer(page, request, who);
    await good(page, "recovery codes offered");
    const sizes = await Promise.all(
        ["I have kept my codes", "Not now"].map((name) => page.getByRole("button", { name, exact: true }).boundingBox()),
    );
    expect(sizes[0]?.width).toBe(sizes[1]?.width);
    expect(sizes[0]?.height).toBe(sizes[1]?.height);

    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy recovery codes" }).click();
    await expect(page.getByText("Copied")).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(codes.join("\n"));
    const coming = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download recovery codes" }).click();
    const chunks: Buffer[] = [];
    for await (const chunk of await (await coming).createReadStream()) chunks.push(chunk as Buffer);
    for (const code of codes) expect(Buffer.concat(chunks).toString("utf8")).toContain(code);

    // Somebody who writes them down comes back to a page that was loaded anew, or to a second tab.
    await page.reload();
    await hydrated(page);
    expect(await shown(page)).toEqual(codes);
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
    await toSignIn(page);
    await givePassword(page, who.email, who.password);
    const way = page.getByRole("button", { name: "Use a recovery code" });
    await expect(page.getByRole("heading", { level: 1 })).not.toHaveText("Sign in");
    if (!(await way.isVisible())) await page.getByText("Try another way").click();
    await way.click();
    await at(page, "Enter a recovery code");
    await page.getByLabel("Recovery code").fill(codes[3] ?? "");
    await press(page, "Continue");
    await at(page, "Your details");
});

test("U20 “Not now” leads on, and nobody asks again soon", async ({ page, request }) => {
    const who = person("Mary", "Keller");
    await toOffer(page, request, who);
    await press(page, "Not now");
    await at(page, "Your details");
    await press(page, "Sign out");
    await expect(page.getByText("You’ve signed out.")).toBeVisible();
    await toSignIn(page);
    const known = await seen(request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", known);
    await at(page, "Your details");
});
