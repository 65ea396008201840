//! The level that follows from what was used, and what it changes. N18 to N23, N26.

use super::*;
use crate::entropy::SeededEntropy;

fn someone() -> Authentication {
    let at = Timestamp(DAY);
    Authentication::begin(Id::new(at, &mut SeededEntropy::new(1)), at)
}

#[test]
fn the_level_follows_from_what_happened() {
    assert_eq!(someone().with_password().level(), Level::Aal1);
    assert_eq!(someone().with_password().with_email().level(), Level::Aal1, "email is no second factor");
    assert_eq!(someone().with_second(Method::TextMessage, Timestamp(DAY)).level(), Level::Aal1);
    let both = someone().with_password().with_second(Method::AuthenticatorApp, Timestamp(DAY));
    assert_eq!(both.level(), Level::Aal2);
    assert_eq!(both.amr(), ["pwd", "otp", "mfa"]);
}

#[test]
fn n26_a_passkey_is_both_factors_and_says_what_it_proved() {
    let at = Timestamp(DAY);
    let alone = someone().with_passkey(PasskeyKind::Synced, at);
    assert_eq!((alone.level(), alone.amr()), (Level::Aal2, vec!["swk", "user", "mfa"]));
    let bound = someone().with_passkey(PasskeyKind::DeviceBound, at);
    assert_eq!(bound.amr(), ["pop", "user", "mfa"], "hardware is claimed by attestation alone");
    let second = someone().with_password().with_passkey(PasskeyKind::Synced, at);
    assert_eq!(second.amr(), ["pwd", "swk", "user", "mfa"]);
    let faded = alone.carried_over(Level::Aal1);
    assert_eq!((faded.level(), faded.amr()), (Level::Aal1, vec!["swk", "user"]));
    assert_eq!(second.carried_over(Level::Aal1).amr(), ["pwd"]);
    assert!(Demand::mfa([Method::Passkey]).is_met(&bound, bound.level()));
    assert!(!Demand::mfa([Method::AuthenticatorApp]).is_met(&bound, bound.level()), "the methods still count");
}

#[test]
fn names_and_claims_are_the_ones_that_others_rely_on() {
    assert_eq!([Level::Aal1, Level::Aal2].map(Level::as_str), ["aal1", "aal2"]);
    assert_eq!(["aal1", "aal2", "AAL2", ""].map(Level::parse), [Some(Level::Aal1), Some(Level::Aal2), None, None]);
    let names = ["passkey", "authenticator_app", "text_message", "phone_call"];
    assert_eq!(Method::ALL.map(Method::as_str), names);
    assert_eq!(names.map(Method::parse), Method::ALL.map(Some));
    assert_eq!(["email", "", "Passkey"].map(Method::parse), [None; 3]);
    assert_eq!(Method::ALL.map(Method::is_phone), [false, false, true, true]);
    let at = Timestamp(DAY);
    for (method, amr) in [(Method::AuthenticatorApp, "otp"), (Method::TextMessage, "sms"), (Method::PhoneCall, "tel")] {
        assert_eq!(someone().with_password().with_second(method, at).amr(), ["pwd", amr, "mfa"]);
    }
    let someone = someone();
    assert!(!someone.email_proved() && !someone.is_new_account() && someone.second().is_empty());
    let new = someone.clone().with_email().for_new_account().with_second(Method::PhoneCall, at.plus(1));
    assert!(new.email_proved() && new.is_new_account() && new.second().contains(&Method::PhoneCall));
    assert_eq!((new.account(), new.at()), (someone.account(), at.plus(1)));
    assert!(!someone.has_password() && someone.clone().with_password().has_password());
    let later = new.carried_over(Level::Aal2);
    assert!(!later.email_proved() && !later.is_new_account() && !later.second().is_empty());
}

#[test]
fn n23_a_session_never_counts_for_more_than_its_sign_in() {
    let (password, email) = (someone().with_password(), someone().with_email());
    let one = [password, email, someone().with_second(Method::TextMessage, Timestamp(DAY))];
    for sign_in in one {
        // Neither time nor use adds a factor, nor does handing it on as what it is not.
        for age in [-1, 0, 1, HOUR - 1, HOUR, DAY, 400 * DAY] {
            let now = sign_in.at().plus(age);
            for last_seen in [sign_in.at(), now] {
                assert_eq!(sign_in.level_at(now, last_seen), Level::Aal1, "{sign_in:?}");
            }
        }
        assert_eq!(sign_in.clone().carried_over(Level::Aal2).level(), Level::Aal1);
        assert!(!sign_in.amr().contains(&"mfa"), "{sign_in:?}");
    }
}

#[test]
fn n19_what_protects_an_account_is_changed_by_the_best_that_it_has() {
    use crate::{
        factor::{FactorSecret, MAX_CONSECUTIVE},
        phone::PhoneNumber,
        secret::Sealed,
    };
    let at = Timestamp(DAY);
    let factor = |secret, created_at| Factor {
        id: Id::new(at, &mut SeededEntropy::new(2)),
        account: someone().account(),
        secret,
        name: String::new(),
        created_at,
        last_used_at: None,
        last_step: None,
        failures: 0,
        locked_until: None,
    };
    let number = PhoneNumber::from_e164("+12065550123").unwrap();
    let phone = factor(FactorSecret::Phone { number, preferred: Method::TextMessage }, Timestamp(0));
    let app = factor(FactorSecret::AuthenticatorApp { seed: Sealed(vec![1]) }, Timestamp(0));
    let by = |method| someone().with_password().with_second(method, at);
    for weak in [Method::TextMessage, Method::PhoneCall] {
        assert!(by(weak).measures_up_to(std::slice::from_ref(&phone)));
        assert!(!by(weak).measures_up_to(&[phone.clone(), app.clone()]));
        // What it bound itself does not stand above it, nor does what opens nothing any more.
        let own = Factor { created_at: at, ..app.clone() };
        assert!(by(weak).measures_up_to(&[phone.clone(), own]));
        let dead = Factor { failures: MAX_CONSECUTIVE, ..app.clone() };
        assert!(by(weak).measures_up_to(&[phone.clone(), dead]));
    }
    assert!(!someone().with_password().measures_up_to(std::slice::from_ref(&phone)));
    assert!(someone().with_password().measures_up_to(&[]));
    for strong in [Method::AuthenticatorApp, Method::Passkey, Method::RecoveryCode] {
        assert!(by(strong).measures_up_to(&[phone.clone(), app.clone()]), "{strong:?}");
    }
}

#[test]
fn n18_a_recovery_code_counts_beside_a_password_wherever_a_second_factor_is_asked_for() {
    let at = Timestamp(DAY);
    let both = someone().with_password().with_second(Method::RecoveryCode, at);
    assert_eq!((both.level(), both.amr()), (Level::Aal2, vec!["pwd", "otp", "mfa"]));
    assert!(Demand::mfa([Method::Passkey]).is_met(&both, both.level()));
    let alone = someone().with_email().with_second(Method::RecoveryCode, at);
    assert_eq!(alone.level(), Level::Aal1, "two codes without a password are no sign-in");
    assert!(!Demand::mfa([Method::Passkey]).is_met(&alone, alone.level()));
    let three = both.with_second(Method::AuthenticatorApp, at);
    assert_eq!(three.amr(), ["pwd", "otp", "mfa"], "each value once");
    assert_eq!(Demand::mfa([Method::RecoveryCode]), Demand::mfa([]), "no flow lists it");
    assert_eq!(Method::parse("recovery_code"), Some(Method::RecoveryCode));
}

#[test]
fn n22_a_remembered_browser_is_no_factor_and_counts_only_where_it_may() {
    let browser = Id::new(Timestamp(DAY), &mut SeededEntropy::new(2));
    let known = someone().with_password_of(true).with_remembered(browser);
    assert_eq!((known.level(), known.amr()), (Level::Aal1, vec!["pwd"]));
    assert!(known.second().is_empty());
    let strict = Demand::mfa(Method::ALL);
    let lax = strict.clone().remembering(true);
    assert!(!strict.is_met(&known, known.level()) && lax.is_met(&known, known.level()));
    assert!(!lax.is_met(&someone().with_remembered(browser), Level::Aal1), "never without the password");
    assert!(!lax.is_met(&someone().with_password(), Level::Aal1));
    let short = someone().with_password_of(false).with_remembered(browser);
    assert!(!lax.is_met(&short, short.level()), "n1: nor beside one that is too short to be the only factor");
    assert!(!lax.clone().stricter(&strict).takes_remembered() && !strict.stricter(&lax).takes_remembered());
    let shown = known.with_second(Method::TextMessage, Timestamp(DAY));
    assert_eq!((shown.level(), shown.remembered()), (Level::Aal2, None));
}

#[test]
fn n21_aal2_fades_after_an_hour_of_silence_or_a_day() {
    let both = someone().with_password().with_second(Method::AuthenticatorApp, Timestamp(DAY));
    let at = both.at();
    assert_eq!(both.level_at(at.plus(HOUR - 1), at), Level::Aal2);
    assert_eq!(both.level_at(at.plus(HOUR), at), Level::Aal1);
    assert_eq!(both.level_at(at.plus(DAY), at.plus(DAY - 1)), Level::Aal1);
    assert_eq!(both.level_at(at.minus(1), at), Level::Aal1, "a clock set back revives nothing");
}
