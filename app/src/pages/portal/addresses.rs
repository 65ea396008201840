//! The portal's addresses below [`paths::portal_tenant`]. Domains, ids and flow keys need no
//! escaping; a search or a cursor does.

use crate::{
    api::portal::{MfaMode, SettingsSection},
    paths,
};

/// The form that creates a tenant. No tenant's domain can be `new`: it has a dot.
pub const NEW_TENANT: &str = "/portal/new";
/// The name that no flow may have, since its page would be [`new_flow`].
pub const RESERVED_FLOW_KEY: &str = "new";

/// The applications of a tenant.
#[must_use]
pub fn applications(domain: &str) -> String {
    format!("{}/applications", paths::portal_tenant(domain))
}

/// The form that registers an application.
#[must_use]
pub fn new_application(domain: &str) -> String {
    format!("{}/applications/new", paths::portal_tenant(domain))
}

/// An application.
#[must_use]
pub fn application(domain: &str, id: &str) -> String {
    format!("{}/applications/{id}", paths::portal_tenant(domain))
}

/// Where the token is revoked by which an application changes itself.
#[must_use]
pub fn application_registration(domain: &str, id: &str) -> String {
    format!("{}/applications/{id}/registration", paths::portal_tenant(domain))
}

/// Where a new client secret is asked for.
#[must_use]
pub fn application_secret(domain: &str, id: &str) -> String {
    format!("{}/applications/{id}/secret", paths::portal_tenant(domain))
}

/// A client secret, by its name in addresses: where it is removed.
#[must_use]
pub fn application_secret_removal(domain: &str, id: &str, secret: &str) -> String {
    format!("{}/applications/{id}/secret/{secret}", paths::portal_tenant(domain))
}

/// The user flows of a tenant.
#[must_use]
pub fn flows(domain: &str) -> String {
    format!("{}/flows", paths::portal_tenant(domain))
}

/// The form that creates a user flow.
#[must_use]
pub fn new_flow(domain: &str) -> String {
    format!("{}/flows/{RESERVED_FLOW_KEY}", paths::portal_tenant(domain))
}

/// A user flow, by its lower-case name.
#[must_use]
pub fn flow(domain: &str, key: &str) -> String {
    format!("{}/flows/{key}", paths::portal_tenant(domain))
}

/// Where the applications of a flow are chosen.
#[must_use]
pub fn flow_applications(domain: &str, key: &str) -> String {
    format!("{}/flows/{key}/applications", paths::portal_tenant(domain))
}

/// The page that asks before MFA is switched.
#[must_use]
pub fn flow_mfa(domain: &str, key: &str) -> String {
    format!("{}/flows/{key}/mfa", paths::portal_tenant(domain))
}

/// The same, with what it is switched to.
#[must_use]
pub fn flow_mfa_to(domain: &str, key: &str, to: MfaMode) -> String {
    format!("{}?to={}", flow_mfa(domain, key), to.as_str())
}

/// The page that runs a flow.
#[must_use]
pub fn flow_run(domain: &str, key: &str) -> String {
    format!("{}/flows/{key}/run", paths::portal_tenant(domain))
}

/// The attributes of a tenant.
#[must_use]
pub fn attributes(domain: &str) -> String {
    format!("{}/attributes", paths::portal_tenant(domain))
}

/// The clinic staff of a tenant.
#[must_use]
pub fn staff(domain: &str) -> String {
    format!("{}/staff", paths::portal_tenant(domain))
}

/// The operators of a tenant.
#[must_use]
pub fn operators(domain: &str) -> String {
    format!("{}/operators", paths::portal_tenant(domain))
}

/// Where an operator's role is taken away.
#[must_use]
pub fn operator_revocation(domain: &str, account: &str) -> String {
    format!("{}/{account}/revoke", operators(domain))
}

/// Where an invitation of an operator is ended.
#[must_use]
pub fn operator_withdrawal(domain: &str, invitation: &str) -> String {
    format!("{}/{invitation}/withdraw", operators(domain))
}

/// Where the role of a member of staff is taken away.
#[must_use]
pub fn staff_revocation(domain: &str, account: &str) -> String {
    format!("{}/{account}/revoke", staff(domain))
}

/// Where an invitation of a member of staff is ended.
#[must_use]
pub fn staff_withdrawal(domain: &str, invitation: &str) -> String {
    format!("{}/{invitation}/withdraw", staff(domain))
}

/// What is set for a whole tenant.
#[must_use]
pub fn settings(domain: &str) -> String {
    format!("{}/settings", paths::portal_tenant(domain))
}

/// A section of it.
#[must_use]
pub fn settings_section(domain: &str, section: SettingsSection) -> String {
    format!("{}#{}", settings(domain), section.id())
}

/// A section of it that says what was just `done` there.
#[must_use]
pub fn settings_done(domain: &str, section: SettingsSection, done: &str) -> String {
    format!("{}?done={done}#{}", settings(domain), section.id())
}

/// Where the countries of texts and calls are set.
#[must_use]
pub fn texts(domain: &str) -> String {
    format!("{}/texts", paths::portal_tenant(domain))
}

/// Where the time after a recovery is set.
#[must_use]
pub fn cool_down(domain: &str) -> String {
    format!("{}/cool-down", paths::portal_tenant(domain))
}

/// Where it is set whether a reset by staff takes a second one.
#[must_use]
pub fn resets(domain: &str) -> String {
    format!("{}/resets", paths::portal_tenant(domain))
}

/// Where it is set what staff and operators must show.
#[must_use]
pub fn minimums(domain: &str) -> String {
    format!("{}/minimums", paths::portal_tenant(domain))
}

/// Where the makes of staff's passkeys are set.
#[must_use]
pub fn staff_passkeys(domain: &str) -> String {
    format!("{}/passkeys", paths::portal_tenant(domain))
}

/// Where dynamic registration is switched.
#[must_use]
pub fn registration(domain: &str) -> String {
    format!("{}/registration", paths::portal_tenant(domain))
}

/// The initial access tokens, with which programs register.
#[must_use]
pub fn initial_tokens(domain: &str) -> String {
    format!("{}/tokens", registration(domain))
}

/// Where an initial access token is revoked.
#[must_use]
pub fn initial_token_revocation(domain: &str, token: &str) -> String {
    format!("{}/tokens/{token}/revoke", registration(domain))
}

/// A page of a list: what is searched for, and the cursor to go on after.
#[must_use]
pub fn list(path: &str, query: &str, after: &str) -> String {
    let pairs = [("q", query), ("after", after)];
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = given.map(|(name, value)| format!("{name}={}", escape(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

// Unreserved characters of RFC 3986 stay.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o7_search_and_cursor_are_in_the_address() {
        assert_eq!(list("/portal", "", ""), "/portal");
        assert_eq!(list("/portal", "a&b é", "id:ä"), "/portal?q=a%26b%20%C3%A9&after=id%3A%C3%A4");
    }
}
