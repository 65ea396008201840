#!/usr/bin/env bash
# Signs in with curl: authorization code with PKCE, by hand. AUTHORITY is the issuer of the flow.
set -euo pipefail
: "${AUTHORITY:?the issuer, as the portal shows it}" "${CLIENT_ID:?the application (client) id}"
REPLY="${REPLY:-http://localhost:3000}"

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
payload() { # of a JWT, without checking it: it came straight from the token endpoint over TLS
    local part="${1#*.}"
    part="$(tr '_-' '/+' <<<"${part%%.*}")"
    while [ $((${#part} % 4)) -ne 0 ]; do part+="="; done
    openssl base64 -d -A <<<"$part"
    echo
}

metadata="$(curl -fsS "${AUTHORITY%/}/.well-known/openid-configuration")"
authorize="$(field authorization_endpoint <<<"$metadata")"
token="$(field token_endpoint <<<"$metadata")"
userinfo="$(field userinfo_endpoint <<<"$metadata")"

verifier="$(openssl rand 32 | base64url)"
challenge="$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64url)"
state="$(openssl rand -hex 16)"

echo "Open this address and sign in. The browser ends at $REPLY, where nothing answers:"
echo "$authorize?client_id=$CLIENT_ID&response_type=code&scope=openid%20offline_access&redirect_uri=$REPLY&state=$state&code_challenge=$challenge&code_challenge_method=S256"
read -r -p "Paste the address that it ended at: " back

got="$(sed -n 's/.*[?&]state=\([^&]*\).*/\1/p' <<<"$back")"
[ "$got" = "$state" ] || { echo "The state is another one: this answer was not asked for." >&2; exit 1; }
code="$(sed -n 's/.*[?&]code=\([^&]*\).*/\1/p' <<<"$back")"
[ -n "$code" ] || { echo "There is no code in it." >&2; exit 1; }

answer="$(curl -sS "$token" -d grant_type=authorization_code -d "client_id=$CLIENT_ID" \
    --data-urlencode "code=$code" --data-urlencode "redirect_uri=$REPLY" -d "code_verifier=$verifier")"
id_token="$(field id_token <<<"$answer")"
[ -n "$id_token" ] || { echo "$answer" >&2; exit 1; }
echo "ID token:"
payload "$id_token"

echo "Userinfo:"
curl -fsS "$userinfo" -H "Authorization: Bearer $(field access_token <<<"$answer")"
echo

again="$(curl -sS "$token" -d grant_type=refresh_token -d "client_id=$CLIENT_ID" \
    --data-urlencode "refresh_token=$(field refresh_token <<<"$answer")")"
echo "ID token after a refresh:"
payload "$(field id_token <<<"$again")"
