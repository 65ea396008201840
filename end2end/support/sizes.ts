// How large things are on a page: nothing runs out of it, and everything can be hit.
import { expect, type Page } from "@playwright/test";

/** Neither the page nor a table scrolls sideways. */
export async function expectNothingSideways(page: Page, state: string): Promise<void> {
    const wide = await page.evaluate(() => {
        const sideways = [document.documentElement, ...document.querySelectorAll(".table-scroll")];
        return sideways.filter((it) => it.scrollWidth > it.clientWidth).map((it) => it.className || it.tagName);
    });
    expect(wide, `${state} scrolls sideways`).toEqual([]);
}

/** Nothing scrolls sideways at 320 px (WCAG 1.4.10). */
export async function expectReflow(page: Page, state: string): Promise<void> {
    const before = page.viewportSize();
    await page.setViewportSize({ width: 320, height: 640 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, `${state} scrolls sideways at 320 px`).toBeLessThanOrEqual(0);
    if (before) await page.setViewportSize(before);
}

/** How high buttons and inputs are at least: on pages of people's own, and in the consoles of staff and operators. */
export const CONTROL = 44;
export const CONSOLE_CONTROL = 36;

/** Every visible control is 24 px high or more (WCAG 2.5.8), buttons and inputs of forms as high as a `control`. */
export async function expectTargets(page: Page, state: string, control = CONTROL): Promise<void> {
    const small = await page.evaluate((control) => {
        const found: string[] = [];
        for (const element of document.querySelectorAll<HTMLElement>("main a, main button, main input, main select, main summary")) {
            const box = element.getBoundingClientRect();
            const style = getComputedStyle(element);
            if (!box.width || style.visibility === "hidden" || element.closest(".visually-hidden")) continue;
            if (element instanceof HTMLInputElement && ["hidden", "radio", "checkbox"].includes(element.type)) continue;
            // A link within a sentence is exempt.
            if (element.tagName === "A" && style.display === "inline" && element.closest("p, li")) continue;
            if (element.getAttribute("tabindex") === "-1") continue;
            const least = element.matches(".button, .input") ? control : 24;
            if (box.height < least - 0.5) found.push(`${element.tagName} "${element.textContent?.trim() || element.id}" ${box.width}×${box.height}`);
        }
        return found;
    }, control);
    expect(small, `small targets on ${state}`).toEqual([]);
}

/** Of two ways on neither is made more of: their buttons are of one size. */
export async function expectSameSize(page: Page, one: string, other: string): Promise<void> {
    const boxes = await Promise.all([one, other].map((name) => page.getByRole("button", { name, exact: true }).boundingBox()));
    const [first, second] = boxes.map((box) => box && { width: box.width, height: box.height });
    expect(first, one).toBeTruthy();
    expect(second, other).toEqual(first);
}
