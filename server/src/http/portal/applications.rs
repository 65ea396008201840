//! The applications of a tenant.

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use lanyard_app::{
    api::portal::{
        ApplicationDetail, ApplicationRow, Done, FlowEndpoints, FormState, LinkChoice, Listing, SecretRow, Section,
    },
    pages::portal::{addresses, application_list_page, application_page, new_application_page},
};
use lanyard_domain::{
    application::{Application, ApplicationKind},
    id::Id,
    tenant::Tenant,
    user_flow::{Enforcement, UserFlow},
};

use super::{
    Asked, Place, forms,
    frame::{Answer, done, in_tenant, on_to},
    words,
};
use crate::{
    http::{client::Client, error::HttpError, form::Fields},
    service::portal::{
        self, PortalError,
        applications::{self, Registered},
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
    let row = |application: &Application| ApplicationRow {
        id: application.id.to_string(),
        name: application.name.clone(),
        kind: words::application_kind(application.kind).to_owned(),
        reply_urls: application.reply_urls.len(),
    };
    let listing = Listing {
        rows: page.rows.iter().map(row).collect(),
        query: asked.q.clone(),
        first: asked.after.is_empty(),
        next: page.next,
    };
    Ok(Answer::ok("Applications", &frame)
        .draw(&app, move || application_list_page(frame.clone(), listing.clone()))
        .await)
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
        Enforcement::AlwaysOn => "second factor always on",
    };
    LinkChoice {
        id: flow.id.to_string(),
        name: flow.name.as_str().to_owned(),
        about: format!("{}, {mfa}", words::flow_type(flow.kind)),
    }
}

/// `POST …/applications/new`.
pub(super) async fn register(
    State(app): State<App>,
    place: Place,
    client: Client,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, HttpError> {
    place.who.check(&headers, &fields)?;
    let draft = match forms::application(&fields, None) {
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
    let (registered, flows) = applications::show(&app, place.tenant.id, id).await?;
    let detail = detail(&app, &place.tenant, &registered, &flows);
    let done = match asked.done.as_str() {
        "registered" => done("The application is registered"),
        "unchanged" => done("Nothing was changed"),
        "saved" => {
            let changes = portal::latest_changes(&app, place.tenant.id, id.to_string()).await?;
            Some(Done { title: "Saved".to_owned(), changes })
        }
        _ => None,
    };
    let mut frame = in_tenant(&app, &place, Section::Applications).await?;
    frame.done = done;
    let answer = Answer::ok(&detail.name, &frame);
    Ok(answer.draw(&app, move || application_page(frame.clone(), detail.clone())).await)
}

fn parse(id: &str) -> Result<Id<Application>, HttpError> {
    id.parse().map_err(|_| HttpError::NotFound)
}

fn detail(app: &App, tenant: &Tenant, registered: &Registered, flows: &[UserFlow]) -> ApplicationDetail {
    let own = &registered.application;
    ApplicationDetail {
        id: own.id.to_string(),
        name: own.name.clone(),
        kind: words::application_kind(own.kind).to_owned(),
        signs_in: own.kind != ApplicationKind::WebApi,
        has_secrets: own.kind == ApplicationKind::Web,
        tenant_id: tenant.id.to_string(),
        form: forms::application_values(registered),
        flows: flows.iter().map(choice).collect(),
        endpoints: registered.linked.iter().map(|flow| endpoints(app, tenant, flow)).collect(),
        secrets: own
            .secrets
            .iter()
            .map(|it| SecretRow { hint: it.hint.clone(), created: words::moment(it.created_at) })
            .collect(),
        new_secret: None,
        conflict: None,
    }
}

/// Issuer and discovery document of a flow.
pub(super) fn endpoints(app: &App, tenant: &Tenant, flow: &UserFlow) -> FlowEndpoints {
    let issuer = app.issuer(tenant.id, &flow.name.key());
    let discovery = format!("{issuer}.well-known/openid-configuration");
    FlowEndpoints { flow: flow.name.as_str().to_owned(), issuer, discovery }
}

/// `POST …/applications/{id}`.
pub(super) async fn change(
    State(app): State<App>,
    place: Place,
    Path((_, id)): Path<(String, String)>,
    client: Client,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, HttpError> {
    place.who.check(&headers, &fields)?;
    let id = parse(&id)?;
    let (registered, flows) = applications::show(&app, place.tenant.id, id).await?;
    let mut detail = detail(&app, &place.tenant, &registered, &flows);
    let draft = match forms::application(&fields, Some(registered.application.kind)) {
        Ok(draft) => draft,
        Err(problems) => {
            detail.form = forms::typed(&fields, problems);
            let frame = in_tenant(&app, &place, Section::Applications).await?;
            let answer = Answer::refused(&detail.name, &frame);
            return Ok(answer.draw(&app, move || application_page(frame.clone(), detail.clone())).await);
        }
    };
    let path = addresses::application(place.domain(), &id.to_string());
    match applications::change(&app, place.tenant.id, id, fields.get("seen").to_owned(), draft, place.by(client)).await
    {
        Ok(changed) => Ok(on_to(&path, if changed { "saved" } else { "unchanged" })),
        Err(PortalError::Conflict) => {
            let (registered, flows) = applications::show(&app, place.tenant.id, id).await?;
            let mut detail = self::detail(&app, &place.tenant, &registered, &flows);
            detail.conflict = Some(who_changed(&app, &place, id.to_string()).await?);
            let frame = in_tenant(&app, &place, Section::Applications).await?;
            let answer = Answer::conflict(&detail.name, &frame);
            Ok(answer.draw(&app, move || application_page(frame.clone(), detail.clone())).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Who changed `target` last, in a sentence.
pub(super) async fn who_changed(app: &App, place: &Place, target: String) -> Result<String, HttpError> {
    let last = portal::last_changed(app, place.tenant.id, target).await?;
    Ok(match last {
        Some((who, at)) => format!("{who} changed it on {}.", words::moment(at)),
        None => "It was changed in the meantime.".to_owned(),
    })
}

/// `POST …/applications/{id}/secret`: the answer itself shows the secret, once; nothing is kept
/// that could show it again.
pub(super) async fn create_secret(
    State(app): State<App>,
    place: Place,
    Path((_, id)): Path<(String, String)>,
    client: Client,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, HttpError> {
    place.who.check(&headers, &fields)?;
    let id = parse(&id)?;
    let made = applications::create_secret(&app, place.tenant.id, id, place.by(client)).await;
    let (registered, flows) = applications::show(&app, place.tenant.id, id).await?;
    let mut detail = detail(&app, &place.tenant, &registered, &flows);
    let frame = in_tenant(&app, &place, Section::Applications).await?;
    let answer = match made {
        Ok(secret) => {
            detail.new_secret = Some(secret.expose().to_owned());
            Answer::ok(&detail.name, &frame)
        }
        Err(PortalError::TooMany) => {
            detail.form = detail
                .form
                .wrong("", format!("An application can have {} client secrets at most.", applications::MAX_SECRETS));
            Answer::refused(&detail.name, &frame)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(answer.draw(&app, move || application_page(frame.clone(), detail.clone())).await)
}
