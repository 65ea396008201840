// U1: every step as a plain HTML form, with scripting off.
import { nextCode, seen } from "../support/inbox.ts";
import { at, choose, CLINIC, codesLater, enterPhoneCode, finishApp, givePassword, giveDetails, person, press, signInToAccount, TENANT, type Person, shownClaims, steadyStep, totp } from "../support/journey.ts";
import { downloaded } from "../support/page.ts";
import { shownCodes, useRecoveryCode } from "../support/recovery.ts";
import { expect, test, type APIRequestContext, type Page } from "../support/test.ts";

// Without scripting there is no application: people come in by their account page.
async function begin(page: Page): Promise<void> {
    await page.goto(`/account/${TENANT}`);
    await at(page, "Sign in");
}

/** An account, made through the patient flow as an application without scripting would begin it. */
async function beginFlow(page: Page): Promise<void> {
    await page.goto("/claims");
    const props = JSON.parse((await page.locator("leptos-island").getAttribute("data-props")) ?? "{}") as {
        config: { authority: string; client_id: string; redirect_uri: string };
    };
    const { authority, client_id, redirect_uri } = props.config;
    const discovery = await (await page.request.get(`${authority}.well-known/openid-configuration`)).json();
    const query = new URLSearchParams({
        client_id,
        redirect_uri,
        response_type: "code",
        scope: "openid",
        state: "s",
        nonce: "n",
        code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        code_challenge_method: "S256",
    });
    await page.goto(`${discovery.authorization_endpoint}?${query}`);
    await at(page, "Sign in");
}

async function signUp(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await toOffer(page, request, who);
    await codesLater(page);
    // The way back to the application: a page that moves on by itself.
    await page.waitForURL(/\/claims\?.*code=/);
}

async function toOffer(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await beginFlow(page);
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    await page.getByLabel("Code from the email").fill(await nextCode(request, who.email));
    await press(page, "Continue");
    await at(page, "Finish your account");
    await giveDetails(page, who);
    await at(page, "Protect your account");
    await choose(page, "Text message");
    await press(page, "Continue");
    await at(page, "Add your phone");
    await page.getByLabel("Phone number").fill(who.phone);
    await press(page, "Send code");
    await enterPhoneCode(page, request, who, "Text message", new Set());
}

/** What only a script can do is not offered. */
async function scriptedHidden(page: Page): Promise<void> {
    await expect(page.getByRole("button", { name: "Copy recovery codes" })).toBeHidden();
    await expect(page.getByRole("button", { name: "Print recovery codes" })).toBeHidden();
}

test("U1 sign-up, sign-in with the second step, and profile editing without scripting", async ({ page, request }) => {
    const who = person("Clara", "Barton");
    await signUp(page, request, who);

    await begin(page);
    const known = await seen(request, who.e164);
    await givePassword(page, who.email, "not the password at all");
    await expect(page).toHaveTitle(`Error: Sign in – ${CLINIC}`);
    await expect(page.getByRole("heading", { name: "There is a problem" })).toBeVisible();
    await expect(page.getByLabel("Email address")).toHaveValue(who.email);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", known);
    await at(page, "Your account");
    expect(await shownClaims(page)).toMatchObject({ "Email address": who.email, "Given name": "Clara", Surname: "Barton" });

    await page.getByRole("link", { name: "Change your details" }).click();
    await page.getByLabel("Surname").fill("");
    await press(page, "Save");
    await expect(page).toHaveTitle(/^Error: /);
    await page.getByLabel("Surname").fill("Barton-Howe");
    await press(page, "Save");
    await expect(page.getByText("Your details are saved")).toBeVisible();
    expect(await shownClaims(page)).toMatchObject({ Surname: "Barton-Howe" });

    await page.getByRole("button", { name: "Sign out", exact: true }).last().click();
    await begin(page);
});

test("U1 an authenticator app without scripting: the picture, the key, the code, another way", async ({ page, request }) => {
    const who = person("Katherine", "Johnson");
    await beginFlow(page);
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await page.getByLabel("Code from the email").fill(await nextCode(request, who.email));
    await press(page, "Continue");
    await giveDetails(page, who);
    await choose(page, "Authenticator app");
    await press(page, "Continue");
    const secret = await finishApp(page);
    await page.waitForURL(/\/claims\?.*code=/);
    await begin(page);
    await givePassword(page, who.email, who.password);
    await at(page, "Enter the code from your app");
    await steadyStep();
    await page.getByLabel("Code from the app").fill(totp(secret));
    await press(page, "Continue");
    await at(page, "Your account");
});

test("U1 U20 recovery codes are offered without scripting, stay over a reload, and are kept", async ({ page, request }) => {
    const who = person("Hertha", "Ayrton");
    await toOffer(page, request, who);
    const before = await shownCodes(page);
    await scriptedHidden(page);
    await page.reload();
    expect(await shownCodes(page)).toEqual(before);
    const file = await downloaded(page, () => page.getByRole("link", { name: "Download recovery codes" }).click());
    expect(file.name).toBe("recovery-codes.txt");
    await press(page, "I have kept my codes");
    await page.waitForURL(/\/claims\?.*code=/);
    await begin(page);
    await givePassword(page, who.email, who.password);
    await useRecoveryCode(page);
    await page.getByLabel("Recovery code").fill(before[0] ?? "");
    await press(page, "Continue");
    await at(page, "Your account");
});

test("U1 N18 a forgotten password without scripting", async ({ page, request }) => {
    const who = person("Dorothy", "Hodgkin");
    await signUp(page, request, who);
    await begin(page);
    await press(page, "Forgot your password?");
    await at(page, "Reset your password");
    const [known, texts] = [await seen(request, who.email), await seen(request, who.e164)];
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    await page.getByLabel("Code from the email").fill(await nextCode(request, who.email, { known }));
    await press(page, "Continue");
    await enterPhoneCode(page, request, who, "Text message", texts);
    await at(page, "Choose a new password");
    await page.getByLabel("New password").fill(`${who.password} again`);
    await press(page, "Save password");
    await at(page, "Your account");
});

test("U1 Try another way without scripting: a call instead of the text", async ({ page, request }) => {
    const who = person("Lise", "Meitner");
    await signUp(page, request, who);
    await begin(page);
    await givePassword(page, who.email, who.password);
    await at(page, "Check your texts");
    const known = await seen(request, who.e164);
    await page.getByText("Try another way").click();
    await page.getByRole("button", { name: /^Call / }).click();
    await enterPhoneCode(page, request, who, "Phone call", known);
    await at(page, "Your account");
});

test("U1 U22 recovery codes without scripting: made, downloaded, used", async ({ page, request }) => {
    const who = person("Hedy", "Lamarr");
    await signUp(page, request, who);
    await signInToAccount(page, request, who);
    await press(page, "Make recovery codes");
    const codes = await shownCodes(page);
    await scriptedHidden(page);
    const file = await downloaded(page, () => page.getByRole("link", { name: "Download recovery codes" }).click());
    expect(file.name).toBe("recovery-codes.txt");
    await page.getByRole("link", { name: "I’ve saved these" }).click();
    await at(page, "Your account");
    await page.getByRole("button", { name: "Sign out", exact: true }).last().click();

    await begin(page);
    await givePassword(page, who.email, who.password);
    await at(page, "Check your texts");
    await page.getByText("Try another way").click();
    await page.getByRole("button", { name: "Use a recovery code" }).click();
    await at(page, "Enter a recovery code");
    await page.getByLabel("Recovery code").fill("nothing like it");
    await press(page, "Continue");
    await expect(page).toHaveTitle(`Error: Enter a recovery code – ${CLINIC}`);
    await page.getByLabel("Recovery code").fill(codes[4] ?? "");
    await press(page, "Continue");
    await at(page, "Your account");
    await expect(page.getByText("9 codes left")).toBeVisible();
});

test("U1 /claims without scripting says so and leads to the account page", async ({ page }) => {
    await page.goto("/claims");
    await expect(page.getByText("This page needs JavaScript.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Sign in" })).toBeHidden();
    await page.getByRole("link", { name: "your account page" }).click();
    await at(page, "Sign in");
});
