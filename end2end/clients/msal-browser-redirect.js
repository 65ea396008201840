// The reply page as applications with MSAL 2 to 4 have it, in the place of the quick start's (which
// is for MSAL 5): in a frame or popup the page that opened it reads the address, so nothing is
// done; in the window itself MSAL goes on to the page that asked.
(async () => {
    if (window.opener || window.parent !== window) return;
    const { authority, clientId } = await (await fetch("/config.json")).json();
    const redirectUri = `${location.origin}/redirect.html`;
    const app = new msal.PublicClientApplication({
        auth: { clientId, authority, knownAuthorities: [new URL(authority).host], redirectUri },
    });
    await app.initialize();
    await app.handleRedirectPromise();
})();
