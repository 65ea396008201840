// A remembered browser: offered where the flow lets people, unticked, told by mail, listed, forgotten. A server
// of its own: the flow's setting is changed, which the others must not notice.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { nextMessage, seen } from "../support/inbox.ts";
import { at, enterPhoneCode, givePassword, person, press, signOut, signUp, TENANT, toSignIn } from "../support/journey.ts";
import { startServer, type RunningServer } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const FLOW = "b2c_1_sign_up_sign_in";
const BOX = "Remember this browser for 14 days";

let own: RunningServer;
test.beforeAll(async () => {
    own = await startServer();
    await own.command("flow", "set", FLOW, "--tenant", TENANT, "--set", "remember=true", "--set", "remember_days=14");
});
test.afterAll(async () => own.stop());

for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with scripting" : "without scripting";
    test(`U23 a browser is remembered when its owner asks for it, and forgotten at the account page, ${how}`, async ({ browser }) => {
        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB" });
        const page = await context.newPage();
        const who = person("Hedy", "Lamarr");
        await signUp(page, context.request, who);
        await signOut(page);

        await toSignIn(page);
        const texts = await seen(context.request, who.e164);
        await givePassword(page, who.email, who.password);
        await at(page, "Check your texts");
        const box = page.getByLabel(BOX);
        await expect(box).not.toBeChecked();
        await expect(page.getByText("Don’t use this on a device that you share with others.")).toBeVisible();
        await good(page, "a code page that offers to remember the browser");
        // A wrong code leaves it as it was.
        await page.locator("label", { hasText: BOX }).click();
        await page.getByLabel("Code from the text").fill("000000");
        await press(page, "Continue");
        await expect(page.locator("#error-summary")).toBeVisible();
        await expect(box).toBeChecked();
        const mails = await seen(context.request, who.email);
        await enterPhoneCode(page, context.request, who, "Text message", texts);
        await at(page, "Your details");
        await nextMessage(context.request, who.email, { known: mails, kind: "email", subject: "browser is remembered" });

        // The password is enough here now.
        await signOut(page);
        await toSignIn(page);
        await givePassword(page, who.email, who.password);
        await at(page, "Your details");

        // It is not at the account page, which lists the browser and forgets it.
        const cookies = await context.cookies();
        const plain = await browser.newContext({ baseURL: own.origin, locale: "en-GB", javaScriptEnabled });
        await plain.addCookies(cookies.filter((cookie) => cookie.name.startsWith("__Host-browser-")));
        const account = await plain.newPage();
        await account.goto(`/account/${TENANT}`);
        const again = await seen(context.request, who.e164);
        await givePassword(account, who.email, who.password);
        await expect(account.getByLabel(BOX)).toHaveCount(0);
        await enterPhoneCode(account, context.request, who, "Text message", again);
        await at(account, "Your account");
        const list = account.getByRole("region", { name: "Remembered browsers" });
        await expect(list.getByRole("listitem")).toHaveCount(1);
        if (javaScriptEnabled) await good(account, "the account page with a remembered browser");
        await list.getByRole("button", { name: /^Forget / }).click();
        await at(account, "Your account");
        await expect(account.getByRole("status").first()).toContainText("Forgotten");
        await expect(account.getByRole("region", { name: "Remembered browsers" })).toHaveCount(0);
        await plain.close();

        await signOut(page);
        await toSignIn(page);
        await givePassword(page, who.email, who.password);
        await at(page, "Check your texts");
        await context.close();
    });
}
