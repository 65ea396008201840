// What is set for a whole tenant: one page of sections, each with a form of its own.
// A server of its own, because the first operator's link works once.
import { expectAccessibleInBothColours } from "../support/axe.ts";
import { at, becomeOperator, operatorLink, person, press, TENANT } from "../support/journey.ts";
import { refused } from "../support/page.ts";
import { startServer } from "../support/server.ts";
import { expect, test, type BrowserContext, type Page } from "../support/test.ts";

test.describe.configure({ mode: "serial" });

const SETTINGS = `/portal/${TENANT}/settings`;
let own: Awaited<ReturnType<typeof startServer>>;
let context: BrowserContext;
let page: Page;

test.beforeAll(async ({ browser }) => {
    test.setTimeout(120_000);
    own = await startServer();
    context = await browser.newContext({ baseURL: own.origin, locale: "en-GB", viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    await becomeOperator(page, operatorLink(own.output()), person("Olive", "Operator"));
});
test.afterAll(async () => {
    await context?.close();
    await own?.stop();
});

/** In both colours. */
const good = (state: string): Promise<void> => expectAccessibleInBothColours(page, state);

test("U4 the settings stand on a page of their own, in groups; a section that is saved says so where it is", async () => {
    await page.goto(`/portal/${TENANT}`);
    await expect(page.getByRole("button", { name: "Save countries" })).toHaveCount(0);
    await page.getByRole("navigation").getByRole("link", { name: "Settings" }).click();
    await at(page, "Settings");
    await expect(page.locator("main").getByRole("heading", { level: 2 })).toHaveText([
        "Sign-in and recovery",
        "Messages",
        "Staff and operators",
        "Registration of applications",
    ]);
    await good("settings");
    const hours = page.getByLabel("Waiting time in hours");
    await hours.fill("a day");
    await press(page, "Save waiting time");
    await refused(page, "from 0 to 168");
    await expect(hours).toHaveValue("a day");
    await page.locator("#error-summary").getByRole("link").first().click();
    await expect(hours).toBeFocused();
    await good("settings, errors");
    await hours.fill("12");
    await press(page, "Save waiting time");
    await expect(page).toHaveURL(/\/settings\?done=cool-down#cool-down$/);
    await expect(page.locator("#cool-down").getByRole("status")).toBeInViewport();
    await expect(page.locator("#cool-down").getByRole("status")).toContainText("The waiting time is saved");

    await press(page, "Ask for a second person");
    await expect(page.locator("#resets").getByRole("status")).toContainText("takes a second person");
    await press(page, "Let one person do it");
    await press(page, "Turn on registration");
    await expect(page.locator("#registration").getByRole("status")).toBeInViewport();
    await good("settings, registration is on");
    await press(page, "Turn off registration");
    await expect(page.locator("#registration")).toContainText("Off: only operators register applications.");
});

test("A14 the countries of texts and calls: an unknown one is refused with the reason, what was typed stays, names are shown", async () => {
    await page.goto(SETTINGS);
    await expect(page.getByText("Codes by text and call go to phones in every country.")).toBeVisible();
    const countries = page.getByLabel("Countries", { exact: true });
    await countries.fill("gb, Narnia");
    await press(page, "Save countries");
    await refused(page, "“Narnia” is no country on our list.");
    await expect(countries).toHaveValue("gb, Narnia");
    await good("settings, a wrong country");
    await countries.fill("gb, united states");
    await press(page, "Save countries");
    await expect(page.getByText("The countries are saved")).toBeVisible();
    await expect(page.getByText("Codes by text and call go to phones in United Kingdom, United States only.")).toBeVisible();
    await expect(countries).toHaveValue("United Kingdom, United States");
});

test("N19 makes of staff's passkeys: without certificates they are refused with the reason, and what was typed stays", async () => {
    await page.goto(SETTINGS);
    await expect(page.getByText("Staff may set up passkeys of any make.")).toBeVisible();
    const makes = page.locator("textarea[name=makes]");
    const typed = "2fc0579f-8113-47ea-b116-bb5a8db9202a Key 5";
    await makes.fill(typed);
    await press(page, "Save makes");
    await expect(page.locator("#error-summary li").first()).toContainText("root certificates");
    await refused(page);
    await expect(makes).toHaveValue(typed);
    await good("settings, makes of passkeys, errors");
    await makes.fill("");
    await press(page, "Save makes");
    await expect(page.getByText("The makes are saved")).toBeVisible();
});

test("U4 O9 what staff and operators must show is saved in its section; who chose on an older page is told, and keeps the choice", async () => {
    const older = await context.newPage();
    await older.goto(SETTINGS);
    await page.goto(SETTINGS);
    const section = page.locator("#minimums");
    await expect(section.getByRole("heading")).toHaveText("Second factor of staff and operators");
    const staff = section.getByLabel("Clinic staff", { exact: true });
    const operators = section.getByLabel("Operators of this tenant", { exact: true });
    await expect(staff).toHaveValue("aal1");
    await staff.selectOption("aal2_strict");
    await press(page, "Save what is asked for");
    await expect(page).toHaveURL(/\/settings\?done=minimums#minimums$/);
    await expect(section.getByRole("status")).toBeInViewport();
    await expect(section.getByRole("status")).toContainText("What staff and operators must show is saved");
    await expect(staff).toHaveValue("aal2_strict");
    await expect(operators).toHaveValue("aal1");
    await good("settings, what staff must show is saved");

    const list = older.getByLabel("Clinic staff", { exact: true });
    await list.selectOption("aal2_legacy");
    await press(older, "Save what is asked for");
    await refused(older, "Somebody else has changed this meanwhile");
    await expect(list).toHaveValue("aal2_legacy");
    await expectAccessibleInBothColours(older, "settings, what staff must show was changed meanwhile");
    await press(older, "Save what is asked for");
    await expect(older.locator("#minimums").getByRole("status")).toContainText("is saved");
    await expect(list).toHaveValue("aal2_legacy");
    await older.close();
});
