//! User flows: list, form, page, the switch for MFA, and runs.

use super::{FlowEndpoints, FormState, LinkChoice, Listing};

/// A row of the list of flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRow {
    /// Its name in the address.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its type in words.
    pub kind: String,
    /// When a second factor is asked for; `None` where it is asked of who has one.
    pub mfa: Option<MfaMode>,
}

/// The list of flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flows {
    /// The operators' own.
    pub own: Listing<FlowRow>,
    /// The built-in ones, for staff and for people's own accounts.
    pub built_in: Vec<FlowRow>,
}

/// When a flow asks for a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MfaMode {
    /// Never.
    Off,
    /// Where a condition holds.
    Conditional,
    /// At every sign-in.
    On,
}

impl MfaMode {
    /// Its name in addresses and forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Conditional => "conditional",
            Self::On => "on",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Conditional, Self::On].into_iter().find(|mode| mode.as_str() == text)
    }

    /// What the page and the button say that switch to it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Off => "Turn off MFA",
            Self::Conditional => "Ask under conditions",
            Self::On => "Turn on MFA",
        }
    }
}

/// A row of the table of attributes and claims (O2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRow {
    /// The plain label.
    pub label: String,
    /// The attribute, where it can be collected.
    pub attribute: Option<String>,
    /// The claim's name in tokens.
    pub claim: String,
    /// Whether the tenant defined it.
    pub custom: bool,
}

/// A method of the second factor, as a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodChoice {
    /// Its name in forms.
    pub value: String,
    /// Its label.
    pub label: String,
    /// A line about it.
    pub about: String,
    /// Whether it is marked as less secure.
    pub less_secure: bool,
    /// Whether no provider is configured for it.
    pub unavailable: bool,
}

/// The page of a new flow. Fields `kind`, `name`, `identity`, `mfa`, `method-{m}`,
/// `collect-{attribute}`, `required-{attribute}`, `claim-{claim}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFlow {
    /// What was typed.
    pub form: FormState,
    /// The rows of the table.
    pub rows: Vec<ClaimRow>,
    /// The methods.
    pub methods: Vec<MethodChoice>,
    /// Whether a proxy tells the server which country people are in.
    pub countries_told: bool,
}

/// What of a flow can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editable {
    /// All settings; the switch for MFA.
    All,
    /// The methods alone (built-in flow `staff`).
    Methods,
    /// Nothing (built-in flow `account`).
    Nothing,
}

/// A flow's own page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowDetail {
    /// Its name in the address.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its type in words.
    pub kind: String,
    /// When a second factor is asked for.
    pub mfa: MfaMode,
    /// What does not work as one would expect, if anything.
    pub remark: Option<String>,
    /// Whether it asks people for attributes.
    pub collects: bool,
    /// Whether people sign in by it, so that browsers can be remembered.
    pub signs_in: bool,
    /// What can be edited.
    pub editable: Editable,
    /// The issuer and discovery document.
    pub endpoints: FlowEndpoints,
    /// Its issuer in either form: unique to the flow, and the tenant's.
    pub issuers: (String, String),
    /// The settings, as in [`NewFlow`], those of tokens and sessions, and what the page was drawn from:
    /// `version`, `shown` (the ids of the linked applications).
    pub form: FormState,
    /// The rows of the table.
    pub rows: Vec<ClaimRow>,
    /// The methods.
    pub methods: Vec<MethodChoice>,
    /// The tenant's applications.
    pub applications: Vec<LinkChoice>,
    /// The ids of those that are linked.
    pub linked: Vec<String>,
    /// Who changed it since the page was loaded, if somebody did.
    pub conflict: Option<String>,
}

/// The page that asks before MFA is switched (O3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaSwitch {
    /// The flow's name in the address.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The tenant's name: all its patients are counted.
    pub tenant: String,
    /// When a second factor is going to be asked for.
    pub to: MfaMode,
    /// Patients in all.
    pub patients: u64,
    /// Patients without a second factor.
    pub without: u64,
    /// Patients who have only such as would not count.
    pub weaker: u64,
    /// How many of those without one may put it off, at most, and until which day.
    pub waiting: Option<(u64, String)>,
    /// Who have a rule of their own, which stands whatever this switch says.
    pub raised: u64,
    /// Whether people sign in by the flow: only there can it wait.
    pub signs_in: bool,
    /// Fields `to`, `version`, `method-{m}`, `minimum`, `grace_days`, and `when_new_browser`, `when_new_network`,
    /// `when_new_country`, `when_days`.
    pub form: FormState,
    /// The methods.
    pub methods: Vec<MethodChoice>,
    /// Whether a proxy tells the server which country people are in.
    pub countries_told: bool,
    /// Who changed the flow since the page was loaded, if somebody did.
    pub conflict: Option<String>,
}

/// The page that starts a run (O4). Fields `application` and `reply_url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunForm {
    /// The flow's name in the address.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The linked applications that sign people in: id and name.
    pub applications: Vec<(String, String)>,
    /// Their reply URLs: value and label.
    pub reply_urls: Vec<(String, String)>,
    /// What was chosen.
    pub form: FormState,
}

/// A claim of a token, with a plain label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenClaim {
    /// The label.
    pub label: String,
    /// The name in the token.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A token, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedToken {
    /// "ID token", "Access token".
    pub title: String,
    /// The token as the application gets it.
    pub raw: String,
    /// Its header as JSON.
    pub header: String,
    /// Its claims.
    pub claims: Vec<TokenClaim>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunResult {
    /// The tokens.
    Tokens {
        /// The flow's name in the address.
        key: String,
        /// Its name.
        flow: String,
        /// The application that would have got them.
        application: String,
        /// The tokens.
        tokens: Vec<DecodedToken>,
    },
    /// Shown once already, too old, or somebody else's.
    Gone,
}
