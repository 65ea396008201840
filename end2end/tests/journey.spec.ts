// The patient's whole journey with scripting, as the seed documents tell it.
import { nextCode, nextMessage, seen } from "../support/inbox.ts";
import {
    at,
    CLINIC,
    enrolApp,
    enrolPhone,
    enterPhoneCode,
    giveDetails,
    givePassword,
    person,
    press,
    proveAddress,
    shownClaims,
    signIn,
    signOut,
    signUp,
    steadyStep,
    toSignIn,
    totp,
} from "../support/journey.ts";
import { expect, test, type Page } from "../support/test.ts";

/** A mark on the document: gone after a full navigation. */
async function mark(page: Page): Promise<void> {
    await page.evaluate(() => ((window as unknown as { mark?: boolean }).mark = true));
}

async function marked(page: Page): Promise<boolean> {
    return page.evaluate(() => (window as unknown as { mark?: boolean }).mark === true);
}

test("sign-up with email code, details and text message: the application shows exactly the selected claims", async ({ page, request }) => {
    const who = person("Ada", "Byron");
    await toSignIn(page);
    await expect(page.getByText("to go on to Patient portal")).toBeVisible();
    await proveAddress(page, request, who.email);
    await giveDetails(page, who, "Private");
    await enrolPhone(page, request, who);
    await at(page, "Your details");
    expect(await shownClaims(page)).toEqual({
        "Email address": who.email,
        "Given name": "Ada",
        Surname: "Byron",
        "Country/Region": "United States",
        "Type of insurance": "Private",
        "User is new": "Yes",
    });

    await signOut(page);
    await signIn(page, request, who);
    expect(await shownClaims(page)).toEqual({
        "Email address": who.email,
        "Given name": "Ada",
        Surname: "Byron",
        "Country/Region": "United States",
        "Type of insurance": "Private",
    });
});

test("one journey, two transports: steps are drawn in place, and the title and address stay true", async ({ page, request }) => {
    const who = person("Grace", "Hopper");
    await toSignIn(page);
    await mark(page);
    await expect(page).toHaveTitle(`Sign in – ${CLINIC}`);
    await proveAddress(page, request, who.email);
    expect(await marked(page), "the document was reloaded on the way to the details").toBe(true);
    await expect(page).toHaveTitle(`Finish your account – ${CLINIC}`);
    await giveDetails(page, who);
    await at(page, "Protect your account");
    await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
    expect(await marked(page), "the document was reloaded on the way to the second step").toBe(true);

    // A reload shows the same stage: it lives on the server.
    await page.reload();
    await at(page, "Protect your account");
});

test("sign-in goes on where a session lives: no password is asked for, and claims come again", async ({ page, request }) => {
    const who = person("Mary", "Seacole");
    await signUp(page, request, who);
    await page.goto("/claims");
    await press(page, "Sign in");
    await at(page, "Your details");
    expect((await shownClaims(page))["Email address"]).toBe(who.email);
});

test("U19 Try another way: a phone call instead of the text, said three times", async ({ page, request }) => {
    const who = person("Rosa", "Parks");
    await signUp(page, request, who);
    await signOut(page);
    await toSignIn(page);
    await givePassword(page, who.email, who.password);
    await at(page, "Check your texts");
    await page.getByText("Try another way").click();
    const known = await seen(request, who.e164);
    await page.getByRole("button", { name: /^Call / }).click();
    const call = await nextMessage(request, who.e164, { known, kind: "call" });
    await enterPhoneCode(page, request, who, "Phone call", known);
    await at(page, "Your details");
    const spoken = call.body.match(/(\d[ ,.]+){5}\d/g) ?? [];
    expect(spoken.length, call.body).toBe(3);
    expect(new Set(spoken.map((said) => said.replace(/\D/g, ""))).size).toBe(1);
});

test("a phone call as the first second step", async ({ page, request }) => {
    const who = person("Hedy", "Lamarr");
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await enrolPhone(page, request, who, "Phone call");
    await at(page, "Your details");
});

test("authenticator app: set up with the shown key, sign in with its code, and the code is good once (N13)", async ({ page, request }) => {
    const who = person("Alan", "Turing");
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    const secret = await enrolApp(page);
    await signOut(page);

    await toSignIn(page);
    await givePassword(page, who.email, who.password);
    await at(page, "Enter the code from your app");
    await steadyStep();
    const code = totp(secret);
    await page.getByLabel("Code from the app").fill(code);
    await press(page, "Continue");
    await signOut(page);

    await toSignIn(page);
    await givePassword(page, who.email, who.password);
    await page.getByLabel("Code from the app").fill(code);
    await press(page, "Continue");
    await expect(page.getByRole("alert").filter({ hasText: "There is a problem" })).toBeVisible();
    await at(page, "Enter the code from your app");
});

test("N18 a forgotten password asks for the second factor before a new one is taken", async ({ page, request }) => {
    const who = person("Florence", "Price");
    await signUp(page, request, who);
    await signOut(page);
    await toSignIn(page);
    await press(page, "Forgot your password?");
    await at(page, "Reset your password");
    await page.getByLabel("Email address").fill(who.email);
    const known = await seen(request, who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    const code = await nextCode(request, who.email, { known, kind: "email" });
    const texts = await seen(request, who.e164);
    await page.getByLabel("Code from the email").fill(code);
    await press(page, "Continue");
    // Not the new password yet: the phone first.
    await enterPhoneCode(page, request, who, "Text message", texts);
    await at(page, "Choose a new password");
    const old = who.password;
    who.password = `${old} renewed`;
    const before = await seen(request, who.email);
    await page.getByLabel("New password").fill(who.password);
    await press(page, "Save password");
    await at(page, "Your details");
    const notice = await nextMessage(request, who.email, { known: before, kind: "email" });
    expect(notice.subject).toContain("password");

    await signOut(page);
    await toSignIn(page);
    await givePassword(page, who.email, old);
    await expect(page.getByRole("alert").filter({ hasText: "There is a problem" })).toBeVisible();
    const fresh = await seen(request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", fresh);
    await at(page, "Your details");
});

test("U30 claims: plain labels first, technical names, source and raw token in a disclosure", async ({ page, request }) => {
    const who = person("Elizabeth", "Blackwell");
    await signUp(page, request, who);
    await expect(page.getByText("given_name")).toBeHidden();
    await page.getByText("Technical details").click();
    await expect(page.getByText("given_name")).toBeVisible();
    const rows = await page.locator("table tbody th code").allInnerTexts();
    const selected = ["country", "emails", "family_name", "given_name", "newUser"];
    const protocol = ["acr", "amr", "at_hash", "aud", "auth_time", "azp", "exp", "iat", "iss", "nbf", "nonce", "oid", "sid", "sub", "tfp", "ver", "c_hash"];
    for (const name of selected) expect(rows).toContain(name);
    expect(rows.filter((name) => !selected.includes(name) && !protocol.includes(name)), "claims nobody selected").toEqual([]);
    const token = (await page.getByRole("region", { name: "The token as it came" }).innerText()).trim();
    expect(token.split(".")).toHaveLength(3);
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
    expect(claims["given_name"]).toBe("Elizabeth");
    await expect(page.locator(".claims")).toContainText(String(claims["iss"]));
    // A British browser, so the day comes first.
    await expect(page.locator("main")).toContainText(/\b\d{1,2} [A-Z][a-z]+ 20\d\d\b/);
});

test("Cancel at sign-in leads back to the application, which says so", async ({ page }) => {
    await toSignIn(page);
    await press(page, "Cancel");
    await page.waitForURL(/\/claims/);
    await at(page, "You’re not signed in");
    await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
});
