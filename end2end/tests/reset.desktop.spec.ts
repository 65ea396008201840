// Help with signing in: staff of the clinic give a code to a patient who lost the phone, and the patient sets up a new
// second step with it.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { nextCode, nextMessage, seen } from "../support/inbox.ts";
import { at, choose, demoAccount, enrolApp, givePassword, person, press, signUp, TENANT, toSignIn } from "../support/journey.ts";
import { startServer } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const SHAPE = /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$/;

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
        const staff = demoAccount("staff", own.output());
        await desk.goto(`/clinic/${TENANT}`);
        await givePassword(desk, staff.email, staff.password);
        await at(desk, "Check that it’s you");
        await desk.getByLabel("Code from the email").fill(await nextCode(inbox, staff.email));
        await press(desk, "Continue");
        await enrolApp(desk);
        await at(desk, "Patients");
        await desk.goto(`/clinic/${TENANT}?q=${encodeURIComponent(who.email)}`);
        await desk.locator(".row-link").first().click();
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
        expect(code).toMatch(SHAPE);
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
        const proof = await nextMessage(inbox, who.email, { known: before, kind: "email", subject: "set up a second step" });
        const digits = /(?<!\d)\d{6}(?!\d)/.exec(proof.body)?.[0] ?? "";
        await again.getByLabel("Code from the email").fill(digits);
        await press(again, "Continue");
        await enrolApp(again);
        await at(again, "Your details");
    } finally {
        await own.stop();
    }
});
