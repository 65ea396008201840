// A device without a browser (RFC 8628), as a program: asks for its codes, and then for its tokens.
import type { APIRequestContext } from "@playwright/test";
import { at, choose, press, TENANT } from "./journey.ts";
import { unfold } from "./third-party.ts";
import { expect, type Page } from "./test.ts";

const PLACE = `/${TENANT}/b2c_1_sign_up_sign_in/oauth2/v2.0`;

export interface Codes {
    device_code: string;
    user_code: string;
    verification_uri: string;
    verification_uri_complete: string;
}

export interface Device {
    ask(): Promise<Codes>;
    /** What the token endpoint says; an `error` where there are no tokens. */
    poll(codes: Codes): Promise<{ error?: string; id_token?: string }>;
}

/** By the signed-in operator on `page`: registers a kiosk, which signs in at the demo's flow. */
export async function registerDevice(page: Page, request: APIRequestContext): Promise<Device> {
    await page.goto(`/portal/${TENANT}/applications/new`);
    await page.getByLabel("Name", { exact: true }).fill("Waiting room kiosk");
    await choose(page, "Native");
    await page.getByLabel("Reply URLs").fill("http://localhost");
    await press(page, "Register application");
    await at(page, "Waiting room kiosk");
    const application = page.url();
    await page.goto(`/portal/${TENANT}/flows/b2c_1_sign_up_sign_in`);
    await page.getByLabel("Waiting room kiosk").check({ force: true });
    await press(page, "Save links");
    await expect(page.getByLabel("Waiting room kiosk")).toBeChecked();
    await page.goto(application);
    await unfold(page);
    await page.locator("label", { hasText: "Sign-in on devices without a browser" }).click();
    await page.locator("form", { has: page.locator("[name=device]") }).getByRole("button", { name: "Save changes" }).click();
    await expect(page.locator("[name=device]")).toBeChecked();
    const client_id = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(page.url())?.[0] ?? "";
    return {
        async ask() {
            const answer = await request.post(`${PLACE}/devicecode`, { form: { client_id, scope: "openid offline_access" } });
            expect(answer.status(), await answer.text()).toBe(200);
            return (await answer.json()) as Codes;
        },
        async poll({ device_code }) {
            const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
            const answer = await request.post(`${PLACE}/token`, { form: { grant_type, client_id, device_code } });
            return (await answer.json()) as { error?: string; id_token?: string };
        },
    };
}
