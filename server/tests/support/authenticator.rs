//! An authenticator in software, with every field of its answers open to a lie.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::app::ORIGIN;
pub(crate) use super::maker::{Made, Maker};

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const ATTESTED: u8 = 0x40;

/// A key pair; what is in it is nobody's business.
pub(crate) struct Key {
    id: Vec<u8>,
    pair: EcdsaKeyPair,
    user: Vec<u8>,
    counter: u32,
}

/// What makes keys and signs with them; the fields are what it claims.
pub(crate) struct Authenticator {
    /// Its keys, the oldest first.
    pub(crate) keys: Vec<Key>,
    /// The page that asked, as the browser says.
    pub(crate) origin: String,
    /// The domain that the browser takes it for.
    pub(crate) rp_id: String,
    /// Whether it asked for a fingerprint, face or screen lock.
    pub(crate) verifies: bool,
    /// Whether its keys are shared with its owner's other devices.
    pub(crate) synced: bool,
    /// Whether those of its keys that are shared have a copy now.
    pub(crate) backed_up: bool,
    /// Whether it counts signatures.
    pub(crate) counts: bool,
    /// Whether the page stood within another site's.
    pub(crate) framed: bool,
    /// Whether it names the account.
    pub(crate) names_user: bool,
    /// How much of its making the server wants to know.
    pub(crate) asked_for: &'static str,
    /// Its maker's word on its make, if it has one.
    pub(crate) made: Option<Made>,
}

impl Default for Authenticator {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            origin: ORIGIN.to_owned(),
            rp_id: "id.example".to_owned(),
            verifies: true,
            synced: false,
            backed_up: true,
            counts: false,
            framed: false,
            names_user: true,
            asked_for: "none",
            made: None,
        }
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap()
}

impl Authenticator {
    fn flags(&self) -> u8 {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let synced = if self.synced { BACKUP_ELIGIBLE } else { 0 };
        let backed_up = if self.synced && self.backed_up { BACKED_UP } else { 0 };
        PRESENT | verified | synced | backed_up
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": self.framed,
        });
        serde_json::to_vec(&data).unwrap()
    }

    fn head(&self, flags: u8, counter: u32) -> Vec<u8> {
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags);
        data.extend(counter.to_be_bytes());
        data
    }

    /// Makes a key for `options` and answers as a browser writes it.
    pub(crate) fn create(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        assert_eq!(options["rp"]["id"], "id.example");
        assert_eq!(options["attestation"], self.asked_for);
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required", "f22");
        assert_eq!(options["authenticatorSelection"]["residentKey"], "preferred");
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let id = Sha256::digest(pair.public_key().as_ref())[..16].to_vec();
        let counter = u32::from(self.counts);
        self.keys.push(Key { id, pair, user: bytes(&options["user"]["id"]), counter });
        self.attest(&options, self.keys.last().unwrap())
    }

    /// Answers `options` with the first key once more, as if it were new.
    pub(crate) fn recreate(&self, options: &str) -> String {
        self.attest(&serde_json::from_str(options).unwrap(), &self.keys[0])
    }

    fn attest(&self, options: &Value, key: &Key) -> String {
        let (id, counter, point) = (&key.id, key.counter, key.pair.public_key().as_ref());
        let mut data = self.head(self.flags() | ATTESTED, counter);
        data.extend(self.made.as_ref().map_or([0; 16], |made| made.claimed));
        data.extend([0, 16]);
        data.extend(id);
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        let client = self.client_data("webauthn.create", options);
        let mut object = b"\xa3\x63fmt".to_vec();
        match &self.made {
            None => object.extend(b"\x64none\x67attStmt\xa0"),
            Some(made) => object.extend(made.statement(&data, &client)),
        }
        object.extend(b"\x68authData\x58");
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        json!({
            "id": text(id), "rawId": text(id), "type": "public-key", "clientExtensionResults": {},
            "response": {"clientDataJSON": text(&client), "attestationObject": text(&object)},
        })
        .to_string()
    }

    /// Answers `options` with the first key that they allow.
    pub(crate) fn get(&mut self, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        assert_eq!(options["rpId"], "id.example");
        assert_eq!(options["userVerification"], "required", "f22");
        let allowed: Vec<Vec<u8>> = options["allowCredentials"]
            .as_array()
            .map(|list| list.iter().map(|one| bytes(&one["id"])).collect())
            .unwrap_or_default();
        let counts = self.counts;
        let key = self.keys.iter_mut().find(|key| allowed.is_empty() || allowed.contains(&key.id)).expect("no key");
        key.counter += u32::from(counts);
        let (id, user, counter) = (key.id.clone(), key.user.clone(), key.counter);
        self.sign(&options, &id, &user, counter)
    }

    /// Answers `options` in the name of key `id`, its own or not, with any counter.
    pub(crate) fn sign(&self, options: &Value, id: &[u8], user: &[u8], counter: u32) -> String {
        let data = self.head(self.flags(), counter);
        let client = self.client_data("webauthn.get", options);
        let signed: Vec<u8> = data.iter().copied().chain(Sha256::digest(&client)).collect();
        let key = self.keys.iter().find(|key| key.id == id).unwrap_or(&self.keys[0]);
        let signature = key.pair.sign(&SystemRandom::new(), &signed).unwrap();
        let user = self.names_user.then(|| text(user));
        json!({
            "id": text(id), "rawId": text(id), "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": text(&client), "authenticatorData": text(&data),
                "signature": text(signature.as_ref()), "userHandle": user,
            },
        })
        .to_string()
    }

    /// Puts the first key's counter where it was some signatures ago, as that of a copy would be.
    pub(crate) fn set_counter(&mut self, counter: u32) {
        self.keys[0].counter = counter;
    }

    /// The first key's id.
    pub(crate) fn id(&self) -> Vec<u8> {
        self.keys[0].id.clone()
    }

    /// The account that the first key was made for, as its authenticator knows it.
    pub(crate) fn user(&self) -> Vec<u8> {
        self.keys[0].user.clone()
    }

    /// The first key says that it was made for this account.
    pub(crate) fn set_user(&mut self, user: Vec<u8>) {
        self.keys[0].user = user;
    }
}
