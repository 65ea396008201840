// A web application on a server: a certified library and nothing but the discovery address.
import * as client from "openid-client";
import { origin, serve } from "../web.mjs";

const { AUTHORITY, CLIENT_ID, CLIENT_SECRET } = process.env;
const config = await client.discovery(new URL(AUTHORITY), CLIENT_ID, CLIENT_SECRET);
const redirect_uri = `${origin}/redirect`;

serve("openid-client and Lanyard", {
    "/": async (session) => ({ signed_in: !!session.claims, claims: session.claims }),

    "/sign-in": async (session) => {
        Object.assign(session, { verifier: client.randomPKCECodeVerifier(), state: client.randomState(), nonce: client.randomNonce() });
        return {
            to: client.buildAuthorizationUrl(config, {
                redirect_uri,
                scope: "openid profile email offline_access",
                code_challenge: await client.calculatePKCECodeChallenge(session.verifier),
                code_challenge_method: "S256",
                state: session.state,
                nonce: session.nonce,
            }).href,
        };
    },

    "/redirect": async (session, url) => {
        const tokens = await client.authorizationCodeGrant(config, url, {
            pkceCodeVerifier: session.verifier,
            expectedState: session.state,
            expectedNonce: session.nonce,
            idTokenExpected: true,
        });
        Object.assign(session, { tokens, claims: tokens.claims() });
        const userinfo = await client.fetchUserInfo(config, tokens.access_token, session.claims.sub);
        return { claims: session.claims, userinfo };
    },

    "/renew": async (session) => {
        const tokens = await client.refreshTokenGrant(config, session.tokens.refresh_token);
        Object.assign(session, { tokens });
        return { claims: tokens.claims() };
    },

    "/sign-out": async (session) => {
        const hint = session.tokens?.id_token;
        delete session.tokens;
        delete session.claims;
        const post_logout_redirect_uri = `${origin}/`;
        return {
            to: client.buildEndSessionUrl(config, { post_logout_redirect_uri, state: "bye", ...(hint && { id_token_hint: hint }) }).href,
        };
    },
});
