// The page that the answer comes to (the reply URL). It hands it to the application's own page, be
// that in a frame, a popup or the window itself. MSAL 5 wants this; up to MSAL 4 it may be empty.
msalRedirectBridge.broadcastResponseToMainFrame().catch((error) => (document.body.textContent = error.message));
