//! `/portal`, `/portal/new` and a tenant's first page.

use axum::{
    extract::{Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, Overview, Section, TenantRow},
    pages::portal::{new_tenant_page, overview_page, tenant_list_page},
    paths,
};
use lanyard_domain::tenant::Tenant;

use super::{
    Asked, Place, forms,
    frame::{Answer, done, frame, in_tenant, link, on_to},
    words,
};
use crate::{
    http::{
        console::{ConsoleForm, Operator},
        error::HttpError,
    },
    service::portal::{By, PortalError, tenants},
    state::App,
};

/// `GET /portal`.
pub(super) async fn list(
    State(app): State<App>,
    operator: Operator,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(&app, &operator.who, None, Section::Tenants).await?;
    let page = tenants::list(&app, &operator.who.roles, asked.wanted()).await?;
    let listing = asked.listing(page, row);
    Ok(Answer::ok("Tenants", &frame).draw(&app, move || tenant_list_page(frame.clone(), listing.clone())).await)
}

fn row(tenant: &Tenant) -> TenantRow {
    TenantRow { link: link(tenant), region: words::region(&tenant.region), created: words::day(tenant.created_at) }
}

/// `GET /portal/new`: for operators of the whole instance only.
pub(super) async fn new(State(app): State<App>, operator: Operator) -> Result<Response, HttpError> {
    if !operator.creates_tenants() {
        return Err(HttpError::NotFound);
    }
    form(&app, &operator, FormState::default()).await
}

async fn form(app: &App, operator: &Operator, form: FormState) -> Result<Response, HttpError> {
    let frame = frame(app, &operator.who, None, Section::Tenants).await?;
    let answer = Answer::of_form("Create a tenant", &frame, form.failed());
    Ok(answer.draw(app, move || new_tenant_page(frame.clone(), form.clone())).await)
}

/// `POST /portal/new`.
pub(super) async fn create(State(app): State<App>, sent: ConsoleForm<Operator>) -> Result<Response, HttpError> {
    let ConsoleForm { who: operator, client, fields } = sent;
    if !operator.creates_tenants() {
        return Err(HttpError::NotFound);
    }
    let draft = match forms::tenant(&fields) {
        Ok(draft) => draft,
        Err(problems) => return form(&app, &operator, forms::typed(&fields, problems)).await,
    };
    let by = By { operator: Some(operator.who.account.id), client };
    match tenants::create(&app, draft, by).await {
        Ok(tenant) => Ok(on_to(&paths::portal_tenant(tenant.domain.as_str()), "created")),
        Err(PortalError::Taken) => {
            let typed = forms::typed(&fields, Vec::new())
                .wrong("domain", "There is a tenant with this domain already. Choose another one.");
            form(&app, &operator, typed).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /portal/{tenant}`.
pub(super) async fn overview(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let mut frame = in_tenant(&app, &place, Section::Overview).await?;
    if asked.done == "created" {
        frame.done = done("The tenant is created");
    }
    let figures = tenants::figures(&app, place.tenant.id).await?;
    let overview = Overview {
        region: words::region(&place.tenant.region),
        id: place.tenant.id.to_string(),
        applications: figures.applications,
        flows: figures.flows,
        patients: figures.patients,
        patients_with_mfa: figures.patients_with_mfa,
        linked: figures.linked,
        run: figures.run,
    };
    let answer = Answer::ok("Overview", &frame);
    Ok(answer.draw(&app, move || overview_page(frame.clone(), overview.clone())).await)
}
