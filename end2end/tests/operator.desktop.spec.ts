// The operator's and the staff's journey: from the printed link to a patient on the clinic's screen.
// One story in steps that build on each other: the first operator's link works once.
import { linkOf, nextCode, nextMessage, seen } from "../support/inbox.ts";
import {
    at,
    choose,
    demoAccount,
    enterPhoneCode,
    finishApp,
    givePassword,
    operatorLink,
    person,
    press,
    signUp,
    steadyStep,
    TENANT,
    totp,
} from "../support/journey.ts";
import { expectAccessible } from "../support/axe.ts";
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

async function good(state: string): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await expectAccessible(page, `${state}, ${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

test("the first operator comes in by the printed link: password, authenticator app, and the link is dead (f50)", async ({ browser, baseURL }) => {
    await page.goto(operatorLink());
    await hydrated(page);
    await at(page, "Finish your account");
    await page.getByLabel("Email address").fill(operator.email);
    await page.getByLabel("Choose a password").fill(operator.password);
    if (await page.getByLabel("Given name").count()) {
        await page.getByLabel("Given name").fill(operator.givenName);
        await page.getByLabel("Surname").fill(operator.surname);
    }
    await press(page, "Create account");
    // Operators have one kind of method only: never text or call.
    await expect(page.getByText("Text message")).toHaveCount(0);
    await finishApp(page);
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
    await page.goto(page.url().replace(/\/secret$/, ""));
    await expect(page.locator("body")).not.toContainText(secret);
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
    await page.goto(`/portal/${HARBOUR}/flows/new`);
    await page.getByLabel("Name", { exact: true }).fill("b2c_1_SIGNIN");
    await press(page, "Create user flow");
    await expect(page.locator("#error-summary")).toContainText("already");
});

const pat = person("Pat", "Nolan");

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
    const protocol = ["acr", "amr", "at_hash", "aud", "auth_time", "azp", "exp", "iat", "iss", "nbf", "nonce", "oid", "sub", "tfp", "ver", "c_hash", "newUser"];
    expect(names.filter((name) => !protocol.includes(name)).sort()).toEqual(["emails", "extension_PatientNumber", "given_name"]);
    await expect(page.locator("main")).toContainText(pat.email);
    await good("tokens");
    await page.reload();
    await at(page, "There is nothing to show");
});

test("O3 switching MFA on says whom it touches; the patient's next sign-in demands the email code and a second factor", async ({ request }) => {
    await page.goto(`/portal/${HARBOUR}/flows/b2c_1_signin`);
    await page.getByRole("link", { name: "Turn on MFA" }).click();
    await expect(page.locator("main")).toContainText(/1 of 1|1 patient|no second factor/);
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

let staffApp = "";

test("f50 staff are invited by email, enrol a second factor and come to the clinic's list; the link works once", async ({ request, browser, baseURL }) => {
    const nurse = person("Nina", "Nurse");
    await page.goto(`/portal/${TENANT}/staff`);
    await press(page, "Send invitation");
    await expect(page.locator("#error-summary")).toBeVisible();
    await page.getByLabel("Email address").fill(nurse.email);
    await press(page, "Send invitation");
    await expect(page.getByRole("status").first()).toBeVisible();
    await good("clinic staff");
    const invitation = await nextMessage(request, nurse.email, { kind: "email" });
    const link = linkOf(invitation, "/invitation/");

    const own = await browser.newContext({ ...(baseURL ? { baseURL } : {}), locale: "en-GB" });
    const theirs = await own.newPage();
    await theirs.goto(link);
    await hydrated(theirs);
    await at(theirs, "Finish your account");
    await expect(theirs.locator("main")).toContainText(nurse.email);
    await theirs.getByLabel("Choose a password").fill(nurse.password);
    if (await theirs.getByLabel("Given name").count()) {
        await theirs.getByLabel("Given name").fill(nurse.givenName);
        await theirs.getByLabel("Surname").fill(nurse.surname);
    }
    await press(theirs, "Create account");
    await expect(theirs.getByRole("heading", { level: 1 })).not.toHaveText("Finish your account");
    if ((await theirs.getByRole("heading", { level: 1 }).innerText()) === "Protect your account") {
        await choose(theirs, "Authenticator app");
        await press(theirs, "Continue");
    }
    staffApp = await finishApp(theirs);
    expect(staffApp).toBeTruthy();
    await theirs.waitForURL(/\/clinic\//);
    await at(theirs, "Patients");
    await own.clearCookies();
    await theirs.goto(link);
    await expect(theirs.getByLabel("Choose a password")).toHaveCount(0);
    await own.close();
});

test("O7 the clinic's list: search, filter, sort and page stand in the address; opening a patient is audited", async ({ page: desk, request }) => {
    const who = person("Zelda", "Zimmermann");
    await signUp(desk, request, who);
    const staff = demoAccount("staff");
    await desk.goto(`/clinic/${TENANT}`);
    await givePassword(desk, staff.email, staff.password);
    // A first second step of an existing account: the code to its address first.
    await at(desk, "Check that it’s you");
    await desk.getByLabel("Code from the email").fill(await nextCode(request, staff.email));
    await press(desk, "Continue");
    await expect(desk.getByRole("heading", { level: 1 })).not.toHaveText("Check that it’s you");
    if ((await desk.getByRole("heading", { level: 1 }).innerText()) === "Protect your account") {
        await choose(desk, "Authenticator app");
        await press(desk, "Continue");
    }
    const secret = await finishApp(desk);
    await at(desk, "Patients");
    await expectAccessible(desk, "patients");

    await desk.getByLabel("Search by email or name").fill("Zimmer");
    await press(desk, "Search");
    await expect(desk).toHaveURL(/[?&]q=Zimmer/);
    await expect(desk.getByRole("table").getByRole("link")).toHaveText(["Zimmermann, Zelda"]);
    await desk.getByRole("link", { name: "Zimmermann, Zelda" }).click();
    await at(desk, "Zelda Zimmermann");
    await expect(desk.locator("main")).toContainText(who.email);
    await expect(desk.locator("main")).toContainText("audit log");
    await expect(desk.locator("main")).not.toContainText(who.e164);
    await expectAccessible(desk, "patient");

    await desk.goto(`/clinic/${TENANT}?q=nobody-has-this-name`);
    await expect(desk.getByText("No patients match")).toBeVisible();
    await expectAccessible(desk, "patients, none");
    await desk.goto(`/clinic/${TENANT}`);
    await desk.getByLabel("Second step").selectOption({ label: (await desk.getByLabel("Second step").locator("option").allInnerTexts())[2] ?? "" });
    await press(desk, "Search");
    await expect(desk).toHaveURL(/mfa=/);
    const badges = await desk.locator("table tbody .badge").allInnerTexts();
    expect(new Set(badges).size).toBe(1);

    await desk.goto(`/clinic/${TENANT}`);
    await desk.getByRole("columnheader", { name: "Created" }).getByRole("link").click();
    await expect(desk).toHaveURL(/sort=/);
    const header = desk.getByRole("columnheader", { name: "Created" });
    await expect(header).toHaveAttribute("aria-sort", /ascending|descending/);
    const names = () => desk.locator("table tbody tr").locator("td, th").first().innerText();
    const first = await names();
    const seenRows = new Set(await desk.locator("table tbody .row-link").evaluateAll((links) => links.map((link) => link.getAttribute("href"))));
    await desk.getByRole("link", { name: "Next" }).click();
    const next = await desk.locator("table tbody .row-link").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    expect(next.filter((href) => seenRows.has(href)), "rows shown twice").toEqual([]);
    await desk.getByRole("link", { name: "Previous" }).click();
    expect(await names()).toBe(first);

    // Another session: the code of the app.
    await desk.locator("summary", { hasText: "Sam Okafor" }).click();
    await desk.getByRole("button", { name: "Sign out" }).click();
    await desk.waitForURL((url) => url.pathname === "/");
    await desk.goto(`/clinic/${TENANT}`);
    await givePassword(desk, staff.email, staff.password);
    await at(desk, "Enter the code from your app");
    await steadyStep();
    await desk.getByLabel("Code from the app").fill(totp(secret));
    await press(desk, "Continue");
    await at(desk, "Patients");
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
