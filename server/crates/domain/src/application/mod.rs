//! Application registrations: the OAuth clients of a tenant.

mod settings;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::settings::{ApiPermission, ApiScope, ApplicationSettings, SigningAlgorithm};
use crate::{
    assurance::Assurance,
    clock::Timestamp,
    id::Id,
    reply_url::{ReplyUrl, place_of},
    secret::{Token, TokenHash},
    tenant::Tenant,
};

/// What kind of client an application is; decides how it authenticates at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationKind {
    /// A server-side web application: confidential, has a secret.
    Web,
    /// A single-page application: public, PKCE required.
    SinglePage,
    /// A mobile or desktop application: public, PKCE required, loopback on any port.
    Native,
    /// A web API: receives tokens, never signs anybody in.
    WebApi,
}

impl ApplicationKind {
    /// Every kind, in the order of the portal's form.
    pub const ALL: [Self; 4] = [Self::Web, Self::SinglePage, Self::Native, Self::WebApi];

    /// The name used in the database, in forms and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::SinglePage => "single_page",
            Self::Native => "native",
            Self::WebApi => "web_api",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether it can keep no secret, so that PKCE is required (RFC 9700, 2.1.1; A30).
    #[must_use]
    pub const fn is_public(self) -> bool {
        match self {
            Self::SinglePage | Self::Native => true,
            Self::Web | Self::WebApi => false,
        }
    }
}

/// The strength an application asks of every flow that signs in to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Minimum {
    /// The strongest of the linked flows (the default): a weaker linked flow is refused.
    StrongestLinked,
    /// No minimum: each linked flow may issue at its own level.
    None,
    /// A second factor, whatever the flow says.
    Mfa,
}

impl Minimum {
    /// Every value, in the order of the portal's form.
    pub const ALL: [Self; 3] = [Self::StrongestLinked, Self::None, Self::Mfa];

    /// The name used in the database and in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StrongestLinked => "strongest_linked",
            Self::None => "none",
            Self::Mfa => "mfa",
        }
    }

    /// The value of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|minimum| minimum.as_str() == text)
    }

    /// What this minimum comes to, given what every sign-in through each linked flow comes to.
    #[must_use]
    pub fn assurance(self, linked: impl IntoIterator<Item = Assurance>) -> Assurance {
        match self {
            Self::StrongestLinked => linked.into_iter().max().unwrap_or_default(),
            Self::None => Assurance::Aal1,
            Self::Mfa => Assurance::Aal2Legacy,
        }
    }
}

/// A registered application. Its id is the OAuth `client_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// The client id.
    pub id: Id<Application>,
    /// The tenant it belongs to.
    pub tenant: Id<Tenant>,
    /// The name that people see, 1 to 80 characters.
    pub name: String,
    /// How it authenticates.
    pub kind: ApplicationKind,
    /// Where codes may be sent. Empty for a web API.
    pub reply_urls: Vec<ReplyUrl>,
    /// The strength it asks for.
    pub minimum: Minimum,
    /// The live client secrets, hashed (256 random bits each).
    pub secrets: Vec<ClientSecret>,
    /// What it may ask of the provider beyond the code flow.
    pub settings: ApplicationSettings,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// A client secret as it is kept: the value itself was shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    /// Its hash.
    pub hash: TokenHash,
    /// The last four characters, so that an operator can tell two secrets apart.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ClientSecret {
    /// How `token` is kept, which was made `at`.
    #[must_use]
    pub fn of(token: &Token, at: Timestamp) -> Self {
        let text = token.expose();
        Self { hash: token.hash(), hint: text[text.len().saturating_sub(4)..].to_owned(), created_at: at }
    }
}

impl Application {
    /// Whether `requested` is one of the registered reply URLs (exact; A28).
    #[must_use]
    pub fn accepts_reply_url(&self, requested: &str) -> bool {
        self.reply_urls.iter().any(|url| url.matches(requested, self.kind))
    }

    /// Where its reply URLs lead, and who is told of a sign-out behind everybody's back, and those of `before` did
    /// not: who agreed to `before` was not told of these.
    #[must_use]
    pub fn new_places(&self, before: &Self) -> BTreeSet<String> {
        let places = |of: &Self| {
            let told = of.settings.back_channel_logout.as_deref().and_then(place_of);
            of.reply_urls.iter().filter_map(ReplyUrl::place).chain(told).collect::<BTreeSet<_>>()
        };
        &places(self) - &places(before)
    }

    /// Whether people may be sent to `requested` after they signed out: a reply URL, as in B2C, or an
    /// address that was registered for this alone (OpenID Connect RP-Initiated Logout, 3.1).
    #[must_use]
    pub fn accepts_after_sign_out(&self, requested: &str) -> bool {
        let only_then = &self.settings.post_logout_urls;
        self.accepts_reply_url(requested) || only_then.iter().any(|url| url.matches(requested, self.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_minimum_is_the_strongest_linked_flow() {
        let linked = [Assurance::Aal1, Assurance::Aal2Strict, Assurance::Aal2Legacy];
        assert_eq!(Minimum::StrongestLinked.assurance(linked), Assurance::Aal2Strict);
        assert_eq!(Minimum::StrongestLinked.assurance([Assurance::Aal1]), Assurance::Aal1);
        assert_eq!(Minimum::None.assurance(linked), Assurance::Aal1);
        assert_eq!(Minimum::Mfa.assurance([]), Assurance::Aal2Legacy);
    }
}
