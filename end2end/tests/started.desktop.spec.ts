// Profile editing and password reset as flows that an application starts itself (openid-client), and
// the server's own TLS.
import * as client from "openid-client";
import { nextCode, seen } from "../support/inbox.ts";
import { at, demoAccount, enterPhoneCode, givePassword, person, press, signOut, signUp, TENANT } from "../support/journey.ts";
import { hydrated } from "../support/page.ts";
import { startServer } from "../support/server.ts";
import { expect, test, type Page } from "../support/test.ts";

/** An authorization request of the patient portal to one of its flows, and what redeems its answer. */
async function request(page: Page, flow: string) {
    await page.goto("/claims");
    const { config } = JSON.parse((await page.locator("leptos-island").getAttribute("data-props")) ?? "{}");
    const authority = config.authority.replace("b2c_1_sign_up_sign_in", flow);
    const found = await client.discovery(new URL(authority), config.client_id, undefined, client.None(), {
        execute: [client.allowInsecureRequests],
    });
    const verifier = client.randomPKCECodeVerifier();
    const [state, nonce] = [client.randomState(), client.randomNonce()];
    const address = client.buildAuthorizationUrl(found, {
        redirect_uri: config.redirect_uri,
        scope: "openid",
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        nonce,
    });
    /** Does `last` and redeems the code that it sends back to the application. */
    const finish = async (last: () => Promise<unknown>) => {
        const [back] = await Promise.all([
            page.waitForRequest((it) => it.isNavigationRequest() && it.url().startsWith(`${config.redirect_uri}?`)),
            // The page itself must have changed, not only be about to: the next visit would be cut off.
            page.waitForEvent("framenavigated", (frame) => frame.url().startsWith(config.redirect_uri)),
            last(),
        ]);
        await page.waitForLoadState();
        const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
        return (await client.authorizationCodeGrant(found, new URL(back.url()), checks)).claims();
    };
    return { address: address.href, finish };
}

test("an application starts profile editing: the change is in the token that comes back", async ({ page, request: api }) => {
    const who = person("Ada", "Byron");
    await signUp(page, api, who);
    const { address, finish } = await request(page, "b2c_1_edit_profile");
    await page.goto(address);
    await hydrated(page);
    // What changes data asks for more than a session.
    if ((await page.getByRole("heading", { level: 1 }).innerText()) === "Sign in") {
        const known = await seen(api, who.e164);
        await givePassword(page, who.email, who.password);
        await enterPhoneCode(page, api, who, "Text message", known);
    }
    await at(page, "Your details");
    await expect(page.getByLabel("Surname")).toHaveValue("Byron");
    await page.getByLabel("Surname").fill("");
    await press(page, "Save changes");
    await expect(page.locator("#error-summary")).toContainText("surname");
    await page.getByLabel("Surname").fill("King");
    const claims = await finish(() => press(page, "Save changes"));
    expect(claims).toMatchObject({ family_name: "King", given_name: "Ada", country: "US", tfp: "B2C_1_edit_profile" });
});

test("an application starts password reset: email code, second step, and the new password is the one that counts", async ({ page, request: api }) => {
    const who = person("Grace", "Hopper");
    await signUp(page, api, who);
    await signOut(page);
    const { address, finish } = await request(page, "b2c_1_password_reset");
    await page.goto(address);
    await hydrated(page);
    await at(page, "Reset your password");
    // It is the application's own page that one came from: there is no sign-in to go back to.
    await expect(page.getByRole("button", { name: "Back to sign in" })).toHaveCount(0);
    await page.getByLabel("Email address").fill(who.email);
    const known = await seen(api, who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    const texts = await seen(api, who.e164);
    await page.getByLabel("Code from the email").fill(await nextCode(api, who.email, { known, kind: "email" }));
    await press(page, "Continue");
    await enterPhoneCode(page, api, who, "Text message", texts);
    await at(page, "Choose a new password");
    const old = who.password;
    who.password = `${old} anew`;
    await page.getByLabel("New password").fill(who.password);
    const claims = await finish(() => press(page, "Save password"));
    expect(claims).toMatchObject({ emails: [who.email], tfp: "B2C_1_password_reset" });

    const signIn = await request(page, "b2c_1_sign_up_sign_in");
    await page.context().clearCookies();
    await page.goto(signIn.address);
    await givePassword(page, who.email, old);
    await expect(page.locator("#error-summary")).toContainText("not right");
    const fresh = await seen(api, who.e164);
    await givePassword(page, who.email, who.password);
    const again = await signIn.finish(() => enterPhoneCode(page, api, who, "Text message", fresh));
    expect(again?.sub).toBe(claims?.sub);
});

test("U1 N25 --tls: the server's own https serves the journey as plain forms, with secure cookies and HSTS", async ({ browser }) => {
    const own = await startServer(["--tls"]);
    try {
        expect(own.origin).toMatch(/^https:/);
        const context = await browser.newContext({ baseURL: own.origin, ignoreHTTPSErrors: true, javaScriptEnabled: false, locale: "en-GB" });
        const page = await context.newPage();
        const answer = await page.goto(`/account/${TENANT}`);
        expect((await answer?.allHeaders())?.["strict-transport-security"]).toContain("max-age=");
        await at(page, "Sign in");
        const { email, password } = demoAccount("patient", own.output());
        await givePassword(page, email, "surely the wrong one");
        await expect(page.locator("#error-summary")).toContainText("not right");
        await givePassword(page, email, password);
        await at(page, "Your account");
        await expect(page.locator("main")).toContainText(email);
        const cookies = await context.cookies();
        expect(cookies.length).toBeGreaterThan(0);
        for (const cookie of cookies) expect(cookie).toMatchObject({ secure: true, httpOnly: true, domain: "localhost" });
        // Everything that is told to clients is https as well.
        const discovery = await context.request.get(`/${TENANT}/b2c_1_sign_up_sign_in/v2.0/.well-known/openid-configuration`);
        const addresses = Object.values((await discovery.json()) as Record<string, unknown>).filter((value) => String(value).startsWith("http"));
        expect(addresses.length).toBeGreaterThan(4);
        for (const address of addresses) expect(address).toContain(own.origin);
        await context.close();
    } finally {
        await own.stop();
    }
});
