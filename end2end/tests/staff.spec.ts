// The portal's page of the clinic's staff, at both sizes: who is in, who goes, who is asked in.
// A server of its own, because the first operator's link works once and the staff is no other test's.
import { expectAccessibleInBothColours } from "../support/axe.ts";
import { linkOf, nextMessage } from "../support/inbox.ts";
import { at, becomeOperator, CLINIC, demoAccount, joinStaff, operatorLink, person, press, TENANT } from "../support/journey.ts";
import { hydrated, refused } from "../support/page.ts";
import { startServer, type RunningServer } from "../support/server.ts";
import { expectNothingSideways } from "../support/sizes.ts";
import { expect, test, type BrowserContext, type Locator, type Page } from "../support/test.ts";

test.describe.configure({ mode: "serial" });

const STAFF = `/portal/${TENANT}/staff`;
let own: RunningServer;
let context: BrowserContext;
let page: Page;
let list: Locator;
let invited: Locator;

test.beforeAll(async ({ browser, viewport }) => {
    test.setTimeout(120_000);
    own = await startServer();
    context = await browser.newContext({ baseURL: own.origin, locale: "en-GB", viewport });
    page = await context.newPage();
    list = page.getByRole("table", { name: "Clinic staff of this tenant" });
    invited = page.getByRole("table", { name: "Open invitations" });
    await becomeOperator(page, operatorLink(own.output()), person("Olive", "Operator"));
});
test.afterAll(async () => {
    await context?.close();
    await own?.stop();
});

/** Nothing scrolls sideways, and axe finds nothing in either colour. */
async function good(state: string): Promise<void> {
    await expectNothingSideways(page, state);
    await expectAccessibleInBothColours(page, state);
}

test("A24 O9 staff are listed, removed once it is confirmed, and taken in again; an invitation is withdrawn", async () => {
    test.setTimeout(120_000);
    const sam = demoAccount("staff", own.output()).email;
    await page.goto(STAFF);
    await at(page, "Clinic staff");
    await expect(list).toContainText(sam);
    await good("staff, one");

    // It asks first; who turns back changes nothing.
    const remove = list.getByRole("link", { name: "Remove Sam Okafor" });
    await remove.click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Remove Sam Okafor from the staff of ${CLINIC}?`);
    await expect(page.locator("main")).toContainText(sam);
    await expect(page.locator("main")).toContainText("they are signed out, and find no patients");
    await good("staff, remove");
    await page.getByRole("link", { name: "Cancel", exact: true }).click();
    await at(page, "Clinic staff");
    await expect(list).toContainText(sam);
    await remove.click();
    const question = page.url();
    await press(page, "Remove from staff");
    await at(page, "Clinic staff");
    await expect(page.getByRole("status").first()).toContainText("removed from the staff");
    await expect(page.locator("main")).toContainText("Nobody works here yet");
    await good("staff, nobody");
    expect((await page.goto(question))?.status(), "there is nobody to remove").toBe(404);

    // Taken in again by the address, at once and without a letter; twice is said.
    await page.goto(STAFF);
    await press(page, "Send invitation");
    await refused(page, "email address");
    await good("staff, no address");
    await page.getByLabel("Email address").fill(sam);
    await press(page, "Send invitation");
    await expect(page.getByRole("status").first()).toContainText("has a staff account already");
    await expect(list).toContainText(sam);
    await page.getByLabel("Email address").fill(sam);
    await press(page, "Send invitation");
    await refused(page, "belongs to the staff already");
    await expect(page.getByLabel("Email address")).toHaveValue(sam);

    // Somebody new is invited, and the invitation is withdrawn: its link opens nothing.
    const nina = person("Nina", "Nurse");
    await page.getByLabel("Email address").fill(nina.email);
    await press(page, "Send invitation");
    await expect(page.getByRole("status").first()).toContainText("on its way");
    await expect(invited).toContainText(nina.email);
    await good("staff, one invited");
    const link = linkOf(await nextMessage(context.request, nina.email, { kind: "email" }), "/invitation/");
    await invited.getByRole("button", { name: `Withdraw the invitation to ${nina.email}` }).click();
    await expect(page.getByRole("status").first()).toContainText("The invitation is withdrawn");
    await expect(invited).toHaveCount(0);
    expect((await page.goto(link))?.status()).toBe(404);
});

test("f50 staff are invited by email, enrol a second factor and come to the clinic's list; the link works once", async ({ browser, viewport }) => {
    test.setTimeout(120_000);
    const nurse = person("Nina", "Nurse");
    await page.goto(STAFF);
    await press(page, "Send invitation");
    await refused(page);
    await page.getByLabel("Email address").fill(nurse.email);
    await press(page, "Send invitation");
    await expect(page.getByRole("status").first()).toBeVisible();
    await good("clinic staff");
    const link = linkOf(await nextMessage(context.request, nurse.email, { kind: "email" }), "/invitation/");

    const theirs = await (await browser.newContext({ baseURL: own.origin, locale: "en-GB", viewport })).newPage();
    await theirs.goto(link);
    await hydrated(theirs);
    await at(theirs, "Finish your account");
    await expect(theirs.locator("main")).toContainText(nurse.email);
    expect(await joinStaff(theirs, link, nurse)).toBeTruthy();
    await theirs.waitForURL(/\/clinic\//);
    await theirs.context().clearCookies();
    await theirs.goto(link);
    await expect(theirs.getByLabel("Choose a password")).toHaveCount(0);
    await theirs.context().close();
    await page.goto(STAFF);
    await expect(list).toContainText(nurse.email);
    await expect(invited).toHaveCount(0);
});
