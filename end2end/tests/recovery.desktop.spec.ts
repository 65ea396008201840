// Recovery codes: made at the account page and shown once, used once each at sign-in, a warning when few are left.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { nextMessage, seen } from "../support/inbox.ts";
import { at, person, press, signInToAccount, signOut, signUp, TENANT, type Person } from "../support/journey.ts";
import { downloaded, hydrated } from "../support/page.ts";
import { printCodes, shownCodes, toRecovery } from "../support/recovery.ts";
import { expect, test, type APIRequestContext, type Page } from "../support/test.ts";

const HOME = `/account/${TENANT}`;

/** Signed up, signed out of the application, and signed in at the account page a moment ago. */
async function toAccount(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await signUp(page, request, who);
    await signOut(page);
    await signInToAccount(page, request, who);
}

test("U22 recovery codes are made, saved and shown only once", async ({ page, request }) => {
    const who = person("Dorothy", "Vaughan");
    await toAccount(page, request, who);
    await expect(page.getByText("You have no recovery codes.")).toBeVisible();
    await good(page, "the account page without recovery codes");
    const mails = await seen(request, who.email);
    await press(page, "Make recovery codes");
    const codes = await shownCodes(page);
    await good(page, "new recovery codes");
    await nextMessage(request, who.email, { known: mails, kind: "email", subject: "recovery codes" });

    const file = await downloaded(page, () => page.getByRole("link", { name: "Download recovery codes" }).click());
    expect(file.name).toBe("recovery-codes.txt");
    for (const code of codes) expect(file.text).toContain(code);

    await hydrated(page);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy recovery codes" }).click();
    await expect(page.getByText("Copied")).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(codes.join("\n"));
    await printCodes(page);

    await page.getByRole("link", { name: "I’ve saved these" }).click();
    await at(page, "Your account");
    await expect(page.getByText("10 codes left")).toBeVisible();
    await good(page, "the account page with recovery codes");
    await page.goto(`${HOME}/recovery-codes`);
    await at(page, "Your account");
    expect(await page.content()).not.toContain(codes[0]);

    await page.getByText("Remove your recovery codes").click();
    await press(page, "Remove recovery codes");
    await expect(page.getByRole("status")).toContainText("Recovery codes removed");
    await expect(page.getByText("You have no recovery codes.")).toBeVisible();
});

test("U22 N15 a recovery code signs in once, and a warning comes at three codes", async ({ page, request }) => {
    test.setTimeout(180_000);
    const who = person("Annie", "Easley");
    await toAccount(page, request, who);
    await press(page, "Make recovery codes");
    const codes = await shownCodes(page);
    await page.getByRole("link", { name: "I’ve saved these" }).click();

    await toRecovery(page, who);
    await good(page, "a recovery code is asked for");
    await press(page, "Continue");
    await expect(page.locator("#error-summary")).toContainText("Enter the code.");
    await page.getByLabel("Recovery code").fill("12345");
    await press(page, "Continue");
    await expect(page.locator("#error-summary")).toContainText("24 letters and numbers");
    await good(page, "what is no recovery code");
    const mails = await seen(request, who.email);
    // Small letters and spaces, as people type.
    await page.getByLabel("Recovery code").fill((codes[0] ?? "").toLowerCase().replaceAll("-", " "));
    await press(page, "Continue");
    await signOut(page);
    const mail = await nextMessage(request, who.email, { known: mails, kind: "email", subject: "9 codes left" });
    expect(mail.body).toContain("/not-me/");

    await toRecovery(page, who);
    await page.getByLabel("Recovery code").fill(codes[0] ?? "");
    await press(page, "Continue");
    await expect(page.locator("#error-summary")).toContainText("already been used");
    await good(page, "a recovery code for the second time");
    for (const [used, code] of codes.slice(1, 7).entries()) {
        if (used > 0) await toRecovery(page, who);
        await page.getByLabel("Recovery code").fill(code);
        await press(page, "Continue");
        await signOut(page);
    }
    await page.goto(HOME);
    await expect(page.getByText("You have only 3 recovery codes left")).toBeVisible();
    await good(page, "the account page with three recovery codes");
    // N20: whoever came in by a code cannot put the owner out.
    await expect(page.getByText("Some things can’t be changed yet")).toBeVisible();
    await page.getByRole("link", { name: "Change your email address" }).click();
    await expect(page.getByText("this stays as it is until")).toBeVisible();
    await good(page, "an address that can’t be changed yet");
});
