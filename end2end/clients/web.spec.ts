// Applications on a server, with a secret: the quick starts of msal-node (2, 3 and newest),
// openid-client, MSAL for Python, Authlib and the openidconnect crate, each as a process of its own.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { authority, FLOWS, issuer, registered, type Flow } from "../support/clients.ts";
import { at, press, type Person } from "../support/journey.ts";
import { home, newcomer, ROOT, signIn, start, type Running } from "../support/quickstart.ts";
import { serverOutput } from "../support/server.ts";
import { expect, test, type Page } from "../support/test.ts";

const OTHER_VERSION = `--import=${join(ROOT, "end2end/clients/other-version.mjs")}`;

/** The Python of tools/setup.sh, with python/requirements.txt. */
function python(): string {
    const own = join(ROOT, "target/clients-venv/bin/python");
    if (!existsSync(own)) throw new Error(`${own} is missing: tools/setup.sh clients`);
    return own;
}

/** The Rust program that tools/setup.sh has built. */
function rust(): string {
    const own = join(ROOT, "target/quickstart-rust/debug/rust-quickstart");
    if (!existsSync(own)) throw new Error(`${own} is missing: tools/setup.sh clients`);
    return own;
}

interface Client {
    name: string;
    command: () => string[];
    flow: Flow;
    authority: (flow: Flow) => string;
    settings?: Record<string, string>;
    /** Signs out without an ID token as a hint: a page asks. */
    asked?: boolean;
    /** Keeps its tokens itself, and says where they came from. */
    cache?: (shown: Shown) => boolean | undefined;
}

type Shown = Record<string, unknown> & { claims?: Record<string, unknown> };

const CLIENTS: Client[] = [
    ...([2, 3] as const).map(
        (major): Client => ({
            name: `msal-node ${major}`,
            command: () => ["node", OTHER_VERSION, "msal-node/app.mjs"],
            settings: { MSAL_NODE: `msal-node-${major}` },
            flow: "quick",
            authority,
            cache: (shown) => shown["fromCache"] as boolean,
        }),
    ),
    {
        name: "msal-node 7",
        command: () => ["node", "msal-node/app.mjs"],
        flow: "mfa",
        authority,
        cache: (shown) => shown["fromCache"] as boolean,
    },
    { name: "openid-client 6", command: () => ["node", "openid-client/app.mjs"], flow: "mfa", authority: issuer },
    {
        name: "MSAL for Python",
        command: () => [python(), "python/msal_app.py"],
        flow: "mfa",
        authority,
        asked: true,
        cache: (shown) => shown["source"] === "cache",
    },
    { name: "openidconnect 4", command: () => [rust()], flow: "mfa", authority: issuer },
    { name: "Authlib", command: () => [python(), "python/authlib_app.py"], flow: "mfa", authority: issuer },
];

async function shown(page: Page): Promise<Shown> {
    return JSON.parse((await page.locator("#shown").textContent()) ?? "") as Shown;
}

/** How many token requests the server has answered with 200. */
function tokenRequests(): number {
    return serverOutput().split("\n").filter((line) => /"path":"[^"]*\/oauth2\/v2\.0\/token","status":200/i.test(line)).length;
}

for (const client of CLIENTS) {
    test.describe(client.name, () => {
        let application: Running;
        let who: Person;

        test.beforeAll(async ({ browser, playwright }) => {
            const { clientId, secret = "" } = registered().web;
            application = await start(client.command(), {
                AUTHORITY: client.authority(client.flow),
                CLIENT_ID: clientId,
                CLIENT_SECRET: secret,
                ...client.settings,
            });
            who = await newcomer(browser, playwright, client.flow);
        });
        test.afterAll(async () => await application?.stop());

        test("signs in, renews, signs out", async ({ page, request }) => {
            await page.goto(`${home()}sign-in`);
            await signIn(page, request, who, client.flow);
            await page.waitForURL(`${home()}redirect?*`);
            const { claims = {} } = await shown(page);
            expect(claims).toMatchObject({ tfp: FLOWS[client.flow], emails: [who.email], given_name: who.givenName });
            if (client.flow === "mfa") expect(claims["amr"]).toEqual(expect.arrayContaining(["pwd", "sms", "mfa"]));

            if (client.cache) {
                const before = tokenRequests();
                await page.goto(`${home()}renew`);
                expect(client.cache(await shown(page)), "from its cache").toBe(true);
                expect(tokenRequests(), "nobody was asked").toBe(before);
            }
            const before = tokenRequests();
            await page.goto(`${home()}renew?force=1`);
            const renewed = await shown(page);
            expect(renewed.claims).toMatchObject({ sub: claims["sub"], auth_time: claims["auth_time"], aud: claims["aud"] });
            if (client.cache) expect(client.cache(renewed)).toBe(false);
            expect(tokenRequests()).toBe(before + 1);

            await page.goto(`${home()}sign-out`);
            if (client.asked) {
                await at(page, "Do you want to sign out?");
                await press(page, "Sign out");
            }
            await page.waitForURL(`${home()}?*`);
            expect(new URL(page.url()).searchParams.get("state")).toBe("bye");
            expect(await shown(page)).toMatchObject({ signed_in: false });
            await page.goto(`${home()}sign-in`);
            await at(page, "Sign in");
        });

        test("shows why nobody was signed in when the person cancels", async ({ page }) => {
            await page.goto(`${home()}sign-in`);
            await at(page, "Sign in");
            await press(page, "Cancel");
            await page.waitForURL(`${home()}redirect?*`);
            expect(String((await shown(page))["error"])).toContain("AADB2C90091");
        });
    });
}
