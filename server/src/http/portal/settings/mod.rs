//! `/portal/{tenant}/settings`: what is set for a whole tenant, a file a section.
//!
//! A form that is saved leads back to its section, which says so; one that is refused comes back with what was typed.

pub(super) mod cool_down;
pub(super) mod minimums;
pub(super) mod registration;
pub(super) mod resets;
pub(super) mod staff_passkeys;
pub(super) mod texts;

use axum::{
    extract::{Query, State},
    response::{IntoResponse as _, Redirect, Response},
};
use lanyard_app::{
    api::portal::{FormState, Section, SettingsPage, SettingsSection},
    pages::portal::{addresses, settings_page},
};

use super::{
    Asked, Place, forms,
    frame::{Answer, in_tenant},
};
use crate::{http::error::HttpError, state::App};

// What can have been saved, by the word in the address.
const SAVED: [(&str, SettingsSection, &str); 8] = [
    ("cool-down", SettingsSection::CoolDown, "The waiting time is saved"),
    ("resets-on", SettingsSection::Resets, "Help with signing in takes a second person"),
    ("resets-off", SettingsSection::Resets, "Help with signing in takes one person"),
    ("texts", SettingsSection::Texts, "The countries are saved"),
    ("minimums", SettingsSection::Minimums, "What staff and operators must show is saved"),
    ("passkeys", SettingsSection::StaffPasskeys, "The makes are saved"),
    ("registration-on", SettingsSection::Registration, "Programs may register applications"),
    ("registration-off", SettingsSection::Registration, "Nobody but operators registers applications any more"),
];

/// `GET /portal/{tenant}/settings`.
pub(super) async fn show(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    drawn(&app, &place, &asked.done, None).await
}

// Back to the section that was saved.
fn saved(place: &Place, done: &str) -> Response {
    let domain = place.domain();
    let at = SAVED.iter().find(|(word, ..)| *word == done).map(|(_, section, _)| *section);
    let to = at.map_or_else(|| addresses::settings(domain), |at| addresses::settings_done(domain, at, done));
    Redirect::to(&to).into_response()
}

// The page again, with what was typed into the form of `section`.
async fn refused(app: &App, place: &Place, section: SettingsSection, typed: FormState) -> Result<Response, HttpError> {
    drawn(app, place, "", Some((section, typed))).await
}

async fn drawn(
    app: &App,
    place: &Place,
    done: &str,
    refused: Option<(SettingsSection, FormState)>,
) -> Result<Response, HttpError> {
    let frame = in_tenant(app, place, Section::Settings).await?;
    let answer = Answer::of_form("Settings", &frame, refused.is_some());
    let saved = SAVED.iter().find(|(word, ..)| *word == done);
    let typed = |at| refused.as_ref().filter(|(own, _)| *own == at).map(|(_, form)| form.clone());
    let page = SettingsPage {
        saved: saved.map(|(_, section, text)| (*section, (*text).to_owned())),
        cool_down: cool_down::panel(app, place, typed(SettingsSection::CoolDown)).await?,
        second_approver: place.tenant.second_approver,
        texts: texts::panel(place, typed(SettingsSection::Texts)),
        minimums: minimums::panel(app, place, typed(SettingsSection::Minimums)).await?,
        passkeys: staff_passkeys::panel(place, typed(SettingsSection::StaffPasskeys)),
        registration: registration::panel(app, place, typed(SettingsSection::Registration)).await?,
    };
    Ok(answer.draw(app, move || settings_page(frame.clone(), page.clone())).await)
}
