// Help with signing in: staff of the clinic give a code to a patient who lost the phone, and the patient sets up a new
// second step with it. And what staff ask of one patient.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { nextCode, nextMessage, seen } from "../support/inbox.ts";
import { at, choose, enrolApp, enterPhoneCode, givePassword, person, press, signUp, staffIn, TENANT, toSignIn } from "../support/journey.ts";
import { RECOVERY_CODE } from "../support/recovery.ts";
import { startServer } from "../support/server.ts";
import { expect, test, type APIRequestContext, type Page } from "../support/test.ts";

// Staff of the demo's clinic sign in for the first time and open a patient.
async function openPatient(desk: Page, inbox: APIRequestContext, output: string, email: string): Promise<void> {
    await staffIn(desk, inbox, output);
    await desk.goto(`/clinic/${TENANT}?q=${encodeURIComponent(email)}`);
    await desk.locator(".row-link").first().click();
}

test("N17 N18 N20 staff give out a code, and the patient sets up a new app with it", async ({ browser }) => {
    test.setTimeout(180_000);
    const own = await startServer();
    try {
        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB" });
        const inbox = context.request;
        const patient = await context.newPage();
        const who = person("Lost", "Phone");
        await signUp(patient, inbox, who);

        const desk = await (await browser.newContext({ baseURL: own.origin, locale: "en-GB" })).newPage();
        await openPatient(desk, inbox, own.output(), who.email);
        await at(desk, "Lost Phone");
        await good(desk, "a patient whom staff can help");
        await desk.getByRole("link", { name: "Help with signing in" }).click();
        await at(desk, "Help with signing in");
        await good(desk, "help with signing in");

        // What is missing is said, and what was typed stays.
        await desk.getByLabel("Reason").fill("Lost it");
        await press(desk, "Turn these off and give a code");
        const summary = desk.locator("#error-summary");
        await expect(summary).toContainText("Choose how you recognised the patient.");
        await expect(summary).toContainText("Write a reason of at least 10 characters.");
        await expect(desk.getByLabel("Reason")).toHaveValue("Lost it");
        await good(desk, "help with signing in, refused");
        await choose(desk, "In person, with a passport");
        await desk.getByLabel("Reason").fill("Lost the phone on the bus");
        await press(desk, "Turn these off and give a code");
        await expect(summary).toContainText("Tick what the patient lost.");
        await desk.locator("label", { hasText: "Text message or phone call" }).click();
        await expect(desk.getByRole("checkbox")).toBeChecked();
        const mails = await seen(inbox, who.email);
        const texts = await seen(inbox, who.e164);
        await press(desk, "Turn these off and give a code");
        await at(desk, "Code for the patient");
        const code = await desk.locator(".recovery-codes code").innerText();
        expect(code).toMatch(RECOVERY_CODE);
        await good(desk, "the code for the patient");
        await desk.getByRole("link", { name: "Done" }).click();
        await at(desk, "Lost Phone");
        await expect(desk.locator("main")).toContainText("Turned off");
        expect(await desk.content()).not.toContain(code);

        // The patient is told on every channel.
        const mail = await nextMessage(inbox, who.email, { known: mails, kind: "email", subject: "code to sign in" });
        expect(mail.body).toContain("/not-me/");
        expect(mail.body).not.toContain(code);
        await nextMessage(inbox, who.e164, { known: texts, kind: "text", subject: "gave out a code" });

        // Signed out everywhere: password, code, the code to the address, a new app.
        const again = await (await browser.newContext({ baseURL: own.origin, locale: "en-GB" })).newPage();
        await toSignIn(again);
        await givePassword(again, who.email, who.password);
        await at(again, "Enter a recovery code");
        await good(again, "the code from the clinic is asked for");
        const before = await seen(inbox, who.email);
        await again.getByLabel("Recovery code").fill(code.toLowerCase().replaceAll("-", " "));
        await press(again, "Continue");
        await at(again, "Check that it’s you");
        const proof = await nextCode(inbox, who.email, { known: before, kind: "email", subject: "set up a second step" });
        await again.getByLabel("Code from the email").fill(proof);
        await press(again, "Continue");
        await enrolApp(again);
        await at(again, "Your details");
    } finally {
        await own.stop();
    }
});

test("N14 N20 N23 staff ask one patient for more than a text message, and the patient sets it up", async ({ browser }) => {
    test.setTimeout(180_000);
    const own = await startServer();
    try {
        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB" });
        const inbox = context.request;
        const who = person("Needs", "More");
        await signUp(await context.newPage(), inbox, who);
        const desk = await (await browser.newContext({ baseURL: own.origin, locale: "en-GB" })).newPage();
        await openPatient(desk, inbox, own.output(), who.email);
        await at(desk, "Needs More");
        const rule = desk.getByRole("region", { name: "Second step for this patient" });
        await expect(rule).toContainText("As the sign-in page asks");
        await rule.getByRole("link", { name: "Change what is asked for" }).click();
        await at(desk, "Second step for this patient");
        await good(desk, "second step for this patient");
        const mails = await seen(inbox, who.email);
        await desk.getByLabel("When the patient signs in").selectOption("aal2_strict");
        await press(desk, "Save");
        await at(desk, "Second step for this patient");
        await expect(desk.locator("main")).toContainText("Saved");
        await good(desk, "second step for this patient, saved");
        const mail = await nextMessage(inbox, who.email, { known: mails, kind: "email", subject: "how you sign in" });
        expect(mail.body).toContain("/not-me/");
        await desk.getByRole("link", { name: "Cancel" }).click();
        await expect(rule).toContainText("Always: a passkey, an authenticator app or a recovery code");
        await good(desk, "a patient with a rule");

        // A text message is asked first, and is not enough.
        const again = await (await browser.newContext({ baseURL: own.origin, locale: "en-GB" })).newPage();
        const texts = await seen(inbox, who.e164);
        await toSignIn(again);
        await givePassword(again, who.email, who.password);
        const before = await seen(inbox, who.email);
        await enterPhoneCode(again, inbox, who, "Text message", texts);
        await at(again, "Check that it’s you");
        const proof = await nextCode(inbox, who.email, { known: before, kind: "email", subject: "set up a second step" });
        await again.getByLabel("Code from the email").fill(proof);
        await press(again, "Continue");
        await enrolApp(again, false);
        await at(again, "Your details");
    } finally {
        await own.stop();
    }
});
