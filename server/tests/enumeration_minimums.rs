//! A6, D11 where more may be asked of one account than of another: by a minimum of its own, by a flow that asks in a new
//! country, by a minimum of its role. Before the password is right nothing tells such an account from any other, or
//! from none.

use lanyard_app::paths;
use lanyard_domain::{assurance::Assurance, entropy::SeededEntropy, secret::Token};
use lanyard_server::service::portal::minimums::{self, RoleMinimums};
use lanyard_storage::StorageError;

use crate::{
    enumeration::{Events, STRANGER, assert_same, counted_in, in_a_process_of_its_own, seen_in},
    flow_conditions::asking,
    flow_countries::{ABROAD, behind_a_proxy, by_proxy, known},
    own_minimum::{by, require},
    support::{
        Options, PASSWORD, Run, TestApp, Via,
        journey::authorize,
        statements,
        world::{MARIA, SAM},
    },
};

const KNOWN: &str = "__Host-known";

/// Of whom more is asked, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Of Maria herself, where the flow always asks for a second factor.
    OwnMinimum,
    /// Of Maria herself, where the flow never does.
    OwnMinimumAlone,
    /// Of everybody whose browser and country are not known; the request comes from there.
    Country(&'static str),
    /// Of all staff: a passkey.
    Staff,
}

/// Who it is that signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The one of whom more, or less, is asked than of others.
    Special,
    /// The same person where nothing of the kind was set, and nothing is known.
    Ordinary,
    /// The special one, after the password was taken away.
    WithoutPassword,
    /// Nobody has the address.
    Nobody,
}

const EVERYBODY: [Who; 4] = [Who::Special, Who::Ordinary, Who::WithoutPassword, Who::Nobody];

const WRONG: &[(&str, &str)] = &[("email", "EMAIL"), ("password", "a wrong password")];
const RIGHT: &[(&str, &str)] = &[("email", "EMAIL"), ("password", PASSWORD)];
/// Until there is a wait, and once within it.
const TRIES: Events<'static> = &[("sign-in", WRONG); 6];

impl Case {
    /// A world of its own, and a sign-in page in it.
    async fn begin(self, options: Options, who: Who, via: Via) -> (TestApp, Run, &'static str) {
        let special = who != Who::Ordinary;
        let (app, run, [own, nobody]) = match self {
            Self::OwnMinimum | Self::OwnMinimumAlone => {
                let app = TestApp::with(options).await;
                let clinic = if self == Self::OwnMinimum { app.world.mfa.clone() } else { app.world.plain.clone() };
                if special {
                    require(&app, &clinic, clinic.maria, Assurance::Aal2Strict).await;
                }
                let run = Run::begin(&app, &clinic, via).await;
                (app, run, [MARIA, STRANGER])
            }
            Self::Country(country) => {
                let app = TestApp::with(behind_a_proxy(options)).await;
                let clinic = asking(&app, ABROAD).await;
                let mut browser = by_proxy(app.browser(), "CA");
                if special {
                    browser = known(&app, &clinic, browser).await;
                } else {
                    let made_up = Token::generate(&mut SeededEntropy::new(12));
                    browser.jar.insert(KNOWN.to_owned(), format!("AAAAAAAA.{}", made_up.expose()));
                }
                browser.jar.retain(|name, _| name == KNOWN);
                assert_eq!(browser.jar.len(), 1);
                app.drain().await;
                let run = Run::at(by_proxy(browser, country), &authorize(&clinic, &clinic.flow, &[]), via).await;
                (app, run, [MARIA, STRANGER])
            }
            Self::Staff => {
                let app = TestApp::with(options).await;
                let tenant = app.world.mfa.tenant.clone();
                if special {
                    let wanted = RoleMinimums { staff: Assurance::PhishingResistant, operators: Assurance::Aal1 };
                    minimums::set(&app.app, &tenant, (None, wanted), by()).await.unwrap();
                }
                let run = Run::at(app.browser(), &paths::clinic(tenant.domain.as_str()), via).await;
                (app, run, [SAM, "tim@staff.example"])
            }
        };
        if who == Who::WithoutPassword {
            let account = match self {
                Self::OwnMinimum => app.world.mfa.maria,
                Self::OwnMinimumAlone | Self::Country(_) => app.world.plain.maria,
                Self::Staff => app.world.mfa.sam,
            };
            let taken = app.app.store.write(move |tx| Box::pin(async move { tx.clear_password(account).await }));
            taken.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
        }
        let email = if who == Who::Nobody { nobody } else { own };
        (app, run, email)
    }
}

/// Each in a world of its own: no count of the one shows in the other.
async fn look_the_same(case: Case, via: Via) {
    // Within the wait the right password is as good as a wrong one.
    let events = [TRIES, &[("sign-in", RIGHT)]].concat();
    let mut first: Option<Vec<String>> = None;
    for who in EVERYBODY {
        let (app, run, email) = case.begin(Options::default(), who, via).await;
        let sent = app.count("outbox").await;
        let (seen, hashes) = seen_in(&app, run, email, &events).await;
        let sent = app.count("outbox").await - sent;
        let first = first.get_or_insert_with(|| seen.clone());
        for (n, (one, two)) in first.iter().zip(&seen).enumerate() {
            assert_same(one, two, &format!("step {n}, {case:?}, {via:?}, {who:?}"));
        }
        assert_eq!((seen.len(), hashes, sent), (first.len(), 7, 0), "{case:?}, {via:?}, {who:?}");
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_n23_an_account_with_a_minimum_of_its_own_looks_like_any_and_like_none() {
    look_the_same(Case::OwnMinimum, Via::Form).await;
    look_the_same(Case::OwnMinimumAlone, Via::Json).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_a_known_country_and_a_new_one_look_like_any_and_like_none() {
    look_the_same(Case::Country("CA"), Via::Form).await;
    look_the_same(Case::Country("FR"), Via::Json).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_n23_staff_of_whom_more_is_asked_look_like_any_and_like_nobody() {
    for via in Via::BOTH {
        look_the_same(Case::Staff, via).await;
    }
}

/// At the patients' page not even the right password tells who works at the clinic.
#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_the_right_password_of_staff_with_a_minimum_is_wrong_for_patients() {
    let mut all = Vec::new();
    for who in [Who::Special, Who::Nobody] {
        let (app, _, email) = Case::Staff.begin(Options::default(), who, Via::Form).await;
        let run = Run::begin(&app, &app.world.mfa, Via::Form).await;
        all.push(seen_in(&app, run, email, &[("sign-in", RIGHT)]).await);
        app.drain().await;
    }
    assert_same(&all[0].0.concat(), &all[1].0.concat(), "staff beside nobody");
    assert_eq!(all[0].1, all[1].1);
}

async fn counted(case: Case, options: Options, who: Who) -> Vec<[u64; 2]> {
    let (app, mut run, email) = case.begin(options, who, Via::Form).await;
    let events = if case == Case::OwnMinimum { TRIES } else { &TRIES[..2] };
    let counts = counted_in(&mut run, email, events).await;
    app.drain().await;
    counts
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "counts for the whole process: run by d11_accounts_of_which_more_is_asked_cost_the_same_statements"]
async fn statements_of_a_process_of_its_own() {
    statements::count();
    for (kind, options) in [("SQLite", Options::default as fn() -> Options), ("PostgreSQL", Options::postgres)] {
        for case in [Case::OwnMinimum, Case::OwnMinimumAlone, Case::Country("CA"), Case::Staff] {
            let first = counted(case, options(), Who::Nobody).await;
            assert!(first.iter().all(|[posted, drawn]| *posted > 0 && *drawn > 0), "nothing was counted");
            println!("{kind}, {case:?}: {first:?}");
            for who in [Who::Special, Who::Ordinary, Who::WithoutPassword] {
                let (mut least, mut other) = (first.clone(), counted(case, options(), who).await);
                // A connection that the pool opens meanwhile says a few things of its own: then once more.
                for _ in 0..2 {
                    if least != other {
                        least = fewer(least, &counted(case, options(), Who::Nobody).await);
                        other = fewer(other, &counted(case, options(), who).await);
                    }
                }
                assert_eq!(other, least, "{kind}, {case:?}: {who:?} beside nobody");
            }
        }
    }
}

fn fewer(one: Vec<[u64; 2]>, two: &[[u64; 2]]) -> Vec<[u64; 2]> {
    one.iter().zip(two).map(|(one, two)| [one[0].min(two[0]), one[1].min(two[1])]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_accounts_of_which_more_is_asked_cost_the_same_statements() {
    in_a_process_of_its_own("enumeration_minimums::statements_of_a_process_of_its_own").await;
}
