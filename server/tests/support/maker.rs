//! Makers of authenticators: whose certificates say what a device is (WebAuthn, 8.2: packed attestation).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A maker with a root certificate.
pub(crate) struct Maker(CertifiedIssuer<'static, KeyPair>);

/// What a maker puts into a device: a certificate for its make, and the key to it.
pub(crate) struct Made {
    /// The make that the device says it is of; its certificate may tell otherwise.
    pub(crate) claimed: [u8; 16],
    certificate: Vec<u8>,
    key: EcdsaKeyPair,
}

impl Maker {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Root of a maker");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its root certificate, PEM.
    pub(crate) fn root(&self) -> String {
        self.0.pem()
    }

    /// What goes into a device of the make `aaguid`.
    pub(crate) fn makes(&self, aaguid: Uuid) -> Made {
        let mut params = CertificateParams::default();
        for (kind, value) in [
            (DnType::CountryName, "SE"),
            (DnType::OrganizationName, "Maker"),
            (DnType::OrganizationalUnitName, "Authenticator Attestation"),
            (DnType::CommonName, "Batch 1"),
        ] {
            params.distinguished_name.push(kind, value);
        }
        params.is_ca = IsCa::ExplicitNoCa;
        let content = [&[0x04, 0x10], &aaguid.as_bytes()[..]].concat();
        let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 45724, 1, 1, 4], content);
        params.custom_extensions.push(extension);
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &*self.0).unwrap().der().to_vec();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pair.serialize_der()).unwrap();
        Made { claimed: *aaguid.as_bytes(), certificate, key }
    }
}

impl Made {
    /// Format and statement, as CBOR, for what the authenticator and the browser say.
    pub(crate) fn statement(&self, data: &[u8], client: &[u8]) -> Vec<u8> {
        let signed = [data, &Sha256::digest(client)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let signature = signature.as_ref();
        let mut all = b"\x66packed\x67attStmt\xa3\x63alg\x26\x63sig\x58".to_vec();
        all.push(u8::try_from(signature.len()).unwrap());
        all.extend(signature);
        all.extend(b"\x63x5c\x81\x59");
        all.extend(u16::try_from(self.certificate.len()).unwrap().to_be_bytes());
        all.extend(&self.certificate);
        all
    }
}
