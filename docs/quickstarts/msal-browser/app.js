// A single-page application written for Azure AD B2C; all that is new is in its configuration: authority and client id.
const { authority, clientId, editProfile, resetPassword } = await (await fetch("/config.json")).json();
const scopes = ["openid", "offline_access"];

const app = new msal.PublicClientApplication({
    auth: {
        clientId,
        authority,
        knownAuthorities: [new URL(authority).host],
        redirectUri: `${location.origin}/redirect.html`,
        postLogoutRedirectUri: `${location.origin}/`,
    },
});
await app.initialize();

const show = (text, claims) => {
    document.querySelector("#status").textContent = text;
    document.querySelector("#claims").textContent = claims ? JSON.stringify(claims, null, 2) : "";
};
const signedIn = (result) => {
    app.setActiveAccount(result.account);
    show(`Signed in, ${result.fromCache ? "from the cache" : "from the network"}, state ${result.state || "none"}`, result.idTokenClaims);
    return result;
};
const failed = (error) => {
    const text = error.errorMessage ?? String(error);
    // "Forgot your password?" where the application leads people to its own flow for it.
    if (text.includes("AADB2C90118") && resetPassword) return app.loginRedirect({ authority: resetPassword, scopes });
    show(text.includes("AADB2C90091") ? `Cancelled: ${text}` : `Failed: ${text}`);
};
const press = (id, act) => (document.querySelector(`#${id}`).onclick = () => act().then((result) => result && signedIn(result), failed));

/** From the cache, else by the refresh token, else in a hidden frame. */
async function token(request = {}) {
    return app.acquireTokenSilent({ account: app.getActiveAccount(), scopes, ...request });
}

press("sign-in", () => app.loginRedirect({ scopes, state: "from the page" }));
press("sign-in-popup", () => app.loginPopup({ scopes, state: "from the popup" }));
press("token", () => token());
press("edit-profile", () => app.loginRedirect({ authority: editProfile, scopes, loginHint: app.getActiveAccount()?.username }));
// With the ID token as a hint the person is not asked whether to sign out.
press("sign-out", () => {
    const account = app.getActiveAccount();
    return app.logoutRedirect({ account, idTokenHint: account?.idToken, state: "bye" });
});

// For the console: quickstart.token({ forceRefresh: true })
globalThis.quickstart = { app, token };
try {
    const answer = await app.handleRedirectPromise();
    if (answer) signedIn(answer);
    else show(app.getActiveAccount() ? "Signed in" : "Signed out", app.getActiveAccount()?.idTokenClaims);
} catch (error) {
    await failed(error);
}
document.documentElement.dataset.ready = "true";
