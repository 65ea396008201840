// The browser tests: one server, started by support/server.ts on a fresh demo database, one
// worker, no retries (a test that only passes the second time is a bug).
//
// Specs are named after the project that runs them: *.spec.ts at phone and desktop size,
// *.phone.spec.ts or *.desktop.spec.ts at one of them, *.nojs.spec.ts with scripting off,
// *.screens.ts for make screenshots.
import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(chromium)) throw new Error(`no browser at ${chromium}: tools/setup.sh browser, or set CHROMIUM`);

// Chromium refuses its sandbox to root (continuous integration in a container).
const asRoot = process.getuid?.() === 0;
const phone = { width: 360, height: 740 };
const desktop = { width: 1280, height: 800 };
const screens = process.env.LANYARD_SCREENSHOTS === "1";

export default defineConfig({
    testDir: "tests",
    globalSetup: "./support/server.ts",
    outputDir: "test-results",
    fullyParallel: false,
    workers: 1,
    retries: 0,
    maxFailures: process.env.CI ? 10 : 0,
    forbidOnly: !!process.env.CI,
    timeout: 60_000,
    expect: { timeout: 10_000 },
    reporter: [["list"]],
    use: {
        // baseURL comes from support/test.ts: the server's port is known only once it runs.
        browserName: "chromium",
        colorScheme: "light",
        locale: "en-GB",
        timezoneId: "UTC",
        ignoreHTTPSErrors: true,
        actionTimeout: 10_000,
        navigationTimeout: 20_000,
        screenshot: "only-on-failure",
        trace: "retain-on-failure",
        launchOptions: {
            executablePath: chromium,
            args: [
                ...(asRoot ? ["--no-sandbox"] : []),
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        },
    },
    projects: screens
        ? [{ name: "screenshots", testMatch: /\.screens\.ts$/, use: { viewport: desktop } }]
        : [
              {
                  name: "chromium-phone",
                  testMatch: /\.spec\.ts$/,
                  testIgnore: /\.(nojs|desktop)\.spec\.ts$/,
                  use: { viewport: phone, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
              },
              {
                  name: "chromium-desktop",
                  testMatch: /\.spec\.ts$/,
                  testIgnore: /\.(nojs|phone)\.spec\.ts$/,
                  use: { viewport: desktop },
              },
              {
                  name: "no-js",
                  testMatch: /\.nojs\.spec\.ts$/,
                  use: { viewport: phone, javaScriptEnabled: false },
              },
          ],
});
