// What a browser could try to get round the second factor, and what protects a session.
import { nextCode, seen } from "../support/inbox.ts";
import { at, codesLater, demoAccount, enterPhoneCode, giveDetails, givePassword, person, press, proveAddress, signOut, signUp, TENANT, toSignIn } from "../support/journey.ts";
import { expect, test } from "../support/test.ts";

test.describe("stale and stolen pages", () => {
    test("A47 a second tab with a stale form: nothing is used twice, the page says where things stand", async ({ page, context, request }) => {
        const who = person("Second", "Tab");
        await toSignIn(page);
        await press(page, "Create an account");
        await at(page, "Create an account");
        await page.getByLabel("Email address").fill(who.email);
        await press(page, "Send verification code");
        await at(page, "Check your email");
        const second = await context.newPage();
        await second.goto(page.url());
        await at(second, "Check your email");
        const code = await nextCode(request, who.email);
        await page.getByLabel("Code from the email").fill(code);
        await press(page, "Continue");
        await at(page, "Finish your account");
        // The other tab still shows the code page; sending it changes nothing and shows the stage.
        await second.getByLabel("Code from the email").fill(code);
        await press(second, "Continue");
        await at(second, "Finish your account");
        await expect(second.locator("main")).toContainText("You’ve moved on since that page was opened");
        await giveDetails(page, who);
        await at(page, "Protect your account");
    });

    test("a journey opened in another browser is refused and starts afresh there", async ({ page, browser, baseURL, request }) => {
        const who = person("Other", "Browser");
        await toSignIn(page);
        await proveAddress(page, request, who.email);
        const elsewhere = await browser.newContext({ baseURL });
        const stranger = await elsewhere.newPage();
        const answer = await stranger.goto(page.url());
        expect(answer?.status()).toBe(410);
        await at(stranger, "Open this page where you started");
        await expect(stranger.locator("main")).not.toContainText(who.email);
        await stranger.getByRole("link", { name: "Start again" }).click();
        await expect(stranger.getByRole("heading", { level: 1 })).toBeVisible();
        expect(stranger.url()).not.toBe(page.url());
        // Nothing is lost where it began.
        await giveDetails(page, who);
        await at(page, "Protect your account");
        await elsewhere.close();
    });

    test("a used journey's page says so; going back gets neither a code nor a session twice", async ({ page, request }) => {
        const who = person("Used", "Journey");
        let journey = "";
        page.on("framenavigated", (frame) => {
            if (/\/journey\/[^/]+$/.test(frame.url())) journey = frame.url();
        });
        await signUp(page, request, who);
        const answer = await page.goto(journey);
        expect(answer?.status()).toBe(410);
        await at(page, "You’ve already finished here");
        const again = await page.goto(`${journey}/return`);
        expect(again?.status()).toBeGreaterThanOrEqual(400);
        expect(page.url()).not.toContain("code=");
    });
});

test("f7 A47 no edit of a form gets past the second factor", async ({ page, request }) => {
    const who = person("Form", "Editor");
    await signUp(page, request, who);
    await signOut(page);
    await toSignIn(page);
    const session = async () => (await page.context().cookies()).find((cookie) => cookie.name === "__Host-sso")?.value;
    const dead = await session();
    await givePassword(page, who.email, who.password);
    await at(page, "Check your texts");
    const id = new URL(page.url()).pathname.split("/")[2] ?? "";
    const csrf = (await page.locator("form input[name=csrf]").first().getAttribute("value")) ?? "";
    // Every event that there is, with generous fields, in the transport of the page and as JSON.
    const fields = { email: who.email, password: who.password, code: "", method: "text_message", phone: who.phone, country: "US", givenName: "X", verified: "true", stage: "complete", mfa: "off", name: "x" };
    const events = ["sign-in", "submit-details", "submit-new-password", "submit-profile", "go-sign-up", "go-sign-in", "go-forgot-password", "submit-app-code", "enter-phone", "choose-method", "submit-code", "complete", "return", "back"];
    for (const event of events) {
        const answer = await page.evaluate(
            async ({ id, event, csrf, fields }) => {
                const sent = await fetch(`/api/journeys/${id}/${event}`, {
                    method: "POST",
                    headers: { "content-type": "application/json" },
                    body: JSON.stringify({ csrf, fields }),
                });
                return { status: sent.status, text: await sent.text() };
            },
            { id, event, csrf, fields },
        );
        expect(answer.text, event).not.toMatch(/"done"|"location"|code=/);
        const way = await page.request.get(`/journey/${id}/return`, { maxRedirects: 0 });
        expect(way.headers()["location"] ?? "", event).not.toContain("code=");
        expect(await way.text(), event).not.toContain("code=");
    }
    // No session came about: what is left is the cookie of the one that was signed out of.
    expect(await session()).toBe(dead);
});

test("N25 A43 cookies are __Host-, HttpOnly and Secure; headers are strict; the token of forms is demanded", async ({ page, request }) => {
    const who = person("Cookie", "Reader");
    await toSignIn(page);
    const id = new URL(page.url()).pathname.split("/")[2] ?? "";
    const forged = await page.request.post(`/journey/${id}/go-sign-up`, { form: { csrf: "forged" }, maxRedirects: 0 });
    expect(forged.status()).toBe(403);
    const foreign = await page.request.post(`/journey/${id}/go-sign-up`, {
        form: { csrf: (await page.locator("input[name=csrf]").first().getAttribute("value")) ?? "" },
        headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
        maxRedirects: 0,
    });
    expect(foreign.status()).toBe(403);
    await page.reload();
    await at(page, "Sign in");

    const before = (await page.context().cookies()).find((cookie) => cookie.name === "__Host-journey")?.value;
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await page.locator("label", { hasText: "Text message" }).click();
    await press(page, "Continue");
    await page.getByLabel("Country of the number").selectOption("US");
    await page.getByLabel("Phone number").fill(who.phone);
    await press(page, "Send code");
    await enterPhoneCode(page, request, who, "Text message", new Set());
    await codesLater(page);
    await at(page, "Your details");
    const cookies = await page.context().cookies();
    expect(cookies.map((cookie) => cookie.name)).toContain("__Host-sso");
    for (const cookie of cookies) {
        expect(cookie.name).toMatch(/^__Host-/);
        expect(cookie).toMatchObject({ httpOnly: true, secure: true, path: "/" });
        expect(cookie.value).not.toContain(who.email);
        expect(cookie.value).not.toBe(before);
        expect(cookie.value.length).toBeGreaterThanOrEqual(22);
    }
    expect(await page.evaluate(() => document.cookie)).toBe("");
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toMatch(/eyJ|verifier/);

    for (const path of ["/claims", "/", `/account/${TENANT}`]) {
        const headers = (await page.goto(path))?.headers() ?? {};
        expect(headers["content-security-policy"], path).toContain("default-src 'none'");
        expect(headers["content-security-policy"], path).not.toContain("unsafe-inline");
        expect(headers["content-security-policy"], path).toContain("frame-ancestors 'none'");
        expect(headers["x-content-type-options"], path).toBe("nosniff");
        expect(headers["cache-control"], path).toContain("no-store");
        expect(headers["referrer-policy"], path).toBeTruthy();
    }
});

test("f3 an empty form at every stage fails and says why", async ({ page, request }) => {
    const who = person("Empty", "Form");
    await toSignIn(page);
    await press(page, "Sign in");
    await expect(page.locator("#error-summary li")).toHaveText(["Enter your email address.", "Enter your password."]);
    await proveAddress(page, request, who.email);
    await press(page, "Create account");
    await expect(page.locator("#error-summary")).toBeVisible();
    await at(page, "Finish your account");
    await giveDetails(page, who);
    await at(page, "Protect your account");
    await page.evaluate(() => document.querySelectorAll<HTMLInputElement>("input[type=radio]").forEach((radio) => (radio.checked = false)));
    await press(page, "Continue");
    await expect(page.locator("#error-summary")).toContainText("Choose how you want to prove it’s you.");
    await at(page, "Protect your account");
});

test("a patient's session opens neither the clinic nor the portal, nor the account page without its own sign-in", async ({ page, request }) => {
    const who = person("Curious", "Patient");
    await signUp(page, request, who);
    for (const path of [`/clinic/${TENANT}`, "/portal", `/portal/${TENANT}`, `/account/${TENANT}`]) {
        await page.goto(path);
        await at(page, "Sign in");
    }
    // Staff accounts are not patients: the patient's password does not open the clinic's flow.
    await page.goto(`/clinic/${TENANT}`);
    await givePassword(page, who.email, who.password);
    await expect(page.locator("#error-summary")).toContainText("The email address or password is not right.");
    // And the other way round.
    const staff = demoAccount("staff");
    await page.context().clearCookies();
    await toSignIn(page);
    await givePassword(page, staff.email, staff.password);
    await expect(page.locator("#error-summary")).toContainText("The email address or password is not right.");
});

test("N24 after signing out the session is dead on the server, cookie or not", async ({ page, request, context }) => {
    const who = person("Signed", "Out");
    await signUp(page, request, who);
    const cookies = await context.cookies();
    await signOut(page);
    await context.addCookies(cookies);
    await toSignIn(page);
    await at(page, "Sign in");
});

test("A6 the limit of codes is said before it is hit, and holds across journeys", async ({ page, request }) => {
    test.setTimeout(90_000);
    const who = person("Many", "Codes");
    for (let sends = 0; sends < 6; sends += 1) {
        await toSignIn(page);
        await press(page, "Create an account");
        await at(page, "Create an account");
        await page.getByLabel("Email address").fill(who.email);
        const known = await seen(request, who.email);
        await press(page, "Send verification code");
        if (sends < 5) {
            await at(page, "Check your email");
            await nextCode(request, who.email, { known });
            await page.context().clearCookies();
        } else {
            await expect(page.locator("#error-summary")).toContainText("You’ve asked for too many codes.");
            await expect(page.locator("#error-summary")).toContainText(/1[45] minutes/);
        }
    }
    expect((await seen(request, who.email)).size).toBe(5);
});
