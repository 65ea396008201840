//! Passkeys (WebAuthn Level 3): what a browser is asked for, and whether its answer is right.
//!
//! `webauthn-rs` checks the answers. It would draw the challenges itself, from the thread's own
//! source, and keep its state between the two halves of a ceremony; ours come out of the injected
//! entropy and stand in the journey. So its first half is run where the answer comes, and our
//! challenge is put into the state that it gives: what it drew is never shown to anybody.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{
    account::Account,
    factor::Factor,
    id::Id,
    makes::PasskeyMakes,
    passkey::{Assertion, Attestation, Challenge, CredentialId, MakeCheck, Passkey, PasskeyCheck, PasskeyCreation},
};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    AttestationCaList, AttestationCaListBuilder, Credential, Passkey as Record, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder,
};

/// The x coordinate of the P-256 base point: a public key that everybody knows, and that nobody's
/// authenticator has.
const DECOY_X: &str = "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY";
/// Its y coordinate.
const DECOY_Y: &str = "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";

/// Where the flags stand in an authenticator's data (6.1).
const FLAGS: usize = 32;
/// The flag of a key that may be copied to other devices.
const BACKUP_ELIGIBLE: u8 = 0x08;

/// The server as authenticators know it: its domain and its one origin.
pub struct RelyingParty {
    webauthn: Webauthn,
    decoy: Value,
}

impl std::fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RelyingParty")
    }
}

/// What an authenticator answered, as the browser wrote it: read, and nothing of it checked.
#[derive(Debug)]
pub struct Answer(PublicKeyCredential);

impl Answer {
    /// Reads the browser's JSON; `None` if it is of another form.
    #[must_use]
    pub fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// The credential that it names.
    #[must_use]
    pub fn credential(&self) -> CredentialId {
        CredentialId(self.0.raw_id.clone())
    }
}

/// What an answer is an answer to.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// What had to be signed.
    pub challenge: Challenge,
    /// Whether it was known whose passkeys were asked for. If not, the answer must say whose it is (7.2,
    /// step 6).
    pub account_known: bool,
}

/// Whom a new passkey is for.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The account; its id is the user handle.
    pub account: Id<Account>,
    /// What the authenticator shows to tell accounts apart: the email address.
    pub name: &'a str,
}

impl RelyingParty {
    /// The relying party of `origin`. `None` where passkeys cannot be had: the host is an IP address
    /// (WebAuthn, 5.1.3).
    #[must_use]
    pub fn new(origin: &str) -> Option<Self> {
        let origin = Url::parse(origin).ok()?;
        let webauthn = WebauthnBuilder::new(origin.domain()?, &origin).ok()?.rp_name("Lanyard").build().ok()?;
        let decoy = json!({"cred": {
            "cred_id": "", "cred": {"type_": "ES256", "key": {"EC_EC2": {
                "curve": "SECP256R1", "x": DECOY_X, "y": DECOY_Y}}},
            "counter": 0, "transports": null, "user_verified": true, "backup_eligible": true, "backup_state": true,
            "registration_policy": "required", "extensions": {}, "attestation": {"data": "None", "metadata": "None"},
            "attestation_format": "none"}});
        Some(Self { webauthn, decoy })
    }

    /// What a browser is to hand to `navigator.credentials.get`, as JSON. Without `allowed` ones any
    /// passkey of this server may answer: it says itself whose it is.
    #[must_use]
    pub fn request(&self, challenge: Challenge, allowed: &[&Passkey]) -> Option<String> {
        let records: Vec<Record> = allowed.iter().filter_map(|passkey| record(passkey)).collect();
        let (options, _) = self.webauthn.start_passkey_authentication(&records).ok()?;
        let mut options = serde_json::to_value(options.public_key).ok()?;
        *options.get_mut("challenge")? = text(challenge);
        serde_json::to_string(&options).ok()
    }

    /// What a browser is to hand to `navigator.credentials.create`, as JSON. User verification required; a
    /// key that the authenticator can find by itself where it has room. Attestation is asked for where there
    /// are `makes` that it must be of; `None` if those cannot be read.
    #[must_use]
    pub fn creation(
        &self,
        challenge: Challenge,
        owner: Owner<'_>,
        existing: &[&Passkey],
        makes: Option<&PasskeyMakes>,
    ) -> Option<String> {
        let excluded = Some(existing.iter().map(|passkey| passkey.credential.0.clone()).collect());
        let (id, name) = (owner.account.uuid(), owner.name);
        let options = match makes {
            None => self.webauthn.start_passkey_registration(id, name, name, excluded).ok()?.0,
            Some(makes) => {
                let trusted = trusted(makes)?;
                self.webauthn.start_attested_passkey_registration(id, name, name, excluded, trusted, None).ok()?.0
            }
        };
        let mut options = serde_json::to_value(options.public_key).ok()?;
        *options.get_mut("challenge")? = text(challenge);
        let selection = options.get_mut("authenticatorSelection")?.as_object_mut()?;
        selection.insert("residentKey".to_owned(), json!("preferred"));
        selection.insert("requireResidentKey".to_owned(), json!(false));
        serde_json::to_string(&options).ok()
    }

    /// Checks an answer to `challenge` by what is stored of its credential; `None`: nobody has it,
    /// which costs and says the same as a wrong signature.
    #[must_use]
    pub fn check(&self, answer: &Answer, asked: Asked, stored: Option<&Factor>) -> PasskeyCheck {
        let challenge = asked.challenge;
        let known = stored.and_then(|factor| Some((factor, factor.secret.passkey().and_then(record)?)));
        let decoy = || serde_json::from_value::<Record>(self.decoy_for(answer)).ok();
        let right = known.as_ref().map(|(_, record)| record.clone()).or_else(decoy);
        let synced = known.as_ref().and_then(|(factor, _)| factor.secret.passkey()).map(|passkey| passkey.synced);
        let right = right.and_then(|record| self.verify(&answer.0, challenge, record));
        // A key is made to be copied or it is not (7.2, step 19): the library would let it change its mind.
        let right = right.filter(|verified| synced.is_none_or(|synced| synced == verified.synced));
        let assertion = known.zip(right).and_then(|((factor, _), verified)| {
            // The authenticator's own word on whose key it is must be the same (7.2, step 6).
            let handle = answer.0.get_user_unique_id().map(|bytes| Uuid::from_slice(bytes).ok());
            let same = match handle {
                Some(handle) => handle == Some(factor.account.uuid()),
                None => asked.account_known,
            };
            same.then_some(Assertion {
                factor: factor.id,
                account: factor.account,
                counter: verified.counter,
                backed_up: verified.backed_up,
            })
        });
        PasskeyCheck { challenge, assertion }
    }

    /// Checks the making of a passkey for `challenge`, and whether it is of one of `makes`. What that is
    /// worth is for who knows the account's kind to say.
    #[must_use]
    pub fn check_creation(
        &self,
        json: &str,
        challenge: Challenge,
        name: String,
        makes: &PasskeyMakes,
    ) -> PasskeyCreation {
        PasskeyCreation { challenge, attestation: self.attested(json, challenge, makes), name }
    }

    fn attested(&self, json: &str, challenge: Challenge, makes: &PasskeyMakes) -> Option<Attestation> {
        let answer: RegisterPublicKeyCredential = serde_json::from_str(json).ok()?;
        // Whom it is for is no part of the state.
        let (_, state) = self.webauthn.start_passkey_registration(Uuid::nil(), "-", "-", None).ok()?;
        let mut state = serde_json::to_value(state).ok()?;
        *state.get_mut("rs")?.get_mut("challenge")? = text(challenge);
        let state = serde_json::from_value(state).ok()?;
        if is_cross_origin(answer.response.client_data_json.as_ref()) {
            return None;
        }
        let made = self.webauthn.finish_passkey_registration(&answer, &state).ok()?;
        let make = match (makes.is_set(), self.is_of(&answer, challenge, makes)) {
            (false, _) => MakeCheck::NotAsked,
            (true, Some(())) => MakeCheck::Named,
            (true, None) => MakeCheck::Other,
        };
        let mut credential = Credential::from(made);
        let counter = std::mem::take(&mut credential.counter);
        let passkey = Passkey {
            credential: CredentialId(credential.cred_id.to_vec()),
            synced: credential.backup_eligible,
            backed_up: credential.backup_state,
            copied_at: None,
            record: serde_json::to_string(&Record::from(credential)).ok()?,
        };
        Some(Attestation { passkey, counter, make })
    }

    // The same once more with attestation: its signature, the chain up to a root, the AAGUID among those of
    // the root, a key that stays in its device. The library judges the certificates' times by the system's clock.
    fn is_of(&self, answer: &RegisterPublicKeyCredential, challenge: Challenge, makes: &PasskeyMakes) -> Option<()> {
        let trusted = trusted(makes)?;
        let begun = self.webauthn.start_attested_passkey_registration(Uuid::nil(), "-", "-", None, trusted, None);
        let mut state = serde_json::to_value(begun.ok()?.1).ok()?;
        *state.get_mut("rs")?.get_mut("challenge")? = text(challenge);
        let state = serde_json::from_value(state).ok()?;
        self.webauthn.finish_attested_passkey_registration(answer, &state).ok().map(drop)
    }

    fn verify(&self, answer: &PublicKeyCredential, challenge: Challenge, record: Record) -> Option<Verified> {
        let (_, state) = self.webauthn.start_passkey_authentication(&[record]).ok()?;
        let mut state = serde_json::to_value(state).ok()?;
        *state.get_mut("ast")?.get_mut("challenge")? = text(challenge);
        let state = serde_json::from_value(state).ok()?;
        let result = self.webauthn.finish_passkey_authentication(answer, &state).ok()?;
        let good = result.user_verified() && !is_cross_origin(answer.response.client_data_json.as_ref());
        good.then(|| Verified {
            counter: result.counter(),
            synced: result.backup_eligible(),
            backed_up: result.backup_state(),
        })
    }

    // The key that nobody has, under the name that the answer asks for.
    fn decoy_for(&self, answer: &Answer) -> Value {
        let mut decoy = self.decoy.clone();
        if let Some(cred) = decoy.get_mut("cred").and_then(Value::as_object_mut) {
            cred.insert("cred_id".to_owned(), Value::String(URL_SAFE_NO_PAD.encode(&answer.0.raw_id)));
            // Of the kind that the answer says, or the check would end before the signature.
            let data: &[u8] = answer.0.response.authenticator_data.as_ref();
            let synced = data.get(FLAGS).is_some_and(|flags| flags & BACKUP_ELIGIBLE != 0);
            cred.insert("backup_eligible".to_owned(), Value::Bool(synced));
        }
        decoy
    }
}

/// Whether `pem` holds certificates, and nothing else that is meant to be one.
#[must_use]
pub fn are_certificates(pem: &str) -> bool {
    let mut list = AttestationCaListBuilder::new();
    let blocks = certificates(pem);
    // Of a chain that is cut off, or a key among them, no part is taken.
    let whole = blocks.len() == pem.matches("-----BEGIN ").count();
    let mut one =
        |block: &String| list.insert_device_pem(block.as_bytes(), Uuid::nil(), String::new(), BTreeMap::new());
    whole && !blocks.is_empty() && blocks.iter().all(|block| one(block).is_ok())
}

// Each root stands for all makes: a maker whose root is trusted could sign for another one's make.
fn trusted(makes: &PasskeyMakes) -> Option<AttestationCaList> {
    let mut list = AttestationCaListBuilder::new();
    for root in certificates(&makes.roots) {
        for make in &makes.makes {
            list.insert_device_pem(root.as_bytes(), make.aaguid, make.name.clone(), BTreeMap::new()).ok()?;
        }
    }
    let list = list.build();
    (!list.is_empty()).then_some(list)
}

// The certificates of a PEM file; what stands between them is commentary.
fn certificates(pem: &str) -> Vec<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let blocks = pem.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END));
    let lines = |body: &str| body.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
    blocks.map(|(body, _)| format!("{BEGIN}\n{}\n{END}\n", lines(body))).collect()
}

struct Verified {
    counter: u32,
    synced: bool,
    backed_up: bool,
}

// The counter is kept and judged by us: the record's own stays 0, and nothing is amiss with it.
fn record(passkey: &Passkey) -> Option<Record> {
    serde_json::from_str(&passkey.record).ok()
}

fn text(challenge: Challenge) -> Value {
    Value::String(URL_SAFE_NO_PAD.encode(challenge.0))
}

// No page of ours lets itself be framed, so that no answer comes from within another site's page
// (7.1 step 9, 7.2 step 13); the library asks this of new passkeys alone.
fn is_cross_origin(client_data: &[u8]) -> bool {
    let data: Option<Value> = serde_json::from_slice(client_data).ok();
    data.is_none_or(|data| data.get("crossOrigin") == Some(&Value::Bool(true)) || data.get("topOrigin").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> RelyingParty {
        RelyingParty::new("https://id.example").unwrap()
    }

    fn passkey(id: u8) -> Passkey {
        let mut record = party().decoy;
        record["cred"]["cred_id"] = Value::String(URL_SAFE_NO_PAD.encode([id; 16]));
        Passkey {
            credential: CredentialId(vec![id; 16]),
            record: record.to_string(),
            synced: true,
            backed_up: true,
            copied_at: None,
        }
    }

    #[test]
    fn passkeys_need_a_domain() {
        for origin in ["https://id.example", "https://id.example:8443", "http://localhost:3000"] {
            assert!(RelyingParty::new(origin).is_some(), "{origin}");
        }
        for origin in ["https://127.0.0.1", "https://[::1]:8443", "nonsense"] {
            assert!(RelyingParty::new(origin).is_none(), "{origin}");
        }
    }

    #[test]
    fn f22_user_verification_is_always_required_and_the_challenge_is_ours() {
        let (one, two) = (passkey(1), passkey(2));
        let asked: Value = serde_json::from_str(&party().request(Challenge([7; 32]), &[&one, &two]).unwrap()).unwrap();
        assert_eq!(asked["challenge"], URL_SAFE_NO_PAD.encode([7; 32]));
        assert_eq!((&asked["userVerification"], &asked["rpId"]), (&json!("required"), &json!("id.example")));
        assert_eq!(asked["allowCredentials"].as_array().map(Vec::len), Some(2));
        let owner = Owner { account: Id::from_uuid(Uuid::from_u128(3)), name: "ada@example.com" };
        let made: Value =
            serde_json::from_str(&party().creation(Challenge([8; 32]), owner, &[&one], None).unwrap()).unwrap();
        assert_eq!(made["challenge"], URL_SAFE_NO_PAD.encode([8; 32]));
        assert_eq!(made["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(made["attestation"], "none");
        assert_eq!(made["user"]["id"], URL_SAFE_NO_PAD.encode(Uuid::from_u128(3).as_bytes()));
        assert_eq!(made["excludeCredentials"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a6_an_unknown_credential_is_checked_against_a_key_that_nobody_has() {
        let answer = json!({
            "id": "AQ", "rawId": "AQ", "type": "public-key",
            "response": {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": null},
        });
        let answer = Answer::read(&answer.to_string()).unwrap();
        assert_eq!(answer.credential(), CredentialId(vec![1]));
        let decoy: Record = serde_json::from_value(party().decoy_for(&answer)).unwrap();
        assert_eq!(decoy.cred_id().as_slice(), [1], "it would be taken for the one that was named");
        assert_eq!(
            party().check(&answer, Asked { challenge: Challenge([0; 32]), account_known: false }, None).assertion,
            None
        );
    }

    #[test]
    fn makes_whose_certificates_cannot_be_read_are_asked_for_by_nobody() {
        let make = lanyard_domain::makes::Make::parse("2fc0579f-8113-47ea-b116-bb5a8db9202a").unwrap();
        let owner = Owner { account: Id::from_uuid(Uuid::from_u128(3)), name: "ada@example.com" };
        let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for roots in ["", "x", nonsense] {
            let makes = PasskeyMakes { roots: roots.to_owned(), makes: vec![make.clone()] };
            assert!(!are_certificates(roots), "{roots}");
            assert_eq!(party().creation(Challenge([8; 32]), owner, &[], Some(&makes)), None, "no open door");
        }
    }

    #[test]
    fn answers_of_another_form_are_no_answers() {
        for text in ["", "{}", "null", "[]", "{\"id\":1}"] {
            assert!(Answer::read(text).is_none(), "{text}");
            assert!(
                party()
                    .check_creation(text, Challenge([0; 32]), String::new(), &PasskeyMakes::default())
                    .attestation
                    .is_none(),
                "{text}"
            );
        }
        assert!(is_cross_origin(b"{\"crossOrigin\":true}") && is_cross_origin(b"{\"topOrigin\":\"https://evil\"}"));
        assert!(
            is_cross_origin(b"nonsense") && !is_cross_origin(b"{\"crossOrigin\":false}") && !is_cross_origin(b"{}")
        );
    }
}
