// oidc-client-ts in Chromium, at its quick start: everything but the client's id comes from the
// discovery document at the flow's issuer.
import { FLOWS, issuer, registered } from "../support/clients.ts";
import { at, press, type Person } from "../support/journey.ts";
import { home, newcomer, signIn, start, testWithFrames, type Running } from "../support/quickstart.ts";
import { expect, test, type Page } from "../support/test.ts";

let application: Running;
let who: Person;

test.beforeAll(async ({ browser, playwright }) => {
    const { clientId } = registered().singlePage;
    application = await start(["node", "serve.mjs", "oidc-client-ts"], { AUTHORITY: issuer("mfa"), CLIENT_ID: clientId });
    who = await newcomer(browser, playwright, "mfa");
});
test.afterAll(async () => await application?.stop());

const status = (page: Page) => page.getByRole("status");

async function claims(page: Page): Promise<Record<string, unknown>> {
    return JSON.parse((await page.locator("#claims").textContent()) || "{}") as Record<string, unknown>;
}

async function ready(page: Page): Promise<void> {
    await page.waitForURL((url) => url.href.split(/[?#]/)[0] === home());
    await page.locator("html[data-ready]").waitFor({ state: "attached" });
}

/** The stored ID token's claims: the page's leave out those of the protocol. */
async function idToken(page: Page): Promise<Record<string, unknown>> {
    const token = await page.evaluate(async () => (await (globalThis as any).quickstart.manager.getUser()).id_token as string);
    return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

/** "Renew" ends with another ID token, about the same sign-in of the same person. */
async function renew(page: Page): Promise<void> {
    const before = await idToken(page);
    await press(page, "Renew");
    // Its access token is a new one, so its hash is too.
    await expect.poll(async () => (await idToken(page))["at_hash"]).not.toBe(before["at_hash"]);
    const { sub, auth_time, sid } = before;
    expect(await idToken(page)).toMatchObject({ sub, auth_time, sid });
}

testWithFrames("redirect, userinfo, refresh token, hidden frame, sign-out with state", async ({ page, request }) => {
    await page.goto(home());
    await ready(page);
    await press(page, "Sign in");
    await signIn(page, request, who, "mfa");
    await ready(page);
    await expect(status(page)).toHaveText("Signed in, state from the page");
    const first = await claims(page);
    expect(first).toMatchObject({ tfp: FLOWS.mfa, emails: [who.email], given_name: who.givenName });
    expect(first["email"], "from userinfo").toBe(who.email);

    const requests: string[] = [];
    page.on("request", (sent) => {
        const url = new URL(sent.url());
        if (url.origin === registered().origin) requests.push(`${sent.method()} ${url.pathname.split("/").at(-1)}`);
    });
    await renew(page);
    expect(requests).toContain("POST token");
    expect(requests).not.toContain("GET authorize");

    await page.evaluate(async () => {
        const { manager } = (globalThis as any).quickstart;
        const user = await manager.getUser();
        delete user.refresh_token;
        await manager.storeUser(user);
    });
    await renew(page);
    expect(requests).toContain("GET authorize");

    await press(page, "Sign out");
    await page.waitForURL(`${home()}?*`);
    await expect(status(page)).toHaveText("Signed out, state bye");
    await press(page, "Sign in");
    await at(page, "Sign in");
    await press(page, "Cancel");
    await ready(page);
    await expect(status(page)).toContainText("AADB2C90091");
});

test("popup", async ({ page, request }) => {
    await page.goto(home());
    await ready(page);
    const [popup] = await Promise.all([page.waitForEvent("popup"), press(page, "Sign in in a popup")]);
    const closed = popup.waitForEvent("close");
    await signIn(popup, request, who, "mfa");
    await closed;
    await expect(status(page)).toHaveText("Signed in, state from the popup");
    expect(await claims(page)).toMatchObject({ tfp: FLOWS.mfa, emails: [who.email] });
});
