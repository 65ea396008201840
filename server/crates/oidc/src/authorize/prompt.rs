//! `prompt` (OpenID Connect Core, 3.1.2.1; Initiating User Registration, 4; MSAL's `no_session`).

use std::collections::BTreeSet;

use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
};

/// A `prompt` value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prompt {
    /// Show no page.
    None,
    /// Sign in again.
    Login,
    /// Ask before data goes out.
    Consent,
    /// Let the person choose the account.
    SelectAccount,
    /// Begin with sign-up.
    Create,
    /// MSAL: do not use the session.
    NoSession,
}

impl Prompt {
    /// Every value; discovery lists these.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Login, Self::Consent, Self::SelectAccount, Self::Create, Self::NoSession];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
            Self::Create => "create",
            Self::NoSession => "no_session",
        }
    }
}

/// The `prompt` values of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompts(BTreeSet<Prompt>);

impl Prompts {
    /// Whether `prompt` was asked for.
    #[must_use]
    pub fn contains(&self, prompt: Prompt) -> bool {
        self.0.contains(&prompt)
    }

    /// Whether an existing session must not be used. To choose another account is to sign in:
    /// there is one session for a tenant. So is to create one.
    #[must_use]
    pub fn fresh_login(&self) -> bool {
        [Prompt::Login, Prompt::SelectAccount, Prompt::NoSession, Prompt::Create].iter().any(|p| self.0.contains(p))
    }
}

pub(super) fn values(params: &Params) -> Result<Prompts, Refusal> {
    let refuse = |text| Err(Refusal::new(OAuthError::InvalidRequest, Code::Prompt, text));
    let mut prompts = BTreeSet::new();
    for word in params.get("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
        match Prompt::ALL.into_iter().find(|prompt| prompt.as_str() == word) {
            Some(prompt) => prompts.insert(prompt),
            None => return refuse("The prompt holds a value that is not supported."),
        };
    }
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return refuse("The prompt none cannot stand beside another value.");
    }
    Ok(Prompts(prompts))
}
