//! The one switch for MFA: asked first, with the number of people it touches (O3).

use std::collections::BTreeSet;

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, MfaSwitch, Section},
    pages::portal::{addresses, mfa_page},
};
use lanyard_domain::{
    assurance::Method,
    user_flow::{Audience, UserFlow},
};

use super::{
    Asked, Place,
    applications::who_changed,
    flows::{method_choices, version},
    forms,
    frame::{Answer, in_tenant, on_to},
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{
        PortalError,
        flows::{self, FlowEdit},
        tenants,
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
    let on = direction(&asked.to)?;
    let switch = question(&app, &place, &flow, on, fresh(&flow)).await?;
    let frame = in_tenant(&app, &place, Section::Flows).await?;
    let answer = Answer::ok(title(on), &frame);
    Ok(answer.draw(&app, move || mfa_page(frame.clone(), switch.clone())).await)
}

async fn flow_of(app: &App, place: &Place, key: String) -> Result<UserFlow, HttpError> {
    let flow = flows::show(app, place.tenant.id, key).await?.flow;
    if flow.audience == Audience::Patients { Ok(flow) } else { Err(HttpError::NotFound) }
}

fn direction(to: &str) -> Result<bool, HttpError> {
    match to {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(HttpError::NotFound),
    }
}

const fn title(on: bool) -> &'static str {
    if on { "Turn on MFA" } else { "Turn off MFA" }
}

// The methods that were kept, or all of them.
fn fresh(flow: &UserFlow) -> FormState {
    let kept = &flow.settings.mfa.methods;
    let methods = if kept.is_empty() { BTreeSet::from(Method::ALL) } else { kept.clone() };
    let form = FormState::default().with("version", flow.version.to_string());
    methods.iter().fold(form, |form, method| form.with(format!("method-{}", method.as_str()), "true"))
}

async fn question(
    app: &App,
    place: &Place,
    flow: &UserFlow,
    on: bool,
    form: FormState,
) -> Result<MfaSwitch, HttpError> {
    let (patients, with_mfa) = tenants::coverage_of(app, place.tenant.id).await?;
    Ok(MfaSwitch {
        key: flow.name.key(),
        name: flow.name.as_str().to_owned(),
        tenant: place.tenant.name.clone(),
        on,
        patients,
        with_mfa,
        form,
        methods: method_choices(app.channels, app.passkeys.is_some()),
        conflict: None,
    })
}

/// `POST …/flows/{flow}/mfa`.
pub(super) async fn switch(
    State(app): State<App>,
    Path((_, key)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let flow = flow_of(&app, &place, key).await?;
    let (on, version, key) = (direction(fields.get("to"))?, version(&fields)?, flow.name.key());
    let edit = if on { FlowEdit::TurnOn(forms::chosen_methods(&fields)) } else { FlowEdit::TurnOff };
    let result = flows::change(&app, place.tenant.id, key.clone(), version, edit, place.by(client)).await;
    let frame = in_tenant(&app, &place, Section::Flows).await?;
    let (answer, switch) = match result {
        Ok(changed) => {
            return Ok(on_to(&addresses::flow(place.domain(), &key), if changed { "saved" } else { "unchanged" }));
        }
        Err(PortalError::NoMethod) => {
            let form = forms::typed(&fields, Vec::new()).wrong("methods", forms::NO_METHOD);
            (Answer::refused(title(on), &frame), question(&app, &place, &flow, on, form).await?)
        }
        Err(PortalError::Conflict) => {
            let flow = flow_of(&app, &place, key).await?;
            let mut switch = question(&app, &place, &flow, on, fresh(&flow)).await?;
            switch.conflict = Some(who_changed(&app, &place, flow.id.to_string()).await?);
            (Answer::conflict(title(on), &frame), switch)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(answer.draw(&app, move || mfa_page(frame.clone(), switch.clone())).await)
}
