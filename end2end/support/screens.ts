// Screenshots of a page in all its variants, for make screenshots.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "../screenshots");
const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } };

/** Saves `NAME.{phone,desktop}-{light,dark}.png`, whole pages, without leaving the page. */
export async function screens(page: Page, name: string): Promise<void> {
    mkdirSync(FOLDER, { recursive: true });
    for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport);
        for (const colorScheme of ["light", "dark"] as const) {
            await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
            await page.screenshot({
                path: join(FOLDER, `${name}.${size}-${colorScheme}.png`),
                fullPage: true,
                animations: "disabled",
            });
        }
    }
}
