// The demo's patient portal as somebody else's application, as an operator makes it so in the portal.
import { at, TENANT } from "./journey.ts";
import { expect, type Page } from "./test.ts";

/** Opens everything that is folded, so that what is in it can be filled in. */
export async function unfold(page: Page): Promise<void> {
    await page.locator("details").evaluateAll((all) => all.forEach((one) => one.setAttribute("open", "")));
}

/** By the signed-in operator on `page`: the application belongs to another organisation. */
export async function makeThirdParty(page: Page): Promise<void> {
    await page.goto(`/portal/${TENANT}/applications`);
    await page.getByRole("link", { name: "Patient portal" }).click();
    await at(page, "Patient portal");
    await unfold(page);
    await page.locator("label", { hasText: "It belongs to another organisation" }).click();
    await page.locator("form", { has: page.locator("[name=third_party]") }).getByRole("button", { name: "Save changes" }).click();
    await expect(page.locator("[name=third_party]")).toBeChecked();
}

/** By the signed-in operator on `page`: the flow offers "Keep me signed in" for so many days. */
export async function offerToKeep(page: Page, days: string): Promise<void> {
    await page.goto(`/portal/${TENANT}/flows/b2c_1_sign_up_sign_in`);
    await unfold(page);
    await page.locator("[name=keep_days]").fill(days);
    await page.locator("form", { has: page.locator("[name=keep_days]") }).getByRole("button", { name: /^Save/ }).click();
    await expect(page.locator("[name=keep_days]")).toHaveValue(days);
}
