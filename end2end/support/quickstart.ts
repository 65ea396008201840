// Runs an application as the README of its quick start says, as a process of its own, and signs
// people in at it.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { APIRequestContext, Browser, Page, PlaywrightWorkerArgs } from "@playwright/test";
import { authority, FLOWS, registered, type Flow } from "./clients.ts";
import { seen } from "./inbox.ts";
import { at, enrolPhone, enterPhoneCode, giveDetails, givePassword, person, proveAddress, type Person } from "./journey.ts";
import { hydrated } from "./page.ts";
import { test } from "./test.ts";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const QUICKSTARTS = join(ROOT, "docs/quickstarts");

/**
 * `test` in a browser window that lets frames of another site have their cookies, as the hidden
 * frame of single-page applications needs: what Chromium calls "allow third-party cookies". It is a
 * setting of the profile, so each test gets a profile of its own.
 */
export const testWithFrames = test.extend({
    context: async ({ playwright }, use) => {
        const profile = mkdtempSync(join(tmpdir(), "lanyard-profile-"));
        mkdirSync(join(profile, "Default"));
        writeFileSync(join(profile, "Default/Preferences"), JSON.stringify({ profile: { cookie_controls_mode: 0 } }));
        const context = await playwright.chromium.launchPersistentContext(profile);
        await use(context);
        await context.close();
        rmSync(profile, { recursive: true, force: true });
    },
});

/** How long an application may take until it says where it is. */
const READY_WITHIN_MS = 20_000;

export interface Running {
    /** Everything that it has written so far. */
    output(): string;
    stop(): Promise<void>;
}

/** Where the applications are, with a closing slash. */
export function home(): string {
    return `http://localhost:${registered().port}/`;
}

/** What a program must be told to trust the server's development certificate. */
export function trusting(): NodeJS.ProcessEnv {
    const { LANYARD_E2E_BASE_URL: _, NODE_TLS_REJECT_UNAUTHORIZED: __, ...env } = process.env;
    const { certificate } = registered();
    const names = ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"];
    return { ...env, ...Object.fromEntries(names.map((name) => [name, certificate])) };
}

/** Starts `command` in docs/quickstarts and waits until it prints its address. */
export async function start(command: string[], settings: Record<string, string>): Promise<Running> {
    const [program = "", ...args] = command;
    const env = { ...trusting(), ...settings, PORT: String(registered().port) };
    const child = spawn(program, args, { cwd: QUICKSTARTS, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const gone = new Promise<void>((done) => child.once("close", () => done()));
    const ready = new Promise<void>((up) => {
        const take = (chunk: Buffer) => {
            output += chunk.toString();
            if (output.includes(home().slice(0, -1))) up();
        };
        child.stdout.on("data", take);
        child.stderr.on("data", take);
        child.once("error", (error) => (output += error.message));
    });
    const late = new Promise<never>((_, fail) => {
        const words = () => fail(new Error(`${command.join(" ")} is not ready; it said:\n${output}`));
        setTimeout(words, READY_WITHIN_MS).unref();
        void gone.then(words);
    });
    late.catch(() => {});
    const stop = async () => {
        child.kill("SIGTERM");
        await gone;
    };
    try {
        await Promise.race([ready, late]);
    } catch (error) {
        await stop();
        throw error;
    }
    return { output: () => output, stop };
}

/** Signs somebody new up by `flow`, in a browser of their own; the second step of `mfa` is a text message. */
export async function newcomer(browser: Browser, playwright: PlaywrightWorkerArgs["playwright"], flow: Flow): Promise<Person> {
    const who = person("Robin", "Client");
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const request = await playwright.request.newContext({ baseURL: registered().origin, ignoreHTTPSErrors: true });
    try {
        const page = await context.newPage();
        const reply = "http://localhost/";
        await context.route(`${reply}**`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
        const asked = new URLSearchParams({
            client_id: registered().native.clientId,
            redirect_uri: reply.slice(0, -1),
            response_type: "code",
            scope: "openid",
            code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            code_challenge_method: "S256",
        });
        await page.goto(`${authority(flow)}/oauth2/v2.0/authorize?${asked}`);
        await hydrated(page);
        await proveAddress(page, request, who.email);
        await giveDetails(page, who);
        if (flow === "mfa") await enrolPhone(page, request, who);
        await page.waitForURL(`${reply}?*`);
    } finally {
        await request.dispose();
        await context.close();
    }
    return who;
}

/** On the sign-in page of `flow`, wherever it is (a popup too): password, and the text where the flow asks. */
export async function signIn(page: Page, request: APIRequestContext, who: Person, flow: Flow = "quick"): Promise<void> {
    await page.waitForURL(/\/journey\//);
    await hydrated(page);
    await at(page, "Sign in");
    const known = flow === "mfa" ? await seen(request, who.e164) : new Set<string>();
    await givePassword(page, who.email, who.password);
    if (flow === "mfa") await enterPhoneCode(page, request, who, "Text message", known);
}

/** The name of the flow, as `tfp` says it. */
export function nameOf(flow: Flow): string {
    return FLOWS[flow];
}
