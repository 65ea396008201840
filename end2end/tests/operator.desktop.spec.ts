// The operator's journey: from the printed link to a tenant with its applications, user flows and operators.
// One story in steps that build on each other: the first operator's link works once.
import { linkOf, nextCode, nextMessage, seen } from "../support/inbox.ts";
import { at, becomeOperator, choose, enterPhoneCode, givePassword, operatorLink, person, press, TENANT } from "../support/journey.ts";
import { expectAccessible, expectAccessibleInBothColours } from "../support/axe.ts";
import { hydrated } from "../support/page.ts";
import { expect, test, type BrowserContext, type Page } from "../support/test.ts";

test.describe.configure({ mode: "serial" });

const operator = person("Olive", "Operator");
const HARBOUR = "harbour.example";
let context: BrowserContext;
let page: Page;

test.beforeAll(async ({ browser, baseURL }) => {
    context = await browser.newContext({ ...(baseURL ? { baseURL } : {}), locale: "en-GB", viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
});
test.afterAll(async () => context.close());

/** In both colours. */
const good = (state: string): Promise<void> => expectAccessibleInBothColours(page, state);

test("the first operator comes in by the printed link: password, authenticator app, and the link is dead (f50)", async ({ browser, baseURL }) => {
    await page.goto(operatorLink());
    // Operators have one kind of method only: never text or call.
    await expect(page.getByText("Text message")).toHaveCount(0);
    await becomeOperator(page, operatorLink(), operator);
    await page.waitForURL(/\/portal/);
    await at(page, "Tenants");
    await good("tenants");

    const other = await browser.newContext(baseURL ? { baseURL } : {});
    const thief = await other.newPage();
    await thief.goto(operatorLink());
    await expect(thief.getByLabel("Choose a password")).toHaveCount(0);
    await other.close();
});

test("O1 a tenant is created, appears in the list and the switcher; a bad domain is refused with the reason", async () => {
    await page.goto("/portal/new");
    await press(page, "Create tenant");
    await expect(page.locator("#error-summary li").first()).toBeVisible();
    await good("new tenant, errors");
    await page.getByLabel("Name", { exact: true }).fill("Harbour Clinic");
    await page.getByLabel("Domain").fill("harbour");
    await page.getByLabel("Country or region").selectOption("GB");
    await press(page, "Create tenant");
    await expect(page.locator("#error-summary")).toContainText("dot");
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Harbour Clinic");
    await page.getByLabel("Domain").fill(HARBOUR);
    await press(page, "Create tenant");
    await at(page, "Harbour Clinic");
    await expect(page.getByRole("heading", { name: "First steps" })).toBeVisible();
    await good("tenant overview");
    await page.goto("/portal");
    await expect(page.getByRole("table").getByRole("link", { name: "Harbour Clinic" })).toBeVisible();
    await expect(page.getByRole("table").getByRole("link", { name: "Riverside Clinic" })).toBeVisible();
    await page.locator("summary", { hasText: "All tenants" }).click();
    await page.getByRole("banner").getByRole("link", { name: /Harbour Clinic/ }).click();
    await at(page, "Harbour Clinic");
});

let clientId = "";

test("an application: reply URLs that can't be are refused with reasons; a secret is shown once", async ({ baseURL }) => {
    await page.goto(`/portal/${HARBOUR}/applications/new`);
    await page.getByLabel("Name", { exact: true }).fill("Harbour booking");
    await choose(page, "Single-page application");
    for (const [url, reason] of [
        ["http://app.example/cb", "must begin with https"],
        ["https://app.example/cb#part", "must not have a #"],
        ["https://*.app.example/cb", "must not have a *"],
        ["app.example/cb", "complete web address"],
    ] as const) {
        await page.getByLabel("Reply URLs").fill(url);
        await press(page, "Register application");
        await expect(page.locator("#error-summary")).toContainText(reason);
        await expect(page.getByLabel("Reply URLs")).toHaveValue(url);
    }
    await good("new application, errors");
    await page.getByLabel("Reply URLs").fill(`${baseURL}/harbour/back`);
    await press(page, "Register application");
    await at(page, "Harbour booking");
    clientId = await page.locator("dt:has-text('Client ID') + dd").locator("code, .fixed").first().innerText();
    expect(clientId).toMatch(/^[0-9a-f-]{36}$/);
    await good("application");

    await page.goto(`/portal/${HARBOUR}/applications/new`);
    await page.getByLabel("Name", { exact: true }).fill("Harbour server");
    await choose(page, "Web application");
    await page.getByLabel("Reply URLs").fill("https://harbour.example/back");
    await press(page, "Register application");
    await at(page, "Harbour server");
    await press(page, "Create secret");
    const notice = page.locator(".notice", { hasText: "The new client secret" });
    await expect(notice).toContainText("shown only this once");
    const secret = (await notice.locator(".fixed, code").first().innerText()).trim();
    expect(secret.length).toBeGreaterThanOrEqual(22);
    await good("application, new secret");
    const server = page.url().replace(/\/secret$/, "");
    await page.goto(server);
    await expect(page.locator("body")).not.toContainText(secret);

    // O9: rotation with overlap. A second secret, then the first is removed once its end is typed.
    await press(page, "Create secret");
    await page.goto(server);
    const table = page.getByRole("table", { name: "Client secrets" });
    await expect(table.getByRole("row")).toHaveCount(3);
    await table.getByRole("link", { name: `Remove the secret that ends in ${secret.slice(-4)}` }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Remove the client secret of Harbour server?");
    await page.getByLabel(`Type ${secret.slice(-4)} to confirm`).fill("no");
    await press(page, "Remove secret");
    await expect(page.locator("#error-summary")).toContainText("exactly as they are shown");
    await good("remove a secret, not confirmed");
    await page.getByLabel(`Type ${secret.slice(-4)} to confirm`).fill(secret.slice(-4));
    await press(page, "Remove secret");
    await at(page, "Harbour server");
    await expect(page.getByRole("status").first()).toContainText("The client secret is removed");
    await expect(page.getByRole("table", { name: "Client secrets" }).getByRole("row")).toHaveCount(2);
});

test("the settings of an application: what matters first, the rest behind summaries that open where something is wrong", async () => {
    await page.goto(`/portal/${HARBOUR}/applications`);
    await page.getByRole("link", { name: "Harbour server" }).click();
    await at(page, "Harbour server");
    await expect(page.getByLabel("Back-channel logout URL")).toBeHidden();
    await page.getByText("Signing out", { exact: true }).click();
    await page.getByLabel("Back-channel logout URL").fill("http://harbour.example/out");
    await page.getByLabel("It belongs to another organisation").check({ force: true });
    await press(page, "Save changes");
    await expect(page.locator("#error-summary")).toContainText("must begin with https");
    await expect(page.getByLabel("Back-channel logout URL")).toBeVisible();
    await expect(page.getByLabel("It belongs to another organisation")).toBeChecked();
    await good("application settings, errors");
    await page.getByLabel("Back-channel logout URL").fill("https://harbour.example/out");
    await press(page, "Save changes");
    const done = page.getByRole("status").first();
    await expect(done).toContainText("Saved");
    await expect(done).toContainText("Back-channel logout URL");
    for (const summary of await page.locator("form .disclosure > summary").all()) await summary.click();
    await good("application settings, all open");
});

test("O9 two operators at one application: the second one is told, and nothing of theirs is saved", async () => {
    const second = await context.newPage();
    await page.goto(`/portal/${HARBOUR}/applications`);
    await page.getByRole("link", { name: "Harbour server" }).click();
    await second.goto(page.url());
    await page.getByLabel("Name", { exact: true }).fill("Harbour web server");
    await press(page, "Save changes");
    await at(page, "Harbour web server");
    await second.getByLabel("Name", { exact: true }).fill("Harbour backend");
    await press(second, "Save changes");
    await expect(second.getByRole("alert")).toContainText("Somebody else changed this while you were editing");
    await expect(second.getByRole("alert")).toContainText("Olive Operator changed it on");
    await expect(second.getByLabel("Name", { exact: true })).toHaveValue("Harbour web server");
    await expectAccessible(second, "application, conflict");
    await second.close();
});

test("a custom attribute and a user flow with MFA off, in one table; linked to the application", async () => {
    await page.goto(`/portal/${HARBOUR}/attributes`);
    await page.getByLabel("Label").fill("Patient number");
    await page.getByLabel("Name", { exact: true }).fill("PatientNumber");
    await choose(page, "Whole number");
    await press(page, "Define attribute");
    await expect(page.getByRole("table")).toContainText("extension_PatientNumber");
    await good("attributes");

    await page.goto(`/portal/${HARBOUR}/flows/new`);
    await choose(page, "Sign up and sign in");
    await page.getByLabel("Name", { exact: true }).fill("B2C_1_signin");
    await choose(page, "Off");
    for (const label of ["Collect Given name", "Given name is required", "Return Given name", "Collect Patient number", "Return Patient number", "Return Email address"]) {
        await page.getByLabel(label, { exact: true }).check();
    }
    for (const label of ["Surname is required", "Collect Surname", "Return Surname", "Return Country/Region", "Country/Region is required", "Collect Country/Region"]) {
        await page.getByLabel(label, { exact: true }).uncheck();
    }
    await good("new user flow");
    await press(page, "Create user flow");
    await at(page, "B2C_1_signin");
    await page.getByLabel("Harbour booking").check({ force: true });
    await press(page, "Save links");
    await at(page, "B2C_1_signin");
    await expect(page.getByLabel("Harbour booking")).toBeChecked();
    await good("user flow");
    // Required without collected is a contradiction: refused, and said at the row.
    await page.getByLabel("City is required", { exact: true }).check();
    await press(page, "Save changes");
    await expect(page.locator("#error-summary")).toContainText("City is required but not collected.");
    await page.locator("#error-summary").getByRole("link").first().click();
    await expect(page.getByLabel("City is required", { exact: true })).toBeFocused();
    await good("user flow, required but not collected");
    await page.getByLabel("City is required", { exact: true }).uncheck();
    await page.getByText("Staying signed in", { exact: true }).click();
    await page.getByLabel("Life of a session, in minutes").fill("14");
    await press(page, "Save changes");
    await expect(page.locator("#error-summary")).toContainText("from 15 to 1440");
    await page.getByLabel("Life of a session, in minutes").fill("480");
    await press(page, "Save changes");
    await expect(page.getByRole("status").first()).toContainText("480 minutes");
    // U23: off, until somebody ticks it; days within their bounds.
    await page.getByText("Remembered browsers", { exact: true }).click();
    await expect(page.getByLabel("People may have their browser remembered")).not.toBeChecked();
    await page.getByLabel("People may have their browser remembered").check({ force: true });
    await page.getByLabel("For how many days").fill("91");
    await press(page, "Save changes");
    await expect(page.locator("#error-summary")).toContainText("from 1 to 90");
    await expect(page.getByLabel("People may have their browser remembered")).toBeChecked();
    await good("user flow, remembered browsers, errors");
    await page.getByLabel("People may have their browser remembered").uncheck({ force: true });
    await page.getByLabel("For how many days").fill("30");
    await press(page, "Save changes");
    await at(page, "B2C_1_signin");
    for (const summary of await page.locator("form .disclosure > summary").all()) await summary.click();
    await good("user flow, all open");
    await page.goto(`/portal/${HARBOUR}/flows/new`);
    await page.getByLabel("Name", { exact: true }).fill("b2c_1_SIGNIN");
    await press(page, "Create user flow");
    await expect(page.locator("#error-summary")).toContainText("already");
});

const pat = person("Pat", "Nolan");

test("RFC 7591: an initial access token is made for one flow, shown once, registers an application, and is revoked", async ({ request }) => {
    await page.goto(`/portal/${HARBOUR}/settings`);
    await page.getByRole("link", { name: "Initial access tokens" }).click();
    await at(page, "Initial access tokens");
    await expect(page.locator("body")).toContainText("Registration is off");
    await good("initial access tokens, none and off");
    await page.getByRole("link", { name: "turn on registration by programs" }).click();
    await press(page, "Turn on registration");
    await page.getByRole("link", { name: "Initial access tokens" }).click();
    await page.getByLabel("For whom").fill("Step counter");
    await page.getByLabel("Registrations").fill("0");
    await press(page, "Make token");
    await expect(page.locator("#error-summary")).toContainText("from 1 to 100");
    await expect(page.getByLabel("For whom")).toHaveValue("Step counter");
    await good("initial access tokens, errors");
    await page.getByLabel("Registrations").fill("2");
    await press(page, "Make token");
    const notice = page.locator(".notice", { hasText: "The new initial access token" });
    await expect(notice).toContainText("shown only this once");
    const [token, address] = (await notice.locator("code").allInnerTexts()).map((text) => text.trim());
    expect(token?.length).toBeGreaterThanOrEqual(22);
    await good("initial access tokens, a new one");

    const answer = await request.post(new URL(address!).pathname, {
        headers: { authorization: `Bearer ${token}` },
        data: { client_name: "Step counter", redirect_uris: ["https://steps.example/back"] },
    });
    expect(answer.status()).toBe(201);
    await page.goto(`/portal/${HARBOUR}/registration/tokens`);
    await expect(page.locator("body")).not.toContainText(token!);
    const row = page.getByRole("row", { name: /Step counter/ });
    await expect(row.getByRole("cell").nth(1)).toHaveText("1");
    await row.getByRole("button", { name: "Revoke the token for Step counter" }).click();
    await expect(page.getByRole("status").first()).toContainText("The token is revoked");
    await expect(row).toContainText("Revoked on");
    await expect(row.getByRole("button")).toHaveCount(0);
    const refused = await request.post(new URL(address!).pathname, {
        headers: { authorization: `Bearer ${token}` },
        data: { client_name: "Step counter", redirect_uris: ["https://steps.example/back"] },
    });
    expect(refused.status()).toBe(401);
});

test("O4 Run user flow: a sign-up without MFA; the decoded tokens carry exactly the selected claims", async ({ request }) => {
    await page.goto(`/portal/${HARBOUR}/flows/b2c_1_signin/run`);
    await good("run user flow");
    await press(page, "Run user flow");
    await hydrated(page);
    await at(page, "Sign in");
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(pat.email);
    await press(page, "Send verification code");
    await page.getByLabel("Code from the email").fill(await nextCode(request, pat.email));
    await press(page, "Continue");
    await at(page, "Finish your account");
    await expect(page.getByLabel("Surname")).toHaveCount(0);
    await page.getByLabel("Choose a password").fill(pat.password);
    await page.getByLabel("Given name").fill("Pat");
    await page.getByLabel("Patient number").fill("forty-two");
    await press(page, "Create account");
    await expect(page.locator("#error-summary")).toContainText("whole number");
    await page.getByLabel("Choose a password").fill(pat.password);
    await page.getByLabel("Patient number").fill("42");
    await press(page, "Create account");
    await at(page, "The tokens");
    const names = await page.locator("table").first().locator("tbody code").allInnerTexts();
    const protocol = ["acr", "amr", "at_hash", "aud", "auth_time", "azp", "exp", "iat", "iss", "nbf", "nonce", "oid", "sid", "sub", "tfp", "ver", "c_hash", "newUser"];
    expect(names.filter((name) => !protocol.includes(name)).sort()).toEqual(["emails", "extension_PatientNumber", "given_name"]);
    await expect(page.locator("main")).toContainText(pat.email);
    await good("tokens");
    await page.reload();
    await at(page, "There is nothing to show");
});

test("O3 switching MFA on says whom it touches; the patient's next sign-in demands the email code and a second factor", async ({ request }) => {
    await page.goto(`/portal/${HARBOUR}/flows/b2c_1_signin`);
    await page.getByRole("link", { name: "Turn on MFA" }).click();
    await expect(page.locator("main")).toContainText("The only patient has no second factor.");
    await expect(page.locator("main")).toContainText("All patients of Harbour Clinic are counted");
    await good("MFA toggle");
    for (const method of ["Text message", "Phone call", "Authenticator app"]) {
        const box = page.getByLabel(new RegExp(`^${method}`));
        if (!(await box.isChecked())) await box.check({ force: true });
    }
    await press(page, "Turn on MFA");
    await at(page, "B2C_1_signin");
    await expect(page.locator("main")).toContainText("Always on");

    await page.goto(`/portal/${HARBOUR}/flows/b2c_1_signin/run`);
    await press(page, "Run user flow");
    await hydrated(page);
    // The session of before, without a second factor, does not count any more.
    await at(page, "Sign in");
    const known = await seen(request, pat.email);
    await givePassword(page, pat.email, pat.password);
    await at(page, "Check that it’s you");
    await good("confirm email");
    await page.getByLabel("Code from the email").fill(await nextCode(request, pat.email, { known }));
    await press(page, "Continue");
    await at(page, "Protect your account");
    await choose(page, "Text message");
    await press(page, "Continue");
    await page.getByLabel("Country of the number").selectOption("US");
    await page.getByLabel("Phone number").fill(pat.phone);
    const before = await seen(request, pat.email);
    await press(page, "Send code");
    await enterPhoneCode(page, request, pat, "Text message", new Set());
    await at(page, "The tokens");
    // The owner is told (first enrolment on an existing account).
    const told = await nextMessage(request, pat.email, { known: before, kind: "email" });
    expect(`${told.subject} ${told.body}`).toMatch(/second step/i);
});

test("O2 O3 a second factor under conditions: tried out before it is saved, with what is missing said at its field", async () => {
    const flow = `/portal/${HARBOUR}/flows/b2c_1_signin`;
    await page.goto(flow);
    await page.getByRole("link", { name: "Ask under conditions" }).click();
    await at(page, "Ask under conditions for B2C_1_signin?");
    await good("MFA under conditions");
    const browser = page.getByLabel("In a new browser", { exact: true });
    const days = page.getByLabel("Days after the last second factor", { exact: true });
    await expect(browser).toBeChecked();
    await expect(days).toHaveValue("30");

    // Nothing is chosen: said above the form and at the field, and what was typed stays.
    await browser.uncheck({ force: true });
    await days.fill("");
    await press(page, "Ask under conditions");
    await expect(page.getByText("Choose at least one condition", { exact: false }).first()).toBeVisible();
    await expect(browser).not.toBeChecked();
    await good("MFA under conditions, errors");

    // Tried out: the phone of the only patient is not good enough. Nothing is saved by that.
    await browser.check({ force: true });
    await page.getByLabel("Minimum assurance").selectOption("phishing_resistant");
    await page.getByLabel(/^Passkey/).check({ force: true });
    await press(page, "Show who would be affected");
    await expect(page.locator("main")).toContainText("1 patient has only one that is not good enough here");
    await expect(page.getByLabel("Minimum assurance")).toHaveValue("phishing_resistant");
    await good("MFA under conditions, tried out");
    await page.getByLabel("Minimum assurance").selectOption("aal1");
    await press(page, "Show who would be affected");
    await expect(page.locator("main")).toContainText("1 patient has one that counts, and is asked for it where a condition holds.");

    await press(page, "Ask under conditions");
    await at(page, "B2C_1_signin");
    await expect(page.getByRole("status").first()).toContainText("a new browser");
    await expect(page.locator("main")).toContainText("Under conditions");
    await good("flow under conditions");

    // A minimum that none of the methods reaches is refused.
    await page.getByLabel("Minimum assurance").selectOption("phishing_resistant");
    await page.getByLabel(/^Passkey/).uncheck({ force: true });
    await press(page, "Save changes");
    await expect(page.getByText("None of the methods you ticked is good enough", { exact: false }).first()).toBeVisible();
    await good("flow, minimum out of reach");

    // As it was.
    await page.goto(flow);
    await page.getByRole("link", { name: "Turn on MFA" }).click();
    await press(page, "Turn on MFA");
    await at(page, "B2C_1_signin");
    await expect(page.locator("main")).toContainText("Always on");
});

test("A24 an operator of one tenant is invited by email, sees that tenant only, and loses it at the next click", async ({ request, browser, baseURL }) => {
    const theo = person("Theo", "Tenant");
    await page.goto(`/portal/${HARBOUR}/operators`);
    await good("operators, nobody");
    await page.getByLabel("Email address").fill(theo.email);
    await press(page, "Invite operator");
    await expect(page.getByRole("status").first()).toContainText("on its way");
    await expect(page.getByRole("table", { name: "Open invitations" })).toContainText(theo.email);
    await good("operators, one invited");
    const link = linkOf(await nextMessage(request, theo.email, { kind: "email" }), "/invitation/");
    const own = await browser.newContext({ ...(baseURL ? { baseURL } : {}), locale: "en-GB" });
    const theirs = await own.newPage();
    await becomeOperator(theirs, link, theo);
    await expect(theirs.getByRole("table").getByRole("link")).toHaveText(["Harbour Clinic"]);
    expect((await theirs.goto(`/portal/${TENANT}`))?.status()).toBe(404);
    await theirs.goto(`/portal/${HARBOUR}/operators`);
    await expect(theirs.locator("main")).toContainText("Only an operator of the whole system can invite");

    await page.goto(`/portal/${HARBOUR}/operators`);
    await page.getByRole("link", { name: "Remove Theo Tenant" }).click();
    await good("operator, remove");
    await press(page, "Remove operator");
    await at(page, "Operators");
    // Who manages nothing any more is signed out.
    await theirs.goto(`/portal/${HARBOUR}`);
    await at(theirs, "Sign in");
    await own.close();
});

test("who is not signed in to the portal is sent to sign in; who may not see a tenant's clinic gets nothing", async ({ page: stranger }) => {
    for (const path of ["/portal", `/portal/${HARBOUR}`, `/portal/${HARBOUR}/flows`, `/clinic/${TENANT}`]) {
        await stranger.goto(path);
        await at(stranger, "Sign in");
    }
    // An operator is not staff.
    await page.goto(`/clinic/${TENANT}`);
    await at(page, "Sign in");
});
