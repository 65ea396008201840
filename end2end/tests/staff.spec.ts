// The portal's page of the clinic's staff, at both sizes: who is in, who goes, who is asked in.
// A server of its own, because the first operator's link works once and the staff is no other test's.
import { expectAccessibleInBothColours } from "../support/axe.ts";
import { linkOf, nextMessage } from "../support/inbox.ts";
import { at, becomeOperator, CLINIC, demoAccount, operatorLink, person, press, TENANT } from "../support/journey.ts";
import { startServer } from "../support/server.ts";
import { expect, test } from "../support/test.ts";

test("A24 O9 staff are listed, removed once it is confirmed, and taken in again; an invitation is withdrawn", async ({ browser, viewport }) => {
    test.setTimeout(120_000);
    const own = await startServer();
    try {
        const context = await browser.newContext({ baseURL: own.origin, locale: "en-GB", viewport });
        const page = await context.newPage();
        const good = async (state: string): Promise<void> => {
            const wide = await page.evaluate(() => {
                const sideways = [document.documentElement, ...document.querySelectorAll(".table-scroll")];
                return sideways.filter((it) => it.scrollWidth > it.clientWidth).map((it) => it.className || it.tagName);
            });
            expect(wide, `${state} scrolls sideways`).toEqual([]);
            await expectAccessibleInBothColours(page, state);
        };
        await becomeOperator(page, operatorLink(own.output()), person("Olive", "Operator"));
        const staff = `/portal/${TENANT}/staff`;
        const sam = demoAccount("staff", own.output()).email;
        const list = page.getByRole("table", { name: "Clinic staff of this tenant" });
        await page.goto(staff);
        await at(page, "Clinic staff");
        await expect(list).toContainText(sam);
        await good("staff, one");

        // It asks first; who turns back changes nothing.
        const remove = list.getByRole("link", { name: "Remove Sam Okafor" });
        await remove.click();
        await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Remove Sam Okafor from the staff of ${CLINIC}?`);
        await expect(page.locator("main")).toContainText(sam);
        await expect(page.locator("main")).toContainText("their next click finds no patients");
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
        await page.goto(staff);
        await press(page, "Send invitation");
        await expect(page.locator("#error-summary")).toContainText("email address");
        await good("staff, no address");
        await page.getByLabel("Email address").fill(sam);
        await press(page, "Send invitation");
        await expect(page.getByRole("status").first()).toContainText("has a staff account already");
        await expect(list).toContainText(sam);
        await page.getByLabel("Email address").fill(sam);
        await press(page, "Send invitation");
        await expect(page.locator("#error-summary")).toContainText("belongs to the staff already");
        await expect(page.getByLabel("Email address")).toHaveValue(sam);

        // Somebody new is invited, and the invitation is withdrawn: its link opens nothing.
        const nina = person("Nina", "Nurse");
        await page.getByLabel("Email address").fill(nina.email);
        await press(page, "Send invitation");
        await expect(page.getByRole("status").first()).toContainText("on its way");
        const invited = page.getByRole("table", { name: "Open invitations" });
        await expect(invited).toContainText(nina.email);
        await good("staff, one invited");
        const link = linkOf(await nextMessage(context.request, nina.email, { kind: "email" }), "/invitation/");
        await invited.getByRole("button", { name: `Withdraw the invitation to ${nina.email}` }).click();
        await expect(page.getByRole("status").first()).toContainText("The invitation is withdrawn");
        await expect(invited).toHaveCount(0);
        expect((await page.goto(link))?.status()).toBe(404);
        await context.close();
    } finally {
        await own.stop();
    }
});
