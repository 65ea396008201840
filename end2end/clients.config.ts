// The clients' tests (make test PHASES=clients): libraries that we did not write sign in at a
// server with TLS, with the applications of docs/quickstarts where there is one. Like the browser
// tests (playwright.config.ts), but for the server and its applications: support/clients.ts.
import { defineConfig } from "@playwright/test";
import browserTests from "./playwright.config.ts";

export default defineConfig({
    ...browserTests,
    testDir: "clients",
    globalSetup: "./support/clients.ts",
    // Each test signs in several times.
    timeout: 120_000,
    use: { ...browserTests.use, actionTimeout: 30_000, navigationTimeout: 30_000 },
    expect: { timeout: 20_000 },
    projects: [{ name: "clients", testMatch: /\.spec\.ts$/, use: { viewport: { width: 1280, height: 800 } } }],
});
