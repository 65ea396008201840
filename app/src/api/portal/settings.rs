//! What is set for a whole tenant, section by section of one page.

use super::FormState;

/// A section of the page: a form of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsSection {
    /// What stays after a recovery.
    CoolDown,
    /// Help with signing in.
    Resets,
    /// Texts and calls.
    Texts,
    /// What staff and operators must show.
    Minimums,
    /// The makes of staff's passkeys.
    StaffPasskeys,
    /// Dynamic registration.
    Registration,
}

impl SettingsSection {
    /// Its id on the page, for links to it.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::CoolDown => "cool-down",
            Self::Resets => "resets",
            Self::Texts => "texts",
            Self::Minimums => "minimums",
            Self::StaffPasskeys => "staff-passkeys",
            Self::Registration => "registration",
        }
    }
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsPage {
    /// What was just saved, and where.
    pub saved: Option<(SettingsSection, String)>,
    /// What stays after a recovery, and for how long.
    pub cool_down: CoolDownPanel,
    /// Whether a reset by staff takes a second one.
    pub second_approver: bool,
    /// Where texts and calls go.
    pub texts: TextsPanel,
    /// What staff and operators must show.
    pub minimums: MinimumsPanel,
    /// Of which makes passkeys of staff must be.
    pub passkeys: PasskeysPanel,
    /// Whether programs may register applications.
    pub registration: RegistrationPanel,
}

/// How long after a recovery an account stays as it is. Fields `hours`, and `was` for what the form was drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoolDownPanel {
    /// So many hours; 0: not at all.
    pub hours: u32,
    /// The form as it is typed.
    pub form: FormState,
}

/// What staff and operators must show whenever they sign in. Fields `staff`, `operators`, and `was_staff` and
/// `was_operators` for what the form was drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinimumsPanel {
    /// Whether passkeys can be asked for.
    pub passkeys: bool,
    /// The form as it is typed.
    pub form: FormState,
}

/// Of which makes new passkeys of staff must be. Fields `makes`, `roots`, and `was` for what the form was
/// drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeysPanel {
    /// The makes' names; none: of any.
    pub makes: Vec<String>,
    /// The form as it is typed.
    pub form: FormState,
}

/// Where texts and calls go. Fields `countries`, and `was` for what the form was drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextsPanel {
    /// The names of the countries; none: every country.
    pub countries: Vec<String>,
    /// The form as it is typed.
    pub form: FormState,
}

/// The switch for dynamic registration. Fields `to` (`on` or `off`) and `most`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationPanel {
    /// Whether it is on.
    pub on: bool,
    /// How many applications programs have registered.
    pub registered: u32,
    /// At most so many.
    pub most: u32,
    /// The limit as it is typed.
    pub form: FormState,
}
