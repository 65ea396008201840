// What every spec imports instead of @playwright/test: the same, with the server's address as
// baseURL, and a check that no page logs an error or breaks the content security policy.
import { test as base } from "@playwright/test";
import { origin } from "./server.ts";

/** Console messages that a test expects, as parts of their text; set with `test.use({ expectedErrors: ["…"] })`. */
export interface Options {
    expectedErrors: string[];
}

export const test = base.extend<Options & { quiet: void }>({
    expectedErrors: [[], { option: true }],
    baseURL: async ({}, use) => {
        await use(origin());
    },
    quiet: [
        async ({ page, expectedErrors }, use) => {
            const seen: string[] = [];
            page.on("pageerror", (error) => seen.push(`uncaught: ${error.message}`));
            page.on("console", (message) => {
                // A refused form answers 4xx, which Chromium logs as an error of its own: no fault.
                if (message.type() === "error" && !/^Failed to load resource: .* status of 4\d\d/.test(message.text())) {
                    seen.push(message.text());
                }
            });
            await use();
            const unexpected = seen.filter((text) => !expectedErrors.some((part) => text.includes(part)));
            base.expect(unexpected, "errors in the browser's console").toEqual([]);
        },
        { auto: true },
    ],
});

export { expect, type Page, type Locator, type BrowserContext, type APIRequestContext } from "@playwright/test";
