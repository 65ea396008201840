// Every page in its states, photographed for make screenshots. Look at them one by one.
import { registerDevice } from "../support/device.ts";
import { linkOf, nextCode, nextMessage, seen } from "../support/inbox.ts";
import {
    at,
    becomeOperator,
    choose,
    chooseWhatIsNot,
    codesLater,
    enrolPhone,
    giveDetails,
    givePassword,
    operatorLink,
    person,
    press,
    proveAddress,
    signInToAccount,
    signUp,
    signUpByPassword,
    staffIn,
    TENANT,
    toAccount,
    toSignIn,
    withoutSecondStep,
} from "../support/journey.ts";
import { hydrated, refused } from "../support/page.ts";
import { screens } from "../support/screens.ts";
import { startServer } from "../support/server.ts";
import { makeThirdParty, offerToKeep } from "../support/third-party.ts";
import { expect, test, type Page } from "../support/test.ts";
import { walkPatientPages } from "../support/walk.ts";

test.setTimeout(300_000);

test("the patient's pages", async ({ page, request }) => {
    let count = 0;
    await walkPatientPages(page, request, person("Ada", "Byron"), async (state) => {
        count += 1;
        await screens(page, `${String(count).padStart(2, "0")}-${state.replace(/[^a-z]+/g, "-")}`);
    });
});

test("the account page", async ({ page, request }) => {
    await toAccount(page, request, person("Grace", "Hopper"));
    await screens(page, "40-account");
    await page.getByRole("link", { name: "Change your details" }).click();
    await screens(page, "41-account-profile");
    await page.goto(`/account/${TENANT}/email`);
    await screens(page, "42-account-email");
});

test("another address for who has no second step", async ({ browser }) => {
    const own = await startServer();
    try {
        await withoutSecondStep(own);
        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB" });
        const [page, request] = [await context.newPage(), context.request];
        const [who, other] = [person("Melba", "Roy"), person("Melba", "Roy").email];
        await signUpByPassword(page, request, who);
        await page.goto(`/account/${TENANT}`);
        await at(page, "Sign in");
        await givePassword(page, who.email, who.password);
        await at(page, "Your account");
        await page.getByRole("link", { name: "Change your email address" }).click();
        await at(page, "Change your email address");
        await screens(page, "43-account-email-alone");
        const [present, next] = [await seen(request, who.email), await seen(request, other)];
        await page.getByLabel("New email address").fill(other);
        await press(page, "Send code");
        await expect(page.getByText("First we make sure that it’s you")).toBeVisible();
        await screens(page, "44-account-email-present");
        await page.getByLabel("Code from the email").fill("000000");
        await press(page, "Continue");
        await refused(page);
        await screens(page, "44-account-email-present-wrong");
        await page.getByLabel("Code from the email").fill(await nextCode(request, who.email, { known: present, kind: "email" }));
        await press(page, "Continue");
        await expect(page.getByText("Now the new address")).toBeVisible();
        await screens(page, "45-account-email-new");
        await page.getByLabel("Code from the email").fill(await nextCode(request, other, { known: next, kind: "email" }));
        await press(page, "Continue");
        await expect(page.getByText("Your email address is changed")).toBeVisible();
        await screens(page, "46-account-email-changed");
    } finally {
        await own.stop();
    }
});

test("the portal", async ({ page }) => {
    await page.goto(operatorLink());
    await hydrated(page);
    await at(page, "Finish your account");
    await screens(page, "50-operator-invitation");
    await becomeOperator(page, operatorLink(), person("Olive", "Operator"));
    await screens(page, "51-tenants");
    await page.goto("/portal/new");
    await press(page, "Create tenant");
    await screens(page, "52-tenant-new-errors");
    await page.getByLabel("Name", { exact: true }).fill("Harbour Clinic");
    await page.getByLabel("Domain").fill("harbour.example");
    await page.getByLabel("Country or region").selectOption("GB");
    await press(page, "Create tenant");
    await at(page, "Harbour Clinic");
    await screens(page, "53-tenant-first-steps");
    for (const [name, path] of [
        ["54-tenant", ""],
        ["55-applications", "/applications"],
        ["56-application-new", "/applications/new"],
        ["57-flows", "/flows"],
        ["58-flow-new", "/flows/new"],
        ["59-flow", "/flows/b2c_1_sign_up_sign_in"],
        ["60-flow-mfa-off", "/flows/b2c_1_sign_up_sign_in/mfa?to=off"],
        ["60-flow-mfa-conditional", "/flows/b2c_1_sign_up_sign_in/mfa?to=conditional"],
        ["61-flow-run", "/flows/b2c_1_sign_up_sign_in/run"],
        ["62-attributes", "/attributes"],
        ["63-staff", "/staff"],
        ["64-operators", "/operators"],
        ["64-settings", "/settings"],
    ] as const) {
        const answer = await page.goto(`/portal/${TENANT}${path}`);
        expect(answer?.status(), path).toBe(200);
        await screens(page, name);
    }
    await page.goto(`/portal/${TENANT}/staff`);
    await press(page, "Send invitation");
    await refused(page);
    await screens(page, "63-staff-errors");
    await page.getByLabel("Email address").fill("nina@staff.example");
    await press(page, "Send invitation");
    await expect(page.getByRole("table", { name: "Open invitations" })).toBeVisible();
    await screens(page, "63-staff-invited");
    await page.getByRole("link", { name: "Remove Sam Okafor" }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Remove Sam Okafor");
    await screens(page, "63-staff-remove");
    await page.goto(`/portal/${TENANT}/settings`);
    await page.getByLabel("Waiting time in hours").fill("a day");
    await press(page, "Save waiting time");
    await refused(page);
    await screens(page, "64-settings-errors");
    await page.getByLabel("Waiting time in hours").fill("24");
    await press(page, "Save waiting time");
    await expect(page.locator("#cool-down").getByRole("status")).toBeVisible();
    await screens(page, "64-settings-saved");
    await page.goto("/portal/harbour.example/applications");
    await screens(page, "65-applications-empty");
    await page.goto(`/portal/${TENANT}/flows/b2c_1_sign_up_sign_in`);
    await page.getByLabel("City is required", { exact: true }).check();
    for (const summary of await page.locator("form .disclosure > summary").all()) await summary.click();
    await page.getByLabel("Life of a session, in minutes").fill("14");
    await press(page, "Save changes");
    const closed = page.locator("form .disclosure:not([open]) > summary");
    for (let left = await closed.count(); left > 0; left -= 1) await closed.first().click();
    await screens(page, "66-flow-errors");
    await page.goto(`/portal/${TENANT}/applications`);
    await page.getByRole("link", { name: "Patient portal" }).click();
    await screens(page, "67-application");

    await register(page, "Records", "Web API");
    await page.getByLabel("Application ID URI").fill("https://riverside.example/records");
    await page.getByLabel("Scopes").fill("appointments.read See your appointments\nappointments.write Book and cancel appointments");
    await press(page, "Save changes");
    await screens(page, "68-web-api");
    await register(page, "Appointment server", "Web application");
    await press(page, "Create secret");
    await screens(page, "69-application-secret");
    await page.goto(page.url().replace(/\/secret$/, ""));
    for (const summary of await page.locator("form .disclosure > summary").all()) await summary.click();
    await screens(page, "70-application-settings");
    await page.getByRole("link", { name: /^Remove the secret/ }).click();
    await press(page, "Remove secret");
    await screens(page, "71-secret-remove");
    await page.goto(`/portal/${TENANT}/operators`);
    await page.getByLabel("Email address").fill("theo@operators.example");
    await press(page, "Invite operator");
    await screens(page, "72-operators-invited");
    await page.goto(`/portal/${TENANT}/registration/tokens`);
    await page.getByLabel("For whom").fill("Step counter");
    await press(page, "Make token");
    await screens(page, "73-initial-access-tokens");
});

/** Registers an application of the demo tenant, up to its page. */
async function register(page: Page, name: string, kind: string): Promise<void> {
    await page.goto(`/portal/${TENANT}/applications/new`);
    await page.getByLabel("Name", { exact: true }).fill(name);
    await choose(page, kind);
    if (kind !== "Web API") await page.getByLabel("Reply URLs").fill("https://riverside.example/signed-in");
    await press(page, "Register application");
    await at(page, name);
}

test("the clinic", async ({ page, request }) => {
    let count = 79;
    await staffIn(page, request, undefined, async (state) => {
        count += 1;
        await screens(page, `${count}-${state.replaceAll(" ", "-")}`);
    });
    await screens(page, "82-patients");
    await page.goto(`/clinic/${TENANT}?q=bra`);
    await screens(page, "83-patients-search");
    await page.goto(`/clinic/${TENANT}?q=nobody-has-this`);
    await screens(page, "84-patients-none");
    await page.goto(`/clinic/${TENANT}`);
    await page.locator(".row-link").first().click();
    await screens(page, "85-patient");
    await page.goto(`/clinic/${TENANT}`);
    // Nobody who is helped with signing in below.
    await page.locator(".row-link").last().click();
    await page.getByRole("link", { name: "Change what is asked for" }).click();
    await at(page, "Second step for this patient");
    await screens(page, "85-patient-minimum");
    await chooseWhatIsNot(page.getByLabel("When the patient signs in"));
    await press(page, "Save");
    await refused(page);
    await screens(page, "85-patient-minimum-errors");
    await page.getByLabel("When the patient signs in").selectOption("aal2_strict");
    await press(page, "Save");
    await expect(page.locator("main")).toContainText("Saved");
    await screens(page, "85-patient-minimum-saved");
    await page.getByRole("link", { name: "Cancel" }).click();
    await expect(page.getByRole("region", { name: "Second step for this patient" })).toContainText("an authenticator app");
    await screens(page, "85-patient-rule");
    await page.goto(`/clinic/${TENANT}?mfa=enrolled`);
    await page.locator(".row-link").first().click();
    await page.getByRole("link", { name: "Help with signing in" }).click();
    await at(page, "Help with signing in");
    await screens(page, "85-patient-help");
    await press(page, "Turn these off and give a code");
    await screens(page, "85-patient-help-refused");
    await choose(page, "In person: I know them");
    await page.getByLabel("Reason").fill("Lost the phone on the bus");
    for (const box of await page.locator("fieldset .choice-label[for^=f-lost-]").all()) await box.click();
    await press(page, "Turn these off and give a code");
    await at(page, "Code for the patient");
    await screens(page, "85-patient-help-code");
});

test("a person's account", async ({ page, request }) => {
    const who = person("Mary", "Jackson");
    await signUp(page, request, who);
    await page.clock.install();
    await signInToAccount(page, request, who);
    for (const summary of await page.locator("main .disclosure > summary").all()) await summary.click();
    await screens(page, "86-account");
    await press(page, "Make recovery codes");
    await at(page, "Your recovery codes");
    await screens(page, "86-recovery-codes-new");
    await page.getByRole("link", { name: "I’ve saved these" }).click();
    await at(page, "Your account");
    for (const summary of await page.locator("main .disclosure > summary").all()) await summary.click();
    await screens(page, "86-recovery-codes");
    await page.goto(`/account/${TENANT}/history`);
    await screens(page, "87-account-history");
    await page.goto(`/account/${TENANT}/data`);
    await screens(page, "88-account-data");
    await page.goto(`/account/${TENANT}/delete`);
    await press(page, "Delete my account");
    await expect(page.locator("[aria-invalid=true]")).toBeVisible();
    await screens(page, "89-account-delete-errors");
    const mails = await seen(request, who.email);
    await page.locator("label", { hasText: "Yes, delete my account" }).click();
    await press(page, "Delete my account");
    await at(page, "Your account");
    await screens(page, "89-account-deletion-planned");
    await page.clock.fastForward("57:00");
    await expect(page.getByRole("dialog")).toBeVisible();
    await screens(page, "89-session-ends");
    await page.clock.fastForward("03:00");
    await at(page, "You were signed out");
    await screens(page, "89-signed-out-when-idle");
    const mail = await nextMessage(request, who.email, { known: mails, kind: "email", subject: "/not-me/" });
    await page.goto(linkOf(mail, "/not-me/"));
    await screens(page, "89-not-me");
    await page.locator("main button[type=submit]").click();
    await screens(page, "89-not-me-done");
});

test("an application of somebody else", async ({ browser }) => {
    const own = await startServer();
    try {
        const operator = await (await browser.newContext({ baseURL: own.origin })).newPage();
        await becomeOperator(operator, operatorLink(own.output()), person("Olive", "Operator"));
        await makeThirdParty(operator);
        await screens(operator, "90-application-third-party");
        await offerToKeep(operator, "14");

        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB" });
        const page = await context.newPage();
        const who = person("Rosa", "Parks");
        await toSignIn(page);
        await screens(page, "91-sign-in-keep");
        await proveAddress(page, context.request, who.email);
        await giveDetails(page, who);
        await enrolPhone(page, context.request, who, "Text message", false);
        await at(page, "Share your details?");
        await screens(page, "92-consent");
        await press(page, "Allow");
        await codesLater(page);
        await at(page, "Your details");
        await signInToAccount(page, context.request, who);
        await screens(page, "93-account-access");
        await page.getByRole("button", { name: "Remove access of Patient portal" }).click();
        await expect(page.getByRole("status")).toContainText("Access removed");
        await screens(page, "94-account-access-removed");

        const device = await registerDevice(operator, operator.request);
        await page.goto((await device.ask()).verification_uri);
        await at(page, "Sign in on another device");
        await screens(page, "95-device-code");
        await page.getByLabel("Code on the device").fill("BBBB-BBBB");
        await press(page, "Continue");
        await expect(page.getByText("This code does not work").first()).toBeVisible();
        await screens(page, "96-device-wrong-code");
        await page.getByLabel("Code on the device").fill((await device.ask()).user_code);
        await press(page, "Continue");
        await at(page, "Is this your device?");
        await screens(page, "97-device-question");
        await press(page, "No");
        await at(page, "The device is not signed in");
        await screens(page, "98-device-no");
    } finally {
        await own.stop();
    }
});
