// Without scripting there is no passkey: it is not offered, and everything else is.
import { at, press, TENANT } from "../support/journey.ts";
import { expect, test } from "../support/test.ts";

test("U1 without scripting passkeys are not offered, and the password is", async ({ page }) => {
    await page.goto(`/account/${TENANT}`);
    await at(page, "Sign in");
    await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toBeHidden();
    await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
    await press(page, "Forgot your password?");
    await at(page, "Reset your password");
});
