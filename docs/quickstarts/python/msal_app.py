"""A web application with MSAL for Python, written for Azure AD B2C."""

import os
from urllib.parse import urlencode

import msal

from web import ORIGIN, serve

AUTHORITY = os.environ["AUTHORITY"]
CLIENT_ID = os.environ["CLIENT_ID"]
# MSAL asks for openid, profile and offline_access by itself. A web API's scope goes here.
SCOPES = []

app = msal.ConfidentialClientApplication(
    CLIENT_ID, client_credential=os.environ["CLIENT_SECRET"], authority=AUTHORITY
)
session = {}


def shown(result):
    if "error" in result:
        raise RuntimeError(result.get("error_description", result["error"]))
    return {"claims": result.get("id_token_claims"), "source": result.get("token_source")}


def sign_in(_):
    session["flow"] = app.initiate_auth_code_flow(SCOPES, redirect_uri=f"{ORIGIN}/redirect")
    return session["flow"]["auth_uri"]


def redirect(query):
    # Checks state, nonce and PKCE.
    return shown(app.acquire_token_by_auth_code_flow(session.pop("flow"), query))


def renew(query):
    # From the cache; with ?force=1 by the refresh token.
    accounts = app.get_accounts()
    if not accounts:
        raise RuntimeError("Nobody is signed in.")
    force = "force" in query
    return shown(app.acquire_token_silent_with_error(SCOPES, account=accounts[0], force_refresh=force) or {"error": "none"})


def sign_out(_):
    for account in app.get_accounts():
        app.remove_account(account)
    back = {"post_logout_redirect_uri": f"{ORIGIN}/", "client_id": CLIENT_ID, "state": "bye"}
    return f"{AUTHORITY}/oauth2/v2.0/logout?{urlencode(back)}"


def home(_):
    return {"signed_in": bool(app.get_accounts())}


serve(
    "MSAL for Python and Lanyard",
    {"/": home, "/sign-in": sign_in, "/redirect": redirect, "/renew": renew, "/sign-out": sign_out},
)
