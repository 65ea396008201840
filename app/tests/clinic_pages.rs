//! The clinic's, the account's and the landing page in their states: each is checked for what all
//! pages must keep, and written to `target/gallery` to look at, beside the style sheet.
#![cfg(feature = "ssr")]

use std::{fs, path::Path};

use lanyard_app::{
    api::{
        account::{
            AccountView, AppView, BrowserView, ClaimView, ContactPage, ContactProblem, ContactStep, ContactView, Done,
            EventView, MethodView, Moment, NotMeThing, NotMeView, PendingView, ProfileView, SecuredView, SessionView,
            Visitor,
        },
        clinic::{Day, Figures, MfaFilter, PatientListQuery, PatientListView, PatientRow, PatientView, SortBy},
        journey::{AttributeField, AttributeFieldKind, Problem, ProblemCode},
        minimum::{MinimumSaid, MinimumState, MinimumView},
    },
    countries,
    pages::{
        account::{account_page, contact_page, not_me_page, profile_page, secured_page},
        clinic::{minimum_page, patient_page, patients_page},
        home::home_page,
    },
    shell::{PageHead, render},
};
use leptos::prelude::*;

fn visitor() -> Visitor {
    Visitor {
        idle_seconds: 840,
        tenant: "Harbour Clinic".into(),
        domain: "harbour.example".into(),
        name: "Olu Adeyemi".into(),
        csrf: "token".into(),
        demo: true,
    }
}

fn moment(text: &str) -> Moment {
    Moment { iso: "2026-07-03T14:05:00Z".into(), text: text.into() }
}

fn claim(label: &str, name: &str, value: &str) -> ClaimView {
    ClaimView { label: label.into(), name: name.into(), value: value.into() }
}

fn claims() -> Vec<ClaimView> {
    vec![
        claim("Email address", "emails", "maria.santos@example.com"),
        claim("Country/Region", "country", "Bosnia & Herzegovina"),
        claim("Given name", "given_name", "Maria"),
        claim("Surname", "family_name", "Santos"),
        claim("Display name", "name", "Maria Santos"),
        claim("Patient number", "extension_PatientNumber", "HC-204311"),
        claim("User's object ID", "oid", "01945f3e-1c1a-7c3a-9d7b-0a7f3b0c9d11"),
    ]
}

fn methods() -> Vec<MethodView> {
    let method = |label: &str, detail: &str, last_used, locked_until| MethodView {
        id: "018f0000-0000-7000-8000-000000000000".into(),
        name: detail.into(),
        label: label.into(),
        detail: detail.into(),
        created: moment("3 March 2026, 09:12 UTC"),
        last_used,
        locked_until,
        turned_off: false,
        phone: label.starts_with("Text"),
        passkey: None,
    };
    vec![
        method("Text message or phone call", "•••• 42", Some(moment("2 July 2026, 18:40 UTC")), None),
        method("Authenticator app", "Maria’s phone", None, Some(moment("3 July 2026, 14:20 UTC"))),
    ]
}

fn rows() -> Vec<PatientRow> {
    let row = |name: &str, email: &str, country: &str, has_mfa, seen: Option<&str>| PatientRow {
        id: "01945f3e-1c1a-7c3a-9d7b-0a7f3b0c9d11".into(),
        name: name.into(),
        email: email.into(),
        country: country.into(),
        has_mfa,
        created: moment("12 Jan 2026"),
        last_sign_in: seen.map(moment),
    };
    let some = [
        row("Achebe, Chinua", "chinua.achebe@example.com", "Nigeria", true, Some("3 Jul 2026, 14:05")),
        row("Guðmundsdóttir, Björk", "bjork@example.com", "Iceland", false, Some("28 Jun 2026, 07:51")),
        row("", "no.name.given.at.all.by.this.person@a-very-long-domain.example.org", "", false, None),
        row("O’Neil, Siobhán", "siobhan@example.ie", "Ireland", true, Some("1 Jul 2026, 22:10")),
    ];
    (0..6).flat_map(|_| some.clone()).collect()
}

fn figures() -> Figures {
    let counts: [(u64, u64); 14] = [
        (31, 2),
        (40, 1),
        (12, 0),
        (9, 0),
        (44, 6),
        (51, 3),
        (38, 2),
        (29, 0),
        (33, 1),
        (14, 0),
        (8, 0),
        (47, 19),
        (52, 4),
        (21, 1),
    ];
    let day =
        |(at, (sign_ins, failures)): (usize, (u64, u64))| Day { label: format!("{} Jul", at + 1), sign_ins, failures };
    Figures { patients: 1_904, enrolled: 1_592, days: counts.into_iter().enumerate().map(day).collect() }
}

fn list(query: PatientListQuery, rows: Vec<PatientRow>) -> PatientListView {
    let next = (!rows.is_empty()).then(|| "next".to_owned());
    PatientListView {
        visitor: visitor(),
        query,
        cursor_refused: false,
        figures: figures(),
        waiting: Vec::new(),
        rows,
        previous: None,
        next,
    }
}

fn search() -> PatientListQuery {
    PatientListQuery { search: "ma".into(), mfa: MfaFilter::NotEnrolled, ..PatientListQuery::default() }
}

fn patient(methods: Vec<MethodView>) -> PatientView {
    PatientView {
        id: "018f0000-0000-7000-8000-000000000001".to_owned(),
        visitor: visitor(),
        name: "Maria Santos".into(),
        email: "maria.santos@example.com".into(),
        disabled: methods.is_empty(),
        claims: claims(),
        live_sessions: methods.len(),
        methods,
        minimum: "aal1".into(),
        created: moment("12 January 2026, 08:30 UTC"),
        last_sign_in: Some(moment("3 July 2026, 14:05 UTC")),
    }
}

fn account(done: Option<Done>, methods: Vec<MethodView>) -> AccountView {
    let session = |label: &str, current| SessionView {
        id: "0190a0b0".into(),
        label: label.into(),
        current,
        created: moment("3 July 2026, 13:50 UTC"),
        last_seen: moment("3 July 2026, 14:05 UTC"),
    };
    AccountView {
        visitor: Visitor { name: "Maria Santos".into(), ..visitor() },
        done,
        pending: vec![PendingView { phone: false, to: "maria@example.org".into() }],
        may_change_email: true,
        claims: claims(),
        methods,
        recovery: None,
        may_have_recovery: false,
        may_add_passkey: true,
        may_change_factors: true,
        cooling_until: None,
        signed_in_weakly: false,
        deletion: None,
        may_delete: true,
        sessions: vec![session("This account page", true), session("Apps", false)],
        browsers: vec![BrowserView {
            id: "0190a0b2".into(),
            label: "Firefox on Linux".into(),
            network: "203.0.113.7".into(),
            created: moment("3 July 2026, 13:50 UTC"),
            last_used: None,
            expires: moment("2 August 2026, 13:50 UTC"),
        }],
        apps: vec![AppView {
            id: "0190a0b1".into(),
            name: "Step Counter".into(),
            third_party: true,
            details: vec!["Given name".into(), "Email address".into()],
            rights: vec!["Get these details again while you’re away".into()],
            since: moment("3 July 2026, 13:50 UTC"),
            last_used: None,
        }],
    }
}

fn profile(problems: Vec<Problem>) -> ProfileView {
    let field = |name: &str, label: &str, kind, required, value: &str| AttributeField {
        name: name.into(),
        label: label.into(),
        kind,
        required,
        value: value.into(),
    };
    use AttributeFieldKind::{Checkbox, Integer, Select, Text};
    ProfileView {
        visitor: Visitor { name: "Maria Santos".into(), ..visitor() },
        email: "maria.santos@example.com".into(),
        may_change_email: true,
        fields: vec![
            field("country", "Country/Region", Select { options: countries::options() }, true, "GB"),
            field("givenName", "Given name", Text, true, "Maria"),
            field("surname", "Surname", Text, true, "Santos"),
            field("displayName", "Display name", Text, false, ""),
            field("extension_children", "Number of children", Integer, false, "two"),
            field("extension_news", "Send me news from the clinic", Checkbox, false, "true"),
        ],
        problems,
    }
}

fn email() -> ContactPage {
    ContactPage::Email { present: "maria.santos@example.com".into(), both: false }
}

fn phone() -> ContactPage {
    let present = "•••• 42".into();
    ContactPage::Phone { factor: "0190a0b2".into(), present, call: false, countries: countries::options() }
}

fn form() -> ContactStep {
    ContactStep::Form { typed: "typed".into(), country: "GB".into() }
}

fn contact(page: ContactPage, step: ContactStep, problem: Option<ContactProblem>) -> ContactView {
    ContactView { visitor: visitor(), page, step, problem }
}

fn not_me() -> NotMeView {
    let at = || moment("3 July 2026, 13:50 UTC");
    let thing =
        |field: &str, what: &str, ticked| NotMeThing { field: field.into(), what: what.into(), at: Some(at()), ticked };
    NotMeView {
        tenant: "Harbour Clinic".into(),
        action: "/not-me/harbour.example/x".into(),
        things: vec![
            thing("factor-1", "Passkey (My phone) was added", false),
            thing("address", "The email address was changed to s•••@example.net", true),
        ],
        moved: None,
        also: vec![EventView {
            what: "Removed an authenticator app".into(),
            failed: false,
            at: at(),
            browser: None,
            by_others: false,
        }],
    }
}

fn wrong() -> Vec<Problem> {
    let problem = |field: &str, code| Problem { field: field.into(), code };
    vec![
        problem("country", ProblemCode::AttributeMissing { label: "Country/Region".into() }),
        problem("extension_children", ProblemCode::AttributeNotInteger { label: "Number of children".into() }),
    ]
}

/// A page's name and how it is drawn.
type Drawn = (&'static str, fn() -> AnyView);

fn asked_for(problem: Option<&str>) -> MinimumState {
    MinimumState::Form { passkeys: true, problem: problem.map(str::to_owned) }
}

fn minimum(said: Option<MinimumSaid>, state: MinimumState) -> MinimumView {
    MinimumView {
        visitor: visitor(),
        patient: "01945f3e-1c1a-7c3a-9d7b-0a7f3b0c9d11".into(),
        name: "Maria Santos".into(),
        email: "maria.santos@example.com".into(),
        said,
        present: "aal2_strict".into(),
        state,
    }
}

/// Every page in every state.
fn pages() -> Vec<(&'static str, String)> {
    let draw = |view: fn() -> AnyView| {
        let head = PageHead { title: "x".into(), css: "main.css".into(), ..PageHead::default() };
        render(head, view)
    };
    let all: [Drawn; 26] = [
        ("clinic-list", || patients_page(list(PatientListQuery::default(), rows())).into_any()),
        ("clinic-sorted", || {
            let query = PatientListQuery::default().sorted_by(SortBy::Created);
            patients_page(PatientListView { previous: Some("p".into()), cursor_refused: true, ..list(query, rows()) })
                .into_any()
        }),
        ("clinic-search", || patients_page(list(search(), rows()[..2].to_vec())).into_any()),
        ("clinic-no-match", || patients_page(list(search(), vec![])).into_any()),
        ("clinic-nothing-yet", || {
            let days = figures().days.into_iter().map(|day| Day { sign_ins: 0, failures: 0, ..day }).collect();
            let figures = Figures { patients: 0, enrolled: 0, days };
            patients_page(PatientListView { figures, ..list(PatientListQuery::default(), vec![]) }).into_any()
        }),
        ("clinic-patient", || patient_page(patient(methods())).into_any()),
        ("clinic-patient-bare", || patient_page(patient(vec![])).into_any()),
        ("clinic-minimum", || minimum_page(minimum(None, asked_for(None))).into_any()),
        ("clinic-minimum-wrong", || minimum_page(minimum(None, asked_for(Some("Choose one.")))).into_any()),
        ("clinic-minimum-changed", || minimum_page(minimum(Some(MinimumSaid::Changed), asked_for(None))).into_any()),
        ("clinic-minimum-stale", || minimum_page(minimum(None, MinimumState::SignInAgain)).into_any()),
        ("account", || account_page(account(None, methods())).into_any()),
        ("account-saved", || account_page(account(Some(Done::Saved), vec![])).into_any()),
        ("account-profile", || profile_page(profile(vec![])).into_any()),
        ("account-profile-wrong", || profile_page(profile(wrong())).into_any()),
        ("account-email", || contact_page(contact(email(), form(), None)).into_any()),
        ("account-email-code", || {
            let code = ContactStep::Code { to: "maria@example.org".into(), of: "change_email".into() };
            let problem = Problem { field: "code".into(), code: ProblemCode::CodeWrong { tries_left: 4 } };
            contact_page(contact(email(), code, Some(ContactProblem::Field(problem)))).into_any()
        }),
        ("account-email-present", || {
            let page = ContactPage::Email { present: "maria@example.org".into(), both: true };
            let code = ContactStep::PresentCode { to: "maria@example.org".into(), of: "leave_email".into() };
            contact_page(contact(page, code, None)).into_any()
        }),
        ("account-email-stale", || contact_page(contact(email(), ContactStep::SignInAgain, None)).into_any()),
        ("account-email-cooling", || {
            let until = moment("4 July 2026, 13:50 UTC");
            contact_page(contact(email(), ContactStep::CoolingDown { until }, None)).into_any()
        }),
        ("account-cooling", || {
            let until = Some(moment("4 July 2026, 13:50 UTC"));
            account_page(AccountView { cooling_until: until, ..account(None, methods()) }).into_any()
        }),
        ("account-phone", || contact_page(contact(phone(), form(), Some(ContactProblem::Same))).into_any()),
        ("not-me", || not_me_page(not_me()).into_any()),
        ("not-me-secured", || {
            let brought_back = Some("s•••@example.net".into());
            let (tenant, domain) = ("Harbour Clinic".into(), "harbour.example".into());
            let asked = Some("you are asked for a second step every time you sign in.".into());
            secured_page(SecuredView { tenant, domain, brought_back, moved: None, asked, stopped: false }).into_any()
        }),
        ("home-demo", || home_page(Some(("Harbour Clinic".into(), "harbour.example".into()))).into_any()),
        ("home", || home_page(None).into_any()),
    ];
    all.into_iter().map(|(name, view)| (name, draw(view))).collect()
}

fn page(name: &str) -> String {
    pages().into_iter().find(|(own, _)| *own == name).map(|(_, html)| html).unwrap_or_default()
}

#[test]
fn u2_every_page_has_one_heading_and_nothing_inline() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/gallery");
    fs::create_dir_all(&folder).unwrap();
    let style = Path::new(env!("CARGO_MANIFEST_DIR")).join("../style");
    let sheet = fs::read_to_string(style.join("main.css")).unwrap();
    let names = sheet.lines().filter_map(|line| line.trim().strip_prefix("@import \"")?.strip_suffix("\";"));
    let whole: String = names.map(|name| fs::read_to_string(style.join(name)).unwrap_or_default()).collect();
    fs::write(folder.join("main.css"), whole).unwrap();
    for (name, html) in pages() {
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick"), "{name}");
        fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}

#[test]
fn o7_search_filter_and_order_stand_in_links_and_a_get_form() {
    let sorted = page("clinic-sorted");
    assert!(sorted.contains(r#"aria-sort="descending""#), "newest first");
    assert!(sorted.contains(r#"href="/clinic/harbour.example?sort=created#search""#), "a second press turns it round");
    assert!(sorted.contains(r#"<input type="hidden" name="sort" value="-created""#), "a search keeps the order");
    assert!(sorted.contains("?sort=-created&amp;page=next#search"), "the next page is of the same list");
    assert!(sorted.contains(r#"id="search""#), "and there the search and the list begin, below the figures");

    let searched = page("clinic-search");
    assert!(searched.contains(r#"method="get""#) && searched.contains(r#"value="ma""#));
    assert!(!searched.contains("aria-sort"), "results are in the order of the match");
    assert!(searched.contains("In the order of the match"));
    assert!(searched.contains("?q=ma&amp;mfa=not-enrolled&amp;page=next"));
}

#[test]
fn o7_each_empty_state_says_why() {
    assert!(page("clinic-no-match").contains("No patients match"));
    assert!(page("clinic-nothing-yet").contains("No patients yet"));
}

#[test]
fn u3_errors_link_to_fields_that_keep_what_was_typed() {
    let html = page("account-profile-wrong");
    assert!(html.contains(r##"href="#f-extension_children""##) && html.contains(r#"value="two""#));
    assert_eq!(html.matches("aria-invalid").count(), 2);
    assert_eq!(html.matches("Choose your country/region from the list.").count(), 2, "summary and field agree");
}

#[test]
fn u3_the_rule_of_a_patient_keeps_what_stands_and_its_error_leads_to_the_field() {
    let html = page("clinic-minimum-wrong");
    assert!(html.contains(r##"href="#f-minimum""##) && html.matches("Choose one.").count() == 2, "{html}");
    for name in ["clinic-minimum", "clinic-minimum-wrong", "clinic-minimum-changed"] {
        let html = page(name);
        assert!(html.contains(r#"name="was" value="aal2_strict""#), "{name}: {html}");
        assert!(html.contains("Now: Always: a passkey, an authenticator app or a recovery code."), "{name}: {html}");
    }
    let stale = page("clinic-minimum-stale");
    assert!(stale.contains("/minimum/sign-in-again") && !stale.contains("<select"), "{stale}");
}

#[test]
fn f49_a_refused_cursor_says_that_this_is_the_first_page() {
    assert!(page("clinic-sorted").contains("This is the first page"));
}

#[test]
fn n9_a_method_that_was_turned_off_is_explained_to_its_owner() {
    let head = || PageHead { title: "x".into(), css: "main.css".into(), ..PageHead::default() };
    let on = render(head(), || account_page(account(None, methods())).into_any());
    let off = render(head(), || {
        let off = methods().into_iter().map(|method| MethodView { turned_off: true, ..method }).collect();
        account_page(account(None, off)).into_any()
    });
    let words = "is not turned on again";
    assert!(!on.contains(words) && off.contains(words), "{off}");
    assert!(off.contains("/account/harbour.example/history"), "{off}");
}
