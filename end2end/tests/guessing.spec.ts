// Passwords of a stolen list: what people read whose network somebody guesses from, and how they get in all the
// same. A server of its own: it allows a network few wrong passwords, which the others must not notice.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { seen } from "../support/inbox.ts";
import { at, enterPhoneCode, givePassword, person, press, signOut, signUp, TENANT, toSignIn } from "../support/journey.ts";
import { startServer, type RunningServer } from "../support/server.ts";
import { expectReflow } from "../support/sizes.ts";
import { expect, test, type Page } from "../support/test.ts";

const ALLOWED = 3;
const WAITS = /Too many wrong passwords came from your internet connection, perhaps typed by somebody else\. Wait \d+ (minutes?|seconds?), use another connection/;

let own: RunningServer;
test.beforeAll(async () => {
    own = await startServer([], { LANYARD_LIMITS__WRONG_PASSWORDS_PER_ADDRESS: String(ALLOWED) });
});
test.afterAll(async () => own.stop());

async function refused(page: Page, email: string): Promise<void> {
    await expect(page.locator("#error-summary")).toContainText(WAITS);
    await expect(page).toHaveTitle(/^Error: /);
    await expect(page.getByLabel("Email address")).toHaveValue(email);
    await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
}

test("U14 a network that guesses waits and is told how to go on; whoever signed in here before goes on", async ({ browser, viewport }) => {
    const options = { baseURL: own.origin, locale: "en-GB", viewport };
    const hers = await browser.newContext(options);
    const page = await hers.newPage();
    const who = person("Grace", "Hopper");
    await signUp(page, hers.request, who);
    await signOut(page);

    const other = await browser.newContext(options);
    const guesses = await other.newPage();
    await toSignIn(guesses);
    for (let n = 0; n < ALLOWED; n++) {
        await givePassword(guesses, `nobody${n}@mail.example`, "a wrong password");
        // The same words as the time before: it comes into focus when they are said again.
        await expect(guesses.locator("#error-summary")).toBeFocused();
        await expect(guesses.locator("#error-summary")).toContainText("The email address or password is not right.");
    }
    // Not even the right password, anywhere in that network.
    await givePassword(guesses, who.email, who.password);
    await refused(guesses, who.email);
    await expect(guesses.locator("#error-summary")).toBeFocused();
    await expectReflow(guesses, "sign-in, a network that waits");
    await good(guesses, "sign-in, a network that waits");

    const plain = await browser.newContext({ ...options, javaScriptEnabled: false });
    const form = await plain.newPage();
    await form.goto(`/account/${TENANT}`);
    await at(form, "Sign in");
    await givePassword(form, who.email, who.password);
    await refused(form, who.email);
    await plain.close();

    // The way that is named is open.
    await press(guesses, "Forgot your password?");
    await at(guesses, "Reset your password");
    await other.close();

    // In her own browser nobody waits for what others do.
    await toSignIn(page);
    const known = await seen(hers.request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, hers.request, who, "Text message", known);
    await at(page, "Your details");
    await hers.close();
});
