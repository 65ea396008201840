// The clinic's list of patients, and a patient on its screen, for the demo's member of staff.
import { expectAccessible } from "../support/axe.ts";
import { at, givePassword, person, press, signUp, staffIn, steadyStep, TENANT, totp } from "../support/journey.ts";
import { expect, test } from "../support/test.ts";

test("O7 the clinic's list: search, filter, sort and page stand in the address; opening a patient is audited", async ({ page: desk, request }) => {
    const who = person("Zelda", "Zimmermann");
    await signUp(desk, request, who);
    const staff = await staffIn(desk, request);
    await expectAccessible(desk, "patients");

    await desk.getByLabel("Search by email or name").fill("Zimmer");
    await press(desk, "Search");
    await expect(desk).toHaveURL(/[?&]q=Zimmer/);
    await expect(desk.getByRole("table").getByRole("link")).toHaveText(["Zimmermann, Zelda"]);
    await desk.getByRole("link", { name: "Zimmermann, Zelda" }).click();
    await at(desk, "Zelda Zimmermann");
    await expect(desk.locator("main")).toContainText(who.email);
    await expect(desk.locator("main")).toContainText("audit log");
    await expect(desk.locator("main")).not.toContainText(who.e164);
    await expectAccessible(desk, "patient");

    await desk.goto(`/clinic/${TENANT}?q=nobody-has-this-name`);
    await expect(desk.getByText("No patients match")).toBeVisible();
    await expectAccessible(desk, "patients, none");
    await desk.goto(`/clinic/${TENANT}`);
    await desk.getByLabel("Second step").selectOption({ label: (await desk.getByLabel("Second step").locator("option").allInnerTexts())[2] ?? "" });
    await press(desk, "Search");
    await expect(desk).toHaveURL(/mfa=/);
    const badges = await desk.locator("table tbody .badge").allInnerTexts();
    expect(new Set(badges).size).toBe(1);

    await desk.goto(`/clinic/${TENANT}`);
    await desk.getByRole("columnheader", { name: "Created" }).getByRole("link").click();
    await expect(desk).toHaveURL(/sort=/);
    const header = desk.getByRole("columnheader", { name: "Created" });
    await expect(header).toHaveAttribute("aria-sort", /ascending|descending/);
    const names = () => desk.locator("table tbody tr").locator("td, th").first().innerText();
    const first = await names();
    const seenRows = new Set(await desk.locator("table tbody .row-link").evaluateAll((links) => links.map((link) => link.getAttribute("href"))));
    await desk.getByRole("link", { name: "Next" }).click();
    const next = await desk.locator("table tbody .row-link").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
    expect(next.filter((href) => seenRows.has(href)), "rows shown twice").toEqual([]);
    await desk.getByRole("link", { name: "Previous" }).click();
    expect(await names()).toBe(first);

    // Another session: the code of the app.
    await desk.locator("summary", { hasText: "Sam Okafor" }).click();
    await desk.getByRole("button", { name: "Sign out" }).click();
    await desk.waitForURL((url) => url.pathname === "/");
    await desk.goto(`/clinic/${TENANT}`);
    await givePassword(desk, staff.email, staff.password);
    await at(desk, "Enter the code from your app");
    await steadyStep();
    await desk.getByLabel("Code from the app").fill(totp(staff.secret));
    await press(desk, "Continue");
    await at(desk, "Patients");
});
