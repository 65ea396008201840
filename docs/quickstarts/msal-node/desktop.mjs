// A program on somebody's own machine: the browser signs in, and the answer comes back as a form to
// a port of this program. No secret, no fixed port.
import { PublicClientApplication } from "@azure/msal-node";

const { AUTHORITY, CLIENT_ID } = process.env;
const app = new PublicClientApplication({
    auth: { clientId: CLIENT_ID, authority: AUTHORITY, knownAuthorities: [new URL(AUTHORITY).host] },
});
const scopes = ["openid", "offline_access"];

const result = await app.acquireTokenInteractive({
    scopes,
    // Real programs open the browser here.
    openBrowser: async (address) => console.log(`Open this address: ${address}`),
    successTemplate: "You are signed in. Close this window.",
    errorTemplate: "That did not work. Close this window and try again.",
});
console.log(JSON.stringify(result.idTokenClaims));

const { account } = result;
const cached = await app.acquireTokenSilent({ scopes, account });
const renewed = await app.acquireTokenSilent({ scopes, account, forceRefresh: true });
console.log(JSON.stringify({ cached: cached.fromCache, renewed: !renewed.fromCache, sub: renewed.idTokenClaims.sub }));
