//! Consent: what a person agreed to give to an application of somebody else (U29).
//!
//! What is remembered is a set of *items*, one word for each claim, each scope and each place that it goes to,
//! so that nothing is asked again but what is new.

use std::{borrow::Cow, collections::BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    application::Application,
    clock::Timestamp,
    grant::{AuthorizationRequest, Grant},
    id::Id,
    reply_url::place_of,
    user_flow::{FlowSettings, UserFlow},
};

/// One thing that an application gets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A claim, by its name.
    Claim(String),
    /// A scope, as asked for.
    Scope(String),
    /// Where it goes ([`place_of`]), as the page said: an application may come to lead somewhere else.
    Place(String),
}

/// What one or more requests take.
pub type Items = BTreeSet<Item>;

/// A consent, as stored: one for each account and application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who agreed.
    pub account: Id<Account>,
    /// The application.
    pub application: Id<Application>,
    /// Everything that was agreed to.
    pub items: Items,
    /// When the person first agreed.
    pub given_at: Timestamp,
}

impl Consent {
    /// Whether it covers `grant`: its scopes, and the claims that it asks for by name. The claims
    /// that the flow selects are not looked at: what an operator adds there later is no reason to
    /// break off what was agreed to. It does not go out either ([`Agreed::limit`]).
    #[must_use]
    pub fn covers(&self, grant: &Grant) -> bool {
        let details = &grant.details;
        let named = details.id_token_claims.iter().chain(&details.userinfo_claims).cloned().map(Item::Claim);
        self.account == grant.account
            && self.application == grant.application
            && scopes(&grant.scope, grant.application).chain(named).all(|item| self.items.contains(&item))
    }
}

/// How an application of somebody else stands with a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsentFacts {
    /// What it asks for.
    pub asked: Items,
    /// What the person agreed to so far.
    pub agreed: Items,
}

impl ConsentFacts {
    /// Whether everything that is asked for was agreed to.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.asked.is_subset(&self.agreed)
    }
}

/// What of a person may go out to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreed {
    /// All that the flow selects: the application is the tenant's own, and nobody is asked.
    Everything,
    /// What the person agreed to, and nothing else (U29).
    Only(Items),
}

impl Agreed {
    /// The flow as the application may know of it: of the claims that it selects, those that may go out.
    #[must_use]
    pub fn limit<'a>(&self, flow: &'a UserFlow) -> Cow<'a, UserFlow> {
        let Self::Only(items) = self else { return Cow::Borrowed(flow) };
        let mut flow = flow.clone();
        flow.settings.claims.retain(|claim| items.contains(&Item::Claim(claim.clone())));
        Cow::Owned(flow)
    }
}

/// What `request` takes by a flow with these settings: [`items`], the claims that it asks for by name, and, if that is
/// anything at all, where it leads. A device asks for itself, and is sent nowhere.
#[must_use]
pub fn asked(settings: &FlowSettings, request: &AuthorizationRequest) -> Items {
    let mut asked = items(settings, &request.scope, request.application);
    let by_name = request.options.id_token_claims.iter().chain(&request.options.userinfo_claims);
    asked.extend(by_name.cloned().map(Item::Claim));
    if !asked.is_empty() {
        asked.extend(place_of(&request.redirect_uri).map(Item::Place));
    }
    asked
}

/// What `application` takes with these scopes by a flow with these settings: the claims that the
/// flow selects, and the scopes but those that carry no data (`openid`, the application's own id).
#[must_use]
pub fn items(settings: &FlowSettings, scopes: &str, application: Id<Application>) -> Items {
    settings.claims.iter().cloned().map(Item::Claim).chain(self::scopes(scopes, application)).collect()
}

fn scopes(scopes: &str, application: Id<Application>) -> impl Iterator<Item = Item> {
    let own = application.to_string();
    let scopes = scopes.split(' ').filter(move |scope| !scope.is_empty() && *scope != "openid" && *scope != own);
    scopes.map(|scope| Item::Scope(scope.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        assurance::Authentication,
        entropy::SeededEntropy,
        grant::GrantDetails,
        secret::{Token, TokenHash},
    };

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn grant(account: Id<Account>, application: Id<Application>, scope: &str, claims: [&[&str]; 2]) -> Grant {
        let mut random = SeededEntropy::new(2);
        let [id_token_claims, userinfo_claims] =
            claims.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let code: TokenHash = Token::generate(&mut random).hash();
        Grant {
            id: Id::new(NOW, &mut random),
            tenant: Id::new(NOW, &mut random),
            flow: Id::new(NOW, &mut random),
            application,
            account,
            session: None,
            authentication: Authentication::begin(account, NOW),
            scope: scope.to_owned(),
            nonce: None,
            redirect_uri: "https://app.example/".to_owned(),
            details: GrantDetails { id_token_claims, userinfo_claims, dpop_jkt: None },
            code_challenge: None,
            code,
            code_expires_at: NOW,
            redeemed_at: None,
            revoked_at: None,
            created_at: NOW,
        }
    }

    #[test]
    fn u29_a_consent_covers_what_was_agreed_to_by_whom_and_for_which_application() {
        let mut random = SeededEntropy::new(1);
        let [account, somebody] = [(); 2].map(|()| Id::new(NOW, &mut random));
        let [application, other] = [(); 2].map(|()| Id::new(NOW, &mut random));
        let items = [Item::Claim("given_name".into()), Item::Scope("offline_access".into())].into();
        let consent = Consent { account, application, items, given_at: NOW };
        let own = format!("openid {application} offline_access");
        let agreed =
            |account, application, scope: &str, claims| consent.covers(&grant(account, application, scope, claims));
        assert!(agreed(account, application, &own, [&["given_name"], &[]]));
        assert!(agreed(account, application, "openid", [&[], &["given_name"]]), "less is covered too");
        assert!(!agreed(somebody, application, &own, [&[], &[]]), "somebody else's");
        assert!(!agreed(account, other, "openid offline_access", [&[], &[]]), "another application's");
        assert!(!agreed(account, application, "openid profile", [&[], &[]]), "another scope");
        assert!(!agreed(account, application, "openid", [&["surname"], &[]]), "another claim in the ID token");
        assert!(!agreed(account, application, "openid", [&[], &["surname"]]), "another claim at userinfo");
    }
}
