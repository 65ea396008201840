//! "Run user flow" (O4): choose, go, look at the tokens.

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use lanyard_app::{
    api::portal::{FormState, RunForm, RunResult, Section},
    pages::portal::{run_page, run_result_page},
};
use lanyard_domain::{
    application::{Application, ApplicationKind},
    claims,
    reply_url::ReplyUrl,
    user_flow::Audience,
};

use super::{
    Asked, Place, forms,
    frame::{Answer, in_tenant},
    tokens,
};
use crate::{
    http::{client::Client, console::ConsoleForm, cookies::Cookie, error::HttpError, journey::sent_to},
    service::{
        portal::{
            attributes,
            flows::{self, Shown},
        },
        run::{self, Run},
    },
    state::App,
};

/// The choice that ends in the portal.
const HERE: &str = "here";

async fn shown(app: &App, place: &Place, key: String) -> Result<Shown, HttpError> {
    let mut shown = flows::show(app, place.tenant.id, key).await?;
    if shown.flow.audience != Audience::Patients {
        return Err(HttpError::NotFound);
    }
    shown.linked.retain(|application| application.kind != ApplicationKind::WebApi);
    Ok(shown)
}

/// `GET …/flows/{flow}/run`.
pub(super) async fn choose(
    State(app): State<App>,
    place: Place,
    Path((_, key)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let shown = shown(&app, &place, key).await?;
    let form = FormState::default().with("application", asked.application).with("reply_url", HERE);
    page(&app, &place, &shown, form).await
}

async fn page(app: &App, place: &Place, shown: &Shown, form: FormState) -> Result<Response, HttpError> {
    let frame = in_tenant(app, place, Section::Flows).await?;
    let answer = Answer::of_form("Run user flow", &frame, form.failed());
    let run = RunForm {
        key: shown.flow.name.key(),
        name: shown.flow.name.as_str().to_owned(),
        applications: shown.linked.iter().map(|it| (it.id.to_string(), it.name.clone())).collect(),
        reply_urls: reply_urls(&shown.linked),
        form,
    };
    Ok(answer.draw(app, move || run_page(frame.clone(), run.clone())).await)
}

// "Show the tokens here", then every reply URL that a web page can be at; with the application's
// name where there are several.
fn reply_urls(linked: &[Application]) -> Vec<(String, String)> {
    let mut choices = vec![(HERE.to_owned(), "Show the tokens here".to_owned())];
    for application in linked {
        for url in application.reply_urls.iter().map(ReplyUrl::as_str) {
            if choices.iter().any(|(value, _)| value == url) {
                continue;
            }
            let label = if linked.len() > 1 { format!("{url} ({})", application.name) } else { url.to_owned() };
            choices.push((url.to_owned(), label));
        }
    }
    choices
}

/// `POST …/flows/{flow}/run`.
pub(super) async fn start(
    State(app): State<App>,
    Path((_, key)): Path<(String, String)>,
    headers: HeaderMap,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    let shown = shown(&app, &place, key).await?;
    let chosen = shown.linked.iter().find(|application| application.id.to_string() == fields.get("application"));
    let Some(application) = chosen.cloned() else {
        let form = forms::typed(&fields, Vec::new()).wrong("application", "Choose an application.");
        return page(&app, &place, &shown, form).await;
    };
    let reply_url = fields.get("reply_url").to_owned();
    let registered = application.reply_urls.iter().any(|url| url.as_str() == reply_url);
    let by = place.by(client);
    let run = Run { tenant: place.tenant.clone(), flow: shown.flow.clone(), application };
    if reply_url == HERE {
        let begun = run::begin(&app, run, by, Cookie::Journey.read(&headers)).await?;
        return Ok(sent_to(&begun));
    }
    if !registered {
        let text = "This reply URL is not one of the chosen application. Choose another one.";
        return page(&app, &place, &shown, forms::typed(&fields, Vec::new()).wrong("reply_url", text)).await;
    }
    let path = run::authorize_path(&app, run, reply_url, by).await?;
    Ok(Redirect::to(&path).into_response())
}

/// `GET …/run/result?code=…`: shows the tokens, once.
pub(super) async fn result(
    State(app): State<App>,
    place: Place,
    client: Client,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let by = place.by(client);
    let redeemed = run::redeem(&app, &place.tenant, &asked.code, by).await?;
    let frame = in_tenant(&app, &place, Section::Flows).await?;
    let Some(redeemed) = redeemed else {
        let answer = Answer::gone("Nothing to show", &frame);
        return Ok(answer.draw(&app, move || run_result_page(frame.clone(), RunResult::Gone)).await);
    };
    let custom = attributes::custom(&app, place.tenant.id).await?;
    let catalogue = claims::catalogue(&custom);
    let result = RunResult::Tokens {
        key: redeemed.flow.name.key(),
        flow: redeemed.flow.name.as_str().to_owned(),
        application: redeemed.application.name.clone(),
        tokens: vec![
            tokens::decode("ID token", &redeemed.response.id_token, &catalogue),
            tokens::decode("Access token", &redeemed.response.access_token, &catalogue),
        ],
    };
    let answer = Answer::ok("The tokens", &frame);
    Ok(answer.draw(&app, move || run_result_page(frame.clone(), result.clone())).await)
}
