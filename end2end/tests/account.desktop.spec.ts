// What people look after at their account: history, a copy of their data, deletion with time to think, and the
// link in a mail about a change that was somebody else's.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { linkOf, nextCode, nextMessage, seen } from "../support/inbox.ts";
import {
    at,
    enterPhoneCode,
    givePassword,
    person,
    press,
    signUpByPassword,
    TENANT,
    toAccount,
    toSignIn,
    withoutSecondStep,
} from "../support/journey.ts";
import { downloaded, longSentences, refused } from "../support/page.ts";
import { startServer } from "../support/server.ts";
import { expectReflow, expectTargets } from "../support/sizes.ts";
import { expect, test } from "../support/test.ts";

const HOME = `/account/${TENANT}`;

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
    const { text } = await downloaded(page, () => press(page, "Download the file"));
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
    const link = linkOf(mail, "/not-me/");
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

test("A20 U24 another email address takes a code, and the link in the mail to the old one brings it back", async ({
    page,
    request,
}) => {
    const who = person("Dorothy", "Vaughan");
    const other = person("Dorothy", "Vaughan").email;
    await toAccount(page, request, who);
    await page.getByRole("link", { name: "Change your email address" }).click();
    await at(page, "Change your email address");
    await good(page, "the form of a new address");
    await page.getByLabel("New email address").fill(who.email);
    await press(page, "Send code");
    await refused(page, "This is your email address already.");
    await good(page, "the same address again");
    const [known, told] = [await seen(request, other), await seen(request, who.email)];
    await page.getByLabel("New email address").fill(other);
    await press(page, "Send code");
    await expect(page.getByLabel("Code from the email")).toBeVisible();
    await good(page, "the code of a new address");

    // It outlives a reload, and the account page leads back to it.
    await page.goto(HOME);
    await expect(page.getByText("Your new email address is not in use yet")).toBeVisible();
    await good(page, "a change that waits for its code");
    await page.getByRole("link", { name: "Enter the code or cancel" }).click();
    await page.getByLabel("Code from the email").fill("000000");
    await press(page, "Continue");
    await refused(page, "That code is not right");
    await page.getByLabel("Code from the email").fill(await nextCode(request, other, { known, kind: "email" }));
    await press(page, "Continue");
    await expect(page.getByText("Your email address is changed")).toBeVisible();
    await expect(page.getByText(other).first()).toBeVisible();

    const mail = await nextMessage(request, who.email, { known: told, kind: "email", subject: "/not-me/" });
    await page.goto(linkOf(mail, "/not-me/"));
    await expect(page.getByRole("checkbox", { name: /The email address was changed/ })).toBeChecked();
    await good(page, "this wasn’t me, with what can be ticked");
    await page.locator("main button[type=submit]").click();
    await expect(page.getByText("signs in to your account again")).toBeVisible();
    await good(page, "an address that came back");
    await nextMessage(request, who.email, { known: told, kind: "email", subject: "secured" });
    await page.goto(HOME);
    await at(page, "Sign in");
});

test("A20 another number is proved and takes the place of the old one", async ({ page, request }) => {
    const who = person("Annie", "Easley");
    const next = person("Annie", "Easley");
    await toAccount(page, request, who);
    await page.getByText(/^Change ••••/).click();
    await page.getByRole("link", { name: "Use another number" }).click();
    await at(page, "Use another number");
    await good(page, "the form of another number");
    await page.getByLabel("Country of the number").selectOption("US");
    await page.getByLabel("New phone number").fill("12");
    await press(page, "Send code");
    await refused(page);
    await good(page, "a number that is none");
    const known = await seen(request, next.e164);
    await page.getByLabel("New phone number").fill(next.phone);
    await press(page, "Send code");
    await page
        .getByLabel("Code from the text or call")
        .fill(await nextCode(request, next.e164, { known, kind: "text" }));
    await press(page, "Continue");
    await expect(page.getByText("Your number is changed")).toBeVisible();
    await expect(page.getByText(`•••• ${next.e164.slice(-2)}`).first()).toBeVisible();
});

test("U24 who signs in to an application with an account that is to be deleted is told", async ({ page, request }) => {
    const who = person("Christine", "Darden");
    await toAccount(page, request, who);
    await page.getByRole("link", { name: "Delete your account" }).click();
    await page.locator("label", { hasText: "Yes, delete my account" }).click();
    await press(page, "Delete my account");
    await at(page, "Your account");
    await toSignIn(page);
    const known = await seen(request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", known);
    await at(page, "Your account will be deleted");
    await good(page, "a word before going on");
    await page.getByRole("link", { name: /^Continue/ }).click();
    await at(page, "Your details");
});

for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with scripting" : "without scripting";
    test(`A8 A20 without a second step another address takes a code to the present one first, ${how}`, async ({ browser }) => {
        test.setTimeout(120_000);
        // A server of its own: its flows are switched.
        const own = await startServer();
        try {
            await withoutSecondStep(own);
            const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB" });
            const [who, other] = [person("Melba", "Roy"), person("Melba", "Roy").email];
            await signUpByPassword(await context.newPage(), context.request, who);

            const plain = await browser.newContext({ baseURL: own.origin, locale: "en-GB", javaScriptEnabled });
            const page = await plain.newPage();
            const checked = async (state: string): Promise<void> => {
                expect(await longSentences(page), `long sentences on ${state}`).toEqual([]);
                // axe is a script itself.
                if (!javaScriptEnabled) return;
                await good(page, state);
                await expectReflow(page, state);
                await expectTargets(page, state);
            };
            // U12 U13: of either code.
            const limits = async (): Promise<void> => {
                for (const words of ["10 minutes", "may take a few minutes", "Up to 5 codes in 15 minutes"]) {
                    await expect(page.locator("main")).toContainText(words);
                }
            };
            await page.goto(HOME);
            await at(page, "Sign in");
            await givePassword(page, who.email, who.password);
            await at(page, "Your account");
            await page.getByRole("link", { name: "Change your email address" }).click();
            await at(page, "Change your email address");
            await expect(page.getByText("We send a code to this address first")).toBeVisible();
            await checked("the form of a new address, without a second step");
            const [known, mails] = [await seen(context.request, other), await seen(context.request, who.email)];
            await page.getByLabel("New email address").fill(other);
            await press(page, "Send code");
            await expect(page.getByText("First we make sure that it’s you")).toBeVisible();
            await limits();
            await checked("the code of the present address");
            await page.getByLabel("Code from the email").fill("000000");
            await press(page, "Continue");
            await refused(page, "That code is not right");
            await checked("the code of the present address, wrong");
            const present = await nextCode(context.request, who.email, { known: mails, kind: "email" });
            await page.getByLabel("Code from the email").fill(present);
            // U5: pressed twice, it is no wrong code of the new address.
            await page.getByRole("button", { name: "Continue", exact: true }).dblclick();
            await expect(page.getByText("Now the new address")).toBeVisible();
            await expect(page.locator("#error-summary")).toHaveCount(0);
            await limits();
            await checked("the code of the new address");
            await page.getByLabel("Code from the email").fill(await nextCode(context.request, other, { known, kind: "email" }));
            await press(page, "Continue");
            await expect(page.getByText("Your email address is changed")).toBeVisible();
            const mail = await nextMessage(context.request, who.email, { known: mails, kind: "email", subject: "/not-me/" });
            expect(mail.body).toContain("/not-me/");
        } finally {
            await own.stop();
        }
    });
}
