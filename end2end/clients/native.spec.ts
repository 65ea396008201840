// Programs on somebody's own machine: msal-node's interactive sign-in, which is answered by a form
// to a port of its own choice (RFC 8252, 7.3), and the curl quick start.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { authority, FLOWS, issuer, registered } from "../support/clients.ts";
import type { Person } from "../support/journey.ts";
import { home, newcomer, QUICKSTARTS, ROOT, signIn, trusting } from "../support/quickstart.ts";
import { expect, test } from "../support/test.ts";

// A program that has its answer is gone when the browser asks it for an icon, or goes just then.
test.use({
    expectedErrors: ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_SOCKET_NOT_CONNECTED", "ERR_EMPTY_RESPONSE"],
});

let who: Person;
test.beforeAll(async ({ browser, playwright }) => void (who = await newcomer(browser, playwright, "mfa")));

/** A program that ends by itself: what it says, line by line, and what it is told. */
function program(command: string[], settings: Record<string, string>) {
    const [name = "", ...args] = command;
    const child = spawn(name, args, { cwd: QUICKSTARTS, env: { ...trusting(), ...settings }, stdio: "pipe" });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | null>((done) => child.once("close", (code) => done(code)));
    const found = async (pattern: RegExp): Promise<string> => {
        await expect.poll(() => output, `${command.join(" ")} says ${pattern}`).toMatch(pattern);
        return pattern.exec(output)?.[1] ?? "";
    };
    return { found, tell: (line: string) => child.stdin.end(`${line}\n`), ended, output: () => output, stop: () => child.kill("SIGKILL") };
}

for (const major of [2, 3, 7] as const) {
    test(`msal-node ${major} signs in interactively, is answered at a port of its own, and renews`, async ({ page, request }) => {
        const other = major === 7 ? [] : [`--import=${join(ROOT, "end2end/clients/other-version.mjs")}`];
        const flow = major === 7 ? "mfa" : "quick";
        const { clientId } = registered().native;
        const settings = { AUTHORITY: authority(flow), CLIENT_ID: clientId, MSAL_NODE: `msal-node-${major}` };
        const desktop = program(["node", ...other, "msal-node/desktop.mjs"], settings);
        try {
            const address = await desktop.found(/Open this address: (\S+)/);
            if (major === 7) expect(new URL(address).searchParams.get("response_mode")).toBe("form_post");
            expect(new URL(address).searchParams.get("redirect_uri")).toMatch(/^http:\/\/localhost:\d+$/);
            await page.goto(address);
            await signIn(page, request, who, flow);
            if (major === 7) await expect(page.getByText("You are signed in. Close this window.")).toBeVisible();
            const claims = JSON.parse(await desktop.found(/^(\{.*"tfp".*\})$/m)) as Record<string, unknown>;
            expect(claims).toMatchObject({ tfp: FLOWS[flow], emails: [who.email] });
            const rest = JSON.parse(await desktop.found(/^(\{"cached".*\})$/m)) as Record<string, unknown>;
            expect(rest).toEqual({ cached: true, renewed: true, sub: claims["sub"] });
            expect(await desktop.ended, desktop.output()).toBe(0);
        } finally {
            desktop.stop();
        }
    });
}

test("curl: code, ID token, userinfo, refresh", async ({ page, request }) => {
    const reply = home().slice(0, -1);
    await page.route(`${home()}**`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><h1>Nothing here</h1>" }));
    const settings = { AUTHORITY: issuer("mfa"), CLIENT_ID: registered().native.clientId, REPLY: reply };
    const script = program(["bash", "curl/sign-in.sh"], settings);
    try {
        await page.goto(await script.found(/^(https:\S+authorize\?\S+)$/m));
        await signIn(page, request, who, "mfa");
        await page.waitForURL(`${home()}?*`);
        script.tell(page.url());
        expect(await script.ended, script.output()).toBe(0);
        const [, idToken, userinfo, renewed] = script.output().split(/^(?:ID token|Userinfo|ID token after a refresh):$/m).map((part) => part.trim());
        const claims = JSON.parse(idToken ?? "") as Record<string, unknown>;
        expect(claims).toMatchObject({ tfp: FLOWS.mfa, emails: [who.email], aud: registered().native.clientId });
        expect(JSON.parse(userinfo ?? "")).toMatchObject({ sub: claims["sub"] });
        expect(JSON.parse(renewed ?? "")).toMatchObject({ sub: claims["sub"], auth_time: claims["auth_time"] });
    } finally {
        script.stop();
    }
});
