//! Writes every step of a journey, in every state, as HTML files to look at:
//! `cargo run -p lanyard-app --features ssr --example gallery -- {folder} [{boot script}]`.
//!
//! The style sheet is put beside them, its imports in place, and each step as the JSON that the
//! API would send. With the address of a boot script the pages come to life (serve the folder).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lanyard_app::api::journey::*;
use lanyard_app::components::*;
use lanyard_app::countries;
use lanyard_app::islands::{ClaimLabel, ClaimsConfig};
use lanyard_app::pages::claims::claims_page;
use lanyard_app::pages::journey::{journey_page, page_title};
use lanyard_app::shell::{PageHead, render};
use leptos::prelude::*;

fn view(stage: StageView) -> JourneyView {
    JourneyView {
        id: "01945f3e-1c1a-7c3a-9d7b-0a7f3b0c9d11".into(),
        csrf: "token".into(),
        tenant: "Harbour Clinic".into(),
        application: Some("Patient portal".into()),
        stage,
        postpone_until: None,
        longer_password: None,
        problems: vec![],
        values: BTreeMap::new(),
        demo: false,
    }
}

fn with(mut view: JourneyView, problems: Vec<(&str, ProblemCode)>, values: &[(&str, &str)]) -> JourneyView {
    view.problems = problems.into_iter().map(|(field, code)| Problem { field: field.into(), code }).collect();
    view.values = values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    view
}

fn code() -> CodeView {
    CodeView {
        sent_to: "maria.santos@example.com".into(),
        lives_minutes: 10,
        resend_in_seconds: 27,
        locked_for_seconds: 0,
        delivery: Delivery::OnItsWay,
    }
}

fn phone_code() -> CodeView {
    CodeView { sent_to: "•••• 42".into(), ..code() }
}

fn attributes() -> Vec<AttributeField> {
    let field = |name: &str, label: &str, kind, required, value: &str| AttributeField {
        name: name.into(),
        label: label.into(),
        kind,
        required,
        value: value.into(),
    };
    vec![
        field("country", "Country/Region", AttributeFieldKind::Select { options: countries::options() }, true, ""),
        field("givenName", "Given name", AttributeFieldKind::Text, true, "Maria"),
        field("surname", "Surname", AttributeFieldKind::Text, true, "Santos"),
        field("extension_age", "Number of children", AttributeFieldKind::Integer, false, ""),
        field("extension_news", "Send me news from the clinic", AttributeFieldKind::Checkbox, false, ""),
    ]
}

fn methods() -> Vec<MethodChoice> {
    vec![
        MethodChoice { method: Method::AuthenticatorApp, restricted: false },
        MethodChoice { method: Method::TextMessage, restricted: true },
        MethodChoice { method: Method::PhoneCall, restricted: true },
    ]
}

fn other_ways() -> Vec<OtherWay> {
    vec![
        OtherWay { method: Method::AuthenticatorApp, hint: "My phone".into() },
        OtherWay { method: Method::PhoneCall, hint: "•••• 42".into() },
        OtherWay { method: Method::RecoveryCode, hint: String::new() },
    ]
}

fn details() -> StageView {
    StageView::Details {
        email: Some("maria.santos@example.com".into()),
        ask_email: false,
        min_length: 15,
        attributes: attributes(),
    }
}

fn challenge(method: Method, code: Option<CodeView>) -> StageView {
    let other_ways = other_ways().into_iter().filter(|way| way.method != method).collect();
    StageView::Challenge {
        method,
        code,
        factor_name: "My phone".into(),
        passkey: None,
        other_ways,
        remember_days: Some(30),
    }
}

/// A picture that looks like a QR code without being one.
fn sample_qr() -> String {
    let mut squares = String::new();
    let mut state = 7_u32;
    for y in 0..33 {
        for x in 0..33 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 31 == 1 {
                squares.push_str(&format!("M{x},{y}h1v1h-1z"));
            }
        }
    }
    format!(
        r##"<svg viewBox="-4 -4 41 41" xmlns="http://www.w3.org/2000/svg"><rect x="-4" y="-4" width="41" height="41" fill="#fff"/><path d="{squares}" fill="#000"/></svg>"##
    )
}

fn enrol_phone() -> StageView {
    StageView::EnrolPhone {
        method: Method::TextMessage,
        methods: vec![Method::TextMessage, Method::PhoneCall],
        country: "US".into(),
        countries: countries::options(),
        can_go_back: true,
    }
}

fn enrol_app() -> StageView {
    StageView::EnrolApp {
        qr_svg: sample_qr(),
        uri: "otpauth://totp/Harbour%20Clinic:maria?secret=JBSWY3DPEHPK3PXP".into(),
        secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP".into(),
        can_go_back: true,
    }
}

fn journeys() -> Vec<(&'static str, JourneyView)> {
    use ProblemCode as P;
    let sign_in = || view(StageView::SignIn { can_sign_up: true, can_cancel: true, keep_days: None, passkey: None });
    let over = |reason| view(StageView::Over { reason, start_again: Some("/start".into()) });
    let late = |delivery| StageView::SignUpCode(CodeView { delivery, resend_in_seconds: 0, ..code() });
    let locked = || CodeView { locked_for_seconds: 872, ..phone_code() };
    vec![
        ("sign-in", sign_in()),
        (
            "sign-in-keep",
            view(StageView::SignIn { can_sign_up: true, can_cancel: true, keep_days: Some(14), passkey: None }),
        ),
        (
            "consent",
            view(StageView::Consent {
                email: "maria@example.com".into(),
                details: vec!["Email address".into(), "Given name".into(), "Surname".into()],
                rights: vec!["Get these details again while you’re away".into()],
                host: Some("app.example".into()),
            }),
        ),
        ("sign-in-demo", JourneyView { demo: true, ..sign_in() }),
        ("sign-in-wrong", with(sign_in(), vec![("", P::WrongCredentials)], &[("email", "maria@example.com")])),
        ("sign-in-empty", with(sign_in(), vec![("email", P::EmailMissing), ("password", P::PasswordMissing)], &[])),
        ("sign-in-locked", with(sign_in(), vec![("", P::SignInLocked { seconds: 272 })], &[])),
        ("network-locked", with(sign_in(), vec![("", P::NetworkLocked { seconds: 360 })], &[])),
        ("sign-up-email", view(StageView::SignUpEmail)),
        (
            "sign-up-email-bad",
            with(view(StageView::SignUpEmail), vec![("email", P::EmailInvalid)], &[("email", "maria@")]),
        ),
        ("sign-up-code", view(StageView::SignUpCode(code()))),
        (
            "sign-up-code-wrong",
            with(view(StageView::SignUpCode(code())), vec![("code", P::CodeWrong { tries_left: 3 })], &[]),
        ),
        (
            "sign-up-code-soon",
            with(view(StageView::SignUpCode(code())), vec![("", P::ResendTooSoon { seconds: 21 })], &[]),
        ),
        ("sign-up-code-delayed", view(late(Delivery::Delayed))),
        ("sign-up-code-failed", view(late(Delivery::Failed))),
        ("details", view(details())),
        (
            "details-bad",
            with(
                view(details()),
                vec![
                    ("password", P::PasswordTooShort { min: 15 }),
                    ("country", P::AttributeMissing { label: "Country/Region".into() }),
                    ("extension_age", P::AttributeNotInteger { label: "Number of children".into() }),
                ],
                &[("givenName", "Maria"), ("extension_age", "two"), ("extension_news", "true")],
            ),
        ),
        ("reset-email", view(StageView::ResetEmail { can_sign_in: true })),
        ("reset-code", view(StageView::ResetCode(code()))),
        ("new-password", view(StageView::NewPassword { email: "maria@example.com".into(), min_length: 15 })),
        ("confirm-email", view(StageView::ConfirmEmail(code()))),
        ("choose-method", view(StageView::ChooseMethod { methods: methods() })),
        (
            "choose-method-none",
            with(view(StageView::ChooseMethod { methods: methods() }), vec![("method", P::MethodMissing)], &[]),
        ),
        ("enrol-phone", view(enrol_phone())),
        (
            "enrol-phone-bad",
            with(view(enrol_phone()), vec![("phone", P::PhoneInvalid)], &[("phone", "12"), ("country", "DE")]),
        ),
        (
            "enrol-phone-code",
            view(StageView::EnrolPhoneCode {
                method: Method::TextMessage,
                code: CodeView { sent_to: "+44 7700 900142".into(), ..code() },
            }),
        ),
        (
            "enrol-phone-call",
            view(StageView::EnrolPhoneCode {
                method: Method::PhoneCall,
                code: CodeView { sent_to: "+44 7700 900142".into(), ..code() },
            }),
        ),
        ("enrol-app", view(enrol_app())),
        ("enrol-app-bad", with(view(enrol_app()), vec![("code", P::CodeLength)], &[("name", "Work phone")])),
        ("challenge-text", view(challenge(Method::TextMessage, Some(phone_code())))),
        ("challenge-app", view(challenge(Method::AuthenticatorApp, None))),
        ("challenge-recovery", view(challenge(Method::RecoveryCode, None))),
        (
            "challenge-locked",
            with(
                view(challenge(Method::TextMessage, Some(locked()))),
                vec![("", P::FactorLocked { seconds: 872 })],
                &[],
            ),
        ),
        ("edit-profile", view(StageView::EditProfile { attributes: attributes() })),
        ("done", view(StageView::Done { location: "/next".into() })),
        ("over-expired", over(OverReason::Expired)),
        ("over-used", over(OverReason::Used)),
        ("over-other-browser", over(OverReason::OtherBrowser)),
        ("over-unavailable", view(StageView::Over { reason: OverReason::AccountUnavailable, start_again: None })),
        ("over-taken", over(OverReason::AddressTaken)),
        ("over-cancelled", over(OverReason::Cancelled)),
    ]
}

/// A console page that uses every component, as those pages will.
fn console() -> impl IntoView {
    let text = |text: &str| text.to_owned().into_any();
    let columns = vec![
        Column::sortable("Name", "?sort=name", Sort::Ascending),
        Column::sortable("Email address", "?sort=email", Sort::None),
        Column::plain("Second step"),
        Column::sortable("Sign-ins", "?sort=n", Sort::None).numeric(),
    ];
    let person = |name: &str, email: &str, tone, method: &str, count: &str| {
        let badge = view! { <Badge text=method.to_owned() tone=tone /> }.into_any();
        vec![view! { <a href="#person">{name.to_owned()}</a> }.into_any(), text(email), badge, text(count)]
    };
    let rows = vec![
        person("Ada Lovelace", "ada@example.com", Tone::Success, "Authenticator app", "214"),
        person("Björk Guðmundsdóttir", "bjork@example.com", Tone::Warning, "Text message", "32"),
        person("Chinua Achebe", "chinua.achebe@example.com", Tone::Error, "None", "1,204"),
    ];
    let bars = [("Authenticator app", 812), ("Text message", 640), ("Phone call", 140), ("None", 312)]
        .map(|(label, value)| Bar { label: label.into(), value, href: Some("#list".into()) });
    let nav = ["Overview", "Patients", "Applications", "User flows", "Audit log"];
    let nav = nav.iter().enumerate().map(|(at, label)| NavItem::new(*label, "#", at == 1)).collect();
    let tenant =
        view! { <Disclosure summary="Harbour Clinic"><a href="#other">"Hill Surgery"</a></Disclosure> }.into_any();
    let menu = view! { <Form action="/out" csrf="x" class="inline-form"><Button label="Sign out" kind=ButtonKind::Link /></Form> }.into_any();
    view! {
        <ConsoleLayout console="Portal" home="#" tenant=tenant nav=nav account="olu@example.com" account_menu=menu>
            <Breadcrumbs items=vec![("Harbour Clinic".into(), Some("#".into())), ("Patients".into(), None)] />
            <div class="page-head">
                <h1>"Patients"</h1>
                <div class="page-actions"><ButtonLink href="#new" label="Invite a patient" /></div>
            </div>
            <Notice tone=Tone::Info title="312 of 1,904 patients have no second step">
                <p>"They will be asked to set one up at their next sign-in."</p>
            </Notice>
            <form class="filters" method="get">
                <TextField name="q" label="Search" class="medium" />
                <SelectField name="mfa" label="Second step" options=vec![("any".into(), "Any".into()), ("none".into(), "None".into())] />
                <Button label="Search" kind=ButtonKind::Secondary />
            </form>
            <DataTable caption="Patients" columns=columns rows=rows />
            <Pagination previous=None next=Some("#next".into()) summary="Showing 3 of 1,904" />
            <div class="panels">
                <section class="panel">
                    <BarChart title="Second step by method" summary="Most patients use an authenticator app; 312 have none." bars=bars.to_vec() label_head="Method" />
                </section>
                <section class="panel">
                    <h2>"Application"</h2>
                    <DefinitionList items=vec![
                        ("Client id".into(), view! { <code class="fixed">"0194-5f3e-1c1a"</code> <CopyControl text="x" what="client id" /> }.into_any()),
                        ("Kind".into(), text("Single-page")),
                    ] />
                    <Form action="/x" csrf="x">
                        <TextField name="name" label="Name" hint="Shown to patients." error="Enter a name." />
                        <CheckboxField name="on" label="Ask for a second step" checked=true hint="Acts at the next sign-in." />
                        <div class="actions"><Button label="Save" /> <Button label="Delete" kind=ButtonKind::Danger /></div>
                    </Form>
                </section>
            </div>
            <EmptyState title="No sign-ins yet" text="They appear here as soon as somebody signs in.">
                <ButtonLink href="#" label="Run the user flow" kind=ButtonKind::Secondary />
            </EmptyState>
        </ConsoleLayout>
    }
}

/// The style sheet with its imports in place.
fn style_sheet(root: &Path) -> std::io::Result<String> {
    let main = fs::read_to_string(root.join("main.css"))?;
    let mut whole = String::new();
    for line in main.lines() {
        match line.trim().strip_prefix("@import \"").and_then(|rest| rest.strip_suffix("\";")) {
            Some(name) => whole.push_str(&fs::read_to_string(root.join(name))?),
            None => whole.push_str(line),
        }
        whole.push('\n');
    }
    Ok(whole)
}

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target/gallery".to_owned());
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let style = Path::new(env!("CARGO_MANIFEST_DIR")).join("../style");
    fs::write(folder.join("main.css"), style_sheet(&style)?)?;
    let boot_script = std::env::args().nth(2);
    let head = |title: String| {
        let boot_script = boot_script.clone();
        PageHead { title, css: "main.css".into(), boot_script, ..PageHead::default() }
    };
    for (name, view) in journeys() {
        fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(&view)?)?;
        let html = render(head(page_title(&view)), || journey_page(view));
        fs::write(folder.join(format!("{name}.html")), html)?;
    }
    let config = ClaimsConfig {
        authority: "https://localhost:8443/tfp/x/b2c_1_susi/v2.0/".into(),
        client_id: "portal".into(),
        redirect_uri: "https://localhost:8443/claims".into(),
        tenant: "Harbour Clinic".into(),
        labels: vec![ClaimLabel { name: "given_name".into(), label: "Given name".into(), country: false }],
        account_url: "/account/harbour.example".into(),
    };
    let html = render(head("Patient portal – Harbour Clinic".into()), || claims_page(config, true));
    fs::write(folder.join("claims.html"), html)?;
    fs::write(folder.join("console.html"), render(head("Patients – Harbour Clinic".into()), console))
}
