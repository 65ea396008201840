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

/** `act` ends with a new user; the ID token is another one than before. */
async function renewed(page: Page, act: () => Promise<unknown>): Promise<void> {
    const idToken = () => page.evaluate(async () => ((await (globalThis as any).quickstart.manager.getUser()) as { id_token: string }).id_token);
    const before = await idToken();
    await act();
    await expect.poll(idToken).not.toBe(before);
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
    await renewed(page, () => press(page, "Renew"));
    expect(requests).toContain("POST token");
    expect(requests).not.toContain("GET authorize");
    expect(await claims(page)).toMatchObject({ sub: first["sub"], auth_time: first["auth_time"] });

    await page.evaluate(async () => {
        const { manager } = (globalThis as any).quickstart;
        const user = await manager.getUser();
        delete user.refresh_token;
        await manager.storeUser(user);
    });
    await renewed(page, () => press(page, "Renew"));
    expect(requests).toContain("GET authorize");
    expect(await claims(page)).toMatchObject({ sub: first["sub"], auth_time: first["auth_time"] });

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
