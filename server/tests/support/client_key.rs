//! A client's own key, and what it makes with it: assertions (RFC 7523) and proofs of possession
//! (RFC 9449).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Clinic, TestApp, app::ORIGIN, journey::place};

/// A key pair, P-256.
pub(crate) struct ClientKey {
    pair: EcdsaKeyPair,
    kid: String,
    /// The JWK set to register.
    pub(crate) jwks: String,
}

/// The call that a proof is for.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) jti: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    /// In seconds.
    pub(crate) at: i64,
}

impl<'a> Call<'a> {
    /// A POST to `path`, made now, that carries no token.
    pub(crate) fn post(app: &TestApp, path: &'a str, jti: &'a str) -> Self {
        Self { jti, method: "POST", path, token: None, at: app.now().as_seconds() }
    }
}

impl ClientKey {
    pub(crate) fn generate(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let mut jwk = public(&pair);
        jwk["kid"] = kid.into();
        Self { pair, kid: kid.to_owned(), jwks: json!({ "keys": [jwk] }).to_string() }
    }

    pub(crate) fn thumbprint(&self) -> String {
        let jwk = public(&self.pair);
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        URL_SAFE_NO_PAD.encode(Sha256::digest(text))
    }

    /// A good assertion of `clinic`'s application, changed.
    pub(crate) fn assertion(&self, app: &TestApp, clinic: &Clinic, change: impl FnOnce(&mut Value)) -> String {
        let (id, now) = (clinic.application.id.to_string(), app.now().as_seconds());
        let mut claims = json!({
            "iss": id, "sub": id, "aud": format!("{ORIGIN}{}/oauth2/v2.0/token", place(clinic, &clinic.flow)),
            "exp": now + 60, "iat": now, "jti": "j-1",
        });
        change(&mut claims);
        self.sign(&json!({"typ": "JWT", "alg": "ES256", "kid": self.kid}), &claims)
    }

    /// A good proof, its header and claims changed.
    pub(crate) fn proof(&self, call: &Call<'_>, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let mut header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(&self.pair)});
        let mut claims = json!({
            "jti": call.jti, "htm": call.method, "htu": format!("{ORIGIN}{}", call.path), "iat": call.at,
        });
        if let Some(token) = call.token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(Sha256::digest(token)).into();
        }
        change(&mut header, &mut claims);
        self.sign(&header, &claims)
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

fn public(pair: &EcdsaKeyPair) -> Value {
    let point = pair.public_key().as_ref();
    let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
    json!({"kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65)})
}
