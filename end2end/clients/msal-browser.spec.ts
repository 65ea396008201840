// MSAL.js 2 to 5 in Chromium, at the single-page quick start: the same page, the library swapped.
import { join } from "node:path";
import { authority, FLOWS, registered, type Flow } from "../support/clients.ts";
import { nextCode, seen } from "../support/inbox.ts";
import { at, person, press, type Person } from "../support/journey.ts";
import { hydrated } from "../support/page.ts";
import { home, newcomer, ROOT, signIn, start, testWithFrames, type Running } from "../support/quickstart.ts";
import { expect, test, type APIRequestContext, type BrowserContext, type Page } from "../support/test.ts";

const MAJORS = [2, 3, 4, 5] as const;
type Major = (typeof MAJORS)[number];

let application: Running;
let who: Person;

test.beforeAll(async ({ browser, playwright }) => {
    application = await start(["node", "serve.mjs", "msal-browser"], {
        AUTHORITY: authority("quick"),
        CLIENT_ID: registered().singlePage.clientId,
        EDIT_PROFILE: authority("edit"),
        RESET_PASSWORD: authority("reset"),
    });
    who = await newcomer(browser, playwright);
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
            // eslint-disable-next-line
            const { app, token } = (globalThis as any).quickstart;
            // eslint-disable-next-line
            const account = name && app.getAllAccounts().find((one: any) => one.idTokenClaims.tfp === name);
            const { fromCache, accessToken, idTokenClaims, scopes } = await token({ ...request, ...(account && { account, authority }) });
            return { fromCache, accessToken, idTokenClaims, scopes };
        },
        [request, name, flow && authority(flow)] as const,
    );
}

const TOKEN = (flow: Flow) => `POST /${"harbour.example"}/${FLOWS[flow].toLowerCase()}/oauth2/v2.0/token`;
const AUTHORIZE = (flow: Flow) => `GET /${"harbour.example"}/${FLOWS[flow].toLowerCase()}/oauth2/v2.0/authorize`;

for (const major of MAJORS) {
    test.describe(`msal-browser ${major}`, () => {
        testWithFrames.beforeEach(async ({ context }) => withVersion(context, major));

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
    });
}
