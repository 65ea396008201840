// Everything but the client's id comes from the discovery document.
const { authority, clientId } = await (await fetch("/config.json")).json();
const here = `${location.origin}/`;

const manager = new oidc.UserManager({
    authority,
    client_id: clientId,
    redirect_uri: here,
    popup_redirect_uri: `${here}redirect.html`,
    silent_redirect_uri: `${here}redirect.html`,
    post_logout_redirect_uri: here,
    scope: "openid profile email offline_access",
    loadUserInfo: true,
    automaticSilentRenew: false,
});

const show = (text, claims) => {
    document.querySelector("#status").textContent = text;
    document.querySelector("#claims").textContent = claims ? JSON.stringify(claims, null, 2) : "";
};
const failed = (error) => show(`Failed: ${error.error_description ?? error.message}`);
const signedIn = (user) => show(`Signed in, state ${user.state ?? "none"}`, user.profile);
const press = (id, act) => (document.querySelector(`#${id}`).onclick = () => act().then((user) => user && signedIn(user), failed));

press("sign-in", () => manager.signinRedirect({ state: "from the page" }));
press("sign-in-popup", () => manager.signinPopup({ state: "from the popup" }));
// By the refresh token where there is one, else in a hidden frame.
press("renew", () => manager.signinSilent());
press("sign-out", () => manager.signoutRedirect({ state: "bye" }));

// For the console.
globalThis.quickstart = { manager };
try {
    const asked = new URLSearchParams(location.search);
    if (asked.has("code") || asked.has("error")) {
        signedIn(await manager.signinRedirectCallback());
        history.replaceState(null, "", here);
    } else if (asked.has("state")) {
        const answer = await manager.signoutRedirectCallback();
        show(`Signed out, state ${answer.userState}`);
    } else {
        const user = await manager.getUser();
        show(user ? "Signed in" : "Signed out", user?.profile);
    }
} catch (error) {
    failed(error);
}
document.documentElement.dataset.ready = "true";
