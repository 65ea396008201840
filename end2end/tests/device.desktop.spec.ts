// Signing a device in (RFC 8628) in a browser: what the person sees, says and is warned of.
// A server of its own: the first operator's link works once, and the setting is not the demo's.
import { expectAccessibleInBothColours as good } from "../support/axe.ts";
import { registerDevice, type Device } from "../support/device.ts";
import { at, becomeOperator, enrolPhone, giveDetails, operatorLink, person, press, proveAddress } from "../support/journey.ts";
import { hydrated } from "../support/page.ts";
import { startServer, type RunningServer } from "../support/server.ts";
import { expect, test, type BrowserContext, type Page } from "../support/test.ts";

test.describe.configure({ mode: "serial" });

let server: RunningServer;
let device: Device;

test.beforeAll(async ({ browser, playwright }) => {
    server = await startServer();
    const context = await browser.newContext({ baseURL: server.origin, locale: "en-GB" });
    const page = await context.newPage();
    await becomeOperator(page, operatorLink(server.output()), person("Olive", "Operator"));
    device = await registerDevice(page, await playwright.request.newContext({ baseURL: server.origin }));
    await context.close();
});
test.afterAll(async () => await server.stop());

for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "with scripting" : "U1 without scripting";
    test(`${how}: a person types the code, is told which app asks, signs up, and the device is signed in`, async ({ browser }) => {
        const context: BrowserContext = await browser.newContext({ baseURL: server.origin, locale: "en-GB", javaScriptEnabled, viewport: { width: 320, height: 640 } });
        const page = await context.newPage();
        const who = person("Dana", "Device");
        const codes = await device.ask();
        expect((await device.poll(codes)).error).toBe("authorization_pending");
        await page.goto(codes.verification_uri);
        await at(page, "Sign in on another device");
        if (javaScriptEnabled) await good(page, "device, enter");
        await page.getByLabel("Code on the device").fill("BBBB-BBBB");
        await press(page, "Continue");
        await expect(page.getByText("This code does not work").first()).toBeVisible();
        await expect(page.getByLabel("Code on the device")).toHaveValue("BBBB-BBBB");
        if (javaScriptEnabled) await good(page, "device, wrong code");
        await page.getByLabel("Code on the device").fill(codes.user_code.toLowerCase());
        await press(page, "Continue");
        await at(page, "Is this your device?");
        await expect(page.locator("main")).toContainText("Waiting room kiosk");
        await expect(page.locator("main")).toContainText("Did somebody send you this code");
        if (javaScriptEnabled) await good(page, "device, question");
        await press(page, "Yes, sign in");
        await at(page, "Sign in");
        if (javaScriptEnabled) await hydrated(page);
        await proveAddress(page, context.request, who.email);
        await giveDetails(page, who);
        await enrolPhone(page, context.request, who, "Text message", false);
        await at(page, "Your device is signed in");
        if (javaScriptEnabled) await good(page, "device, done");
        const tokens = await device.poll(codes);
        expect(tokens.error).toBeUndefined();
        expect(tokens.id_token).toMatch(/^ey/);
        await context.close();
    });
}

test("who presses No tells the device so, and signs nobody in", async ({ browser }) => {
    const context = await browser.newContext({ baseURL: server.origin, locale: "en-GB" });
    const page = await context.newPage();
    const codes = await device.ask();
    await page.goto(codes.verification_uri_complete);
    await expect(page.getByLabel("Code on the device")).toHaveValue(codes.user_code);
    await press(page, "Continue");
    await press(page, "No");
    await at(page, "The device is not signed in");
    await good(page, "device, no");
    expect((await device.poll(codes)).error).toBe("access_denied");
    await context.close();
});
