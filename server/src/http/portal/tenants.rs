//! `/portal`, `/portal/new` and a tenant's first page, with its switch for dynamic registration.

use axum::{
    extract::{Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{
        CoolDownPanel, FormState, Frame, Overview, PasskeysPanel, RegistrationPanel, Section, TenantRow, TextsPanel,
    },
    pages::portal::{new_tenant_page, overview_page, tenant_list_page},
    paths,
};
use lanyard_domain::{phone::PhoneCountries, registration::MOST_REGISTRATIONS, tenant::Tenant};

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
    service::portal::{By, PortalError, cool_down, registration, tenants},
    state::App,
};

// What the form offers as a limit where none was set, as the command line does.
const USUAL_MOST: u32 = 50;

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
    frame.done = match asked.done.as_str() {
        "created" => done("The tenant is created"),
        "texts" => done("The countries are saved"),
        "cool-down" => done("The waiting time is saved"),
        "resets-on" => done("Help with signing in takes a second person"),
        "resets-off" => done("Help with signing in takes one person"),
        "passkeys" => done("The makes are saved"),
        "minimums" => done("What staff and operators must show is saved"),
        "registration-on" => done("Programs may register applications"),
        "registration-off" => done("Nobody but operators registers applications any more"),
        _ => None,
    };
    drawn(&app, &place, frame, Refused::default()).await
}

// The forms of the page as they were typed, where they were refused.
#[derive(Default)]
pub(super) struct Refused {
    pub(super) registration: Option<FormState>,
    pub(super) texts: Option<FormState>,
    pub(super) cool_down: Option<FormState>,
    pub(super) passkeys: Option<FormState>,
    pub(super) minimums: Option<FormState>,
}

impl Refused {
    fn is_any(&self) -> bool {
        let all = [&self.registration, &self.texts, &self.cool_down, &self.passkeys, &self.minimums];
        all.into_iter().any(Option::is_some)
    }
}

async fn drawn(app: &App, place: &Place, frame: Frame, refused: Refused) -> Result<Response, HttpError> {
    let (switch, _) = registration::show(app, place.tenant.id).await?;
    let cools = cool_down::show(app, place.tenant.id).await?;
    let answer = Answer::of_form("Overview", &frame, refused.is_any());
    let minimums = super::minimums::panel(app, place, refused.minimums).await?;
    let countries = forms::country_names(&place.tenant.phone_countries);
    let present = || {
        let was = place.tenant.phone_countries.listed();
        FormState::default().with("countries", countries.join(", ")).with("was", was)
    };
    let texts = TextsPanel { form: refused.texts.unwrap_or_else(present), countries };
    let makes = &place.tenant.staff_passkeys;
    let passkeys = PasskeysPanel {
        makes: makes.makes.iter().map(|make| make.name.clone()).collect(),
        form: refused.passkeys.unwrap_or_else(|| forms::makes_values(makes)),
    };
    let usual = if switch.most == 0 { USUAL_MOST } else { switch.most };
    let registration = RegistrationPanel {
        on: switch.on,
        registered: switch.registered,
        most: switch.most,
        form: refused.registration.unwrap_or_else(|| FormState::default().with("most", usual.to_string())),
    };
    let figures = tenants::figures(app, place.tenant.id).await?;
    let overview = Overview {
        region: words::region(&place.tenant.region),
        id: place.tenant.id.to_string(),
        applications: figures.applications,
        flows: figures.flows,
        patients: figures.patients,
        patients_with_mfa: figures.patients_with_mfa,
        linked: figures.linked,
        run: figures.run,
        registration,
        texts,
        cool_down: CoolDownPanel {
            hours: cools.hours(),
            form: refused.cool_down.unwrap_or_else(|| super::cool_down::present(cools)),
        },
        second_approver: place.tenant.second_approver,
        passkeys,
        minimums,
    };
    Ok(answer.draw(app, move || overview_page(frame.clone(), overview.clone())).await)
}

/// `POST /portal/{tenant}/texts`. Fields `countries` and `was`.
pub(super) async fn set_phone_countries(
    State(app): State<App>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let wanted = match forms::phone_countries(&fields) {
        Ok(wanted) => wanted,
        Err(problems) => return texts_refused(&app, &place, forms::typed(&fields, problems)).await,
    };
    let was = PhoneCountries::from_listed(fields.get("was"));
    match tenants::set_phone_countries(&app, place.tenant.id, Some(was), wanted, place.by(client)).await {
        Ok(_) => Ok(on_to(&paths::portal_tenant(place.domain()), "texts")),
        Err(PortalError::Conflict) => {
            let text = "Somebody else has changed the countries meanwhile. What you see above is how they stand now. Save again to replace them.";
            let present = place.tenant.phone_countries.listed();
            let typed = forms::typed(&fields, Vec::new()).with("was", present).wrong("countries", text);
            texts_refused(&app, &place, typed).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn texts_refused(app: &App, place: &Place, typed: FormState) -> Result<Response, HttpError> {
    refused(app, place, Refused { texts: Some(typed), ..Refused::default() }).await
}

/// The overview again, with what was typed into a form of it.
pub(super) async fn refused(app: &App, place: &Place, refused: Refused) -> Result<Response, HttpError> {
    let frame = in_tenant(app, place, Section::Overview).await?;
    drawn(app, place, frame, refused).await
}

/// `POST /portal/{tenant}/resets`. Field `to` (`on` or `off`).
pub(super) async fn set_second_approver(
    State(app): State<App>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let (wanted, done) = match fields.get("to") {
        "on" => (true, "resets-on"),
        "off" => (false, "resets-off"),
        _ => return Err(HttpError::NotFound),
    };
    tenants::set_second_approver(&app, place.tenant.id, wanted, place.by(client)).await?;
    Ok(on_to(&paths::portal_tenant(place.domain()), done))
}

/// `POST /portal/{tenant}/registration`. Fields `to` (`on` or `off`) and, for `on`, `most`.
pub(super) async fn switch_registration(
    State(app): State<App>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let most = match fields.get("to") {
        "off" => None,
        // What is no number is out of bounds like 0.
        "on" => Some(fields.get("most").trim().parse().unwrap_or(0)),
        _ => return Err(HttpError::NotFound),
    };
    match registration::switch(&app, place.tenant.id, most, place.by(client)).await {
        Ok(switch) => {
            let done = if switch.on { "registration-on" } else { "registration-off" };
            Ok(on_to(&paths::portal_tenant(place.domain()), done))
        }
        Err(PortalError::NotAllowed) => {
            let text = format!("Enter a whole number from 1 to {MOST_REGISTRATIONS}.");
            let typed = forms::typed(&fields, Vec::new()).wrong("most", text);
            let frame = in_tenant(&app, &place, Section::Overview).await?;
            drawn(&app, &place, frame, Refused { registration: Some(typed), ..Refused::default() }).await
        }
        Err(error) => Err(error.into()),
    }
}
