// Passkeys in a browser, with Chromium's virtual authenticator: set up, second step, alone, by the email
// field, a cancelled ceremony, the account page.
import { Authenticator } from "../support/authenticator.ts";
import { expectAccessible } from "../support/axe.ts";
import { seen } from "../support/inbox.ts";
import {
    at,
    choose,
    codesLater,
    enterPhoneCode,
    giveDetails,
    givePassword,
    person,
    press,
    proveAddress,
    signOut,
    signUp,
    toAccount,
    toSignIn,
    type Person,
} from "../support/journey.ts";
import { expectSameSize } from "../support/sizes.ts";
import { expect, test, type APIRequestContext, type Page } from "../support/test.ts";

/** A new account whose second step is a passkey, signed out again. */
async function signUpWithPasskey(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await at(page, "Protect your account");
    await choose(page, "Passkey");
    await press(page, "Continue");
    await at(page, "Create a passkey");
    await page.getByLabel("Name for this passkey").fill("My test laptop");
    await press(page, "Create a passkey");
    await codesLater(page);
    await signOut(page);
}

test("a passkey is set up with a new account and signs in alone", async ({ page, request }) => {
    const device = await Authenticator.on(page);
    await device.touched(false);
    const who = person("Ida", "Rhodes");
    await toSignIn(page);
    await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toBeVisible();
    await expectAccessible(page, "sign-in with a passkey");
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await at(page, "Protect your account");
    await choose(page, "Passkey");
    await expectAccessible(page, "choice of a passkey");
    await press(page, "Continue");
    await at(page, "Create a passkey");
    await expectAccessible(page, "creation of a passkey");
    await device.touched(true);
    await press(page, "Create a passkey");
    await codesLater(page);
    await at(page, "Your details");
    expect(await device.passkeys()).toBe(1);
    await signOut(page);

    await device.touched(false);
    await toSignIn(page);
    await device.touched(true);
    await press(page, "Sign in with a passkey");
    await at(page, "Your details");
    await expect(page.getByText(who.email).first()).toBeVisible();
});

test("the email field offers the passkey by itself", async ({ page, request }) => {
    const device = await Authenticator.on(page);
    const who = person("Kay", "McNulty");
    await signUpWithPasskey(page, request, who);
    // Its user takes what the field offers.
    await page.goto("/claims");
    await press(page, "Sign in");
    await at(page, "Your details");
    await expect(page.getByText(who.email).first()).toBeVisible();
});

test("a passkey after the password: a cancelled one leaves a way on, and the next try signs in", async ({ page, request }) => {
    const device = await Authenticator.on(page);
    const who = person("Jean", "Bartik");
    await signUpWithPasskey(page, request, who);
    await device.touched(false);
    await toSignIn(page);
    await givePassword(page, who.email, who.password);
    await at(page, "Use your passkey");
    await expectAccessible(page, "challenge of a passkey");
    await device.verifies(false);
    await device.touched(true);
    await press(page, "Use your passkey");
    await expect(page.getByText("Nothing was used. You can try again, or choose another way.")).toBeVisible();
    await expectAccessible(page, "a cancelled passkey");
    await device.verifies(true);
    await press(page, "Use your passkey");
    await at(page, "Your details");
});

test("U25 the account page: add, rename and remove a passkey; the other step stays", async ({ page, request }) => {
    const device = await Authenticator.on(page);
    await device.touched(false);
    await toAccount(page, request, person("Marlyn", "Wescoff"));
    await press(page, "Add a passkey");
    await at(page, "Add a passkey");
    await expectAccessible(page, "a passkey to add");

    // Cancelled first.
    await device.verifies(false);
    await device.touched(true);
    await page.getByLabel("Name for this passkey").fill("Kitchen laptop");
    await press(page, "Create a passkey");
    await expect(page.getByText("Nothing was used.")).toBeVisible();
    await device.verifies(true);
    await press(page, "Create a passkey");
    await expect(page.getByText("Passkey added")).toBeVisible();
    await expect(page.getByText("Kitchen laptop", { exact: true })).toBeVisible();

    await page.getByText("Rename or remove Kitchen laptop").click();
    await expectAccessible(page, "a passkey on the account page");
    await page.getByRole("textbox", { name: "New name" }).fill("Hall laptop");
    await press(page, "Save name");
    await expect(page.getByText("Hall laptop", { exact: true })).toBeVisible();
    await page.getByText("Rename or remove Hall laptop").click();
    await page.getByRole("button", { name: "Remove Hall laptop" }).click();
    await expect(page.getByText("It no longer signs in to your account")).toBeVisible();
    await expect(page.getByText("Hall laptop", { exact: true })).toHaveCount(0);
});

test("U25 after password and code a passkey is offered, “Not now” is as large, and nobody asks again soon", async ({ page, request }) => {
    const device = await Authenticator.on(page);
    await device.touched(false);
    const [asked, glad] = [person("Frances", "Spence"), person("Ruth", "Teitelbaum")];
    for (const who of [asked, glad]) {
        await signUp(page, request, who);
        await signOut(page);
    }
    const toOffer = async (who: Person): Promise<void> => {
        await toSignIn(page);
        const known = await seen(request, who.e164);
        await givePassword(page, who.email, who.password);
        await enterPhoneCode(page, request, who, "Text message", known);
    };
    await toOffer(asked);
    await at(page, "Sign in faster next time");
    await expectAccessible(page, "the offer of a passkey");
    await expectSameSize(page, "Create a passkey", "Not now");
    await press(page, "Not now");
    await signOut(page);
    await toOffer(asked);
    await signOut(page);

    await toOffer(glad);
    await at(page, "Sign in faster next time");
    await device.verifies(false);
    await device.touched(true);
    await press(page, "Create a passkey");
    await expect(page.getByText("Nothing was used.")).toBeVisible();
    await device.verifies(true);
    await press(page, "Create a passkey");
    await at(page, "Your details");
    expect(await device.passkeys()).toBe(1);
});
