// Small things that journeys share.
import type { Page } from "@playwright/test";

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
