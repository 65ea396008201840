// Applications of somebody else: consent (U29), apps with access (A32), and "Keep me signed in".
// A server of its own: the first operator's link works once, and the settings are not the demo's.
import { nextCode, seen } from "../support/inbox.ts";
import { at, becomeOperator, codesLater, enrolPhone, enterPhoneCode, giveDetails, givePassword, operatorLink, person, press, proveAddress, signInToAccount, toSignIn } from "../support/journey.ts";
import { expectAccessibleInBothColours } from "../support/axe.ts";
import { startServer, type RunningServer } from "../support/server.ts";
import { makeThirdParty, offerToKeep } from "../support/third-party.ts";
import { expect, test, type BrowserContext, type Page } from "../support/test.ts";

test.describe.configure({ mode: "serial" });

const who = person("Rosa", "Parks");
let server: RunningServer;
let context: BrowserContext;
let page: Page;

test.beforeAll(async ({ browser }) => {
    server = await startServer();
    context = await browser.newContext({ baseURL: server.origin, locale: "en-GB", viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
});
test.afterAll(async () => {
    await context.close();
    await server.stop();
});

/** In both colours. */
const good = (state: string): Promise<void> => expectAccessibleInBothColours(page, state);

test("the operator marks the application as somebody else's and offers to keep people signed in", async () => {
    await becomeOperator(page, operatorLink(server.output()), person("Olive", "Operator"));
    await makeThirdParty(page);
    await offerToKeep(page, "14");
});

test("U29 before data first goes to it, the person sees which, and may say no", async () => {
    const request = context.request;
    await toSignIn(page);
    await expect(page.getByLabel("Keep me signed in")).not.toBeChecked();
    await good("sign-in with keep me signed in");
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await enrolPhone(page, request, who, "Text message", false);
    await at(page, "Share your details?");
    await expect(page.locator("main")).toContainText("is not run by Riverside Clinic");
    await expect(page.getByRole("listitem").filter({ hasText: "Given name" })).toBeVisible();
    await good("consent");
    await press(page, "Allow");
    await codesLater(page);
    await at(page, "Your details");
});

test("U29 it is asked once; “Keep me signed in” keeps the browser signed in for the days that were offered", async () => {
    await context.clearCookies();
    await toSignIn(page);
    const known = await seen(context.request, who.e164);
    await page.locator("label", { hasText: "Keep me signed in" }).click();
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, context.request, who, "Text message", known);
    await at(page, "Your details");
    const cookie = (await context.cookies()).find((one) => one.name === "__Host-sso");
    const days = ((cookie?.expires ?? 0) - Date.now() / 1000) / 86_400;
    expect(days).toBeGreaterThan(13.9);
    expect(days).toBeLessThan(14.1);
});

test("A32 the account page lists the app and takes its access away", async () => {
    await signInToAccount(page, context.request, who);
    const apps = page.getByRole("region", { name: "Apps with access" });
    await expect(apps).toContainText("Patient portal");
    await expect(apps).toContainText("Given name");
    await good("account, apps with access");
    await apps.getByRole("button", { name: "Remove access of Patient portal" }).click();
    await expect(page.getByRole("status")).toContainText("Access removed");
    await expect(apps).not.toContainText("Patient portal");
    await good("account, access removed");
    await page.getByRole("button", { name: "Sign out everywhere else" }).click();
    await expect(page.getByRole("status")).toContainText("Signed out");
});

test("U1 U29 consent, cancel and removal without scripting", async ({ browser }) => {
    const plain = await browser.newContext({ baseURL: server.origin, javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
    const tab = await plain.newPage();
    await tab.goto("/claims");
    const props = JSON.parse((await tab.locator("leptos-island").getAttribute("data-props")) ?? "{}") as {
        config: { authority: string; client_id: string; redirect_uri: string };
    };
    const { authority, client_id, redirect_uri } = props.config;
    const discovery = await (await plain.request.get(`${authority}.well-known/openid-configuration`)).json();
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
    const begin = async () => {
        await tab.goto(`${discovery.authorization_endpoint}?${query}`);
        await at(tab, "Sign in");
        const known = await seen(plain.request, who.e164);
        await givePassword(tab, who.email, who.password);
        await at(tab, "Check your texts");
        await tab.getByLabel("Code from the text").fill(await nextCode(plain.request, who.e164, { known, kind: "text" }));
        await press(tab, "Continue");
        await at(tab, "Share your details?");
    };
    await begin();
    await press(tab, "Cancel");
    await tab.waitForURL(/\/claims\?.*error=access_denied/);
    expect(new URL(tab.url()).searchParams.get("error_description")).toMatch(/^AADB2C90091: /);
    await begin();
    await press(tab, "Allow");
    await tab.waitForURL(/\/claims\?.*code=/);
    await signInToAccount(tab, plain.request, who);
    await tab.getByRole("button", { name: "Remove access of Patient portal" }).click();
    await expect(tab.getByRole("status")).toContainText("Access removed");
    await plain.close();
});
