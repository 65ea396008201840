//! The bundled "Patient portal" at `/claims`: signs in as any other client would and shows which
//! details came back (U30).
#![allow(missing_docs)] // of the struct that the island macro makes of the documented properties

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::browser;
use crate::components::{CopyControl, DefinitionList, Disclosure, Notice, Plain as _, Tone};

/// What the page knows beforehand; the rest it finds by discovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsConfig {
    /// The issuer with its closing slash; discovery is at `{authority}.well-known/openid-configuration`.
    pub authority: String,
    /// The application's client id.
    pub client_id: String,
    /// This page's own address, as registered.
    pub redirect_uri: String,
    /// The tenant's name.
    pub tenant: String,
    /// The claims to show, in order.
    pub labels: Vec<ClaimLabel>,
    /// Where the account page is, which needs no scripting.
    pub account_url: String,
}

/// A claim to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimLabel {
    /// Its name in the token.
    pub name: String,
    /// Its label.
    pub label: String,
    /// Its value is a two-letter code of a country, shown by the country's name.
    pub country: bool,
}

/// One claim as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), allow(dead_code))]
pub(super) struct ShownClaim {
    /// Its name in the token.
    pub(super) name: String,
    /// Its value as text.
    pub(super) value: String,
}

/// What came back. In memory only: gone with the page.
#[derive(Clone)]
#[cfg_attr(not(feature = "hydrate"), allow(dead_code))]
pub(super) struct Received {
    /// Every claim of the ID token.
    pub(super) claims: Vec<ShownClaim>,
    /// When the person signed in, in their own way of writing times.
    pub(super) signed_in_at: Option<String>,
    /// The issuer.
    pub(super) issuer: String,
    /// The ID token as it came; the hint at sign-out.
    pub(super) id_token: String,
    /// Where signing out begins.
    pub(super) end_session: Option<String>,
}

/// What the page shows.
#[derive(Clone)]
#[cfg_attr(not(feature = "hydrate"), allow(dead_code))]
pub(super) enum Showing {
    /// The way in.
    SignedOut,
    /// The same, after signing out.
    JustSignedOut,
    /// Something is under way.
    Working(&'static str),
    /// The claims.
    SignedIn(Box<Received>),
    /// It went wrong: why in plain words, and the technical name.
    Failed(&'static str, String),
}

/// Signs in with code and PKCE and shows the claims.
#[island]
pub fn ClaimsViewer(
    /// What the page knows beforehand.
    config: ClaimsConfig,
) -> impl IntoView {
    let showing = RwSignal::new(Showing::SignedOut);
    let config = StoredValue::new(config);
    #[cfg(feature = "hydrate")]
    // Not before the server's HTML is taken over: until then both must show the same.
    set_timeout(move || super::oidc_client::resume(config, showing), std::time::Duration::ZERO);
    view! {
        <div class="claims">
            {move || match showing.get() {
                Showing::SignedOut => signed_out(config, showing, None),
                Showing::JustSignedOut => signed_out(config, showing, Some("You’ve signed out.")),
                Showing::Working(what) => {
                    view! { <p class="working" role="status">{what}</p> }.plain()
                }
                Showing::SignedIn(received) => signed_in(config, showing, &received),
                Showing::Failed(why, code) => failed(config, showing, why, code),
            }}
        </div>
    }
}

fn sign_in_button(config: StoredValue<ClaimsConfig>, showing: RwSignal<Showing>, label: &'static str) -> AnyView {
    view! {
        <button
            type="button"
            class="button button-primary live-only"
            on:click=move |_| {
                #[cfg(feature = "hydrate")]
                super::oidc_client::sign_in(config, showing);
                #[cfg(not(feature = "hydrate"))]
                let _ = (config, showing);
            }
        >
            {label}
        </button>
    }
    .plain()
}

fn signed_out(config: StoredValue<ClaimsConfig>, showing: RwSignal<Showing>, note: Option<&'static str>) -> AnyView {
    let account_url = config.with_value(|config| config.account_url.clone());
    let tenant = config.with_value(|config| config.tenant.clone());
    view! {
        {note.map(|note| notice(Tone::Success, "status", note))}
        <h1 class="step-title" id="step-title" tabindex="-1">"Patient portal"</h1>
        <p class="lead">{format!("Sign in to see the details that {tenant} holds about you and passes to this page.")}</p>
        <div class="actions">{sign_in_button(config, showing, "Sign in")}</div>
        <p class="static-only hint">
            "This page needs JavaScript. Without it, you can see your details on "
            <a href=account_url>"your account page"</a>
            "."
        </p>
    }
    .plain()
}

fn failed(config: StoredValue<ClaimsConfig>, showing: RwSignal<Showing>, why: &'static str, code: String) -> AnyView {
    let code = view! { <p><code class="fixed">{code}</code></p> }.plain();
    view! {
        <h1 class="step-title" id="step-title" tabindex="-1">"You’re not signed in"</h1>
        {notice(Tone::Error, "alert", why)}
        <div class="actions">{sign_in_button(config, showing, "Try again")}</div>
        <Disclosure summary="Technical details">{code}</Disclosure>
    }
    .plain()
}

fn signed_in(config: StoredValue<ClaimsConfig>, showing: RwSignal<Showing>, received: &Received) -> AnyView {
    let tenant = config.with_value(|config| config.tenant.clone());
    let find = |name: &str| received.claims.iter().find(|claim| claim.name == name).map(|claim| claim.value.clone());
    let facts = config
        .with_value(|config| config.labels.clone())
        .into_iter()
        // Only ever true, right after sign-up: its absence is no gap.
        .filter(|claim| claim.name != "newUser" || find(&claim.name).is_some())
        .map(|ClaimLabel { name, label, country }| {
            let found = find(&name).filter(|value| !value.is_empty());
            let found = found.map(|value| if country { browser::country_name(&value).unwrap_or(value) } else { value });
            let value = match found {
                Some(value) => view! { <bdi>{value}</bdi> }.plain(),
                None => view! { <span class="muted">"Not given"</span> }.plain(),
            };
            (label, value)
        })
        .collect::<Vec<_>>();
    let when = received
        .signed_in_at
        .clone()
        .map(|when| view! { <p class="hint">{format!("You signed in on {when}.")}</p> }.plain());
    let for_sign_out = received.clone();
    view! {
        <h1 class="step-title" id="step-title" tabindex="-1">"Your details"</h1>
        <p class="lead">{format!("This is what {tenant} passed to this page when you signed in.")}</p>
        <DefinitionList items=facts />
        {when}
        {technical(config, received)}
        <div class="actions">
            <button
                type="button"
                class="button button-secondary"
                on:click=move |_| {
                    #[cfg(feature = "hydrate")]
                    super::oidc_client::sign_out(config, showing, &for_sign_out);
                    #[cfg(not(feature = "hydrate"))]
                    let _ = (config, showing, &for_sign_out);
                }
            >
                "Sign out"
            </button>
        </div>
    }
    .plain()
}

/// Technical name, source and raw token (U30).
fn technical(config: StoredValue<ClaimsConfig>, received: &Received) -> AnyView {
    let labels = config.with_value(|config| config.labels.clone());
    let rows = received
        .claims
        .iter()
        .map(|claim| {
            let label = labels.iter().find(|it| it.name == claim.name).map(|it| it.label.clone());
            view! {
                <tr>
                    <th scope="row">
                        <code class="fixed">{claim.name.clone()}</code>
                        {label.map(|label| view! { <span class="muted">{format!(" {label}")}</span> })}
                    </th>
                    <td>
                        <bdi>{claim.value.clone()}</bdi>
                    </td>
                </tr>
            }
        })
        .collect_view();
    let token = received.id_token.clone();
    let issuer = received.issuer.clone();
    let body = view! {
            <p>
                "Source: the ID token from " <code class="fixed">{issuer}</code>
            </p>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Claim"</th>
                        <th scope="col">"Value"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            <p class="token-head">
                <span class="label">"The token as it came"</span>
                <CopyControl text=token.clone() what="the token" />
            </p>
            <p class="token" tabindex="0" role="region" aria-label="The token as it came">
                <code class="fixed">{token}</code>
            </p>
    }
    .plain();
    view! { <Disclosure summary="Technical details">{body}</Disclosure> }.plain()
}

fn notice(tone: Tone, role: &'static str, text: &'static str) -> AnyView {
    let text = view! { <p>{text}</p> }.plain();
    view! { <Notice tone=tone role=role>{text}</Notice> }.plain()
}
