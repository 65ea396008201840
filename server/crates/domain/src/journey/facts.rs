//! What a step reads of the database and uses of the outside. The service fills it in the
//! transaction that stores the step.

use crate::{
    account::Account,
    assurance::{Assurance, Demand},
    clock::Timestamp,
    consent::ConsentFacts,
    email::EmailAddress,
    entropy::Entropy,
    factor::{Factor, MAX_CONSECUTIVE},
    id::Id,
    phone::PhoneNumber,
    remembered::RememberedBrowser,
    secret::{Sealed, TokenHash},
    user_flow::Signals,
};

use super::{CodeMac, CodePurpose, Header, demand_of};
#[cfg(doc)]
use super::{Journey, SEND_WINDOW};

/// What the service read from the database for one step, in the same transaction.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The present moment.
    pub now: Timestamp,
    /// What the flow and the application demand now.
    pub demand: Demand,
    /// The account that [`Journey::whose`] asked for.
    pub account: Option<AccountFacts>,
    /// Wrong sign-ins for this address from this network are locked until then.
    pub sign_in_locked_until: Option<Timestamp>,
    /// Passwords from this network are not judged until then: too many wrong ones came from it, for whatever addresses.
    pub network_locked_until: Option<Timestamp>,
    /// Codes sent to the email address for that purpose within [`SEND_WINDOW`], oldest first.
    pub email_sends: Vec<Timestamp>,
    /// Codes sent to the phone number for that purpose within [`SEND_WINDOW`], oldest first.
    pub phone_sends: Vec<Timestamp>,
    /// No text or call goes out until then: the network or the tenant used up what it may send
    /// (A14).
    pub phone_barred_until: Option<Timestamp>,
    /// Numbers, of those that this step may send to, in countries to which the tenant sends nothing
    /// (A14).
    pub phones_unserved: Vec<PhoneNumber>,
    /// The page says that its browser can make a passkey, and so can this server. It opens nothing: it says
    /// whether there is any use in offering one.
    pub can_make_passkey: bool,
    /// How the application stands with the account; `None`: it is the tenant's own, or there is
    /// none, and nobody is asked.
    pub consent: Option<ConsentFacts>,
    /// What is known of the account where it signs in now; needed where a second factor is demanded under
    /// conditions. `None`: nobody looked, and it is demanded.
    pub signals: Option<Signals>,
    /// The remembered browser that the step, or the session that led here, comes from.
    pub remembered: Option<RememberedFacts>,
}

/// A remembered browser, and what was shown for it.
#[derive(Debug, Clone)]
pub struct RememberedFacts {
    /// The entry, whosesoever it is: found by the name in the cookie, or by a session's id of it.
    pub browser: RememberedBrowser,
    /// The hash of the cookie that came with the step; `None` for a session.
    pub secret: Option<TokenHash>,
}

impl Facts {
    /// The facts of a moment at which nothing is sent and no password checked.
    #[must_use]
    pub const fn at(
        now: Timestamp,
        demand: Demand,
        account: Option<AccountFacts>,
        consent: Option<ConsentFacts>,
    ) -> Self {
        Self {
            now,
            demand,
            account,
            sign_in_locked_until: None,
            network_locked_until: None,
            email_sends: Vec::new(),
            phone_sends: Vec::new(),
            phone_barred_until: None,
            phones_unserved: Vec::new(),
            can_make_passkey: false,
            consent,
            signals: None,
            remembered: None,
        }
    }

    /// What is demanded of the account in the journey of `header` now.
    pub(super) fn demanded(&self, header: &Header) -> Demand {
        let judged = demand_of(header, &self.demand).judged(self.now, self.signals.as_ref());
        for_account(judged, header, self.now, self.account.as_ref())
    }
}

/// `judged` as it holds for one account in the journey of `header`: who may wait is judged, and then it is raised to
/// the account's own minimum, which stands against everything.
pub(super) fn for_account(judged: Demand, header: &Header, now: Timestamp, account: Option<&AccountFacts>) -> Demand {
    let own = judged.of_account(now, account.and_then(AccountFacts::bare_since));
    let minimum = account.map_or(Assurance::Aal1, |account| account.minimum);
    own.raised_for(minimum, &header.flow.settings.mfa.second_factor().methods)
}

/// What a step needs to know of an account.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub struct AccountFacts {
    /// The account's id.
    pub id: Id<Account>,
    /// What it is to the tenant.
    pub kind: crate::account::AccountKind,
    /// Its address.
    pub email: EmailAddress,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it may sign in.
    pub disabled: bool,
    /// The version of its password; `None` if it has none.
    pub password_version: Option<i64>,
    /// Consecutive wrong passwords, from wherever. At [`MAX_CONSECUTIVE`] the password is disabled until
    /// another one is chosen (N9).
    pub password_failures: u32,
    /// When it is deleted, if its owner asked for that: who signs in is told.
    pub delete_at: Option<Timestamp>,
    /// When its owner was last offered a passkey and did not want one.
    pub passkey_declined_at: Option<Timestamp>,
    /// What it must show at every sign-in, whatever flow and application say: the highest of its own minimum and
    /// those of the roles it holds. [`Assurance::Aal1`]: as they say.
    pub minimum: Assurance,
    /// From when on its owner is offered recovery codes at a sign-in; `None`: where a factor is set up.
    pub recovery_offer_from: Option<Timestamp>,
    /// Its factors.
    pub factors: Vec<Factor>,
}

impl AccountFacts {
    /// When it was made, if it has no factor, not even one that opens nothing any more.
    #[must_use]
    pub fn bare_since(&self) -> Option<Timestamp> {
        self.factors.is_empty().then_some(self.created_at)
    }

    /// Whether its password was guessed at so often that not even the right one counts (N9).
    #[must_use]
    pub const fn is_password_disabled(&self) -> bool {
        self.password_failures >= MAX_CONSECUTIVE
    }
}

/// Which account a step is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Nobody yet.
    Nobody,
    /// This one.
    Account(Id<Account>),
    /// Whoever has this address, if anybody.
    Address(EmailAddress),
}

/// Where codes of this step may be sent: their histories are wanted in [`Facts`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations {
    /// An email address, and what the codes are for.
    pub email: Option<(CodePurpose, EmailAddress)>,
    /// A phone number, and what the codes are for.
    pub phone: Option<(CodePurpose, PhoneNumber)>,
}

/// What a step may use of the outside; all of it is quick and none of it blocks.
pub struct Tools<'a> {
    /// Random bytes.
    pub entropy: &'a mut dyn Entropy,
    /// The keyed hash of codes.
    pub codes: &'a dyn CodeMac,
    /// Authenticator apps.
    pub totp: &'a dyn Totp,
}

/// Seeds of authenticator apps (RFC 6238), sealed at rest.
pub trait Totp {
    /// A fresh seed, sealed for `journey` until it is bound.
    fn new_seed(&self, entropy: &mut dyn Entropy) -> Sealed;
    /// The time step that `digits` belongs to at `now`, if it is the present one or the one
    /// before (N13: one documented neighbour, for clocks that lag).
    fn matched_step(&self, seed: &Sealed, digits: &str, now: Timestamp) -> Option<i64>;
}
