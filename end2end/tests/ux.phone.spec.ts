// Rules of shared user experience: forms, codes, methods, access.
import { codeOf, nextCode, nextMessage, seen } from "../support/inbox.ts";
import {
    at,
    choose,
    CLINIC,
    enrolPhone,
    finishApp,
    giveDetails,
    givePassword,
    person,
    press,
    proveAddress,
    steadyStep,
    TENANT,
    toSignIn,
    totp,
} from "../support/journey.ts";
import { expectAccessible } from "../support/axe.ts";
import { longSentences } from "../support/page.ts";
import { expectReflow, expectTargets } from "../support/sizes.ts";
import { expect, test, type Page } from "../support/test.ts";
import { walkPatientPages } from "../support/walk.ts";

/** Axe in light and dark, reflow, targets. */
async function expectGood(page: Page, state: string): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await expectAccessible(page, `${state}, ${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await expectReflow(page, state);
    await expectTargets(page, state);
    expect(await page.locator("h1").count(), `h1 on ${state}`).toBe(1);
}

test("U28 U2 every page of the journey, with and without errors, in light and dark, at 320 px", async ({ page, request }) => {
    test.setTimeout(180_000);
    const who = person("Margaret", "Hamilton-Featherstonehaugh");
    // The inbox is a page of the demo, not of people.
    await walkPatientPages(page, request, who, (state) => (state === "inbox" ? expectAccessible(page, state) : expectGood(page, state)));
    await page.goto(`/account/${TENANT}`);
    await expectGood(page, "account, sign in");
});

test("U5 pressing twice does no harm: one code, one account, buttons stay enabled", async ({ page, request }) => {
    const who = person("Double", "Press");
    await toSignIn(page);
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(who.email);
    await page.getByRole("button", { name: "Send verification code" }).dblclick();
    await at(page, "Check your email");
    const first = await nextCode(request, who.email);
    expect((await seen(request, who.email)).size).toBe(1);
    await page.getByLabel("Code from the email").fill(first);
    await page.getByRole("button", { name: "Continue" }).dblclick();
    await at(page, "Finish your account");
    expect(await page.locator("button:disabled").count()).toBe(0);
    await page.getByLabel("Choose a password").fill(who.password);
    await page.getByLabel("Country/Region").selectOption("US");
    await page.getByLabel("Given name").fill(who.givenName);
    await page.getByLabel("Surname").fill(who.surname);
    await page.getByRole("button", { name: "Create account" }).dblclick();
    await enrolPhone(page, request, who);
    await at(page, "Your details");
});

test("U6 U7 labels are always there, autocomplete tokens are right, the country is guessed from the browser", async ({ page, request }) => {
    const who = person();
    const token = (label: string) => page.getByLabel(label, { exact: true }).getAttribute("autocomplete");
    await toSignIn(page);
    expect(await token("Email address")).toBe("username webauthn");
    expect(await token("Password")).toBe("current-password");
    for (const label of ["Email address", "Password"]) {
        await expect(page.getByLabel(label, { exact: true })).toHaveAttribute("spellcheck", "false");
    }
    await press(page, "Create an account");
    await at(page, "Create an account");
    expect(await token("Email address")).toBe("email");
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    expect(await token("Code from the email")).toBe("one-time-code");
    await page.getByLabel("Code from the email").fill(await nextCode(request, who.email));
    await press(page, "Continue");
    await at(page, "Finish your account");
    expect(await token("Choose a password")).toBe("new-password");
    expect(await token("Given name")).toBe("given-name");
    expect(await token("Surname")).toBe("family-name");
    expect(await token("Country/Region")).toBe("country");
    // The browser says en-GB.
    await expect(page.getByLabel("Country/Region")).toHaveValue("GB");
    const names = await page.getByLabel("Country/Region").locator("option").allInnerTexts();
    const countries = names.slice(1);
    expect(countries).toEqual([...countries].sort((a, b) => a.localeCompare(b, "en")));
    expect(countries.length).toBeGreaterThan(200);
    expect(await page.locator("[placeholder]").count()).toBe(0);
    expect(await page.locator("form:not([novalidate])").count()).toBe(0);
    await giveDetails(page, who);
    await choose(page, "Text message");
    await press(page, "Continue");
    await at(page, "Add your phone");
    expect(await token("Phone number")).toBe("tel");
});

test("U8 Show and Hide, paste works, and the password is hidden when the form is sent", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await toSignIn(page);
    const field = page.getByLabel("Password", { exact: true });
    await expect(field).toHaveAttribute("type", "password");
    await page.evaluate(() => navigator.clipboard.writeText("pasted pass phrase"));
    await field.focus();
    await page.keyboard.press("Control+V");
    await page.getByRole("button", { name: "Show password" }).click();
    await expect(field).toHaveAttribute("type", "text");
    await expect(field).toHaveValue("pasted pass phrase");
    await page.getByRole("button", { name: "Hide password" }).click();
    await expect(field).toHaveAttribute("type", "password");
    await page.getByRole("button", { name: "Show password" }).click();
    // Looked at in the moment of the request.
    const type = page.waitForRequest("**/sign-in").then(() => field.getAttribute("type"));
    await press(page, "Sign in");
    expect(await type).toBe("password");
});

test("U11 U12 U13 U18 the code page", async ({ page, request, context }) => {
    test.setTimeout(90_000);
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const who = person();
    await toSignIn(page);
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    const field = page.getByLabel("Code from the email");
    await expect(field).toHaveAttribute("inputmode", "numeric");
    await expect(field).toHaveAttribute("type", "text");
    await expect(page.locator("main")).toContainText(who.email);
    await expect(page.locator("main")).toContainText("10 minutes");
    await expect(page.locator("main")).toContainText("It may take a few minutes");
    // U13: a countdown that runs, and the limit said before it is hit once it is over.
    const left = async () => Number(/(\d+) second/.exec(await page.locator(".resend .hint").innerText())?.[1] ?? "0");
    const before = await left();
    expect(before).toBeGreaterThan(20);
    expect(before).toBeLessThanOrEqual(30);
    await expect.poll(left).toBeLessThan(before);
    // Too early: said so, and nothing is lost.
    await press(page, "Send a new code");
    await expect(page.locator("#error-summary")).toContainText("only just sent a code");
    const first = await nextCode(request, who.email);
    await expect(page.locator(".resend .hint")).toContainText("Up to 5 codes in 15 minutes.", { timeout: 35_000 });
    const known = await seen(request, who.email);
    await press(page, "Send a new code");
    await expect(page.getByText("We’ve sent a new code.")).toBeVisible();
    await nextCode(request, who.email, { known });
    await page.getByText("Problems with the code?").click();
    await expect(page.getByRole("button", { name: "Use another email address" })).toBeVisible();
    await expect(page.getByText(`Contact ${CLINIC}`).first()).toBeVisible();
    // The earlier code lives on; pasted with a space in it.
    await page.evaluate((code) => navigator.clipboard.writeText(code), `${first.slice(0, 3)} ${first.slice(3)}`);
    await field.focus();
    await page.keyboard.press("Control+V");
    await expect(field).toHaveValue(`${first.slice(0, 3)} ${first.slice(3)}`);
    await at(page, "Check your email");
    await press(page, "Continue");
    await at(page, "Finish your account");
});

test("U15 U16 U17 the text and the call, a number as people type it", async ({ page, request, baseURL }) => {
    const who = person("Rosalind", "Franklin");
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await choose(page, "Text message");
    await press(page, "Continue");
    await at(page, "Add your phone");
    await page.getByLabel("Country of the number").selectOption("US");
    await page.getByLabel("Phone number").fill(who.phone.replace(" ", "."));
    await press(page, "Send code");
    await at(page, "Check your texts");
    const text = await nextMessage(request, who.e164, { kind: "text" });
    const host = new URL(baseURL ?? "").hostname;
    const code = codeOf(text);
    expect(text.body.trimEnd()).toBe(
        `${CLINIC}: Don't share this code. Your code is ${code}. It expires in 10 minutes.\n\n@${host} #${code}`,
    );
    // U18: change the number; what was typed comes back to be mended.
    await page.getByText("Problems with the code?").click();
    await press(page, "Change the phone number");
    await at(page, "Add your phone");
    await choose(page, "Phone call");
    await page.getByLabel("Phone number").fill(`00${who.e164.slice(1)}`);
    await press(page, "Send code");
    await at(page, "Answer your phone");
    const call = await nextMessage(request, who.e164, { kind: "call" });
    expect(call.body.match(/(\d[^\d<]{1,6}){5}\d/g)?.length, call.body).toBe(3);
});

test("U21 the authenticator app's picture is 200 px or more, on white also in the dark, and the key can be copied", async ({ page, request, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.emulateMedia({ colorScheme: "dark" });
    const who = person();
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await choose(page, "Authenticator app");
    await press(page, "Continue");
    await at(page, "Set up your authenticator app");
    const picture = page.getByRole("img", { name: "QR code for your authenticator app" });
    const box = await picture.locator("svg").boundingBox();
    expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(200);
    // The pixels themselves: light corners.
    const shot = await picture.screenshot();
    const [r, g, b] = await page.evaluate(async (bytes) => {
        const image = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]));
        const canvas = new OffscreenCanvas(image.width, image.height);
        const pen = canvas.getContext("2d");
        pen?.drawImage(image, 0, 0);
        return [...(pen?.getImageData(image.width / 2, 6, 1, 1).data ?? [])];
    }, shot.toString("base64"));
    expect([r, g, b]).toEqual([255, 255, 255]);
    await page.getByText("I can’t scan it").click();
    const shown = await page.locator("#app-secret").innerText();
    expect(shown).toMatch(/^([A-Z2-7]{4} ?)+$/);
    await page.getByRole("button", { name: "Copy the key" }).click();
    await expect(page.getByText("Copied")).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(shown.replace(/\s/g, ""));
    await expect(page.getByLabel("Name for this app")).toBeVisible();
    // Verified before it counts.
    await page.getByLabel("Code from the app").fill(totp(shown.replace(/\s/g, ""), 40));
    await press(page, "Turn on");
    await expect(page.locator("#error-summary")).toContainText("That code is not right");
});

test("U31 the words of the journey are short and plain", async ({ page, request }) => {
    const who = person();
    const long: string[] = [];
    const look = async () => long.push(...(await longSentences(page)));
    await toSignIn(page);
    await look();
    await proveAddress(page, request, who.email);
    await look();
    await giveDetails(page, who);
    await at(page, "Protect your account");
    await look();
    await choose(page, "Authenticator app");
    await press(page, "Continue");
    await at(page, "Set up your authenticator app");
    await look();
    const secret = await finishApp(page, false);
    await at(page, "Your recovery codes");
    await look();
    await press(page, "Not now");
    await at(page, "Your details");

    // Another address, at the account page.
    await page.goto(`/account/${TENANT}`);
    await at(page, "Sign in");
    await givePassword(page, who.email, who.password);
    await at(page, "Enter the code from your app");
    await look();
    await steadyStep();
    await page.getByLabel("Code from the app").fill(totp(secret));
    await press(page, "Continue");
    await at(page, "Your account");
    await page.getByRole("link", { name: "Change your email address" }).click();
    await at(page, "Change your email address");
    await look();
    await page.getByLabel("New email address").fill(person().email);
    await press(page, "Send code");
    await expect(page.getByLabel("Code from the email")).toBeVisible();
    await look();
    expect(long).toEqual([]);
});
