// What bad input gets: each error its own words, at its field and in the summary.
import { nextCode, seen } from "../support/inbox.ts";
import { at, CLINIC, codesLater, demoAccount, enterPhoneCode, giveDetails, givePassword, person, press, proveAddress, toSignIn } from "../support/journey.ts";
import { expect, test, type Page } from "../support/test.ts";

/** The error summary: shown, focused, with this text; where it links, the link leads into the field. */
async function problem(page: Page, text: string | RegExp, field?: string): Promise<void> {
    const summary = page.locator("#error-summary");
    await expect(summary).toContainText(text);
    await expect(summary.getByRole("heading")).toHaveText("There is a problem");
    await expect(summary).toBeFocused();
    await expect(page).toHaveTitle(new RegExp(`^Error: .+ – ${CLINIC}$`));
    if (!field) return;
    const input = page.getByLabel(field, { exact: true });
    await expect(input).toHaveAttribute("aria-invalid", "true");
    const described = ((await input.getAttribute("aria-describedby")) ?? "").split(" ");
    const own = page.locator(`#${described.find((id) => id.endsWith("-error")) ?? "none"}`);
    await expect(own).toContainText(text);
    await summary.getByRole("link", { name: text }).click();
    await expect(input).toBeFocused();
}

async function codePage(page: Page, email: string): Promise<void> {
    await toSignIn(page);
    await press(page, "Create an account");
    await at(page, "Create an account");
    await page.getByLabel("Email address").fill(email);
    await press(page, "Send verification code");
    await at(page, "Check your email");
}

async function enter(page: Page, code: string): Promise<void> {
    await page.getByLabel("Code from the email").fill(code);
    await press(page, "Continue");
}

test("U2 U3 U4 an address that is missing or malformed: summary, field and title say so, what was typed stays", async ({ page }) => {
    await toSignIn(page);
    await press(page, "Create an account");
    await at(page, "Create an account");
    await press(page, "Send verification code");
    await problem(page, "Enter your email address.", "Email address");
    await page.getByLabel("Email address").fill("ada at example");
    await press(page, "Send verification code");
    await problem(page, "name@example.com", "Email address");
    await expect(page.getByLabel("Email address")).toHaveValue("ada at example");
});

test("U14 codes: missing, wrong length, wrong, running out of tries, too many", async ({ page, request }) => {
    const who = person();
    await codePage(page, who.email);
    const code = await nextCode(request, who.email);
    const wrong = code === "111111" ? "222222" : "111111";
    await enter(page, "");
    await problem(page, "Enter the code.", "Code from the email");
    await enter(page, "1234");
    await problem(page, "The code has 6 digits.", "Code from the email");
    await expect(page.getByLabel("Code from the email")).toHaveValue("");
    await enter(page, wrong);
    await problem(page, "That code is not right. Check it and try again.", "Code from the email");
    await enter(page, wrong);
    await problem(page, "You have 3 tries left", "Code from the email");
    await enter(page, wrong);
    await problem(page, "You have 2 tries left");
    await enter(page, wrong);
    await problem(page, "You have 1 try left");
    await enter(page, wrong);
    await problem(page, /1[45] minutes/);
    await expect(page.getByText("Too many wrong codes", { exact: true })).toBeVisible();
    await expect(page.getByText(/You can enter a code again in 1[45] minutes/)).toBeVisible();
    await expect(page.getByLabel("Code from the email")).toHaveCount(0);
    // A lock, even for the right code.
    await expect(page.getByText("Problems with the code?")).toBeVisible();
});

test("U14 a used code is told from a wrong one", async ({ page, request }) => {
    const who = person();
    await codePage(page, who.email);
    const code = await nextCode(request, who.email);
    await enter(page, code);
    await at(page, "Finish your account");
    // Another journey, the same address: the code of the first is not good here.
    await codePage(page, who.email);
    await enter(page, code);
    await problem(page, "That code is not right");
});

test("U10 the message is the same for an unknown address and a wrong password", async ({ page }) => {
    const { email } = demoAccount("patient");
    const said: string[] = [];
    for (const address of [email, "nobody.at.all@patients.example"]) {
        await toSignIn(page);
        await givePassword(page, address, "surely the wrong one");
        await problem(page, "The email address or password is not right.");
        await expect(page.getByLabel("Email address")).toHaveValue(address);
        await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
        said.push(await page.locator("main").innerText());
    }
    expect(said[0]).toBe(said[1]);
});

test("U10 sign-up and reset look the same for known and unknown addresses; the owner is told by email", async ({ page, request }) => {
    const { email: known } = demoAccount("patient");
    const unknown = person().email;
    for (const [button, heading] of [
        ["Create an account", "Create an account"],
        ["Forgot your password?", "Reset your password"],
    ] as const) {
        const texts: string[] = [];
        for (const email of [known, unknown]) {
            const before = await seen(request, email);
            await toSignIn(page);
            await press(page, button);
            await at(page, heading);
            await page.getByLabel("Email address").fill(email);
            await press(page, "Send verification code");
            await at(page, "Check your email");
            texts.push((await page.locator("main").innerText()).replaceAll(email, "ADDRESS").replace(/\d+ seconds?/g, "N seconds"));
            // Something is sent in every case, and it says what is the matter.
            await expect
                .poll(async () => {
                    const all = await request.get("/dev/inbox.json", { params: { to: email } });
                    const news = ((await all.json()) as { id: string; body: string }[]).filter((message) => !before.has(message.id));
                    return news.map((message) => message.body).join(" ").toLowerCase();
                })
                .toMatch(/your code is \d{6}|account/);
        }
        expect(texts[0]).toBe(texts[1]);
    }
});

test("U9 N1 N6 passwords: too short, common, repeating, one's own name: why, and what to do; other values stay", async ({ page, request }) => {
    const who = person("Wilhelmina", "Quistgaarden");
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    for (const [password, said] of [
        ["", "Enter your password."],
        ["short7x", /Use 15 characters|8 characters|characters or more/],
        ["aaaaaaaaaaaaaaaa", /pattern|Many people/],
        ["123456789012345678", /pattern|Many people/],
        ["kj7wkj7wkj7wkj7wkj7w", "pattern"],
        ["Quistgaarden", "your name"],
    ] as const) {
        await giveDetails(page, { ...who, password });
        await problem(page, said, "Choose a password");
        await expect(page.getByLabel("Choose a password")).toHaveValue("");
        await expect(page.getByLabel("Given name")).toHaveValue("Wilhelmina");
        await expect(page.getByLabel("Country/Region")).toHaveValue("US");
    }
    await giveDetails(page, who);
    await at(page, "Protect your account");
});

test("U3 several errors at once, in the order of the page, and required attributes say which", async ({ page, request }) => {
    const who = person();
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await page.getByLabel("Country/Region").selectOption("");
    await press(page, "Create account");
    await expect(page.locator("#error-summary li")).toHaveText([
        "Enter your password.",
        "Choose your country/region.",
        "Enter your given name.",
        "Enter your surname.",
    ]);
});

test("U17 phone numbers: missing, no number, premium rate: said at the field, the typed form stays", async ({ page, request }) => {
    const who = person("Ida", "Rhodes");
    await toSignIn(page);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    await page.locator("label", { hasText: "Text message" }).click();
    await press(page, "Continue");
    await at(page, "Add your phone");
    await press(page, "Send code");
    await problem(page, "Enter your phone number.", "Phone number");
    await page.getByLabel("Phone number").fill("12 34");
    await press(page, "Send code");
    await problem(page, "doesn’t look like a phone number", "Phone number");
    await page.getByLabel("Phone number").fill("+1 900 555 0142");
    await press(page, "Send code");
    await problem(page, "cost extra", "Phone number");
    await expect(page.getByLabel("Phone number")).toHaveValue("+1 900 555 0142");
    // And then it works.
    await page.getByLabel("Phone number").fill(who.phone);
    await page.getByLabel("Country of the number").selectOption("US");
    await press(page, "Send code");
    await enterPhoneCode(page, request, who, "Text message", new Set());
    await codesLater(page);
    await at(page, "Your details");
});

test("unknown addresses of this site: a page that says so, with a number for questions", async ({ page }) => {
    for (const path of ["/nowhere", "/clinic/no.such.tenant", "/account/no.such.tenant", "/journey/0", "/unknown.example/flow/oauth2/v2.0/authorize"]) {
        const answer = await page.goto(path);
        expect(answer?.status(), path).toBe(404);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await expect(page.locator("main")).toContainText("give this number");
    }
});

test("the address of the account without a clinic leads to the demo's", async ({ page }) => {
    await page.goto("/account");
    await page.waitForURL(/\/journey\//);
    await at(page, "Sign in");
});
