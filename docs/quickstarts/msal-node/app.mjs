// A web application on a server, with a client secret, written for Azure AD B2C.
import { ConfidentialClientApplication, CryptoProvider } from "@azure/msal-node";
import { origin, serve } from "../web.mjs";

const { AUTHORITY, CLIENT_ID, CLIENT_SECRET } = process.env;
const redirectUri = `${origin}/redirect`;
const scopes = ["openid", "offline_access"];
const app = new ConfidentialClientApplication({
    auth: {
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        authority: AUTHORITY,
        knownAuthorities: [new URL(AUTHORITY).host],
    },
});
const random = new CryptoProvider();
const shown = (result) => ({ claims: result.idTokenClaims, fromCache: result.fromCache, scopes: result.scopes });

serve("msal-node and Lanyard", {
    "/": async (session) => ({ signed_in: !!session.account, claims: session.account?.idTokenClaims }),

    "/sign-in": async (session) => {
        const { verifier, challenge } = await random.generatePkceCodes();
        Object.assign(session, { verifier, state: random.createNewGuid(), nonce: random.createNewGuid() });
        const { state, nonce } = session;
        return {
            to: await app.getAuthCodeUrl({ scopes, redirectUri, state, nonce, codeChallenge: challenge, codeChallengeMethod: "S256" }),
        };
    },

    "/redirect": async (session, url) => {
        const answer = Object.fromEntries(url.searchParams);
        if (!session.state || answer.state !== session.state) throw new Error("This answer was not asked for.");
        delete session.state;
        if (answer.error) throw new Error(answer.error_description);
        const { verifier: codeVerifier, nonce } = session;
        // The nonce stands in both: up to MSAL 3 the second is read, since then the first.
        const request = { scopes, redirectUri, code: answer.code, codeVerifier, nonce };
        const result = await app.acquireTokenByCode(request, { code: answer.code, nonce });
        session.account = result.account;
        return shown(result);
    },

    // From the cache; with ?force=1 by the refresh token.
    "/renew": async (session, url) =>
        shown(await app.acquireTokenSilent({ scopes, account: session.account, forceRefresh: url.searchParams.has("force") })),

    "/sign-out": async (session) => {
        const hint = session.account?.idToken;
        if (session.account) await app.getTokenCache().removeAccount(session.account);
        delete session.account;
        const back = new URLSearchParams({ post_logout_redirect_uri: `${origin}/`, client_id: CLIENT_ID, state: "bye" });
        if (hint) back.set("id_token_hint", hint);
        return { to: `${AUTHORITY}/oauth2/v2.0/logout?${back}` };
    },
});
