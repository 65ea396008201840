//! The one switch for MFA: asked first, with the number of people it touches (O3).

use std::collections::BTreeSet;

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, MfaMode, MfaSwitch, Section},
    components::ErrorItem,
    pages::portal::{addresses, mfa_page},
};
use lanyard_domain::{
    assurance::Method,
    user_flow::{Affected, Audience, MfaPolicy, UserFlow},
};

use super::{
    Asked, Place,
    applications::who_changed,
    flows::{method_choices, version},
    forms,
    frame::{Answer, in_tenant, on_to},
};
use crate::{
    http::{console::ConsoleForm, error::HttpError, form::Fields},
    service::{
        account::words,
        portal::{
            PortalError,
            flows::{self, FlowEdit},
            tenants,
        },
    },
    state::App,
};

/// `GET …/flows/{flow}/mfa?to=on`.
pub(super) async fn ask(
    State(app): State<App>,
    place: Place,
    Path((_, key)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let flow = flow_of(&app, &place, key).await?;
    let to = direction(&asked.to)?;
    let switch = question(&app, &place, &flow, to, values(&flow)).await?;
    let frame = in_tenant(&app, &place, Section::Flows).await?;
    let answer = Answer::ok(to.title(), &frame);
    Ok(answer.draw(&app, move || mfa_page(frame.clone(), switch.clone())).await)
}

async fn flow_of(app: &App, place: &Place, key: String) -> Result<UserFlow, HttpError> {
    let flow = flows::show(app, place.tenant.id, key).await?.flow;
    if flow.audience == Audience::Patients { Ok(flow) } else { Err(HttpError::NotFound) }
}

fn direction(to: &str) -> Result<MfaMode, HttpError> {
    MfaMode::parse(to).ok_or(HttpError::NotFound)
}

/// The form as it is stored: the methods that were kept, or all of them.
pub(crate) fn values(flow: &UserFlow) -> FormState {
    let mut mfa = flow.settings.mfa.clone();
    if mfa.methods.is_empty() {
        mfa.methods = BTreeSet::from(Method::ALL);
    }
    let form = FormState::default().with("version", flow.version.to_string());
    forms::condition_values(forms::factor_values(form, &mfa), mfa.conditions)
}

async fn question(
    app: &App,
    place: &Place,
    flow: &UserFlow,
    to: MfaMode,
    form: FormState,
) -> Result<MfaSwitch, HttpError> {
    let policy = proposed(app, flow, to, &Fields(form.values.clone()));
    let until = policy.grace().map(|grace| words::day_of(grace.until));
    let Affected { patients, without, weaker, waiting, raised } =
        tenants::dry_run(app, place.tenant.id, policy).await?;
    Ok(MfaSwitch {
        key: flow.name.key(),
        name: flow.name.as_str().to_owned(),
        tenant: place.tenant.name.clone(),
        to,
        patients,
        without,
        weaker,
        raised,
        waiting: until.map(|until| (waiting, until)).filter(|(waiting, _)| *waiting > 0),
        signs_in: flow.kind.signs_in(),
        form,
        methods: method_choices(app.channels, app.passkeys.is_some()),
        countries_told: app.config.country_header.is_some(),
        conflict: None,
    })
}

// The policy that the form would make; the one of now where it cannot be read.
fn proposed(app: &App, flow: &UserFlow, to: MfaMode, fields: &Fields) -> MfaPolicy {
    let settings = edit_of(to, fields).ok().and_then(|edit| edit.apply(flow, app.clock.now()).ok());
    settings.unwrap_or_else(|| flow.settings.clone()).mfa
}

/// What the form asks for.
pub(crate) fn edit_of(to: MfaMode, fields: &Fields) -> Result<FlowEdit, Vec<ErrorItem>> {
    match to {
        MfaMode::Off => Ok(FlowEdit::TurnOff),
        MfaMode::Conditional => forms::conditional_edit(fields),
        MfaMode::On => forms::factors_edit(fields, FlowEdit::TurnOn),
    }
}

/// `POST …/flows/{flow}/mfa`; with `dry_run` nothing is saved, and the page says whom it would touch.
pub(super) async fn switch(
    State(app): State<App>,
    Path((_, key)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let flow = flow_of(&app, &place, key).await?;
    let (to, version, key) = (direction(fields.get("to"))?, version(&fields)?, flow.name.key());
    let edit = edit_of(to, &fields);
    let frame = in_tenant(&app, &place, Section::Flows).await?;
    let edit = match edit {
        Ok(edit) => edit,
        Err(problems) => {
            let switch = question(&app, &place, &flow, to, forms::typed(&fields, problems)).await?;
            let answer = Answer::refused(to.title(), &frame);
            return Ok(answer.draw(&app, move || mfa_page(frame.clone(), switch.clone())).await);
        }
    };
    if fields.ticked("dry_run") && !matches!(edit.clone().apply(&flow, app.clock.now()), Err(PortalError::NoMethod)) {
        let switch = question(&app, &place, &flow, to, forms::typed(&fields, Vec::new())).await?;
        let answer = Answer::ok(to.title(), &frame);
        return Ok(answer.draw(&app, move || mfa_page(frame.clone(), switch.clone())).await);
    }
    let result = flows::change(&app, place.tenant.id, key.clone(), version, edit, place.by(client)).await;
    let (answer, switch) = match result {
        Ok(changed) => {
            return Ok(on_to(&addresses::flow(place.domain(), &key), if changed { "saved" } else { "unchanged" }));
        }
        Err(PortalError::NoMethod) => {
            let form = forms::typed(&fields, Vec::new()).wrong("methods", forms::NO_METHOD);
            (Answer::refused(to.title(), &frame), question(&app, &place, &flow, to, form).await?)
        }
        Err(PortalError::Conflict) => {
            let flow = flow_of(&app, &place, key).await?;
            let mut switch = question(&app, &place, &flow, to, values(&flow)).await?;
            switch.conflict = Some(who_changed(&app, &place, flow.id.to_string()).await?);
            (Answer::conflict(to.title(), &frame), switch)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(answer.draw(&app, move || mfa_page(frame.clone(), switch.clone())).await)
}
