// Chromium's virtual authenticator, by the DevTools protocol.
import type { CDPSession, Page } from "@playwright/test";

export class Authenticator {
    private constructor(
        private readonly session: CDPSession,
        private readonly id: string,
    ) {}

    /** A phone or laptop of its own for the page's browser: it verifies its user and keeps passkeys. */
    static async on(page: Page): Promise<Authenticator> {
        const session = await page.context().newCDPSession(page);
        await session.send("WebAuthn.enable");
        const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
            options: {
                protocol: "ctap2",
                transport: "internal",
                hasResidentKey: true,
                hasUserVerification: true,
                isUserVerified: true,
                automaticPresenceSimulation: true,
            },
        });
        return new Authenticator(session, authenticatorId);
    }

    /** Whether its user touches it when it asks, also for what the email field offers. */
    async touched(enabled: boolean): Promise<void> {
        await this.session.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId: this.id, enabled });
    }

    /** Whether fingerprint, face or screen lock are right; if not, the ceremony fails as a cancelled one does. */
    async verifies(isUserVerified: boolean): Promise<void> {
        await this.session.send("WebAuthn.setUserVerified", { authenticatorId: this.id, isUserVerified });
    }

    /** How many passkeys it has. */
    async passkeys(): Promise<number> {
        const { credentials } = await this.session.send("WebAuthn.getCredentials", { authenticatorId: this.id });
        return credentials.length;
    }
}
