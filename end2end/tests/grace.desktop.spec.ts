// A grace period: who was there before a second factor was switched on may put it off until its end. A server of
// its own: the flow is switched, which the others must not notice.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { at, giveDetails, givePassword, person, press, proveAddress, signOut, signUpByPassword, TENANT, toSignIn } from "../support/journey.ts";
import { startServer, type RunningServer } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

const FLOW = "b2c_1_sign_up_sign_in";
// While one of the application's flows demands a second factor, one that does not is refused.
const OTHERS = ["b2c_1_edit_profile", "b2c_1_password_reset"];

let own: RunningServer;
const flow = (name: string, ...words: string[]): Promise<unknown> => own.command("flow", "mfa", name, "--tenant", TENANT, "--to", ...words);
const mfa = (...words: string[]): Promise<unknown> => flow(FLOW, ...words);

test.beforeAll(async () => {
    own = await startServer();
    for (const name of OTHERS) await flow(name, "off");
});
test.afterAll(async () => own.stop());

test("O3 who was there before says “Not now” while the grace period lasts, and sets a second step up after it", async ({ browser }) => {
    const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB" });
    const page = await context.newPage();
    const who = person("Lise", "Meitner");
    await mfa("off");
    await signUpByPassword(page, context.request, who);
    await signOut(page);

    await mfa("on", "--set", "grace_days=14");
    await toSignIn(page);
    await givePassword(page, who.email, who.password);
    await at(page, "Check that it’s you");
    await expect(page.getByText(/^You can put this off until \d+ [A-Z][a-z]+ \d{4}\. From then on/)).toBeVisible();
    await good(page, "setting up a second step, which can wait");
    await press(page, "Not now");
    await signOut(page);

    // Somebody who is new has nothing to wait for.
    await toSignIn(page);
    const late = person("Emmy", "Noether");
    await proveAddress(page, context.request, late.email);
    await giveDetails(page, late);
    await at(page, "Protect your account");
    await expect(page.getByRole("button", { name: "Not now" })).toHaveCount(0);

    await mfa("on", "--set", "grace_days=0");
    await toSignIn(page);
    await givePassword(page, who.email, who.password);
    await at(page, "Check that it’s you");
    await expect(page.getByRole("button", { name: "Not now" })).toHaveCount(0);
    await context.close();
});
