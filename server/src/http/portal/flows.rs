//! The user flows of a tenant.

use std::collections::BTreeSet;

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{
        ClaimRow, Done, Editable, FlowDetail, FlowRow, Flows, FormState, LinkChoice, MethodChoice, MfaMode, NewFlow,
        Section,
    },
    pages::portal::{addresses, flow_list_page, flow_page, new_flow_page},
};
use lanyard_domain::{
    application::Application,
    assurance::Method,
    attribute::Attribute,
    claims::{self, ClaimDefinition},
    id::Id,
    user_flow::{Audience, Enforcement, IssuerMode, UserFlow},
};

use super::{
    Asked, Place,
    applications::{endpoints, issuer, who_changed},
    forms,
    frame::{Answer, done, in_tenant, on_to},
    words,
};
use crate::{
    http::{console::ConsoleForm, error::HttpError, form::Fields},
    service::portal::{
        self, PortalError, attributes,
        changes::method_label,
        flows::{self, FlowEdit, Shown},
    },
    state::{App, Channels},
};

/// `GET …/flows`.
pub(super) async fn list(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let frame = in_tenant(&app, &place, Section::Flows).await?;
    let (page, built_in) = flows::list(&app, place.tenant.id, asked.wanted()).await?;
    let begin = asked.after.is_empty() && asked.q.is_empty();
    let built_in = if begin { built_in.iter().map(row).collect() } else { Vec::new() };
    let listed = Flows { own: asked.listing(page, row), built_in };
    Ok(Answer::ok("User flows", &frame).draw(&app, move || flow_list_page(frame.clone(), listed.clone())).await)
}

fn row(flow: &UserFlow) -> FlowRow {
    let mfa = match flow.audience {
        Audience::SelfService => None,
        Audience::Patients | Audience::Staff | Audience::Operators => Some(mode(flow)),
    };
    FlowRow { key: flow.name.key(), name: flow.name.as_str().to_owned(), kind: kind(flow), mfa }
}

fn kind(flow: &UserFlow) -> String {
    match flow.audience {
        Audience::Patients => words::flow_type(flow.kind).to_owned(),
        Audience::Staff => "Sign-in of clinic staff".to_owned(),
        Audience::Operators => "Sign-in of operators".to_owned(),
        Audience::SelfService => "Sign-in to one’s own account".to_owned(),
    }
}

/// When the flow asks for a second factor.
pub(super) const fn mode(flow: &UserFlow) -> MfaMode {
    match flow.settings.mfa.enforcement {
        Enforcement::Off => MfaMode::Off,
        Enforcement::Conditional => MfaMode::Conditional,
        Enforcement::AlwaysOn => MfaMode::On,
    }
}

/// The methods as choices, strongest first.
pub(super) fn method_choices(channels: Channels, has_passkeys: bool) -> Vec<MethodChoice> {
    let about = |method| match method {
        Method::Passkey => (
            "Fingerprint, face or screen lock. Signs in without a password too, and is safe from phishing.",
            has_passkeys,
        ),
        Method::AuthenticatorApp => ("A code from an app on the phone. It works without a signal.", true),
        Method::TextMessage => ("A code by text message. Numbers can be stolen.", channels.text),
        Method::PhoneCall => ("A voice reads the code out. It works on a landline.", channels.call),
        // Whoever has a second factor may have these beside it, whatever the flow says.
        Method::RecoveryCode => ("A code from a list on paper.", true),
    };
    Method::ALL
        .into_iter()
        .map(|method| {
            let (about, available) = about(method);
            MethodChoice {
                value: method.as_str().to_owned(),
                label: method_label(method).to_owned(),
                about: about.to_owned(),
                less_secure: method.is_phone(),
                unavailable: !available,
            }
        })
        .collect()
}

fn rows(catalogue: &[ClaimDefinition], custom: &[Attribute]) -> Vec<ClaimRow> {
    let row = |claim: &ClaimDefinition| ClaimRow {
        label: claim.label.clone(),
        attribute: claim.attribute.clone(),
        claim: claim.name.clone(),
        custom: custom.iter().any(|attribute| Some(&attribute.name) == claim.attribute.as_ref()),
    };
    catalogue.iter().map(row).collect()
}

/// `GET …/flows/new`.
pub(super) async fn new(State(app): State<App>, place: Place) -> Result<Response, HttpError> {
    let custom = attributes::custom(&app, place.tenant.id).await?;
    new_form(&app, &place, forms::new_flow_values(), &custom).await
}

async fn new_form(app: &App, place: &Place, form: FormState, custom: &[Attribute]) -> Result<Response, HttpError> {
    let frame = in_tenant(app, place, Section::Flows).await?;
    let answer = Answer::of_form("Create a user flow", &frame, form.failed());
    let page = NewFlow {
        form,
        rows: rows(&claims::catalogue(custom), custom),
        methods: method_choices(app.channels, app.passkeys.is_some()),
        countries_told: app.config.country_header.is_some(),
    };
    Ok(answer.draw(app, move || new_flow_page(frame.clone(), page.clone())).await)
}

/// `POST …/flows/new`.
pub(super) async fn create(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let custom = attributes::custom(&app, place.tenant.id).await?;
    let draft = match forms::new_flow(&fields, &claims::catalogue(&custom)) {
        Ok(draft) => draft,
        Err(problems) => return new_form(&app, &place, forms::typed(&fields, problems), &custom).await,
    };
    match flows::create(&app, place.tenant.id, draft, place.by(client)).await {
        Ok(key) => Ok(on_to(&addresses::flow(place.domain(), &key), "created")),
        Err(PortalError::Taken) => {
            let text =
                "There is a user flow of this name already. Capital letters make no difference. Choose another name.";
            new_form(&app, &place, forms::typed(&fields, Vec::new()).wrong("name", text), &custom).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET …/flows/{flow}`.
pub(super) async fn show(
    State(app): State<App>,
    place: Place,
    Path((_, key)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let shown = flows::show(&app, place.tenant.id, key).await?;
    let done = match asked.done.as_str() {
        "created" => done("The user flow is created"),
        "unchanged" => done("Nothing was changed"),
        "saved" => {
            let changes = portal::latest_changes(&app, place.tenant.id, shown.flow.id.to_string()).await?;
            Some(Done { title: "Saved. It acts at the next sign-in.".to_owned(), changes })
        }
        _ => None,
    };
    let mut frame = in_tenant(&app, &place, Section::Flows).await?;
    frame.done = done;
    let detail = detail(&app, &place, &shown);
    let answer = Answer::ok(&detail.name, &frame);
    Ok(answer.draw(&app, move || flow_page(frame.clone(), detail.clone())).await)
}

fn detail(app: &App, place: &Place, shown: &Shown) -> FlowDetail {
    let flow = &shown.flow;
    FlowDetail {
        key: flow.name.key(),
        name: flow.name.as_str().to_owned(),
        kind: kind(flow),
        mfa: mode(flow),
        remark: flows::remark(&app.config, &flow.settings.mfa).map(str::to_owned),
        collects: flows::collects(flow.kind),
        signs_in: flow.kind.signs_in(),
        editable: editable(flow.audience),
        endpoints: endpoints(app, flow),
        issuers: (
            issuer(app, &place.tenant, flow, IssuerMode::Flow),
            issuer(app, &place.tenant, flow, IssuerMode::Tenant),
        ),
        form: forms::flow_values(flow),
        rows: rows(&claims::catalogue(&shown.custom), &shown.custom),
        methods: method_choices(app.channels, app.passkeys.is_some()),
        applications: shown.applications.iter().map(choice).collect(),
        linked: shown.linked.iter().map(|application| application.id.to_string()).collect(),
        conflict: None,
    }
}

fn choice(application: &Application) -> LinkChoice {
    LinkChoice {
        id: application.id.to_string(),
        name: application.name.clone(),
        about: words::application_kind(application.kind).to_owned(),
    }
}

const fn editable(audience: Audience) -> Editable {
    match audience {
        Audience::Patients => Editable::All,
        Audience::Staff => Editable::Methods,
        Audience::Operators | Audience::SelfService => Editable::Nothing,
    }
}

/// `POST …/flows/{flow}`: the settings, or the methods of the built-in flow `staff`.
pub(super) async fn change(
    State(app): State<App>,
    Path((_, key)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let shown = flows::show(&app, place.tenant.id, key).await?;
    let version = version(&fields)?;
    let read = match editable(shown.flow.audience) {
        Editable::All => forms::settings_edit(&fields, &claims::catalogue(&shown.custom)),
        Editable::Methods => forms::factors_edit(&fields, FlowEdit::Factors),
        Editable::Nothing => return Err(PortalError::NotAllowed.into()),
    };
    let key = shown.flow.name.key();
    let mut detail = detail(&app, &place, &shown);
    let frame = in_tenant(&app, &place, Section::Flows).await?;
    let edit = match read {
        Ok(edit) => edit,
        Err(problems) => {
            detail.form = forms::typed(&fields, problems);
            let answer = Answer::refused(&detail.name, &frame);
            return Ok(answer.draw(&app, move || flow_page(frame.clone(), detail.clone())).await);
        }
    };
    let result = flows::change(&app, place.tenant.id, key.clone(), version, edit, place.by(client)).await;
    let answer = match result {
        Ok(changed) => {
            return Ok(on_to(&addresses::flow(place.domain(), &key), if changed { "saved" } else { "unchanged" }));
        }
        Err(PortalError::NoMethod) => {
            detail.form = forms::typed(&fields, Vec::new()).wrong("methods", forms::NO_METHOD);
            Answer::refused(&detail.name, &frame)
        }
        // From before such conditions were refused: they are changed on a page of their own.
        Err(PortalError::EveryBrowser) => {
            let text = "As it is, this flow lets a stolen password in from any browser for days. \
                        First change when it asks for a second factor, then save this.";
            detail.form = forms::typed(&fields, Vec::new()).wrong("", text);
            Answer::refused(&detail.name, &frame)
        }
        Err(PortalError::Conflict) => {
            let now = flows::show(&app, place.tenant.id, key).await?;
            detail = self::detail(&app, &place, &now);
            detail.conflict = Some(who_changed(&app, &place, shown.flow.id.to_string()).await?);
            Answer::conflict(&detail.name, &frame)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(answer.draw(&app, move || flow_page(frame.clone(), detail.clone())).await)
}

/// The version that a form was drawn from.
pub(super) fn version(fields: &Fields) -> Result<i64, HttpError> {
    fields.get("version").parse().map_err(|_| HttpError::BadRequest("The form is not complete. Load the page again."))
}

/// `POST …/flows/{flow}/applications`.
pub(super) async fn set_applications(
    State(app): State<App>,
    Path((_, key)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let wanted: BTreeSet<Id<Application>> =
        fields.with_prefix("application-").filter_map(|(id, _)| id.parse().ok()).collect();
    let links = (forms::ids(fields.get("shown")), wanted);
    let changed =
        flows::set_applications(&app, place.tenant.id, key.to_ascii_lowercase(), links, place.by(client)).await?;
    let path = addresses::flow(place.domain(), &key.to_ascii_lowercase());
    Ok(on_to(&path, if changed { "saved" } else { "unchanged" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u19_text_and_call_are_marked_and_a_missing_provider_is_said() {
        let choices = method_choices(Channels { email: true, text: false, call: true }, true);
        let marks: Vec<(&str, bool, bool)> =
            choices.iter().map(|it| (it.value.as_str(), it.less_secure, it.unavailable)).collect();
        assert_eq!(
            marks,
            [
                ("passkey", false, false),
                ("authenticator_app", false, false),
                ("text_message", true, true),
                ("phone_call", true, false)
            ]
        );
    }

    #[test]
    fn o2_the_table_has_claims_that_nobody_is_asked_for() {
        let rows = rows(&claims::catalogue(&[]), &[]);
        let only_claims: Vec<&str> =
            rows.iter().filter(|row| row.attribute.is_none()).map(|row| row.claim.as_str()).collect();
        assert_eq!(only_claims, ["emails", "idp", "oid", "newUser"]);
    }
}
