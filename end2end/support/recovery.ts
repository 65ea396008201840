// Recovery codes: read off a page, printed, and asked for at a sign-in.
import { expect, type Page } from "@playwright/test";
import { at, givePassword, press, toSignIn, type Person } from "./journey.ts";

/** What a recovery code looks like, and one that staff give out. */
export const RECOVERY_CODE = /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){5}$/;

/** The codes on the page that shows them. */
export async function shownCodes(page: Page): Promise<string[]> {
    await at(page, "Your recovery codes");
    const codes = await page.locator(".recovery-codes code").allInnerTexts();
    expect(codes).toHaveLength(10);
    for (const code of codes) expect(code).toMatch(RECOVERY_CODE);
    return codes;
}

/** Presses "Print" beside the codes: the browser is told to. The page's title is another one after it. */
export async function printCodes(page: Page): Promise<void> {
    await page.evaluate(() => {
        window.print = () => {
            document.title = "printed";
        };
    });
    await press(page, "Print recovery codes");
    await expect(page).toHaveTitle("printed");
}

/** From the page that asks for the code of a text to the one that asks for a recovery code. */
export async function useRecoveryCode(page: Page): Promise<void> {
    await at(page, "Check your texts");
    const way = page.getByRole("button", { name: "Use a recovery code" });
    // It stands open where no further text may go out.
    if (!(await way.isVisible())) await page.getByText("Try another way").click();
    await way.click();
    await at(page, "Enter a recovery code");
}

/** From /claims, signed out, to the page that asks for a recovery code. */
export async function toRecovery(page: Page, who: Person): Promise<void> {
    await toSignIn(page);
    await givePassword(page, who.email, who.password);
    await useRecoveryCode(page);
}
