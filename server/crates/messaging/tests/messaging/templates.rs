//! What the messages say, and what can't be smuggled into them.

use lanyard_messaging::twiml::transcript;
use lanyard_messaging::{
    Change, CodePurpose, Message, Occasion, Protection, PublicOrigin, SecondStep, TemplateError, render,
};

use crate::NOW_MS;

const NASTY: &str = "O'Neil <b>& \"Sons\"\r\nBcc: all@evil.example";
const TO: &str = "maria@example.com";
const PHONE: &str = "+436601234542";

fn origin() -> PublicOrigin {
    PublicOrigin::parse("https://login.example.com").unwrap()
}

fn code_mail(purpose: CodePurpose, tenant: &str) -> Occasion<'_> {
    Occasion::EmailCode { purpose, to: TO, tenant, code: "123456", minutes: 10 }
}

/// Every kind of email, with every optional part.
fn emails<'a>(tenant: &'a str, device: &'a str, origin: &'a PublicOrigin) -> Vec<Occasion<'a>> {
    vec![
        code_mail(CodePurpose::VerifyEmail, tenant),
        code_mail(CodePurpose::ResetPassword, tenant),
        code_mail(CodePurpose::ConfirmIdentity, tenant),
        Occasion::AccountExists {
            to: TO,
            tenant,
            origin,
            sign_in_path: Some("/acme/signin?a=1&b=2"),
            reset_path: Some("/acme/reset"),
        },
        Occasion::NoAccount { to: TO, tenant, origin, sign_up_path: Some("/acme/signup") },
        protection(tenant, device, origin, Change::StepAdded(SecondStep::TextMessage(PHONE))),
        protection(tenant, device, origin, Change::StepRemoved(SecondStep::AuthenticatorApp)),
        protection(tenant, device, origin, Change::StepDisabled(SecondStep::PhoneCall(PHONE))),
        protection(tenant, device, origin, Change::PasswordChanged),
        protection(tenant, device, origin, Change::PasswordDisabled),
        protection(tenant, device, origin, Change::PasskeyCopied),
        protection(tenant, device, origin, Change::StepAdded(SecondStep::RecoveryCodes)),
        protection(tenant, device, origin, Change::RecoveryCodeUsed(3)),
        protection(tenant, device, origin, Change::BrowserRemembered),
        protection(tenant, device, origin, Change::BrowserCopied),
        protection(
            tenant,
            device,
            origin,
            Change::Reset { off: &[SecondStep::AuthenticatorApp, SecondStep::TextMessage(PHONE)], recognised: device },
        ),
        protection(tenant, device, origin, Change::Reset { off: &[], recognised: "in person" }),
        protection(tenant, device, origin, Change::IssuedCodeUsed),
        protection(tenant, device, origin, Change::MinimumRaised("a passkey is asked for every time.")),
        protection(tenant, device, origin, Change::MinimumLowered("the sign-in page asks for what it asks others.")),
        protection(tenant, device, origin, Change::EmailChanged("n•••@example.com")),
        protection(tenant, device, origin, Change::EmailIsNew),
        protection(tenant, device, origin, Change::Secured(Some("a passkey is asked for every time."))),
        protection(tenant, device, origin, Change::DeletionPlanned(NOW_MS)),
        protection(tenant, device, origin, Change::DeletionUndone),
        Occasion::AccountDeleted { to: TO, tenant },
        Occasion::AddressWanted { to: TO, tenant, origin, sign_in_path: Some("/account/acme") },
        Occasion::StaffInvitation { to: TO, tenant, origin, path: "/acme/invite?t=x", minutes: 10_080 },
        Occasion::OperatorInvitation { to: TO, tenant, origin, path: "/acme/invite?t=x", minutes: 10_080 },
        Occasion::GuessingDetected { to: TO, tenant, origin, portal_path: "/portal/acme", at_ms: NOW_MS, many: 1000 },
        code_mail(CodePurpose::ChangeEmail, tenant),
        protection(tenant, device, origin, Change::AccountStopped),
        protection(tenant, device, origin, Change::AccountLetIn),
    ]
}

fn protection<'a>(tenant: &'a str, device: &'a str, origin: &'a PublicOrigin, change: Change<'a>) -> Occasion<'a> {
    Occasion::Protection(Protection {
        to: TO,
        tenant,
        origin,
        change,
        at_ms: NOW_MS,
        device,
        quiet_hours: 24,
        not_me_path: Some("/acme/reset"),
        account_path: Some("/account/acme"),
        contact: Some(device),
    })
}

/// Subject, plain body and HTML body.
fn parts(message: &Message) -> (String, String, String) {
    match message {
        Message::Email { subject, text, html, .. } => (subject.clone(), text.clone(), html.clone()),
        Message::Text { .. } | Message::Call { .. } => panic!("not an email"),
    }
}

fn email(occasion: Occasion<'_>) -> (String, String, String) {
    parts(&render(occasion).unwrap())
}

#[test]
fn n20_the_mails_of_a_recovery_say_for_how_long_nothing_can_be_taken_away() {
    let origin = origin();
    for (hours, said) in [(24, "for the next 24 hours nobody"), (1, "for the next hour nobody"), (0, "")] {
        for change in [Change::PasswordChanged, Change::RecoveryCodeUsed(7)] {
            let Occasion::Protection(news) = protection("Acme Clinic", "", &origin, change) else { panic!("a notice") };
            let (_, text, html) = email(Occasion::Protection(Protection { quiet_hours: hours, ..news }));
            for body in [&text, &html] {
                assert!(body.contains(said), "{body}");
                assert_eq!(body.contains("for the next"), hours > 0, "{body}");
            }
        }
    }
}

#[test]
fn n16_u22_the_mail_about_a_recovery_code_says_how_many_are_left_and_warns_at_three() {
    let origin = origin();
    for (left, said, warns) in [(9, "9 codes left", false), (4, "4 codes left", false), (3, "3 codes left", true)]
        .into_iter()
        .chain([(1, "1 code left", true), (0, "no codes left", true)])
    {
        let (_, text, html) = email(protection("Acme Clinic", "", &origin, Change::RecoveryCodeUsed(left)));
        for body in [&text, &html] {
            assert!(body.contains(said), "{body}");
            assert_eq!(body.to_lowercase().contains("make new codes"), warns, "{body}");
            let link = body.replace("&#x2f;", "/").contains("/acme/reset");
            assert!(link && body.contains("This wasn't me"), "{body}");
        }
    }
}

#[test]
fn u24_the_mail_about_a_copied_browser_says_what_was_done_and_how_to_repudiate_it() {
    let origin = origin();
    let (subject, text, html) = email(protection("Acme Clinic", "Firefox on Linux", &origin, Change::BrowserCopied));
    assert!(subject.contains("may have copied"), "{subject}");
    for body in [&text, &html] {
        for part in ["may have copied", "forgotten the browser", "signed out everybody", "knew your password"] {
            assert!(body.contains(part), "{part}: {body}");
        }
        let link = body.replace("&#x2f;", "/").contains("/acme/reset");
        assert!(link && body.contains("This wasn't me"), "{body}");
    }
}

#[test]
fn u15_text_message_is_word_for_word() {
    let message = render(Occasion::MfaText {
        to_e164: PHONE,
        tenant: "Acme Clinic",
        origin: &origin(),
        code: "123456",
        minutes: 10,
    })
    .unwrap();
    assert_eq!(
        message.words(),
        "Acme Clinic: Don't share this code. Your code is 123456. It expires in 10 minutes.\n\
         \n\
         @login.example.com #123456"
    );
}

#[test]
fn u15_a_tenant_name_cannot_forge_the_bound_last_line() {
    let message = render(Occasion::MfaText {
        to_e164: PHONE,
        tenant: "Acme\n\n@evil.example #123456",
        origin: &origin(),
        code: "123456",
        minutes: 10,
    })
    .unwrap();
    let lines: Vec<String> = message.words().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2], "@login.example.com #123456");
}

#[test]
fn u16_voice_call_says_the_code_three_times_slowly() {
    for (tag, voice) in [("en", "en-US"), ("de-AT", "de-DE"), ("fr", "fr-FR"), ("es_MX", "es-ES"), ("tlh", "en-US")] {
        let message =
            render(Occasion::MfaCall { to_e164: PHONE, tenant: "O'Neil <b>& Sons", code: "120456", language: tag })
                .unwrap();
        let Message::Call { twiml, .. } = &message else { panic!("not a call") };
        assert_eq!(message.words().matches("1 2 0 4 5 6").count(), 3, "{tag}");
        assert_eq!(twiml.matches("<Say ").count(), twiml.matches(&format!("language=\"{voice}\"")).count());
        // Each of the 18 digits is preceded by a pause of its own.
        let spoken = format!("<Pause length=\"1\"/>\n<Say language=\"{voice}\">");
        let digits = twiml.split(&spoken).skip(1).filter(|s| s.as_bytes()[1] == b'<').count();
        assert_eq!(digits, 18, "{tag}");
        assert!(twiml.starts_with("<?xml") && twiml.ends_with("</Response>"));
        assert!(twiml.chars().count() < 4000, "Twilio's limit");
        assert!(twiml.contains("O&#x27;Neil &lt;b&gt;&amp; Sons"));
        assert!(transcript(twiml).contains("O'Neil <b>& Sons"));
    }
}

#[test]
fn a49_names_cannot_inject_headers_or_markup() {
    let origin = origin();
    for occasion in emails(NASTY, NASTY, &origin) {
        let (subject, text, html) = email(occasion);
        assert!(!subject.contains(['\r', '\n']), "{subject:?}");
        assert!(subject.starts_with("O'Neil <b>& \"Sons\" Bcc: all@evil.example: "), "{subject}");
        assert!(!text.contains("\nBcc:") && text.contains("O'Neil <b>&"));
        assert!(!html.contains("<b>") && !html.contains("& "), "{html}");
        assert!(html.contains("O&#x27;Neil &lt;b&gt;&amp; &quot;Sons&quot; Bcc"));
    }
}

#[test]
fn a49_a_long_name_is_cut() {
    let (subject, ..) = email(code_mail(CodePurpose::VerifyEmail, &"x".repeat(500)));
    assert_eq!(subject, format!("{}: confirm your email address", "x".repeat(80)));
}

#[test]
fn every_email_is_whole_in_both_forms() {
    let origin = origin();
    for occasion in emails("Acme Clinic", "Firefox on Linux", &origin) {
        let (subject, text, html) = email(occasion);
        assert!(subject.starts_with("Acme Clinic: ") && !subject.contains("123456"));
        assert!(text.ends_with("\n\nAcme Clinic"), "{text}");
        assert!(!text.contains("\n\n\n") && !text.contains("{{") && !html.contains("{{"));
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">") && html.ends_with("</html>"));
        assert_eq!(html.matches("<h1>").count(), 1);
        assert!(!html.contains("<title></title>") && !html.contains("style=") && !html.contains("<img"));
    }
}

#[test]
fn n17_codes_say_how_long_they_live_and_that_they_work_once() {
    for purpose in
        [CodePurpose::VerifyEmail, CodePurpose::ResetPassword, CodePurpose::ConfirmIdentity, CodePurpose::ChangeEmail]
    {
        let (_, text, html) = email(code_mail(purpose, "Acme"));
        assert!(text.contains("\nYour code is 123456\n"), "{text}");
        assert!(text.contains("It works once and expires in 10 minutes."));
        assert!(html.contains("Your code is <strong>123456</strong>"));
        assert!(text.contains("Nobody from Acme will ever ask you for it."));
    }
}

#[test]
fn u10_the_owner_is_told_that_an_account_exists() {
    let origin = origin();
    let (subject, text, html) = email(emails("Acme", "x", &origin)[3]);
    assert_eq!(subject, "Acme: you already have an account");
    assert!(text.contains("\nSign in: https://login.example.com/acme/signin?a=1&b=2\n"), "{text}");
    assert!(text.contains("\nNew password: https://login.example.com/acme/reset\n"));
    assert!(html.contains("signin?a=1&amp;b=2\">"), "{html}");
    let (_, text, _) = email(Occasion::AccountExists {
        to: TO,
        tenant: "Acme",
        origin: &origin,
        sign_in_path: None,
        reset_path: None,
    });
    assert!(!text.contains("https:") && !text.contains("\n\n\n"), "{text}");
}

#[test]
fn u10_a_reset_for_an_unknown_address_is_answered_by_mail() {
    let origin = origin();
    let (subject, text, _) = email(emails("Acme", "x", &origin)[4]);
    assert_eq!(subject, "Acme: no account with this address");
    assert!(text.contains("\nMake an account: https://login.example.com/acme/signup\n"), "{text}");
}

#[test]
fn n20_u24_a_new_second_step_is_told_with_time_device_and_a_way_to_repudiate() {
    let origin = origin();
    let (subject, text, html) = email(emails("Acme", "Firefox on Linux", &origin)[5]);
    assert_eq!(subject, "Acme: a second step was added to your account");
    for part in [
        "text messages to •••• 42.",
        "When: 22 November 2026, 06:00 UTC",
        "Device: Firefox on Linux",
        "This wasn't me",
        "https://login.example.com/acme/reset",
        "Contact Acme (Firefox on Linux)",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(html.contains("<h2>This wasn't me</h2>") && !text.contains("43660"));
}

#[test]
fn n20_u24_every_change_is_told_with_time_and_device() {
    let origin = origin();
    let mails = emails("Acme", "Firefox on Linux", &origin);
    // What was turned off after too many wrong tries was nobody's doing who could be named.
    let by_somebody = |change: &Change<'_>| {
        !matches!(
            change,
            // Staff or an operator did it, and their browser is nobody's business.
            Change::PasswordDisabled
                | Change::StepDisabled(_)
                | Change::PasskeyCopied
                | Change::Reset { .. }
                | Change::MinimumRaised(_)
                | Change::MinimumLowered(_)
                | Change::AccountStopped
                | Change::AccountLetIn
        )
    };
    let told: Vec<_> = mails
        .into_iter()
        .filter(|mail| matches!(mail, Occasion::Protection(news) if by_somebody(&news.change)))
        .collect();
    assert_eq!(told.len(), 13);
    for mail in told {
        let (subject, text, html) = email(mail);
        for part in ["22 November 2026, 06:00 UTC", "Device: Firefox on Linux"] {
            assert!(text.contains(part) && html.contains(part), "{subject}: {part} in {text}");
        }
    }
}

#[test]
fn n20_a_reset_by_staff_is_told_with_what_is_off_by_mail_and_by_text_without_a_link() {
    let origin = origin();
    let off = [SecondStep::AuthenticatorApp, SecondStep::TextMessage(PHONE)];
    let change = Change::Reset { off: &off, recognised: "in person with a document" };
    let (subject, text, html) = email(protection("Acme", "Staff's own browser", &origin, change));
    assert!(subject.contains("code to sign in"), "{subject}");
    for body in [&text, &html] {
        for part in ["22 November 2026, 06:00 UTC", "authenticator app", "•••• 42", "in person with a document"]
        {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert!(
            body.contains("This wasn't me") && !body.contains("own browser</") && !body.contains("Device"),
            "{body}"
        );
    }
    let nothing = Change::Reset { off: &[], recognised: "in person with a document" };
    assert!(!email(protection("Acme", "", &origin, nothing)).1.contains("Turned off"));
    let text = render(Occasion::ResetText { to_e164: PHONE, tenant: "Acme", at_ms: NOW_MS }).unwrap();
    assert_eq!(
        text.words(),
        "Acme: Our staff gave out a code to sign in to your account on 22 November 2026, 06:00 UTC. \
         If you did not ask for it, contact us now."
    );
    let nobody = Occasion::ResetText { to_e164: "911", tenant: "Acme", at_ms: NOW_MS };
    assert!(matches!(render(nobody), Err(TemplateError::BadRecipient)));
}

#[test]
fn an_invitation_says_its_lifetime_in_large_units() {
    let origin = origin();
    for (minutes, words) in
        [(10_080, "7 days"), (1440, "24 hours"), (60, "1 hour"), (90, "90 minutes"), (1, "1 minute")]
    {
        let (_, text, _) =
            email(Occasion::StaffInvitation { to: TO, tenant: "Acme", origin: &origin, path: "/i/x", minutes });
        assert!(text.contains(&format!("expires in {words}.")), "{text}");
        assert!(text.contains("\nhttps://login.example.com/i/x\n"));
    }
}

#[test]
fn f43_links_cannot_leave_the_public_origin() {
    let origin = origin();
    for path in ["//evil.example/", "https://evil.example/", "/\\evil.example", "x"] {
        let occasion = Occasion::StaffInvitation { to: TO, tenant: "Acme", origin: &origin, path, minutes: 60 };
        assert!(matches!(render(occasion), Err(TemplateError::Link(_))), "{path}");
    }
}

#[test]
fn f46_only_one_recipient_and_only_real_codes() {
    let with = |to, code, tenant| {
        render(Occasion::EmailCode { purpose: CodePurpose::ResetPassword, to, tenant, code, minutes: 10 })
    };
    assert!(with(TO, "123456", "Acme").is_ok());
    for to in ["a@example.com,b@example.com", "a@example.com\r\nBcc: b@c.de", ""] {
        assert!(matches!(with(to, "123456", "Acme"), Err(TemplateError::BadRecipient)), "{to:?}");
    }
    for code in ["", "12a456", "123 456", "12345678901"] {
        assert!(matches!(with(TO, code, "Acme"), Err(TemplateError::BadCode)), "{code:?}");
    }
    assert!(matches!(with(TO, "123456", " \u{200B}\n"), Err(TemplateError::NoTenant)));
    let call = Occasion::MfaCall { to_e164: "0660", tenant: "A", code: "123456", language: "en" };
    assert!(matches!(render(call), Err(TemplateError::BadRecipient)));
}

#[test]
fn n20_u24_what_the_clinic_does_is_told_with_its_time_and_a_way_to_repudiate_it() {
    let origin = origin();
    let rule = "a passkey is asked for every time.";
    for (change, link) in [
        (Change::MinimumRaised(rule), true),
        (Change::MinimumLowered(rule), true),
        (Change::AccountLetIn, true),
        (Change::AccountStopped, false),
    ] {
        let (subject, text, html) = email(protection("Acme", "The clinic", &origin, change));
        for body in [&text, &html] {
            assert!(body.contains("22 November 2026"), "{subject}: {body}");
            assert_eq!(body.replace("&#x2f;", "/").contains("/acme/reset"), link, "{subject}: {body}");
            assert_eq!(
                body.contains("This wasn't me") || body.contains("This wasn&#x27;t me"),
                link,
                "{subject}: {body}"
            );
        }
    }
}
