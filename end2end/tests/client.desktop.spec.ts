// npm openid-client 6, unchanged, against a flow: discovery, code with PKCE, refresh, userinfo, sign-out.
import * as client from "openid-client";
import { at, enrolPhone, giveDetails, person, proveAddress, toSignIn } from "../support/journey.ts";
import { hydrated } from "../support/page.ts";
import { expect, test, type Page } from "../support/test.ts";

/** What the bundled patient portal is registered as. */
async function registration(page: Page): Promise<{ authority: string; client_id: string; redirect_uri: string }> {
    await page.goto("/claims");
    const props = JSON.parse((await page.locator("leptos-island").getAttribute("data-props")) ?? "{}");
    return props.config;
}

async function discover(page: Page) {
    const { authority, client_id, redirect_uri } = await registration(page);
    const config = await client.discovery(new URL(authority), client_id, undefined, client.None(), {
        execute: [client.allowInsecureRequests],
    });
    return { config, redirect_uri, authority };
}

/**
 * Goes there and returns the address on which the flow sends the browser back. The page there is
 * the bundled application's own: it finds nothing that it asked for, and leaves the code alone.
 */
async function sentBack(page: Page, redirect_uri: string, go: () => Promise<unknown>): Promise<URL> {
    const [back] = await Promise.all([
        page.waitForRequest((request) => request.isNavigationRequest() && request.url().startsWith(`${redirect_uri}?`)),
        page.waitForEvent("framenavigated", (frame) => frame.url().startsWith(redirect_uri)),
        go(),
    ]);
    await page.waitForLoadState();
    return new URL(back.url());
}

test("openid-client signs in, refreshes, reads userinfo and signs out", async ({ page, request }) => {
    const who = person("Open", "Client");
    const { config, redirect_uri } = await discover(page);
    const verifier = client.randomPKCECodeVerifier();
    const [state, nonce] = [client.randomState(), client.randomNonce()];
    const address = client.buildAuthorizationUrl(config, {
        redirect_uri,
        scope: "openid offline_access profile email",
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        nonce,
    });
    await page.goto(address.href);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    const back = await sentBack(page, redirect_uri, () => enrolPhone(page, request, who));
    expect(back.searchParams.get("state")).toBe(state);

    const tokens = await client.authorizationCodeGrant(config, back, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
    });
    const claims = tokens.claims();
    expect(claims).toMatchObject({ given_name: "Open", family_name: "Client", country: "US", emails: [who.email], newUser: true });
    expect(claims?.["amr"]).toEqual(expect.arrayContaining(["pwd", "sms", "mfa"]));
    expect(tokens.access_token).toBeTruthy();
    expect(tokens.refresh_token).toBeTruthy();
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims?.sub ?? "");
    expect(userinfo.sub).toBe(claims?.sub);

    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token ?? "");
    expect(fresh.claims()).toMatchObject({ sub: claims?.sub, auth_time: claims?.auth_time });
    expect(fresh.refresh_token).not.toBe(tokens.refresh_token);
    // A28: the code is good once.
    await expect(
        client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }),
    ).rejects.toMatchObject({ error: "invalid_grant" });

    const out = client.buildEndSessionUrl(config, {
        post_logout_redirect_uri: redirect_uri,
        id_token_hint: fresh.id_token ?? "",
        state: "bye",
    });
    const home = await sentBack(page, redirect_uri, () => page.goto(out.href));
    expect(home.searchParams.get("state")).toBe("bye");
    // The session is over: prompt=none says so.
    const silent = client.buildAuthorizationUrl(config, {
        redirect_uri,
        scope: "openid",
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        prompt: "none",
        state,
    });
    const refused = await sentBack(page, redirect_uri, () => page.goto(silent.href));
    expect(refused.searchParams.get("error")).toMatch(/^(interaction|login)_required$/);
});

test("A28 a reply URL is exact; A30 a public client needs PKCE with S256", async ({ page }) => {
    const { config, redirect_uri } = await discover(page);
    const base = {
        redirect_uri,
        scope: "openid",
        state: "s",
        code_challenge: await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier()),
        code_challenge_method: "S256",
    };
    for (const changed of [`${redirect_uri}/`, redirect_uri.replace("/claims", "/Claims"), `${redirect_uri}?x=1`, "https://evil.example/claims"]) {
        const answer = await page.goto(client.buildAuthorizationUrl(config, { ...base, redirect_uri: changed }).href);
        expect(answer?.status(), changed).toBe(400);
        await at(page, "This sign-in link does not work");
        expect(new URL(page.url()).pathname).not.toContain("laims");
    }
    const { code_challenge: _, code_challenge_method: __, ...bare } = base;
    for (const parameters of [bare, { ...base, code_challenge_method: "plain" }]) {
        const back = await sentBack(page, redirect_uri, () => page.goto(client.buildAuthorizationUrl(config, parameters).href));
        expect(back.searchParams.get("error")).toBe("invalid_request");
        expect(back.searchParams.get("code")).toBeNull();
    }
});

test("openid-client pushes its request and is answered by a form that goes on by itself", async ({ page, request }) => {
    const who = person("Pushed", "Form");
    const { config, redirect_uri } = await discover(page);
    const verifier = client.randomPKCECodeVerifier();
    const [state, nonce] = [client.randomState(), client.randomNonce()];
    const address = await client.buildAuthorizationUrlWithPAR(config, {
        redirect_uri,
        response_mode: "form_post",
        scope: "openid",
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        nonce,
    });
    expect([...address.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
    // The application's end of the form.
    await page.route(redirect_uri, (route) =>
        route.request().method() === "POST"
            ? route.fulfill({ status: 200, contentType: "text/html", body: "<!doctype html><title>app</title><h1>app</h1>" })
            : route.fallback(),
    );
    await page.goto(address.href);
    await proveAddress(page, request, who.email);
    await giveDetails(page, who);
    const [back] = await Promise.all([
        page.waitForRequest((sent) => sent.method() === "POST" && sent.url() === redirect_uri),
        enrolPhone(page, request, who),
    ]);
    await expect(page.getByRole("heading", { name: "app" })).toBeVisible();
    const answer = new Request(redirect_uri, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: back.postData(),
    });
    const tokens = await client.authorizationCodeGrant(config, answer, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
    });
    expect(tokens.claims()?.sub).toBeTruthy();
    // A reference is good once: the old address shows a page and sends nobody anywhere.
    const again = await page.goto(address.href);
    expect(again?.status()).toBe(400);
});

test("a stranger’s link to /claims puts no words of its own on the page, and ends no sign-in that is under way", async ({ page }) => {
    for (const link of ["/claims?error=call-0800-thief", "/claims?error=access_denied&state=x", "/claims?code=x&state=x"]) {
        await page.goto(link);
        await hydrated(page);
        await at(page, "You’re not signed in");
        const text = await page.locator("main").innerText();
        expect(text).not.toContain("call-0800-thief");
        expect(text).not.toContain("You stopped before you had signed in");
        expect(await page.content()).not.toContain("call-0800-thief");
    }
    // The real answer of the sign-in that this tab began is still taken.
    await toSignIn(page);
    const journey = page.url();
    await page.goto("/claims?error=access_denied&state=x");
    await hydrated(page);
    await at(page, "You’re not signed in");
    expect(await page.evaluate(() => sessionStorage.getItem("lanyard.claims"))).toMatch(/^\S+ \S+ \S+$/);
    await page.goto(journey);
    await at(page, "Sign in");
});
