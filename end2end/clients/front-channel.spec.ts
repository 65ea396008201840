// Front-channel logout in a real browser (OpenID Connect Front-Channel Logout, 2): the page after
// the sign-out loads a frame of each application of the session, which says whose session it was.
import { authority, issuer, registered } from "../support/clients.ts";
import { press } from "../support/journey.ts";
import { newcomer, signIn } from "../support/quickstart.ts";
import { expect, test, type APIRequestContext } from "../support/test.ts";

// RFC 7636, appendix B.
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
type Name = "one" | "two";

const reply = (name: Name) => `https://${name}.example/callback`;

function request(name: Name): string {
    const asked = new URLSearchParams({
        client_id: registered().framed[name].clientId,
        redirect_uri: reply(name),
        response_type: "code",
        scope: "openid",
        code_challenge: CHALLENGE,
        code_challenge_method: "S256",
    });
    return `${authority("quick")}/oauth2/v2.0/authorize?${asked}`;
}

/** The `sid` of the ID token that the code in the address `back` gives. */
async function sid(back: string, program: APIRequestContext, name: Name): Promise<string> {
    expect(back.startsWith(`${reply(name)}?`), back).toBe(true);
    const { clientId, secret = "" } = registered().framed[name];
    const form = {
        grant_type: "authorization_code",
        code: new URL(back).searchParams.get("code") ?? "",
        redirect_uri: reply(name),
        code_verifier: VERIFIER,
        client_id: clientId,
        client_secret: secret,
    };
    const answer = await program.post(`${authority("quick")}/oauth2/v2.0/token`, { form });
    expect(answer.status(), await answer.text()).toBe(200);
    const { id_token: token } = (await answer.json()) as { id_token: string };
    return (JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { sid: string }).sid;
}

test("oidcc_frontchannel: each application of the session is told in a frame, with iss and sid", async ({ page, context, browser, playwright, request: program }) => {
    const who = await newcomer(browser, playwright, "quick");
    const told: string[] = [];
    for (const name of ["one", "two"] as const) {
        await context.route(`https://${name}.example/**`, (route) => {
            const sent = route.request();
            if (new URL(sent.url()).pathname === "/signed-out") {
                expect(sent.frame().parentFrame(), "in a frame").not.toBeNull();
                told.push(sent.url());
            }
            return route.fulfill({ contentType: "text/html", body: "<!doctype html><title>Application</title>" });
        });
    }
    await page.goto(request("one"));
    await signIn(page, program, who);
    await page.waitForURL(`${reply("one")}?*`);
    const sids = { one: await sid(page.url(), program, "one"), two: "" };
    // The session answers at once, with a redirect: those of the browser itself pass by its routes.
    const silent = await context.request.get(request("two"), { maxRedirects: 0 });
    sids.two = await sid(silent.headers()["location"] ?? "", program, "two");
    expect(told, "nobody has signed out").toEqual([]);

    await page.goto(`${authority("quick")}/oauth2/v2.0/logout`);
    await press(page, "Sign out");
    await expect.poll(() => told.length, "both frames are loaded: the policy of the page lets them").toBe(2);
    for (const name of ["one", "two"] as const) {
        const frame = new URL(told.find((url) => url.startsWith(`https://${name}.example/signed-out?`)) ?? "about:blank");
        expect(Object.fromEntries(frame.searchParams)).toEqual({ iss: issuer("quick"), sid: sids[name] });
    }
    // The session is over: a silent request gets no code.
    await page.goto(request("one"));
    await page.waitForURL(/\/journey\//);
});
