// Small things that journeys share.
import { expect, type Page } from "@playwright/test";

/** Waits until the page's islands are live (boot.js says so on <html>). For pages with scripting. */
export async function hydrated(page: Page): Promise<void> {
    await page.locator("html[data-hydrated]").waitFor({ state: "attached" });
}

/** The bytes that reached the browser while `visit` ran, as transferred (compressed, without headers), by URL. */
export async function transferred(page: Page, visit: () => Promise<unknown>): Promise<Map<string, number>> {
    const client = await page.context().newCDPSession(page);
    const urls = new Map<string, string>();
    const sizes = new Map<string, number>();
    await client.send("Network.enable");
    await client.send("Network.setCacheDisabled", { cacheDisabled: true });
    client.on("Network.requestWillBeSent", (event) => urls.set(event.requestId, event.request.url));
    client.on("Network.loadingFinished", (event) => {
        const url = urls.get(event.requestId);
        if (url) sizes.set(url, Math.max(sizes.get(url) ?? 0, event.encodedDataLength));
    });
    await visit();
    await client.detach();
    return sizes;
}

/** What the browser saves once `press` is done: the file's name, and its text. */
export async function downloaded(page: Page, press: () => Promise<unknown>): Promise<{ name: string; text: string }> {
    const [file] = await Promise.all([page.waitForEvent("download"), press()]);
    const chunks: Buffer[] = [];
    for await (const chunk of await file.createReadStream()) chunks.push(chunk as Buffer);
    return { name: file.suggestedFilename(), text: Buffer.concat(chunks).toString("utf8") };
}

/** The error summary is there, with these words, and has the focus (U3). */
export async function refused(page: Page, words: string | RegExp = "There is a problem"): Promise<void> {
    const summary = page.locator("#error-summary");
    await expect(summary).toContainText(words);
    await expect(summary).toBeFocused();
}

/** Leaves the page as for a browser that keeps it, comes back, and returns what it kept. */
export async function kept(page: Page): Promise<string> {
    return page.evaluate(() => {
        dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
        dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        return document.documentElement.outerHTML;
    });
}

/** The sentences in sight that have more than 25 words (U31). */
export async function longSentences(page: Page): Promise<string[]> {
    const texts = await page.locator("main p:visible, main li:visible").allInnerTexts();
    return texts.flatMap((text) => text.split(/[.?!]\s/)).filter((sentence) => sentence.split(/\s+/).length > 25);
}
