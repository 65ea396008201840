// What people look after at their account: history, a copy of their data, deletion with time to think, and the
// link in a mail about a change that was somebody else's.
import { expectAccessible } from "../support/axe.ts";
import { nextMessage, seen } from "../support/inbox.ts";
import { at, enterPhoneCode, givePassword, person, press, signUp, TENANT, type Person } from "../support/journey.ts";
import { expect, test, type APIRequestContext, type Page } from "../support/test.ts";

const HOME = `/account/${TENANT}`;

/** Signed up, and signed in at the account page a moment ago. */
async function toAccount(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await signUp(page, request, who);
    await page.goto(HOME);
    await at(page, "Sign in");
    const known = await seen(request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", known);
    await at(page, "Your account");
}

async function good(page: Page, state: string): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await expectAccessible(page, `${state}, ${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

test("A23 the security history says what was done, and one's data comes as a file", async ({ page, request }) => {
    const who = person("Mary", "Golda Ross");
    await toAccount(page, request, who);
    await good(page, "the account page");
    await page.getByRole("link", { name: "See the history" }).click();
    await at(page, "Security history");
    await expect(page.getByText("Created the account")).toBeVisible();
    await expect(page.getByText("Signed in").first()).toBeVisible();
    await good(page, "the security history");
    await page.getByRole("link", { name: "Back to your account" }).click();

    await page.getByRole("link", { name: "Download your data" }).click();
    await at(page, "Download your data");
    await good(page, "the data page");
    const coming = page.waitForEvent("download");
    await press(page, "Download the file");
    const file = await coming;
    const chunks: Buffer[] = [];
    for await (const chunk of await file.createReadStream()) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    expect(text).toContain(who.email);
    expect(text).not.toContain("argon2");
    expect(() => JSON.parse(text)).not.toThrow();
});

test("A19 an account that is to be deleted can be kept", async ({ page, request }) => {
    const who = person("Evelyn", "Boyd");
    await toAccount(page, request, who);
    await page.getByRole("link", { name: "Delete your account" }).click();
    await at(page, "Delete your account");
    await good(page, "deletion");
    const known = await seen(request, who.email);
    await press(page, "Delete my account");
    await expect(page.getByText("Tick the box to say that you’re sure.").first()).toBeVisible();
    await good(page, "deletion without the tick");
    await page.locator("label", { hasText: "Yes, delete my account" }).click();
    await press(page, "Delete my account");
    await at(page, "Your account");
    await expect(page.getByText("Your account will be deleted")).toBeVisible();
    await good(page, "an account that is to be deleted");
    await nextMessage(request, who.email, { known, kind: "email", subject: "delete" });
    await press(page, "Keep my account");
    await expect(page.getByText("Your account will be deleted")).toBeHidden();
});

test("U24 “This wasn’t me” in a mail ends the sessions and takes the password", async ({ page, request }) => {
    const who = person("Katherine", "Johnson");
    const known = await seen(request, who.email);
    await toAccount(page, request, who);
    await page.getByRole("link", { name: "Delete your account" }).click();
    await page.locator("label", { hasText: "Yes, delete my account" }).click();
    await press(page, "Delete my account");
    await at(page, "Your account");
    const mail = await nextMessage(request, who.email, { known, kind: "email", subject: "/not-me/" });
    const link = /\/not-me\/\S+/.exec(mail.body)?.[0] ?? "";
    await page.goto(link);
    await good(page, "this wasn’t me");
    // To look at it changes nothing.
    await page.goto(HOME);
    await at(page, "Your account");
    await page.goto(link);
    await page.locator("main button[type=submit]").click();
    await good(page, "after this wasn’t me");
    await page.goto(HOME);
    await at(page, "Sign in");
    await givePassword(page, who.email, who.password);
    await at(page, "Sign in");
    await expect(page.locator("#error-summary")).toBeVisible();
});
