// MSAL.js 2 to 5 in Chromium, at the single-page quick start: the same page, the library swapped.
import { join } from "node:path";
import { authority, DOMAIN, FLOWS, registered, type Flow } from "../support/clients.ts";
import { nextCode, seen } from "../support/inbox.ts";
import { at, press, type Person } from "../support/journey.ts";
import { hydrated } from "../support/page.ts";
import { home, newcomer, ROOT, signIn, start, testWithFrames, type Running } from "../support/quickstart.ts";
import { expect, test, type APIRequestContext, type BrowserContext, type Page } from "../support/test.ts";

const MAJORS = [2, 3, 4, 5] as const;
type Major = (typeof MAJORS)[number];

let application: Running;
/** Without and with a second step. */
let who: Person;
let careful: Person;

test.beforeAll(async ({ browser, playwright }) => {
    application = await start(["node", "serve.mjs", "msal-browser"], {
        AUTHORITY: authority("quick"),
        CLIENT_ID: registered().singlePage.clientId,
        EDIT_PROFILE: authority("edit"),
        RESET_PASSWORD: authority("reset"),
    });
    who = await newcomer(browser, playwright, "quick");
    careful = await newcomer(browser, playwright, "mfa");
});
test.afterAll(async () => await application?.stop());

/** Puts version `major` in the place of the one that the quick start installs, which is the newest. */
async function withVersion(context: BrowserContext, major: Major): Promise<void> {
    if (major === 5) return;
    const library = join(ROOT, `end2end/node_modules/msal-browser-${major}/lib/msal-browser.min.js`);
    await context.route(`${home()}lib/msal-browser.min.js`, (route) => route.fulfill({ path: library }));
    await context.route(`${home()}lib/msal-redirect-bridge.min.js`, (route) => route.fulfill({ path: library }));
    const reply = join(ROOT, "end2end/clients/msal-browser-redirect.js");
    await context.route(`${home()}redirect.js`, (route) => route.fulfill({ path: reply }));
}

/** Opens the application, and makes sure of the version that runs. */
async function open(page: Page, major: Major): Promise<void> {
    await page.goto(home());
    await ready(page);
    const script = await page.evaluate(async () => (await fetch("/lib/msal-browser.min.js")).text());
    expect(/@azure\/msal-browser v(\d+)\./.exec(script)?.[1]).toBe(String(major));
}

/** The application's own page is back and has read the answer. */
async function ready(page: Page): Promise<void> {
    await page.waitForURL((url) => url.href.split(/[?#]/)[0] === home());
    await page.locator("html[data-ready]").waitFor({ state: "attached" });
}

const status = (page: Page) => page.getByRole("status");

async function claims(page: Page): Promise<Record<string, unknown>> {
    return JSON.parse((await page.locator("#claims").textContent()) || "{}") as Record<string, unknown>;
}

async function signInByRedirect(page: Page, request: APIRequestContext, major: Major): Promise<void> {
    await open(page, major);
    await press(page, "Sign in");
    await signIn(page, request, who);
    await ready(page);
    await expect(status(page)).toHaveText("Signed in, from the network, state from the page");
}

/** Requests to the server while `act` runs: method, and the last parts of the path. */
async function requestsDuring<T>(page: Page, act: () => Promise<T>): Promise<{ result: T; requests: string[] }> {
    const requests: string[] = [];
    const note = (sent: { url(): string; method(): string }) => {
        const url = new URL(sent.url());
        if (url.origin === registered().origin) requests.push(`${sent.method()} ${url.pathname.toLowerCase()}`);
    };
    page.context().on("request", note);
    try {
        return { result: await act(), requests };
    } finally {
        page.context().off("request", note);
    }
}

/** The address on which the flow sends the browser back, with what stands behind the `#`. */
async function landing(page: Page, act: () => Promise<unknown>): Promise<string> {
    let address = "";
    const note = (frame: { url(): string }) => {
        if (!address && frame.url().startsWith(`${home()}redirect.html`)) address = frame.url();
    };
    page.on("framenavigated", note);
    await act();
    await expect.poll(() => address, "the reply URL").not.toBe("");
    page.off("framenavigated", note);
    return address;
}

const answerIn = (address: string) => new URLSearchParams(new URL(address).hash.slice(1));

interface Answer {
    fromCache: boolean;
    accessToken: string;
    idTokenClaims: Record<string, unknown>;
    scopes: string[];
}

/** `quickstart.token(…)`: acquireTokenSilent with the active account, or that of `flow`. */
async function token(page: Page, asked: { forceRefresh?: boolean; flow?: Flow } = {}): Promise<Answer> {
    const { flow, ...request } = asked;
    const name = flow && FLOWS[flow];
    return page.evaluate(
        async ([request, name, authority]) => {
            const { app, token } = (globalThis as any).quickstart;
            const account = name && app.getAllAccounts().find((one: any) => one.idTokenClaims.tfp === name);
            const { fromCache, accessToken, idTokenClaims, scopes } = await token({ ...request, ...(account && { account, authority }) });
            return { fromCache, accessToken, idTokenClaims, scopes };
        },
        [request, name, flow && authority(flow)] as const,
    );
}

const endpoint = (flow: Flow) => `/${DOMAIN}/${FLOWS[flow].toLowerCase()}/oauth2/v2.0`;
const TOKEN = (flow: Flow) => `POST ${endpoint(flow)}/token`;
const AUTHORIZE = (flow: Flow) => `GET ${endpoint(flow)}/authorize`;

for (const major of MAJORS) {
    test.describe(`msal-browser ${major}`, () => {
        test.beforeEach(async ({ context }) => withVersion(context, major));

        testWithFrames("redirect; silently from the cache, by the refresh token, in the hidden frame", async ({ page, request }) => {
            await signInByRedirect(page, request, major);
            const first = await claims(page);
            expect(first).toMatchObject({ tfp: FLOWS.quick, given_name: who.givenName, emails: [who.email], ver: "1.0" });

            const cached = await requestsDuring(page, () => token(page));
            expect(cached.requests, "no request at all").toEqual([]);
            expect(cached.result).toMatchObject({ fromCache: true, idTokenClaims: { sub: first["sub"] } });
            await press(page, "Get a token");
            await expect(status(page)).toContainText("from the cache");

            const refreshed = await requestsDuring(page, () => token(page, { forceRefresh: true }));
            expect(refreshed.requests).toEqual([TOKEN("quick")]);
            expect(refreshed.result).toMatchObject({
                fromCache: false,
                idTokenClaims: { sub: first["sub"], oid: first["oid"], auth_time: first["auth_time"] },
            });
            expect(refreshed.result.accessToken).not.toBe(cached.result.accessToken);
            // What came is good for the cache again.
            const again = await requestsDuring(page, () => token(page));
            expect(again.requests).toEqual([]);
            expect(again.result.accessToken).toBe(refreshed.result.accessToken);

            // A refresh token that is refused, as after its end: MSAL goes on in the hidden frame by itself.
            const kept = await page.evaluate(() => {
                const key = Object.keys(sessionStorage).find((key) => /-refreshtoken-|\|refreshtoken\|/i.test(key)) ?? "";
                return (JSON.parse(sessionStorage.getItem(key) ?? "{}") as { secret?: string }).secret ?? "";
            });
            const form = { client_id: registered().singlePage.clientId, token: kept };
            expect((await request.post(`${authority("quick")}/oauth2/v2.0/revoke`, { form })).status()).toBe(200);
            const renewed = await requestsDuring(page, () => token(page, { forceRefresh: true }));
            expect(renewed.requests.filter((one) => !one.startsWith("OPTIONS"))).toEqual([TOKEN("quick"), AUTHORIZE("quick"), TOKEN("quick")]);
            expect(renewed.result).toMatchObject({ fromCache: false, idTokenClaims: { sub: first["sub"], auth_time: first["auth_time"] } });

            const gone = await page.evaluate(() => {
                const keys = Object.keys(sessionStorage).filter((key) => /-refreshtoken-|\|refreshtoken\|/i.test(key));
                keys.forEach((key) => sessionStorage.removeItem(key));
                return keys.length;
            });
            expect(gone, "refresh tokens that were in the cache").toBe(1);
            const framed = await requestsDuring(page, () => token(page, { forceRefresh: true }));
            expect(framed.requests.filter((one) => !one.startsWith("OPTIONS"))).toEqual([AUTHORIZE("quick"), TOKEN("quick")]);
            expect(framed.result).toMatchObject({ fromCache: false, idTokenClaims: { sub: first["sub"], auth_time: first["auth_time"] } });
        });

        test("popup", async ({ page, request }) => {
            // Version 5 with the second step.
            const [flow, person] = major === 5 ? (["mfa", careful] as const) : (["quick", who] as const);
            const config = { authority: authority(flow), clientId: registered().singlePage.clientId };
            await page.route(`${home()}config.json`, (route) => route.fulfill({ json: config }));
            await open(page, major);
            const [popup] = await Promise.all([page.waitForEvent("popup"), press(page, "Sign in in a popup")]);
            const closed = popup.waitForEvent("close");
            await signIn(popup, request, person, flow);
            await closed;
            await expect(status(page)).toHaveText("Signed in, from the network, state from the popup");
            const got = await claims(page);
            expect(got).toMatchObject({ tfp: FLOWS[flow], emails: [person.email] });
            if (flow === "mfa") expect(got["amr"]).toEqual(expect.arrayContaining(["pwd", "sms", "mfa"]));
            expect((await requestsDuring(page, () => token(page))).requests).toEqual([]);
        });

        test("a second flow on the same host is a second account; each is renewed at its own flow", async ({ page, request }) => {
            await signInByRedirect(page, request, major);
            // The session serves both flows: nobody is asked again.
            await page.evaluate(
                (authority) => void (globalThis as any).quickstart.app.loginRedirect({ authority, scopes: ["openid", "offline_access"] }),
                authority("second"),
            );
            await expect(status(page)).toHaveText("Signed in, from the network, state none");
            expect(await claims(page)).toMatchObject({ tfp: FLOWS.second, emails: [who.email] });
            const accounts = await page.evaluate(() => (globalThis as any).quickstart.app.getAllAccounts().length as number);
            expect(accounts).toBe(2);
            for (const flow of ["quick", "second"] as const) {
                const cached = await requestsDuring(page, () => token(page, { flow }));
                expect(cached.requests).toEqual([]);
                expect(cached.result).toMatchObject({ fromCache: true, idTokenClaims: { tfp: FLOWS[flow] } });
            }
            for (const flow of ["quick", "second"] as const) {
                const renewed = await requestsDuring(page, () => token(page, { flow, forceRefresh: true }));
                expect(renewed.requests).toEqual([TOKEN(flow)]);
                expect(renewed.result).toMatchObject({ fromCache: false, idTokenClaims: { tfp: FLOWS[flow] } });
            }
        });

        test("profile editing; cancel there and on the sign-in page says AADB2C90091", async ({ page, request }) => {
            await open(page, major);
            await press(page, "Sign in");
            await page.waitForURL(/\/journey\//);
            await hydrated(page);
            await press(page, "Cancel");
            await ready(page);
            await expect(status(page)).toContainText("Cancelled: AADB2C90091");

            await signInByRedirect(page, request, major);
            await press(page, "Edit profile");
            await at(page, "Your details");
            await hydrated(page);
            await page.getByLabel("Surname").fill(`Client ${major}`);
            await press(page, "Save changes");
            await ready(page);
            await expect(status(page)).toHaveText("Signed in, from the network, state none");
            expect(await claims(page)).toMatchObject({ tfp: FLOWS.edit, family_name: `Client ${major}` });

            await press(page, "Edit profile");
            await page.waitForURL(/\/journey\//);
            await hydrated(page);
            await press(page, "Cancel");
            await ready(page);
            await expect(status(page)).toContainText("Cancelled: AADB2C90091");
        });

        test("a forgotten password says AADB2C90118, and the application goes to its own flow for it", async ({ page, request }) => {
            await open(page, major);
            await press(page, "Sign in");
            await page.waitForURL(/\/journey\//);
            await hydrated(page);
            const answer = answerIn(await landing(page, () => press(page, "Forgot your password?")));
            expect(answer.get("error")).toBe("access_denied");
            expect(answer.get("error_description")).toMatch(/^AADB2C90118: .*\r\nCorrelation ID: [0-9a-f-]{36}\r\nTimestamp: [0-9: -]{19}Z\r\n$/);

            await page.waitForURL(/\/journey\//);
            await hydrated(page);
            await at(page, "Reset your password");
            await page.getByLabel("Email address").fill(who.email);
            const known = await seen(request, who.email);
            await press(page, "Send verification code");
            await at(page, "Check your email");
            await page.getByLabel("Code from the email").fill(await nextCode(request, who.email, { known, kind: "email" }));
            await press(page, "Continue");
            await at(page, "Choose a new password");
            who.password += " again";
            await page.getByLabel("New password").fill(who.password);
            await press(page, "Save password");
            await ready(page);
            await expect(status(page)).toHaveText("Signed in, from the network, state none");
            expect(await claims(page)).toMatchObject({ tfp: FLOWS.reset, emails: [who.email] });
        });

        test("sign-out comes back with its state, and the session is over", async ({ page, request }) => {
            await signInByRedirect(page, request, major);
            const out = page.waitForRequest((sent) => new URL(sent.url()).pathname.toLowerCase() === `${endpoint("quick")}/logout`);
            await press(page, "Sign out");
            const sent = new URL((await out).url()).searchParams;
            expect(sent.get("post_logout_redirect_uri")).toBe(home());
            expect(sent.get("id_token_hint"), "with it nobody is asked").toBeTruthy();
            await page.waitForURL((url) => url.origin === new URL(home()).origin && url.searchParams.has("state"));
            await ready(page);
            expect(new URL(page.url()).searchParams.get("state"), "byte for byte").toBe(sent.get("state"));
            expect(sent.get("state")).toContain("bye");
            await expect(status(page)).toHaveText("Signed out");

            // As most applications call it, without the hint: a page asks (OpenID Connect RP-Initiated Logout, 2).
            await press(page, "Sign in");
            await signIn(page, request, who);
            await ready(page);
            await page.evaluate(() => void (globalThis as any).quickstart.app.logoutRedirect({ state: "a=b|c" }));
            await page.waitForURL(/\/logout\?/i);
            await press(page, "Sign out");
            await page.waitForURL((url) => url.origin === new URL(home()).origin && url.searchParams.has("state"));
            expect(new URL(page.url()).searchParams.get("state")).toContain("a=b|c");
            await ready(page);
            await press(page, "Sign in");
            await page.waitForURL(/\/journey\//);
            await at(page, "Sign in");
        });
    });
}
