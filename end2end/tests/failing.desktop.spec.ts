// What people read when things fail on our side: a provider that is down, a code whose time is up.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expectAccessible } from "../support/axe.ts";
import { at, becomeOperator, choose, person, press, toSignIn } from "../support/journey.ts";
import { hydrated } from "../support/page.ts";
import { startServer } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

test("a mail server that is down: the page says that the code is late, goes on trying, and offers another way", async ({ browser }) => {
    test.setTimeout(120_000);
    // Nobody listens on the discard port of loopback.
    const own = await startServer([], { LANYARD_SMTP__HOST: "127.0.0.1", LANYARD_SMTP__PORT: "9", LANYARD_SMTP__TLS: "none", LANYARD_SMTP__FROM: "clinic@harbour.example" }, false);
    try {
        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB" });
        const page = await context.newPage();
        await becomeOperator(page, readFileSync(join(own.data, "first-operator.url"), "utf8").trim(), person("Olive", "Operator"));
        await page.goto("/portal/new");
        await page.getByLabel("Name", { exact: true }).fill("Harbour Clinic");
        await page.getByLabel("Domain").fill("harbour.example");
        await page.getByLabel("Country or region").selectOption("GB");
        await press(page, "Create tenant");
        await page.goto("/portal/harbour.example/flows/new");
        await page.getByLabel("Name", { exact: true }).fill("signin");
        await choose(page, "Off");
        await press(page, "Create user flow");
        await page.goto("/portal/harbour.example/applications/new");
        await page.getByLabel("Name", { exact: true }).fill("Booking");
        await choose(page, "Single-page application");
        await page.getByLabel("Reply URLs").fill("https://booking.harbour.example/back");
        await press(page, "Register application");
        await at(page, "Booking");
        await page.goto("/portal/harbour.example/flows/signin/run");
        await press(page, "Run user flow");
        await hydrated(page);
        await at(page, "Sign in");
        await press(page, "Create an account");
        await at(page, "Create an account");
        await page.getByLabel("Email address").fill("pat@mail.example");
        await press(page, "Send verification code");
        // The request itself is not held up by the provider.
        await at(page, "Check your email");
        await expect(page.getByRole("status").filter({ hasText: "It’s taking longer than usual" })).toBeVisible({ timeout: 30_000 });
        await expect(page.locator("main")).toContainText("We’re still trying. You can wait, or try another way.");
        await expectAccessible(page, "code, delayed");
        // The same without scripting: the page as the server draws it.
        await page.reload();
        await expect(page.locator("main")).toContainText("It’s taking longer than usual");
        // What helps stands open by itself where a message is late.
        await expect(page.getByRole("button", { name: "Use another email address" })).toBeVisible();
        await expect(page.getByText("Contact Harbour Clinic").first()).toBeVisible();
        await context.close();
    } finally {
        await own.stop();
    }
});

// The server's clock cannot be moved from here (that a code dies after ten minutes is tested over HTTP);
// what is shown of its answer can.
test("U14 a code whose time is up is told from a wrong one, and a new one is offered", async ({ page }) => {
    const who = person();
    await toSignIn(page);
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    await page.route("**/api/journeys/*/submit-code", async (route) => {
        const answer = await route.fetch();
        const view = (await answer.json()) as { problems: { field: string; code: unknown }[] };
        expect(view.problems.map((problem) => problem.field)).toEqual(["code"]);
        await route.fulfill({ response: answer, json: { ...view, problems: [{ field: "code", code: "code_expired" }] } });
    });
    await page.getByLabel("Code from the email").fill("000000");
    await press(page, "Continue");
    const summary = page.locator("#error-summary");
    await expect(summary).toContainText("This code has run out. Ask for a new code.");
    await expect(summary).toBeFocused();
    await expect(page.locator("#f-code-error")).toContainText("This code has run out.");
    await expect(page.getByRole("button", { name: "Send a new code" })).toBeVisible();
    await expectAccessible(page, "code, expired");
});
