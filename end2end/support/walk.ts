// One walk over the patient's pages with their states: looked at by axe in ux.phone.spec.ts, and
// photographed in all.screens.ts. What is added here is seen by both.
import { expect, type APIRequestContext, type Page } from "@playwright/test";
import { nextCode } from "./inbox.ts";
import { at, choose, giveDetails, givePassword, type Person, press, signOut, toSignIn } from "./journey.ts";
import { hydrated, refused } from "./page.ts";

/** Looks at the page as it is now; `state` is a few words in lower case. */
export type Look = (state: string) => Promise<void>;

/** From the landing page through sign-up, claims and sign-in to the pages at the end of it. */
export async function walkPatientPages(page: Page, request: APIRequestContext, who: Person, look: Look): Promise<void> {
    await page.goto("/");
    await look("landing page");
    await page.goto("/claims");
    await hydrated(page);
    await look("claims, signed out");
    await toSignIn(page);
    await look("sign in");
    await givePassword(page, who.email, "surely wrong here");
    await refused(page);
    await look("sign in, wrong");
    await press(page, "Forgot your password?");
    await at(page, "Reset your password");
    await look("reset, address");
    await press(page, "Back to sign in");
    await at(page, "Sign in");
    await signUpPages(page, request, who, look);
    await claimsPages(page, look);
    await signInPages(page, who, look);
    await page.goto("/nowhere");
    await look("not found");
    await page.goto("/dev/inbox");
    await look("inbox");
}

async function signUpPages(page: Page, request: APIRequestContext, who: Person, look: Look): Promise<void> {
    await press(page, "Create an account");
    await at(page, "Create an account");
    await look("sign up, address");
    await press(page, "Send verification code");
    await refused(page);
    await look("sign up, no address");
    await page.getByLabel("Email address").fill(who.email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    const code = await nextCode(request, who.email);
    await page.getByText("Problems with the code?").click();
    await look("code");
    await page.getByLabel("Code from the email").fill("1234");
    await press(page, "Continue");
    await refused(page);
    await look("code, too short");
    await page.getByLabel("Code from the email").fill(code);
    await press(page, "Continue");
    await at(page, "Finish your account");
    await look("details");
    await press(page, "Create account");
    await refused(page);
    await look("details, errors");
    await giveDetails(page, who);
    await at(page, "Protect your account");
    await look("methods");
    await choose(page, "Authenticator app");
    await press(page, "Continue");
    await at(page, "Set up your authenticator app");
    await page.getByText("I can’t scan it").click();
    await look("authenticator app");
    await page.getByLabel("Code from the app").fill("123");
    await press(page, "Turn on");
    await refused(page);
    await look("authenticator app, wrong");
    await press(page, "Choose another way");
    await at(page, "Protect your account");
    await choose(page, "Phone call");
    await press(page, "Continue");
    await at(page, "Add your phone");
    await look("phone");
    await page.getByLabel("Country of the number").selectOption("US");
    await page.getByLabel("Phone number").fill("+1 900 555 0142");
    await press(page, "Send code");
    await refused(page);
    await look("phone, premium rate");
    await page.getByLabel("Phone number").fill(who.phone);
    await press(page, "Send code");
    await at(page, "Answer your phone");
    await look("phone code");
    await page.getByLabel("Code from the call").fill(await nextCode(request, who.e164));
    await press(page, "Continue");
    await at(page, "Your recovery codes");
    await look("recovery codes offered");
    await press(page, "Not now");
    await at(page, "Your details");
}

async function claimsPages(page: Page, look: Look): Promise<void> {
    await look("claims");
    await page.getByText("Technical details").click();
    await look("claims, technical");
    await signOut(page);
    await look("claims, after signing out");
}

async function signInPages(page: Page, who: Person, look: Look): Promise<void> {
    await toSignIn(page);
    const journey = page.url();
    await givePassword(page, who.email, who.password);
    await at(page, "Answer your phone");
    await page.getByText("Try another way").click();
    await look("challenge");
    for (let wrong = 0; wrong < 5; wrong += 1) {
        await page.getByLabel("Code from the call").fill("000000");
        await press(page, "Continue");
        await expect(page.locator("#error-summary")).toBeFocused();
    }
    await expect(page.getByText("Too many wrong codes", { exact: true })).toBeVisible();
    await look("challenge, locked");
    await page.context().clearCookies();
    await page.goto(journey);
    await at(page, "Open this page where you started");
    await look("another browser");
}
