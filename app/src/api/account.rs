//! A person's account as its owner sees it, and what every console page shows around it.

use super::journey::{AttributeField, PasskeyPrompt, Problem};

/// Who is signed in to a console, and where: the frame of every console page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The tenant's name.
    pub tenant: String,
    /// The tenant's domain, for addresses.
    pub domain: String,
    /// The name of who is signed in.
    pub name: String,
    /// The token of forms.
    pub csrf: String,
    /// For how many seconds the page may stand idle.
    pub idle_seconds: u32,
    /// Whether the demo's banner is shown.
    pub demo: bool,
}

/// A point in time, made ready by the server (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// For machines: RFC 3339.
    pub iso: String,
    /// For people.
    pub text: String,
}

/// A claim that the server holds about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimView {
    /// The plain label (U30).
    pub label: String,
    /// The name in the token.
    pub name: String,
    /// The value as a page shows it.
    pub value: String,
}

/// A second-step method that is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodView {
    /// What it is, in plain words.
    pub label: String,
    /// Its id, for the forms that rename and remove it.
    pub id: String,
    /// The name its owner gave it.
    pub name: String,
    /// Which one: the name, and of a phone the masked number.
    pub detail: String,
    /// Since when.
    pub created: Moment,
    /// The last time it let its owner in.
    pub last_used: Option<Moment>,
    /// Locked after too many wrong codes until then.
    pub locked_until: Option<Moment>,
    /// Disabled for good: after a hundred wrong codes, or by "This wasn't me".
    pub turned_off: bool,
    /// Whether it is a phone, which can get another number.
    pub phone: bool,
    /// More about it, if it is a passkey.
    pub passkey: Option<PasskeyView>,
}

/// A passkey that is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyView {
    /// Whether its owner's other devices have it too.
    pub backed_up: bool,
    /// Whether it was turned off because it seems to have been copied.
    pub copied: bool,
}

/// A set of recovery codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryView {
    /// Its id: the form that makes a new one says which one that replaces.
    pub id: String,
    /// How many codes were never used.
    pub left: u32,
    /// Whether those are so few that their owner is warned.
    pub few: bool,
    /// When it was made.
    pub made: Moment,
    /// The last time one of them was used.
    pub last_used: Option<Moment>,
    /// Locked after too many wrong codes until then.
    pub locked_until: Option<Moment>,
    /// Disabled for good: after a hundred wrong codes, or by "This wasn't me".
    pub turned_off: bool,
}

/// The page that shows new recovery codes, this once.
#[derive(Clone, PartialEq, Eq)]
pub struct NewCodesView {
    /// The frame.
    pub visitor: Visitor,
    /// The codes in the clear, in groups of four.
    pub codes: Vec<String>,
}

impl std::fmt::Debug for NewCodesView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewCodesView({} codes, redacted)", self.codes.len())
    }
}

/// What `/account/{tenant}/passkeys/new` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyFormView {
    /// The frame.
    pub visitor: Visitor,
    /// What the browser is asked for.
    pub passkey: PasskeyPrompt,
    /// What was wrong with the last try.
    pub problem: Option<Problem>,
}

/// Which contact a page changes, and what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactPage {
    /// The address.
    Email {
        /// The present one.
        present: String,
        /// Whether its code comes before that of the new one.
        both: bool,
    },
    /// The number of a phone.
    Phone {
        /// The phone's id.
        factor: String,
        /// The present number, masked.
        present: String,
        /// Whether the new one is called rather than texted.
        call: bool,
        /// The countries to choose from: code and name.
        countries: Vec<(String, String)>,
    },
}

/// How far the change of a contact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactStep {
    /// It takes a fresh sign-in first, by the best that is set up.
    SignInAgain,
    /// The account was recovered a short while ago, and this stays as it is.
    CoolingDown {
        /// Until then.
        until: Moment,
    },
    /// The new one is to be typed.
    Form {
        /// What was typed.
        typed: String,
        /// The chosen country of a number.
        country: String,
    },
    /// A code went to the present address; then one goes to the new one.
    PresentCode {
        /// The present address.
        to: String,
        /// Which code it is, for field `of`.
        of: String,
    },
    /// A code went out.
    Code {
        /// Where to.
        to: String,
        /// Which code it is, for field `of`.
        of: String,
    },
}

/// What is wrong with a change of contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactProblem {
    /// What is wrong with a field, as in the journey.
    Field(Problem),
    /// The account has that one already.
    Same,
    /// Another account has taken the address in the meantime.
    Taken,
}

/// What `/account/{tenant}/email` and `/account/{tenant}/phone` show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactView {
    /// The frame.
    pub visitor: Visitor,
    /// What is changed.
    pub page: ContactPage,
    /// How far it is.
    pub step: ContactStep,
    /// What is wrong.
    pub problem: Option<ContactProblem>,
}

/// A change of contact that waits for its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingView {
    /// Whether it is one of a phone; else of the address.
    pub phone: bool,
    /// What is to be: the address, or the masked number.
    pub to: String,
}

/// An application that has access to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppView {
    /// The application's id, for the form that takes the access away.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it belongs to somebody else than the tenant.
    pub third_party: bool,
    /// The details that it gets: plain labels.
    pub details: Vec<String>,
    /// What else it may do, as whole sentences.
    pub rights: Vec<String>,
    /// Since when.
    pub since: Moment,
    /// When it last got something.
    pub last_used: Option<Moment>,
}

/// What was just done, said at the top of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The details were saved.
    Saved,
    /// An application lost its access.
    AccessRemoved,
    /// Sessions were ended.
    SignedOut,
    /// Remembered browsers were forgotten.
    BrowsersForgotten,
    /// A passkey was added.
    PasskeyAdded,
    /// A factor has another name.
    FactorRenamed,
    /// A factor was removed.
    FactorRemoved,
    /// The account has another address.
    EmailChanged,
    /// A phone has another number.
    PhoneChanged,
    /// A change of contact was called off.
    CalledOff,
    /// The account is to be deleted.
    DeletionPlanned,
    /// The account stays.
    Kept,
    /// The recovery codes were removed.
    RecoveryRemoved,
    /// Codes were asked for by a page that did not know the present ones: a reload, a second press.
    RecoveryMadeAlready,
    /// The last factor was to be removed, and stays.
    LastFactor,
    /// Something was to be taken away or changed too soon after a recovery, and stays.
    CoolingDown,
    /// The sign-in is too long ago, or too weak, to change factors.
    SignInAgain,
}

/// A place where the person is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Its id, for the form that ends it.
    pub id: String,
    /// What it opens, in plain words.
    pub label: String,
    /// Whether it is the one that shows this page.
    pub current: bool,
    /// Since when.
    pub created: Moment,
    /// When it was last used.
    pub last_seen: Moment,
}

/// A remembered browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserView {
    /// Its id, for the form that forgets it.
    pub id: String,
    /// Browser and system.
    pub label: String,
    /// The network that it was last seen at.
    pub network: String,
    /// Since when.
    pub created: Moment,
    /// When it last took the place of a code.
    pub last_used: Option<Moment>,
    /// Until when.
    pub expires: Moment,
}

/// What `/account/{tenant}` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// The frame.
    pub visitor: Visitor,
    /// What was done just now.
    pub done: Option<Done>,
    /// Changes of address and number that wait for a code.
    pub pending: Vec<PendingView>,
    /// Whether its owner may change the address here.
    pub may_change_email: bool,
    /// What the server holds, in the order of the catalogue.
    pub claims: Vec<ClaimView>,
    /// The second-step methods, oldest first.
    pub methods: Vec<MethodView>,
    /// The recovery codes, if there are some.
    pub recovery: Option<RecoveryView>,
    /// Whether recovery codes can be had: beside a second-step method that works.
    pub may_have_recovery: bool,
    /// Whether a passkey can be added.
    pub may_add_passkey: bool,
    /// Whether factors can be renamed and removed in this session.
    pub may_change_factors: bool,
    /// The account was recovered a short while ago: until then no factor is removed, no address or number changed.
    pub cooling_until: Option<Moment>,
    /// Whether the sign-in is fresh but by a weaker factor than the best that is set up.
    pub signed_in_weakly: bool,
    /// The live sessions, the latest first.
    pub sessions: Vec<SessionView>,
    /// The remembered browsers, the latest first.
    pub browsers: Vec<BrowserView>,
    /// The applications with access, the oldest first.
    pub apps: Vec<AppView>,
    /// When the account is deleted, if its owner asked for it.
    pub deletion: Option<Moment>,
    /// Whether its owner may ask for that here.
    pub may_delete: bool,
}

/// Something that was done with the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// What, as a whole sentence without its full stop.
    pub what: String,
    /// Whether it did not work.
    pub failed: bool,
    /// When.
    pub at: Moment,
    /// The browser and system, as far as they are known.
    pub browser: Option<String>,
    /// Whether somebody else did it, or the server by itself.
    pub by_others: bool,
}

/// What somebody is told who goes on to an application and whose account is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarewellView {
    /// The tenant's name.
    pub tenant: String,
    /// Where they go on to.
    pub application: Option<String>,
    /// When it is deleted.
    pub at: Moment,
    /// The way on.
    pub onward: String,
    /// Where it can be kept.
    pub account: String,
}

/// Something of the last two weeks that may not have been the owner's doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotMeThing {
    /// The name of its box.
    pub field: String,
    /// What was done.
    pub what: String,
    /// When.
    pub at: Option<Moment>,
    /// Whether it was done since the change that the mail is about.
    pub ticked: bool,
}

/// What `/not-me/{tenant}/{token}` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotMeView {
    /// The tenant's name.
    pub tenant: String,
    /// Where the button posts.
    pub action: String,
    /// What can be ticked.
    pub things: Vec<NotMeThing>,
    /// The account's address, masked, if it is another one by now, which this link leaves.
    pub moved: Option<String>,
    /// What else changed the account in that time, newest first.
    pub also: Vec<EventView>,
}

/// What is shown once an account was secured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecuredView {
    /// The tenant's name.
    pub tenant: String,
    /// Its domain.
    pub domain: String,
    /// The address came back in the place of this one, which is masked.
    pub brought_back: Option<String>,
    /// The account's address, masked, if it is another one than the link was mailed to and stays.
    pub moved: Option<String>,
    /// What is asked for again at every sign-in, where less was asked: the end of "From now on …".
    pub asked: Option<String>,
    /// The address could not come back, and nobody gets in.
    pub stopped: bool,
}

/// What `/account/{tenant}/history` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryView {
    /// The frame.
    pub visitor: Visitor,
    /// The events, newest first.
    pub events: Vec<EventView>,
    /// The address of what is older, if there is more.
    pub older: Option<String>,
    /// Whether this is the newest page.
    pub newest: bool,
}

/// What `/account/{tenant}/profile` shows: the form, with what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileView {
    /// The frame.
    pub visitor: Visitor,
    /// The address, which is not changed here.
    pub email: String,
    /// Whether it can be changed on a page of its own.
    pub may_change_email: bool,
    /// The fields in order.
    pub fields: Vec<AttributeField>,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}
