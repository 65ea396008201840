// The clients' server: one with TLS, a tenant, its user flows, and the applications that the quick
// starts are registered as, all made with the command line. Global set-up of clients.config.ts; the
// specs read what was made with `registered()`.
import { join } from "node:path";
import { freePort, startServer } from "./server.ts";

export const DOMAIN = "harbour.example";

/** The user flows. */
export const FLOWS = {
    /** Signs up and in, without a second step: for the many sign-ins. */
    quick: "B2C_1_quick",
    /** The same again: a second flow of the same application on the same host. */
    second: "B2C_1_second",
    /** Signs up and in, with a second step always. */
    mfa: "B2C_1_mfa",
    edit: "B2C_1_edit",
    reset: "B2C_1_reset",
} as const;
export type Flow = keyof typeof FLOWS;

/** An application, as its owner knows it. */
export interface Application {
    clientId: string;
    /** Of a web application. */
    secret?: string;
}

/** What global set-up made. */
export interface Registered {
    /** Such as `https://localhost:43117`. */
    origin: string;
    /** The certificate that programs must trust to speak to it. */
    certificate: string;
    /** Where the applications listen: `http://localhost:{port}`. */
    port: number;
    tenant: string;
    singlePage: Application;
    web: Application;
    native: Application;
    /** Two that want to be told of a sign-out in a frame, at `https://{name}.example/signed-out`. */
    framed: Record<"one" | "two", Application>;
}

/** What global set-up made, read by the specs. */
export function registered(): Registered {
    const text = process.env.LANYARD_E2E_CLIENTS;
    if (!text) throw new Error("LANYARD_E2E_CLIENTS is not set: run with --config clients.config.ts");
    return JSON.parse(text) as Registered;
}

/** The authority as applications of Azure AD B2C write it. */
export function authority(flow: Flow): string {
    return `${registered().origin}/${DOMAIN}/${FLOWS[flow]}`;
}

/** The issuer, which is all that a generic library wants to know. */
export function issuer(flow: Flow): string {
    const { origin, tenant } = registered();
    return `${origin}/tfp/${tenant}/${FLOWS[flow].toLowerCase()}/v2.0/`;
}

export default async function globalSetup(): Promise<() => Promise<void>> {
    const server = await startServer(["--tls"]);
    try {
        process.env.LANYARD_E2E_CLIENTS = JSON.stringify(await register(server));
        process.env.LANYARD_E2E_BASE_URL = server.origin;
    } catch (error) {
        await server.stop();
        throw error;
    }
    return server.stop;
}

async function register(server: Awaited<ReturnType<typeof startServer>>): Promise<Registered> {
    const port = await freePort();
    const tenant = await server.command("tenant", "create", "--name", "Harbour Clinic", "--domain", DOMAIN);
    const kinds: Record<Flow, [kind: string, mfa: string]> = {
        quick: ["sign_up_sign_in", "off"],
        second: ["sign_up_sign_in", "off"],
        mfa: ["sign_up_sign_in", "always_on"],
        edit: ["profile_editing", "off"],
        reset: ["password_reset", "off"],
    };
    const inTenant = ["--tenant", DOMAIN];
    for (const [flow, [kind, mfa]] of Object.entries(kinds)) {
        await server.command("flow", "create", ...inTenant, "--name", FLOWS[flow as Flow], "--kind", kind, "--mfa", mfa);
    }
    await server.command("flow", "set", FLOWS.mfa, ...inTenant, "--set", "claim-newUser=true");

    // Without a minimum of its own: which flow it asks decides whether there is a second step.
    const flows = Object.values(FLOWS).flatMap((name) => ["--flow", name]);
    const application = async (name: string, kind: string, ...replyUrls: string[]): Promise<Application> => {
        const reply = replyUrls.flatMap((url) => ["--reply-url", url]);
        const options = ["--name", name, "--kind", kind, "--minimum", "none", ...reply, ...flows];
        const made = await server.command("app", "register", ...inTenant, ...options);
        if (kind !== "web") return { clientId: made.id };
        const { secret } = await server.command("app", "secret", made.id, ...inTenant);
        return { clientId: made.id, secret };
    };
    const home = `http://localhost:${port}/`;
    const singlePage = await application("Single page", "single_page", `${home}redirect.html`, home);
    await server.command("app", "set", singlePage.clientId, ...inTenant, "--set", "handles_password_reset=true");
    const framed = async (name: string): Promise<Application> => {
        const made = await application(`Framed ${name}`, "web", `https://${name}.example/callback`);
        const setting = `front_channel_logout=https://${name}.example/signed-out`;
        await server.command("app", "set", made.clientId, ...inTenant, "--set", setting);
        return made;
    };
    return {
        origin: server.origin,
        certificate: join(server.data, "development-certificate.pem"),
        port,
        tenant: tenant.id,
        singlePage,
        web: await application("Web", "web", `${home}redirect`, home),
        native: await application("Native", "native", "http://localhost"),
        framed: { one: await framed("one"), two: await framed("two") },
    };
}
