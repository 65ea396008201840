//! The applications of a tenant.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{
        ApiChoice, ApplicationDetail, ApplicationRow, Done, FlowEndpoints, FormState, LinkChoice, SecretRow, Section,
    },
    pages::portal::{addresses, application_list_page, application_page, new_application_page},
};
use lanyard_domain::{
    application::{Application, ClientSecret},
    id::Id,
    tenant::Tenant,
    user_flow::{Enforcement, IssuerMode, UserFlow},
};
use lanyard_oidc::endpoints as oidc;

use super::{
    Asked, Place, forms,
    frame::{Answer, done, in_tenant, on_to},
    words,
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{
        self, PortalError,
        applications::{self, Shown},
    },
    state::App,
};

/// `GET …/applications`.
pub(super) async fn list(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let frame = in_tenant(&app, &place, Section::Applications).await?;
    let page = applications::list(&app, place.tenant.id, asked.wanted()).await?;
    let listing = asked.listing(page, row);
    Ok(Answer::ok("Applications", &frame)
        .draw(&app, move || application_list_page(frame.clone(), listing.clone()))
        .await)
}

fn row(application: &Application) -> ApplicationRow {
    ApplicationRow {
        id: application.id.to_string(),
        name: application.name.clone(),
        kind: words::application_kind(application.kind).to_owned(),
        reply_urls: application.reply_urls.len(),
    }
}

/// `GET …/applications/new`.
pub(super) async fn new(State(app): State<App>, place: Place) -> Result<Response, HttpError> {
    let flows = applications::linkable(&app, place.tenant.id).await?;
    let mut form = FormState::default().with("minimum", "strongest_linked").with("kind", "web");
    // With a single flow there is nothing to think about.
    if let [only] = flows.as_slice() {
        form = form.with(format!("flow-{}", only.id), "true");
    }
    new_form(&app, &place, form, &flows).await
}

async fn new_form(app: &App, place: &Place, form: FormState, flows: &[UserFlow]) -> Result<Response, HttpError> {
    let frame = in_tenant(app, place, Section::Applications).await?;
    let flows: Vec<LinkChoice> = flows.iter().map(choice).collect();
    let answer = Answer::of_form("Register an application", &frame, form.failed());
    Ok(answer.draw(app, move || new_application_page(frame.clone(), form.clone(), flows.clone())).await)
}

fn choice(flow: &UserFlow) -> LinkChoice {
    let mfa = match flow.settings.mfa.enforcement {
        Enforcement::Off => "no second factor",
        Enforcement::Conditional => "second factor under conditions",
        Enforcement::AlwaysOn => "second factor always on",
    };
    LinkChoice {
        id: flow.id.to_string(),
        name: flow.name.as_str().to_owned(),
        about: format!("{}, {mfa}", words::flow_type(flow.kind)),
    }
}

/// `POST …/applications/new`.
pub(super) async fn register(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let draft = match forms::new_application(&fields) {
        Ok(draft) => draft,
        Err(problems) => {
            let flows = applications::linkable(&app, place.tenant.id).await?;
            return new_form(&app, &place, forms::typed(&fields, problems), &flows).await;
        }
    };
    let id = applications::register(&app, place.tenant.id, draft, place.by(client)).await?;
    Ok(on_to(&addresses::application(place.domain(), &id.to_string()), "registered"))
}

/// `GET …/applications/{id}`.
pub(super) async fn show(
    State(app): State<App>,
    place: Place,
    Path((_, id)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let id = parse(&id)?;
    let shown = applications::show(&app, place.tenant.id, id).await?;
    let done = match asked.done.as_str() {
        "registered" => done("The application is registered"),
        "removed" => done("The client secret is removed. It works no more."),
        "unchanged" => done("Nothing was changed"),
        "token-revoked" => done("The registration access token is revoked. The application no longer changes itself."),
        "saved" => {
            let changes = portal::latest_changes(&app, place.tenant.id, id.to_string()).await?;
            Some(Done { title: "Saved".to_owned(), changes })
        }
        _ => None,
    };
    let mut frame = in_tenant(&app, &place, Section::Applications).await?;
    frame.done = done;
    let detail = detail(&app, &place.tenant, &shown);
    let answer = Answer::ok(&detail.name, &frame);
    Ok(answer.draw(&app, move || application_page(frame.clone(), detail.clone())).await)
}

pub(super) fn parse(id: &str) -> Result<Id<Application>, HttpError> {
    id.parse().map_err(|_| HttpError::NotFound)
}

pub(super) fn detail(app: &App, tenant: &Tenant, shown: &Shown) -> ApplicationDetail {
    let own = &shown.registered.application;
    ApplicationDetail {
        id: own.id.to_string(),
        name: own.name.clone(),
        kind: words::application_kind(own.kind).to_owned(),
        settable: forms::settable(own.kind),
        has_secrets: !own.kind.is_public(),
        tenant_id: tenant.id.to_string(),
        form: forms::application_values(&shown.registered),
        apis: shown.apis.iter().filter(|api| api.id != own.id).map(api_choice).collect(),
        flows: shown.flows.iter().map(choice).collect(),
        endpoints: shown.registered.linked.iter().map(|flow| endpoints(app, flow)).collect(),
        secrets: own.secrets.iter().map(secret_row).collect(),
        manages_itself: shown.manages_itself,
        new_secret: None,
        conflict: None,
    }
}

fn api_choice(api: &Application) -> ApiChoice {
    let scopes = api.settings.scopes.iter().map(|scope| (scope.name.clone(), scope.description.clone()));
    ApiChoice { id: api.id.to_string(), name: api.name.clone(), scopes: scopes.collect() }
}

pub(super) fn secret_row(secret: &ClientSecret) -> SecretRow {
    SecretRow {
        key: applications::secret_key(secret),
        hint: secret.hint.clone(),
        created: words::moment(secret.created_at),
    }
}

/// Issuer and discovery document of a flow. The document is found below the flow's own address,
/// whatever the issuer looks like.
pub(crate) fn endpoints(app: &App, flow: &UserFlow) -> FlowEndpoints {
    let issuer = app.issuer(flow);
    let discovery = format!("{}.well-known/openid-configuration", app.authority(flow));
    FlowEndpoints { flow: flow.name.as_str().to_owned(), issuer, discovery }
}

/// The issuer of a flow in this form.
pub(super) fn issuer(app: &App, tenant: &Tenant, flow: &UserFlow, mode: IssuerMode) -> String {
    let mode = match mode {
        IssuerMode::Flow => oidc::IssuerMode::Flow,
        IssuerMode::Tenant => oidc::IssuerMode::Tenant,
    };
    oidc::issuer(&app.public_origin, tenant.id, &flow.name.key(), mode)
}

/// `POST …/applications/{id}`.
pub(super) async fn change(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let id = parse(&id)?;
    let shown = applications::show(&app, place.tenant.id, id).await?;
    let mut detail = detail(&app, &place.tenant, &shown);
    let frame = in_tenant(&app, &place, Section::Applications).await?;
    let result = match forms::application_edit(&fields, shown.registered.application.kind, &shown.apis) {
        Ok(edit) => applications::change(&app, place.tenant.id, id, edit, place.by(client)).await,
        Err(problems) => {
            let keys = detail.form.value("client_keys");
            detail.form = forms::typed(&fields, problems);
            // In the place of a private key that was typed stand those that are registered.
            if !detail.form.values.contains_key("client_keys") {
                detail.form = detail.form.with("client_keys", keys);
            }
            let answer = Answer::refused(&detail.name, &frame);
            return Ok(answer.draw(&app, move || application_page(frame.clone(), detail.clone())).await);
        }
    };
    let path = addresses::application(place.domain(), &id.to_string());
    let answer = match result {
        Ok(changed) => return Ok(on_to(&path, if changed { "saved" } else { "unchanged" })),
        Err(PortalError::Taken) => {
            let text = "Another web API of this tenant has this application ID URI. Choose another one.";
            detail.form = forms::typed(&fields, Vec::new()).wrong("app_id_uri", text);
            Answer::refused(&detail.name, &frame)
        }
        Err(PortalError::Conflict) => {
            let now = applications::show(&app, place.tenant.id, id).await?;
            detail = self::detail(&app, &place.tenant, &now);
            detail.conflict = Some(who_changed(&app, &place, id.to_string()).await?);
            Answer::conflict(&detail.name, &frame)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(answer.draw(&app, move || application_page(frame.clone(), detail.clone())).await)
}

/// Who changed `target` last, in a sentence.
pub(super) async fn who_changed(app: &App, place: &Place, target: String) -> Result<String, HttpError> {
    let last = portal::last_changed(app, place.tenant.id, target).await?;
    Ok(match last {
        Some((who, at)) => format!("{who} changed it on {}.", words::moment(at)),
        None => "It was changed in the meantime.".to_owned(),
    })
}
