//! The forms of an application.

use std::collections::BTreeSet;

use lanyard_app::{api::portal::FormState, components::ErrorItem};
use lanyard_domain::{
    application::{Application, ApplicationKind, ApplicationSettings, Minimum},
    id::Id,
    reply_url::{ReplyUrl, ReplyUrlProblem},
    user_flow::UserFlow,
};

use super::{Problems, lines, name, settings};
use crate::{
    http::form::Fields,
    service::portal::applications::{ApplicationDraft, ApplicationEdit, Registered},
};

/// The most reply URLs of an application.
const MAX_REPLY_URLS: usize = 50;

/// Reads a new application: `name`, `kind`, `reply_urls`, `minimum` and `flow-{id}`; its settings are
/// the default ones.
pub(crate) fn new_application(fields: &Fields) -> Result<ApplicationDraft, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let draft = application(fields, None, &mut problems);
    problems.or(draft)
}

/// Reads a change of the application `registered`: the same fields but `kind`, its settings, and what
/// the form was drawn from. `apis` are the tenant's web APIs.
pub(crate) fn application_edit(
    fields: &Fields,
    registered: ApplicationKind,
    apis: &[Application],
) -> Result<ApplicationEdit, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let draft = application(fields, Some(registered), &mut problems);
    let reply_urls = draft.as_ref().map_or(&[] as &[ReplyUrl], |draft| &draft.reply_urls);
    let settings = settings::read(fields, registered, (reply_urls, apis), &mut problems);
    let version = fields.get("version").parse();
    let version = problems.keep("", version.map_err(|_| "The form is not complete. Load the page again.".to_owned()));
    let edit = draft.zip(version).map(|(draft, version)| ApplicationEdit {
        version,
        shown: super::ids(fields.get("shown")),
        draft: ApplicationDraft { settings, ..draft },
    });
    problems.or(edit)
}

fn application(
    fields: &Fields,
    registered: Option<ApplicationKind>,
    problems: &mut Problems,
) -> Option<ApplicationDraft> {
    let name = problems.keep("name", name(fields.get("name"), "name"));
    let kind = registered.or_else(|| ApplicationKind::parse(fields.get("kind")));
    let kind = problems.keep("kind", kind.ok_or_else(|| "Choose the kind of application.".to_owned()));
    let reply_urls = match kind {
        Some(kind) => reply_urls(problems, fields.get("reply_urls"), kind),
        None => Vec::new(),
    };
    let minimum = Minimum::parse(fields.get("minimum"));
    let minimum = problems.keep("minimum", minimum.ok_or_else(|| "Choose what every sign-in must reach.".to_owned()));
    let flows: BTreeSet<Id<UserFlow>> = fields.with_prefix("flow-").filter_map(|(id, _)| id.parse().ok()).collect();
    name.zip(kind).zip(minimum).map(|((name, kind), minimum)| ApplicationDraft {
        name,
        kind,
        reply_urls,
        minimum,
        flows,
        settings: ApplicationSettings::default(),
    })
}

// Each that is refused gets its own reason.
fn reply_urls(problems: &mut Problems, input: &str, kind: ApplicationKind) -> Vec<ReplyUrl> {
    let lines = lines(input);
    if kind == ApplicationKind::WebApi {
        if !lines.is_empty() {
            problems.add(
                "reply_urls",
                "Nobody signs in to a web API, so it has no reply URLs. Clear the field, or choose another kind.",
            );
        }
        return Vec::new();
    }
    if lines.is_empty() {
        problems.add("reply_urls", "Enter at least one reply URL, for example https://app.example/signed-in.");
    }
    if lines.len() > MAX_REPLY_URLS {
        problems
            .add("reply_urls", format!("An application can have {MAX_REPLY_URLS} reply URLs at most. Remove some."));
        return Vec::new();
    }
    let mut urls = Vec::with_capacity(lines.len());
    for line in lines {
        match ReplyUrl::parse(line, kind) {
            Ok(url) => urls.push(url),
            Err(problem) => problems.add("reply_urls", reason(line, problem, kind)),
        }
    }
    urls
}

/// Why a reply URL is refused, and what to do.
pub(super) fn reason(url: &str, problem: ReplyUrlProblem, kind: ApplicationKind) -> String {
    let shown: String =
        if url.chars().count() > 100 { url.chars().take(100).chain("…".chars()).collect() } else { url.to_owned() };
    let why = match problem {
        ReplyUrlProblem::Invalid => {
            "is not a complete web address. Write all of it, for example https://app.example/signed-in, in 256 characters at most."
        }
        ReplyUrlProblem::NotHttps if kind == ApplicationKind::Native => {
            "must begin with https. A native application may also use http://localhost, or a scheme of its own such as com.example.app://."
        }
        ReplyUrlProblem::NotHttps => {
            "must begin with https. Only http://localhost, http://127.0.0.1 and http://[::1] may do without."
        }
        ReplyUrlProblem::Fragment => "must not have a # in it. Remove the # and what follows.",
        ReplyUrlProblem::Wildcard => {
            "must not have a * in it. Addresses are compared exactly, capital letters too, so write out each one."
        }
        ReplyUrlProblem::Host => {
            "must have a host of letters, digits, dots and hyphens, for example app.example. Remove other characters from it."
        }
        ReplyUrlProblem::Credentials => "must not carry a user name or password. Remove what stands before the @.",
    };
    format!("{shown} {why}")
}

/// The form of a registered application, as it is stored.
pub(crate) fn application_values(registered: &Registered) -> FormState {
    let own = &registered.application;
    let urls: Vec<&str> = own.reply_urls.iter().map(ReplyUrl::as_str).collect();
    let form = FormState::default()
        .with("name", own.name.clone())
        .with("reply_urls", urls.join("\n"))
        .with("minimum", own.minimum.as_str())
        .with("version", registered.version.to_string())
        .with("shown", super::id_list(registered.linked.iter().map(|flow| flow.id)));
    let form = settings::values(form, &own.settings);
    registered.linked.iter().fold(form, |form, flow| form.with(format!("flow-{}", flow.id), "true"))
}

#[cfg(test)]
mod tests {
    use lanyard_domain::clock::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn read(urls: &str, kind: &str) -> Result<ApplicationDraft, Vec<ErrorItem>> {
        let body =
            serde_urlencoded::to_string([("name", "App"), ("kind", kind), ("minimum", "none"), ("reply_urls", urls)]);
        new_application(&Fields::parse(body.unwrap().as_bytes()).unwrap())
    }

    fn refusals(urls: &str, kind: &str) -> Vec<String> {
        let problems = read(urls, kind).unwrap_err();
        assert!(problems.iter().all(|it| it.field == "reply_urls"), "{problems:?}");
        problems.into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn a28_each_reply_url_is_refused_with_its_own_reason() {
        let input = "http://app.example/cb\nhttps://good.example/cb\nhttps://app.example/cb#x\nhttps://*.app.example/cb\n\
                     https://u:p@app.example/cb\n/cb";
        let reasons = refusals(input, "web");
        for (reason, part) in
            reasons.iter().zip(["begin with https", "#", "*", "user name or password", "complete web address"])
        {
            assert!(reason.contains(part), "{reason}");
        }
        assert_eq!(reasons.len(), 5);
        assert!(
            reasons[0].starts_with("http://app.example/cb ") && reasons[2].contains("capital letters"),
            "{reasons:?}"
        );
    }

    #[test]
    fn a28_reply_urls_are_kept_byte_for_byte_and_in_order() {
        let draft = read(" https://App.example/CB?x=1 \r\nhttp://localhost:3000/cb\n", "single_page").unwrap();
        let urls: Vec<&str> = draft.reply_urls.iter().map(ReplyUrl::as_str).collect();
        assert_eq!(urls, ["https://App.example/CB?x=1", "http://localhost:3000/cb"]);
    }

    #[test]
    fn only_a_native_application_has_a_scheme_of_its_own_and_a_web_api_has_no_reply_url() {
        assert!(read("com.example.app://auth", "native").is_ok());
        assert!(refusals("com.example.app://auth", "web")[0].contains("begin with https"));
        assert!(read("", "web_api").is_ok());
        assert!(refusals("https://app.example/", "web_api")[0].contains("web API"));
        assert!(refusals("", "web")[0].contains("at least one"));
    }

    #[test]
    fn a_registered_application_comes_back_as_it_was() {
        let draft = read("https://app.example/cb\nhttps://app.example/cb2", "web").unwrap();
        let application_of = |draft: &ApplicationDraft| Application {
            id: Id::from_uuid(Uuid::from_u128(1)),
            tenant: Id::from_uuid(Uuid::from_u128(2)),
            name: draft.name.clone(),
            kind: draft.kind,
            reply_urls: draft.reply_urls.clone(),
            minimum: draft.minimum,
            secrets: Vec::new(),
            settings: ApplicationSettings::default(),
            created_at: Timestamp(0),
        };
        let registered = Registered { application: application_of(&draft), version: 3, linked: Vec::new() };
        let form = application_values(&registered);
        let again = application_edit(&Fields(form.values), draft.kind, &[]).unwrap();
        assert_eq!(again, ApplicationEdit { version: 3, shown: BTreeSet::new(), draft });
    }
}
