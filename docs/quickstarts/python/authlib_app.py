"""A web application with Authlib: a generic library and nothing but the discovery address."""

import os
import secrets
from urllib.parse import urlencode

import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwk, jwt
from joserfc.jwt import JWTClaimsRegistry

from web import ORIGIN, serve

AUTHORITY = os.environ["AUTHORITY"].rstrip("/")
CLIENT_ID = os.environ["CLIENT_ID"]
metadata = requests.get(f"{AUTHORITY}/.well-known/openid-configuration", timeout=10).json()
client = OAuth2Session(
    CLIENT_ID,
    os.environ["CLIENT_SECRET"],
    scope="openid profile email offline_access",
    redirect_uri=f"{ORIGIN}/redirect",
    code_challenge_method="S256",
)
session = {}


def claims_of(token, nonce=None):
    keys = jwk.KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    rules = {"iss": metadata["issuer"], "aud": CLIENT_ID} | ({"nonce": nonce} if nonce else {})
    JWTClaimsRegistry(**{name: {"essential": True, "value": value} for name, value in rules.items()}).validate(decoded.claims)
    return decoded.claims


def sign_in(_):
    session["nonce"], session["verifier"] = secrets.token_urlsafe(), secrets.token_urlsafe(48)
    url, session["state"] = client.create_authorization_url(
        metadata["authorization_endpoint"], nonce=session["nonce"], code_verifier=session["verifier"]
    )
    return url


def redirect(query):
    if query.get("state") != session.pop("state", None):
        raise RuntimeError("This answer was not asked for.")
    if "error" in query:
        raise RuntimeError(query.get("error_description", query["error"]))
    token = client.fetch_token(metadata["token_endpoint"], code=query["code"], code_verifier=session["verifier"])
    session["claims"] = claims_of(token, session["nonce"])
    userinfo = client.get(metadata["userinfo_endpoint"]).json()
    return {"claims": session["claims"], "userinfo": userinfo}


def renew(_):
    return {"claims": claims_of(client.refresh_token(metadata["token_endpoint"]))}


def sign_out(_):
    back = {"post_logout_redirect_uri": f"{ORIGIN}/", "client_id": CLIENT_ID, "state": "bye"}
    if session.pop("claims", None):
        # With it the person is not asked whether to sign out.
        back["id_token_hint"] = client.token["id_token"]
    return f"{metadata['end_session_endpoint']}?{urlencode(back)}"


def home(_):
    return {"signed_in": "claims" in session}


serve(
    "Authlib and Lanyard",
    {"/": home, "/sign-in": sign_in, "/redirect": redirect, "/renew": renew, "/sign-out": sign_out},
)
