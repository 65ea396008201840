// The page that the answer comes to in a popup and in the hidden frame.
new oidc.UserManager({ authority: "-", client_id: "-", redirect_uri: "-" }).signinCallback();
