//! What the pages of the portal show: plain data, made by the server from the domain.
//!
//! [`Frame`] stands around every page, [`FormState`] is what was typed into a form and what is
//! wrong with it; the rest is one type a page.

mod flows;
mod settings;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::flows::{
    ClaimRow, DecodedToken, Editable, FlowDetail, FlowRow, Flows, MethodChoice, MfaMode, MfaSwitch, NewFlow, RunForm,
    RunResult, TokenClaim,
};
pub use self::settings::{
    CoolDownPanel, MinimumsPanel, PasskeysPanel, RegistrationPanel, SettingsPage, SettingsSection, TextsPanel,
};
use crate::components::ErrorItem;

/// A form as it is shown: what was typed (or is stored), and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormState {
    /// The values by field name; a ticked box is `true`.
    pub values: BTreeMap<String, String>,
    /// What is wrong, in the order of the fields.
    pub problems: Vec<ErrorItem>,
}

impl FormState {
    /// What stands in the field `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    /// Whether the box `name` is ticked.
    #[must_use]
    pub fn ticked(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| value == "true")
    }

    /// What is wrong with the field `name`, in the words of the summary, one line each.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<String> {
        let own = self.problems.iter().filter(|problem| problem.field == name);
        let texts: Vec<&str> = own.map(|problem| problem.text.as_str()).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// Whether anything is wrong.
    #[must_use]
    pub fn failed(&self) -> bool {
        !self.problems.is_empty()
    }

    /// The same with `value` in the field `name`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// The same with one more problem.
    #[must_use]
    pub fn wrong(mut self, field: impl Into<String>, text: impl Into<String>) -> Self {
        self.problems.push(ErrorItem { field: field.into(), text: text.into() });
        self
    }
}

/// A tenant to go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantLink {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
}

/// The part of the portal that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The list of tenants.
    Tenants,
    /// A tenant's first page.
    Overview,
    /// Its applications.
    Applications,
    /// Its user flows.
    Flows,
    /// Its custom attributes.
    Attributes,
    /// Its clinic staff.
    Staff,
    /// Its operators.
    Operators,
    /// What is set for all of it.
    Settings,
}

/// One thing that a change changed. The audit log keeps the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub what: String,
    /// How it was.
    pub before: String,
    /// How it is now.
    pub after: String,
}

/// Says that something was done, at the top of the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What.
    pub title: String,
    /// What changed by it (O3).
    pub changes: Vec<Change>,
}

/// What stands around a page of the portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Goes back with every form.
    pub csrf: String,
    /// Who is signed in.
    pub account: String,
    /// Where the page belongs.
    pub section: Section,
    /// The tenant it is about.
    pub tenant: Option<TenantLink>,
    /// The tenants to switch to (O16), the first few.
    pub tenants: Vec<TenantLink>,
    /// Whether this operator may create tenants.
    pub can_create: bool,
    /// What does not work until somebody configures it: no mail, no text messages.
    pub warnings: Vec<String>,
    /// For how many seconds the page may stand idle.
    pub idle_seconds: u32,
    /// Whether this is the demo.
    pub demo: bool,
    /// What was just done.
    pub done: Option<Done>,
}

/// A page of a list, with what was searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What was searched for; empty for all.
    pub query: String,
    /// Whether the list begins here.
    pub first: bool,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// A row of the list of tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Name and domain.
    pub link: TenantLink,
    /// Its region as a name.
    pub region: String,
    /// When it was created.
    pub created: String,
}

/// A tenant's first page: figures, and the first steps with their marks (O1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The region as a name.
    pub region: String,
    /// The tenant's id.
    pub id: String,
    /// How many applications.
    pub applications: usize,
    /// How many user flows of its own.
    pub flows: usize,
    /// Patients in all.
    pub patients: u64,
    /// Patients with a second factor.
    pub patients_with_mfa: u64,
    /// Whether an application and a flow are linked.
    pub linked: bool,
    /// Whether a flow was run.
    pub run: bool,
}

/// An initial access token in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialTokenRow {
    /// Its id.
    pub id: String,
    /// Whom it is for.
    pub label: String,
    /// The name of its flow.
    pub flow: String,
    /// How many registrations are left.
    pub uses_left: u32,
    /// Until when it works, or why it does not.
    pub works: String,
    /// Whether it can still be used, and so revoked.
    pub stands: bool,
}

/// The page of initial access tokens. Fields `label`, `flow`, `uses`, `days`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialTokensPage {
    /// Whether programs may register at all.
    pub on: bool,
    /// The newest tokens.
    pub rows: Vec<InitialTokenRow>,
    /// The flows that one can be for: id and name.
    pub flows: Vec<(String, String)>,
    /// One that was just made, with the address to register at: shown here, once.
    pub made: Option<(String, String)>,
    /// What was typed.
    pub form: FormState,
}

/// A row of the list of applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationRow {
    /// The client id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its kind in words.
    pub kind: String,
    /// How many reply URLs.
    pub reply_urls: usize,
}

/// A flow or application to link, with the name of its checkbox's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Something short about it.
    pub about: String,
}

/// Where the users of a linked flow sign in, for developers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowEndpoints {
    /// The flow's name.
    pub flow: String,
    /// The issuer.
    pub issuer: String,
    /// The discovery document.
    pub discovery: String,
}

/// A secret as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Its name in the address.
    pub key: String,
    /// Its last characters.
    pub hint: String,
    /// When it was made.
    pub created: String,
}

/// The page that asks before a secret is removed. Field `confirm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRemoval {
    /// The application's client id.
    pub application: String,
    /// Its name.
    pub name: String,
    /// The secret.
    pub secret: SecretRow,
    /// Whether the application has no other.
    pub last: bool,
    /// What was typed.
    pub form: FormState,
}

/// What of an application's settings its kind has; the form shows no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // one a part of the form
pub struct Settable {
    /// It signs people in: reply URLs, consent, front-channel sign-out.
    pub signs_in: bool,
    /// Tokens may come from the authorization endpoint: it runs in a browser or posts back to a server.
    pub front_channel_tokens: bool,
    /// It runs on a server: back-channel sign-out, keys, client credentials.
    pub on_a_server: bool,
    /// It may run where there is no browser.
    pub device: bool,
    /// It is a web API: identifier and scopes.
    pub api: bool,
}

/// A web API whose scopes an application may be permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiChoice {
    /// Its client id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its scopes: name and description.
    pub scopes: Vec<(String, String)>,
}

/// An application's own page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationDetail {
    /// The client id.
    pub id: String,
    /// Its stored name.
    pub name: String,
    /// Its kind in words.
    pub kind: String,
    /// What can be set.
    pub settable: Settable,
    /// Whether it has client secrets.
    pub has_secrets: bool,
    /// The tenant's id.
    pub tenant_id: String,
    /// Fields `name`, `reply_urls`, `minimum`, `flow-{id}`, those of the settings, and what the page
    /// was drawn from: `version`, `shown` (the ids of the linked flows).
    pub form: FormState,
    /// The tenant's web APIs that expose scopes. Fields `permit-{id}-{scope}`.
    pub apis: Vec<ApiChoice>,
    /// The tenant's flows.
    pub flows: Vec<LinkChoice>,
    /// What developers need, one a linked flow.
    pub endpoints: Vec<FlowEndpoints>,
    /// The secrets.
    pub secrets: Vec<SecretRow>,
    /// Whether it has a token by which it changes and deletes itself.
    pub manages_itself: bool,
    /// A secret that was just made: shown here, once.
    pub new_secret: Option<String>,
    /// Who changed it since the page was loaded, if somebody did.
    pub conflict: Option<String>,
}

/// A custom attribute in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRow {
    /// Its name, also as a claim.
    pub name: String,
    /// Its label.
    pub label: String,
    /// Its type in words.
    pub kind: String,
    /// Whether the tenant defined it.
    pub custom: bool,
}

/// The page of attributes. Fields `name`, `label`, `type`, `options`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributesPage {
    /// What there is.
    pub rows: Vec<AttributeRow>,
    /// What was typed.
    pub form: FormState,
}

/// Somebody who holds a role in the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderRow {
    /// The account's id.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// The address.
    pub email: String,
    /// Since when.
    pub since: String,
}

/// An invitation that was not used yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// Its id.
    pub id: String,
    /// Whom it went to.
    pub email: String,
    /// Until when it works.
    pub expires: String,
}

/// The page of who has a post in the tenant: its staff, or its operators. Field `email`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPage {
    /// Those who have it.
    pub holders: Vec<HolderRow>,
    /// The open invitations.
    pub invited: Vec<InvitationRow>,
    /// Whether the viewer may invite and take away.
    pub may_change: bool,
    /// Whether email can be sent.
    pub can_send: bool,
    /// What was typed.
    pub form: FormState,
}
