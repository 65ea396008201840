// A person in front of the journey's pages: the steps that several specs take.
import { createHmac, randomBytes } from "node:crypto";
import { expect, type APIRequestContext, type Locator, type Page } from "@playwright/test";
import { nextCode, seen, type Message } from "./inbox.ts";
import { hydrated } from "./page.ts";
import { serverOutput, type RunningServer } from "./server.ts";

/** The demo tenant and its flow (server/src/demo.rs). */
export const TENANT = "riverside.example";
export const CLINIC = "Riverside Clinic";

/** A person of a test: nobody else has this address and number. */
export interface Person {
    email: string;
    password: string;
    givenName: string;
    surname: string;
    /** Two-letter code. */
    country: string;
    /** As typed. */
    phone: string;
    /** E.164: what messages go to. */
    e164: string;
}

let counter = 0;

/** A new person with an address, a password and a US number of their own. */
export function person(givenName = "Ada", surname = "Byron"): Person {
    counter += 1;
    const own = randomBytes(5).toString("hex");
    const digits = String(2_000_000 + (randomBytes(4).readUInt32BE(0) % 7_999_999)).padStart(7, "0");
    return {
        email: `${givenName.toLowerCase()}.${own}.${counter}@mail.example`,
        password: `wry otter ${own} lantern`,
        givenName,
        surname,
        country: "US",
        phone: `(206) ${digits.slice(0, 3)}-${digits.slice(3)}`,
        e164: `+1206${digits}`,
    };
}

/** The password that a server printed for a demo account; the shared one, if none is named. */
export function demoAccount(role: "patient" | "staff", output = serverOutput()): { email: string; password: string } {
    const found = new RegExp(`^\\s+${role}\\s+(\\S+@\\S+)\\s+(\\S+)$`, "m").exec(output);
    if (!found?.[1] || !found[2]) throw new Error(`no ${role} among the demo accounts of the server's output`);
    return { email: found[1], password: found[2] };
}

/** The first operator's one-time link of a server; of the shared one, if none is named. */
export function operatorLink(output = serverOutput()): string {
    const found = /^\s+(http\S+\/invitation\/\S+)$/m.exec(output);
    if (!found?.[1]) throw new Error("no operator link in the server's output");
    return found[1];
}

/** Sends the step's form: on the page that is there, whichever its button is called. */
export async function press(page: Page, name: string): Promise<void> {
    await page.getByRole("button", { name, exact: true }).click();
}

/** Presses a radio's label (it lies over the input, to make a large target). */
export async function choose(page: Page, label: string): Promise<void> {
    await page.locator("label", { hasText: label }).click();
    await expect(page.getByRole("radio", { name: label })).toBeChecked();
}

/** Chooses in a list what it does not offer, as nobody could. */
export async function chooseWhatIsNot(list: Locator): Promise<void> {
    await list.evaluate((select: HTMLSelectElement) => select.add(new Option("None of these", "none", true, true)));
}

/** The step's heading is this one (and the title agrees, U2). */
export async function at(page: Page, heading: string): Promise<void> {
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(heading);
}

/** Opens /claims and goes to the sign-in page of its flow. */
export async function toSignIn(page: Page): Promise<void> {
    await page.goto("/claims");
    await hydrated(page);
    await press(page, "Sign in");
    await page.waitForURL(/\/journey\//);
    await hydrated(page);
    await at(page, "Sign in");
}

/** From the sign-in page to the details: address and code. */
export async function proveAddress(page: Page, request: APIRequestContext, email: string): Promise<void> {
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(email);
    const known = await seen(request, email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
    await page.getByLabel("Code from the email").fill(await nextCode(request, email, { known, kind: "email" }));
    await press(page, "Continue");
    await at(page, "Finish your account");
}

/** Fills the details of the demo's flow, and sends them. */
export async function giveDetails(page: Page, who: Person, insurance?: string): Promise<void> {
    await page.getByLabel("Choose a password").fill(who.password);
    await page.getByLabel("Country/Region").selectOption(who.country);
    await page.getByLabel("Given name").fill(who.givenName);
    await page.getByLabel("Surname").fill(who.surname);
    if (insurance) await page.getByLabel("Type of insurance").selectOption(insurance);
    await press(page, "Create account");
}

/** Sets up the second step at "Protect your account"; "Not now" to recovery codes where they are `offered` next. */
export async function enrolPhone(
    page: Page,
    request: APIRequestContext,
    who: Person,
    method: "Text message" | "Phone call" = "Text message",
    offered = true,
): Promise<void> {
    await at(page, "Protect your account");
    await choose(page, method);
    await press(page, "Continue");
    await at(page, "Add your phone");
    await page.getByLabel("Country of the number").selectOption("US");
    await page.getByLabel("Phone number").fill(who.phone);
    await choose(page, method);
    const known = await seen(request, who.e164);
    await press(page, "Send code");
    await enterPhoneCode(page, request, who, method, known);
    if (offered) await codesLater(page);
}

/** "Not now" to the recovery codes that are offered to who has set up a second step. */
export async function codesLater(page: Page): Promise<void> {
    await at(page, "Your recovery codes");
    await press(page, "Not now");
}

/** Enters the code of a text or call that is not among `known`. */
export async function enterPhoneCode(
    page: Page,
    request: APIRequestContext,
    who: Person,
    method: "Text message" | "Phone call",
    known: Set<string>,
): Promise<void> {
    const text = method === "Text message";
    await at(page, text ? "Check your texts" : "Answer your phone");
    const kind: Message["kind"] = text ? "text" : "call";
    const code = await nextCode(request, who.e164, { known, kind });
    await page.getByLabel(text ? "Code from the text" : "Code from the call").fill(code);
    await press(page, "Continue");
}

/** Sets up an authenticator app at "Protect your account"; returns its secret. */
export async function enrolApp(page: Page, offered = true): Promise<string> {
    await at(page, "Protect your account");
    await choose(page, "Authenticator app");
    await press(page, "Continue");
    return finishApp(page, offered);
}

/**
 * The set-up page of an authenticator app; returns its secret. It is proved with the code of the step before, which is
 * taken as well (N13), so that the present one is still good to sign in with. Recovery codes are `offered` after it,
 * unless they were declined lately.
 */
export async function finishApp(page: Page, offered = true): Promise<string> {
    await at(page, "Set up your authenticator app");
    const secret = ((await page.locator("#app-secret").textContent()) ?? "").replace(/\s/g, "");
    await steadyStep();
    await page.getByLabel("Code from the app").fill(totp(secret, -1));
    await press(page, "Turn on");
    if (offered) await codesLater(page);
    return secret;
}

/** Email and password on the sign-in page. */
export async function givePassword(page: Page, email: string, password: string): Promise<void> {
    await page.getByLabel("Email address").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await press(page, "Sign in");
}

/** The whole sign-up with a text message, up to /claims. */
export async function signUp(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await enrolPhone(page, request, who);
    await at(page, "Your details");
}

/** The whole sign-up where no second step is asked for, up to /claims. */
export async function signUpByPassword(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await at(page, "Your details");
}

/** Signs in with password and text message, up to /claims. */
export async function signIn(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await toSignIn(page);
    const known = await seen(request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", known);
    await at(page, "Your details");
}

/** Signs out at /claims. */
export async function signOut(page: Page): Promise<void> {
    await at(page, "Your details");
    await press(page, "Sign out");
    await expect(page.getByText("You’ve signed out.")).toBeVisible();
}

/** Signs in at the account page, which is a sign-in of its own, with password and text message. */
export async function signInToAccount(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await page.goto(`/account/${TENANT}`);
    await at(page, "Sign in");
    const known = await seen(request, who.e164);
    await givePassword(page, who.email, who.password);
    await enterPhoneCode(page, request, who, "Text message", known);
    await at(page, "Your account");
}

/** The whole sign-up with a text message, and a sign-in at the account page. */
export async function toAccount(page: Page, request: APIRequestContext, who: Person): Promise<void> {
    await signUp(page, request, who);
    await signInToAccount(page, request, who);
}

/** The labels and values that /claims shows, in its order. */
export async function shownClaims(page: Page): Promise<Record<string, string>> {
    const terms = await page.locator("main dl dt").allInnerTexts();
    const values = await page.locator("main dl dd").allInnerTexts();
    return Object.fromEntries(terms.map((term, index) => [term, values[index] ?? ""]));
}

/** The code of an authenticator app (RFC 6238: SHA-1, six digits, 30 s). `step` counts from now. */
export function totp(secret: string, step = 0): string {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = "";
    for (const letter of secret.toUpperCase()) bits += alphabet.indexOf(letter).toString(2).padStart(5, "0");
    const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
    const moving = Buffer.alloc(8);
    moving.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + step));
    const mac = createHmac("sha1", key).update(moving).digest();
    const offset = mac.readUInt8(mac.length - 1) & 0xf;
    return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** Waits until an authenticator app's code has some seconds left, so that it is the same on arrival. */
export async function steadyStep(): Promise<void> {
    const left = 30_000 - (Date.now() % 30_000);
    if (left < 4_000) await new Promise((next) => setTimeout(next, left + 50));
}

/** A new account by a one-time link, up to its second step. */
async function accept(page: Page, link: string, who: Person): Promise<void> {
    await page.goto(link);
    await hydrated(page);
    await at(page, "Finish your account");
    // A link that was sent to an address does not ask for one.
    const address = page.getByLabel("Email address");
    if (await address.count()) await address.fill(who.email);
    await page.getByLabel("Choose a password").fill(who.password);
    await page.getByLabel("Given name").fill(who.givenName);
    await page.getByLabel("Surname").fill(who.surname);
    await press(page, "Create account");
}

/** A new operator by a one-time link: password and authenticator app, which they have no choice of; returns its secret. */
export async function becomeOperator(page: Page, link: string, who: Person): Promise<string> {
    await accept(page, link, who);
    const secret = await finishApp(page);
    await at(page, "Tenants");
    return secret;
}

/** A new member of staff by a one-time link: password and, of all methods, an authenticator app; returns its secret. */
export async function joinStaff(page: Page, link: string, who: Person): Promise<string> {
    await accept(page, link, who);
    const secret = await enrolApp(page);
    await at(page, "Patients");
    return secret;
}

/**
 * Staff of the demo sign in for the first time and set up an authenticator app, whose secret comes back with the account;
 * of the shared server, if no `output` is named. `look` sees the pages on the way.
 */
export async function staffIn(
    page: Page,
    request: APIRequestContext,
    output = serverOutput(),
    look: (state: string) => Promise<void> = async () => {},
): Promise<{ email: string; password: string; secret: string }> {
    const staff = demoAccount("staff", output);
    await page.goto(`/clinic/${TENANT}`);
    await at(page, "Sign in");
    await look("clinic sign in");
    const known = await seen(request, staff.email);
    await givePassword(page, staff.email, staff.password);
    // A first second step of an existing account: the code to its address first.
    await at(page, "Check that it’s you");
    await look("confirm email");
    await page.getByLabel("Code from the email").fill(await nextCode(request, staff.email, { known, kind: "email" }));
    await press(page, "Continue");
    const secret = await enrolApp(page);
    await at(page, "Patients");
    return { ...staff, secret };
}

/** Asks for no second factor in the demo's flows: all of them, as an application's flows ask for the same. */
export async function withoutSecondStep(own: RunningServer): Promise<void> {
    for (const flow of ["b2c_1_edit_profile", "b2c_1_password_reset", "b2c_1_sign_up_sign_in"]) {
        await own.command("flow", "mfa", flow, "--tenant", TENANT, "--to", "off");
    }
}
