//! The journey's pages as HTML: what assistive technology, password managers and browsers without
//! scripting depend on.
#![cfg(feature = "ssr")]
// Clippy lets tests expect, but not the functions beside them.
#![allow(clippy::expect_used)]

use std::collections::BTreeMap;

use lanyard_app::api::journey::*;
use lanyard_app::components::codes::file_link;
use lanyard_app::pages::journey::{journey_page, page_title};
use lanyard_app::shell::{PageHead, render};

fn view(stage: StageView) -> JourneyView {
    JourneyView {
        id: "j1".into(),
        csrf: "token".into(),
        tenant: "Harbour Clinic".into(),
        application: None,
        stage,
        postpone_until: None,
        longer_password: None,
        problems: vec![],
        values: BTreeMap::new(),
        demo: false,
    }
}

fn html(view: &JourneyView) -> String {
    let head = PageHead { title: page_title(view), ..PageHead::default() };
    let page = render(head, || journey_page(view.clone()));
    // The island's data repeats the words; what is asserted is the markup.
    let (before, after) = page.split_once("data-props=\"").expect("an island");
    let (_, after) = after.split_once('"').expect("its data");
    format!("{before}{after}")
}

fn code() -> CodeView {
    CodeView {
        sent_to: "m@example.com".into(),
        lives_minutes: 10,
        resend_in_seconds: 25,
        locked_for_seconds: 0,
        delivery: Delivery::OnItsWay,
    }
}

fn failed(stage: StageView, field: &str, code: ProblemCode) -> JourneyView {
    JourneyView { problems: vec![Problem { field: field.into(), code }], ..view(stage) }
}

/// The tag that has this text in it, from `<` to `>`.
fn tag<'html>(html: &'html str, with: &str) -> &'html str {
    let at = html.find(with).unwrap_or_else(|| panic!("no {with} in {html}"));
    let start = html[..at].rfind('<').expect("a tag");
    let end = at + html[at..].find('>').expect("its end");
    &html[start..=end]
}

const SIGN_IN: StageView = StageView::SignIn { can_sign_up: true, can_cancel: true, keep_days: None, passkey: None };

#[test]
fn u1_every_form_posts_to_the_journey_with_its_token() {
    let page = html(&view(SIGN_IN));
    let forms: Vec<_> = page.split("<form").skip(1).collect();
    assert_eq!(forms.len(), 4, "sign in, forgot, cancel, create an account");
    for form in forms {
        assert!(form.contains(r#"method="post""#) && form.contains(r#"action="/journey/j1/"#), "{form}");
        assert!(form.contains(r#"name="csrf" value="token""#) && form.contains("novalidate"), "{form}");
    }
}

#[test]
fn u2_one_heading_and_the_title_says_error_after_a_failure() {
    let view = failed(SIGN_IN, "email", ProblemCode::EmailMissing);
    let page = html(&view);
    assert_eq!(page.matches("<h1").count(), 1);
    assert!(page.contains("<title>Error: Sign in – Harbour Clinic</title>"), "{page}");
}

#[test]
fn u3_summary_and_field_say_the_same_and_are_tied_together() {
    let page = html(&failed(SIGN_IN, "email", ProblemCode::EmailMissing));
    assert!(page.contains(r##"<a href="#f-email">Enter your email address.</a>"##), "{page}");
    assert_eq!(page.matches("Enter your email address.").count(), 2, "{page}");
    let summary = tag(&page, r#"id="error-summary""#);
    assert!(summary.contains(r#"role="alert""#) && summary.contains(r#"tabindex="-1""#), "{summary}");
    let input = tag(&page, r#"id="f-email""#);
    assert!(input.contains(r#"aria-invalid="true""#), "{input}");
    assert!(input.contains(r#"aria-describedby="f-email-error""#), "{input}");
    assert!(page.contains(r#"id="f-email-error""#), "{page}");
    let other = tag(&page, r#"id="f-password""#);
    assert!(!other.contains("aria-invalid"), "{other}");
}

#[test]
fn u3_a_problem_of_the_page_is_no_link_to_nowhere() {
    let page = html(&failed(SIGN_IN, "", ProblemCode::WrongCredentials));
    assert!(!page.contains(r##"href="#f-""##), "{page}");
    let gone = html(&failed(
        StageView::SignUpCode(CodeView { locked_for_seconds: 90, ..code() }),
        "code",
        ProblemCode::CodeLocked { seconds: 90 },
    ));
    assert!(!gone.contains(r##"href="#f-code""##), "a locked page has no code field: {gone}");
}

#[test]
fn u4_entered_values_stay_and_are_escaped() {
    let mut view = failed(SIGN_IN, "", ProblemCode::WrongCredentials);
    view.values.insert("email".into(), r#""><script>x"#.into());
    let page = html(&view);
    assert!(!page.contains("<script>x"), "{page}");
    assert!(tag(&page, r#"id="f-email""#).contains("&quot;"), "{page}");
}

#[test]
fn u5_no_button_is_disabled() {
    for stage in [SIGN_IN, StageView::SignUpCode(code())] {
        assert!(!html(&view(stage)).contains("disabled"));
    }
}

#[test]
fn u6_autocomplete_tokens() {
    let page = html(&view(SIGN_IN));
    assert!(tag(&page, r#"id="f-email""#).contains(r#"autocomplete="username webauthn""#), "{page}");
    let password = tag(&page, r#"id="f-password""#);
    assert!(password.contains(r#"autocomplete="current-password""#) && password.contains(r#"spellcheck="false""#));
    let page = html(&view(StageView::NewPassword { email: "m@example.com".into(), min_length: 15 }));
    assert!(tag(&page, r#"id="f-password""#).contains(r#"autocomplete="new-password""#), "{page}");
    assert!(tag(&page, r#"autocomplete="username""#).contains(r#"value="m@example.com""#), "{page}");
}

#[test]
fn u10_the_reset_page_does_not_say_that_there_is_an_account() {
    let page = html(&view(StageView::ResetCode(code())));
    assert!(page.contains("If there’s an account for this address"), "{page}");
}

#[test]
fn u11_u12_u13_u18_the_code_page() {
    let page = html(&view(StageView::SignUpCode(code())));
    let input = tag(&page, r#"id="f-code""#);
    for token in [r#"inputmode="numeric""#, r#"autocomplete="one-time-code""#, r#"type="text""#] {
        assert!(input.contains(token), "{input}");
    }
    assert!(!input.contains("maxlength") && !input.contains("pattern"), "\"123 456\" can be pasted: {input}");
    for said in [
        "m@example.com",
        "10 minutes",
        "may take a few minutes",
        "Available in 25 seconds",
        "Problems with the code?",
        "Contact Harbour Clinic",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for action in ["submit-code", "resend", "back"] {
        assert!(page.contains(&format!("/journey/j1/{action}\"")), "{action}");
    }
}

#[test]
fn u14_a_locked_page_says_how_long_and_offers_other_ways() {
    let locked = CodeView { locked_for_seconds: 272, ..code() };
    let other_ways = vec![OtherWay { method: Method::AuthenticatorApp, hint: "My phone".into() }];
    let stage = StageView::Challenge {
        method: Method::TextMessage,
        code: Some(locked),
        factor_name: String::new(),
        passkey: None,
        other_ways,
        remember_days: Some(30),
    };
    let page = html(&view(stage));
    assert!(page.contains("again in 4 minutes 32 seconds"), "{page}");
    assert!(tag(&page, "Try another way").contains("<summary") && page.contains("<details open"), "{page}");
    assert!(page.contains("Use your authenticator app, My phone"), "{page}");
}

#[test]
fn u19_u22_a_recovery_code_has_a_page_of_its_own_and_a_plain_text_field() {
    let other_ways = vec![OtherWay { method: Method::TextMessage, hint: "•••• 42".into() }];
    let stage = StageView::Challenge {
        method: Method::RecoveryCode,
        code: None,
        factor_name: String::new(),
        passkey: None,
        other_ways,
        remember_days: None,
    };
    let page = html(&failed(stage, "code", ProblemCode::RecoveryCodeUsed));
    assert!(page.contains("/journey/j1/submit-recovery-code\"") && !page.contains("/submit-code\""), "{page}");
    let field = tag(&page, r#"name="code""#);
    assert!(field.contains(r#"aria-invalid="true""#) && !field.contains("numeric"), "{field}");
    assert!(page.contains("Text a code to •••• 42") && page.contains("already been used"), "{page}");
}

#[test]
fn u23_remembering_a_browser_is_offered_unticked_with_its_end_and_a_warning() {
    let asked = |remember_days, values: &[(&str, &str)]| {
        let stage = StageView::Challenge {
            method: Method::TextMessage,
            code: Some(code()),
            factor_name: String::new(),
            passkey: None,
            other_ways: vec![],
            remember_days,
        };
        let mut view = view(stage);
        view.values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        html(&view)
    };
    let page = asked(Some(14), &[]);
    assert!(page.contains("Remember this browser for 14 days"), "{page}");
    assert!(page.contains("Don’t use this on a device that you share with others."), "{page}");
    assert!(!tag(&page, r#"name="remember""#).contains("checked"), "{page}");
    let again = asked(Some(1), &[("remember", "true")]);
    assert!(again.contains("for 1 day<") && tag(&again, r#"name="remember""#).contains("checked"), "u4: {again}");
    assert!(!asked(None, &[("remember", "true")]).contains("Remember this browser"));
}

#[test]
fn n1_who_has_a_short_password_is_told_why_nothing_can_be_remembered_or_put_off() {
    let challenge = StageView::Challenge {
        method: Method::TextMessage,
        code: Some(code()),
        factor_name: String::new(),
        passkey: None,
        other_ways: vec![],
        remember_days: None,
    };
    let said = |stage: StageView, longer_password| html(&JourneyView { longer_password, ..view(stage) });
    let page = said(challenge.clone(), Some(15));
    assert!(
        page.contains("To have this browser remembered, you need a password with at least 15 characters."),
        "{page}"
    );
    let page = said(StageView::ConfirmEmail(code()), Some(15));
    assert!(page.contains("To put this off, you need a password with at least 15 characters."), "{page}");
    assert!(!said(challenge, None).contains("at least 15 characters"));
}

#[test]
fn u19_methods_are_radios_strongest_first_and_the_weak_are_marked() {
    let methods = vec![
        MethodChoice { method: Method::AuthenticatorApp, restricted: false },
        MethodChoice { method: Method::TextMessage, restricted: true },
    ];
    let page = html(&view(StageView::ChooseMethod { methods }));
    assert!(page.find("authenticator_app") < page.find("text_message"), "{page}");
    assert_eq!(page.matches("Less secure").count(), 1);
    assert!(tag(&page, r#"value="authenticator_app""#).contains("checked"), "{page}");
}

#[test]
fn u21_the_app_page_has_picture_key_name_and_code() {
    let stage = StageView::EnrolApp {
        qr_svg: "<svg id=\"q\"></svg>".into(),
        uri: "otpauth://totp/x".into(),
        secret: "JBSW Y3DP".into(),
        can_go_back: true,
    };
    let page = html(&view(stage));
    for part in [
        "<ol",
        "<svg id=\"q\">",
        "I can’t scan it",
        "JBSW Y3DP",
        "otpauth://totp/x",
        r#"name="name""#,
        r#"name="code""#,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn required_ticks_and_choices_are_asked_for_as_such() {
    let field =
        |kind| AttributeField { name: "a".into(), label: "Terms".into(), kind, required: true, value: String::new() };
    let missing = || ProblemCode::AttributeMissing { label: "Terms".into() };
    let page = |kind| html(&failed(StageView::EditProfile { attributes: vec![field(kind)] }, "a", missing()));
    assert!(page(AttributeFieldKind::Checkbox).contains("Tick “Terms” to go on."));
    assert!(page(AttributeFieldKind::Select { options: vec![] }).contains("Choose your terms."));
    assert!(page(AttributeFieldKind::Text).contains("Enter your terms."));
}

#[test]
fn u29_the_consent_page_names_the_app_what_it_gets_and_both_ways_out() {
    let stage = StageView::Consent {
        email: "maria@example.com".into(),
        details: vec!["Given name".into()],
        rights: vec!["Get these details again while you’re away".into()],
        host: Some("app.example".into()),
    };
    let page = html(&view(stage));
    for said in
        ["app.example", "Given name", "while you’re away", "maria@example.com", "Allow", "Cancel", "/agree", "/cancel"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[test]
fn keep_me_signed_in_is_offered_where_the_flow_does_and_never_ticked_beforehand() {
    assert!(!html(&view(SIGN_IN)).contains("Keep me signed in"));
    let page =
        html(&view(StageView::SignIn { can_sign_up: true, can_cancel: true, keep_days: Some(14), passkey: None }));
    let tick = tag(&page, r#"id="f-keep""#);
    assert!(tick.contains(r#"value="true""#) && !tick.contains("checked"), "{tick}");
    assert!(page.contains("For 14 days.") && page.contains("share with others"), "{page}");
}

fn asked() -> PasskeyPrompt {
    PasskeyPrompt { options: r#"{"challenge":"AQ"}"#.into(), lives_seconds: 600 }
}

#[test]
fn u25_a_passkey_is_offered_beside_the_password_and_hidden_until_the_script_runs() {
    let stage = StageView::SignIn { can_sign_up: true, can_cancel: true, keep_days: None, passkey: Some(asked()) };
    let page = html(&view(stage));
    let form =
        page.split("<passkey-ceremony").nth(1).and_then(|rest| rest.split("</passkey-ceremony>").next()).unwrap();
    assert!(form.contains("needs-passkeys") && form.contains(r#"data-kind="conditional""#), "{form}");
    assert!(form.contains("/submit-passkey") && form.contains(r#"name="credential""#), "{form}");
    assert!(form.contains(r#"data-renew="/api/journeys/"#) && form.contains("/renew-passkey"), "{form}");
    assert!(form.contains("Sign in with a passkey") && form.contains("fingerprint, face or screen lock"), "{form}");
    assert!(page.contains(r#"autocomplete="username webauthn""#), "U6");
}

#[test]
fn u1_a_passkey_challenge_has_words_and_ways_for_who_has_no_passkeys_here() {
    let stage = StageView::Challenge {
        method: Method::Passkey,
        code: None,
        factor_name: "Laptop".into(),
        passkey: Some(asked()),
        other_ways: vec![OtherWay { method: Method::TextMessage, hint: "•••• 42".into() }],
        remember_days: None,
    };
    let page = html(&view(stage));
    assert!(page.contains("without-passkeys") && page.contains("This browser can’t use passkeys."), "{page}");
    assert!(page.contains("Text a code to •••• 42") && page.contains("<details") && page.contains(" open"), "{page}");
    assert!(page.contains(r#"data-kind="get""#) && page.contains("Use your passkey"), "{page}");
    let enrol = html(&view(StageView::EnrolPasskey { passkey: asked(), can_go_back: true }));
    assert!(enrol.contains(r#"data-kind="create""#) && enrol.contains("/create-passkey"), "{enrol}");
    assert!(enrol.contains("Choose another way") && enrol.contains("Create a passkey"), "{enrol}");
}

#[test]
fn u19_a_passkey_is_no_choice_where_there_is_no_script() {
    let methods = [Method::Passkey, Method::AuthenticatorApp].map(|method| MethodChoice { method, restricted: false });
    let page = html(&view(StageView::ChooseMethod { methods: methods.into() }));
    let card = page.split("choice-card").find(|part| part.contains(r#"value="passkey""#)).unwrap();
    assert!(card.starts_with(" needs-passkeys"), "{card}");
    assert!(!card.contains("checked"), "what may not be there is not chosen beforehand: {card}");
}

#[test]
fn u20_u22_recovery_codes_are_offered_in_a_list_with_a_file_and_two_answers_of_one_size() {
    let codes: Vec<String> = (0..10).map(|n| format!("7K3M-0000-1111-2222-3333-444{n}")).collect();
    let file = file_link("Harbour Clinic", &codes.join("\n"));
    let page = html(&view(StageView::OfferRecoveryCodes { codes: codes.clone(), file }));
    assert_eq!(page.matches("<li><code").count(), 10, "{page}");
    for code in &codes {
        assert!(page.contains(&format!(">{code}</code>")), "{code}");
    }
    let file = tag(&page, "download=\"recovery-codes.txt\"");
    assert!(file.contains("href=\"data:text/plain;charset=utf-8,Recovery%20codes%20for%20Harbour%20Clinic"), "{file}");
    assert!(file.contains("7K3M-0000-1111-2222-3333-4449%0A"), "{file}");
    for event in ["keep-recovery-codes", "not-now"] {
        assert!(page.contains(&format!("action=\"/journey/j1/{event}\"")), "{event}");
    }
    assert!(page.contains("I have kept my codes</button>") && page.contains("Not now</button>"), "{page}");
}
