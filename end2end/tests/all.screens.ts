// Every page in its states, photographed for make screenshots. Look at them one by one.
import { nextCode, seen } from "../support/inbox.ts";
import { at, choose, demoAccount, enterPhoneCode, finishApp, giveDetails, givePassword, operatorLink, person, press, TENANT, toSignIn } from "../support/journey.ts";
import { hydrated } from "../support/page.ts";
import { screens } from "../support/screens.ts";
import { expect, test } from "../support/test.ts";

test.setTimeout(300_000);

test("the patient's pages", async ({ page, request, context }) => {
    const who = person("Ada", "Byron");
    await page.goto("/");
    await screens(page, "01-landing");
    await page.goto("/claims");
    await hydrated(page);
    await screens(page, "02-claims-signed-out");
    await toSignIn(page);
    await screens(page, "03-sign-in");
    await givePassword(page, "ada.byron@mail.example", "not the right one");
    await expect(page.locator("#error-summary")).toBeVisible();
    await screens(page, "04-sign-in-wrong");
    await press(page, "Forgot your password?");
    await at(page, "Reset your password");
    await screens(page, "05-reset-address");
    await press(page, "Back to sign in");
    await at(page, "Sign in");
    await press(page, "Create an account");
    await at(page, "Create an account");
    await screens(page, "06-sign-up-address");
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    await screens(page, "07-sign-up-code");
    await page.getByText("Problems with the code?").click();
    await page.getByLabel("Code from the email").fill("000000");
    await press(page, "Continue");
    await expect(page.locator("#error-summary")).toBeVisible();
    await page.getByText("Problems with the code?").click();
    await screens(page, "08-sign-up-code-wrong");
    await page.getByLabel("Code from the email").fill(await nextCode(request, who.email));
    await press(page, "Continue");
    await at(page, "Finish your account");
    await screens(page, "09-details");
    await press(page, "Create account");
    await expect(page.locator("#error-summary")).toBeVisible();
    await screens(page, "10-details-errors");
    await giveDetails(page, who);
    await at(page, "Protect your account");
    await screens(page, "11-choose-method");
    await choose(page, "Authenticator app");
    await press(page, "Continue");
    await at(page, "Set up your authenticator app");
    await page.getByText("I can’t scan it").click();
    await screens(page, "12-authenticator-app");
    await press(page, "Choose another way");
    await at(page, "Protect your account");
    await choose(page, "Text message");
    await press(page, "Continue");
    await at(page, "Add your phone");
    await screens(page, "13-phone");
    await page.getByLabel("Country of the number").selectOption("US");
    await page.getByLabel("Phone number").fill("+1 900 555 0142");
    await press(page, "Send code");
    await expect(page.locator("#error-summary")).toBeVisible();
    await screens(page, "14-phone-premium");
    await page.getByLabel("Phone number").fill(who.phone);
    await press(page, "Send code");
    await at(page, "Check your texts");
    await screens(page, "15-phone-code");
    await enterPhoneCode(page, request, who, "Text message", new Set());
    await at(page, "Your details");
    await screens(page, "16-claims");
    await page.getByText("Technical details").click();
    await screens(page, "17-claims-technical");
    await press(page, "Sign out");
    await expect(page.getByText("You’ve signed out.")).toBeVisible();
    await screens(page, "18-claims-after-sign-out");
    await toSignIn(page);
    const journey = page.url();
    await givePassword(page, who.email, who.password);
    await at(page, "Check your texts");
    await page.getByText("Try another way").click();
    await screens(page, "19-challenge");
    for (let tries = 0; tries < 5; tries += 1) {
        await page.getByLabel("Code from the text").fill("000000");
        await press(page, "Continue");
        await expect(page.locator("#error-summary")).toBeFocused();
    }
    await screens(page, "20-challenge-locked");
    await context.clearCookies();
    await page.goto(journey);
    await screens(page, "21-other-browser");
    await page.goto("/nowhere");
    await screens(page, "22-not-found");
    await page.goto("/dev/inbox");
    await screens(page, "23-inbox");
});

test("the account page", async ({ page, request }) => {
    const who = person("Grace", "Hopper");
    await toSignIn(page);
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    await page.getByLabel("Code from the email").fill(await nextCode(request, who.email));
    await press(page, "Continue");
    await at(page, "Finish your account");
    await giveDetails(page, who);
    await choose(page, "Text message");
    await press(page, "Continue");
    await at(page, "Add your phone");
    await page.getByLabel("Country of the number").selectOption("US");
    await page.getByLabel("Phone number").fill(who.phone);
    await press(page, "Send code");
    await enterPhoneCode(page, request, who, "Text message", new Set());
    await at(page, "Your details");
    await page.goto(`/account/${TENANT}`);
    const known = await seen(request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", known);
    await at(page, "Your account");
    await screens(page, "30-account");
    await page.getByRole("link", { name: "Change your details" }).click();
    await screens(page, "31-account-profile");
});

test("the portal", async ({ page }) => {
    await page.goto(operatorLink());
    await hydrated(page);
    await at(page, "Finish your account");
    await screens(page, "40-operator-invitation");
    const operator = person("Olive", "Operator");
    await page.getByLabel("Email address").fill(operator.email);
    await page.getByLabel("Choose a password").fill(operator.password);
    if (await page.getByLabel("Given name").count()) {
        await page.getByLabel("Given name").fill(operator.givenName);
        await page.getByLabel("Surname").fill(operator.surname);
    }
    await press(page, "Create account");
    await finishApp(page);
    await at(page, "Tenants");
    await screens(page, "41-tenants");
    await page.goto("/portal/new");
    await press(page, "Create tenant");
    await screens(page, "42-tenant-new-errors");
    await page.getByLabel("Name", { exact: true }).fill("Harbour Clinic");
    await page.getByLabel("Domain").fill("harbour.example");
    await page.getByLabel("Country or region").selectOption("GB");
    await press(page, "Create tenant");
    await at(page, "Harbour Clinic");
    await screens(page, "43-tenant-first-steps");
    for (const [name, path] of [
        ["44-tenant", ""],
        ["45-applications", "/applications"],
        ["46-application-new", "/applications/new"],
        ["48-flows", "/flows"],
        ["49-flow-new", "/flows/new"],
        ["50-flow", "/flows/b2c_1_sign_up_sign_in"],
        ["51-flow-mfa-off", "/flows/b2c_1_sign_up_sign_in/mfa?to=off"],
        ["52-flow-run", "/flows/b2c_1_sign_up_sign_in/run"],
        ["53-attributes", "/attributes"],
        ["54-staff", "/staff"],
    ] as const) {
        const answer = await page.goto(`/portal/${TENANT}${path}`);
        expect(answer?.status(), path).toBe(200);
        await screens(page, name);
    }
    await page.goto("/portal/harbour.example/applications");
    await screens(page, "55-applications-empty");
    await page.goto(`/portal/${TENANT}/applications`);
    await page.getByRole("link", { name: "Patient portal" }).click();
    await screens(page, "47-application");
});

test("the clinic", async ({ page, request }) => {
    const staff = demoAccount("staff");
    await page.goto(`/clinic/${TENANT}`);
    await screens(page, "60-clinic-sign-in");
    await givePassword(page, staff.email, staff.password);
    await at(page, "Check that it’s you");
    await screens(page, "61-confirm-email");
    await page.getByLabel("Code from the email").fill(await nextCode(request, staff.email));
    await press(page, "Continue");
    await expect(page.getByRole("heading", { level: 1 })).not.toHaveText("Check that it’s you");
    if ((await page.getByRole("heading", { level: 1 }).innerText()) === "Protect your account") {
        await choose(page, "Authenticator app");
        await press(page, "Continue");
    }
    await finishApp(page);
    await at(page, "Patients");
    await screens(page, "62-patients");
    await page.goto(`/clinic/${TENANT}?q=bra`);
    await screens(page, "63-patients-search");
    await page.goto(`/clinic/${TENANT}?q=nobody-has-this`);
    await screens(page, "64-patients-none");
    await page.goto(`/clinic/${TENANT}`);
    await page.locator(".row-link").first().click();
    await screens(page, "65-patient");
});
