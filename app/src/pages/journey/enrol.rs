//! Setting up a second factor: which, a phone, an authenticator app (U19, U21).

use leptos::prelude::*;

use super::parts::Step;
use super::words;
use crate::api::journey::{Method, MethodChoice};
use crate::components::{
    Button, ButtonKind, CodeField, CopyControl, Disclosure, Plain as _, RadioOption, Radios, SelectField, TextField,
};

pub(super) fn choose_method(at: &Step<'_>, methods: &[MethodChoice]) -> AnyView {
    // A choice that this browser may not have is no choice to begin with.
    let first = methods.iter().find(|choice| choice.method != Method::Passkey);
    let first = first.or(methods.first()).map_or("", |choice| choice.method.as_str());
    let options = methods
        .iter()
        .map(|choice| RadioOption {
            value: choice.method.as_str().to_owned(),
            label: words::method_label(choice.method).to_owned(),
            description: words::method_description(choice.method).to_owned(),
            mark: choice.restricted.then(|| "Less secure".to_owned()),
            needs_passkeys: choice.method == Method::Passkey,
        })
        .collect::<Vec<_>>();
    let fields = view! {
        <Radios
            name="method"
            legend="How do you want to prove it’s you?"
            options=options
            value=at.value("method", first)
            error=at.error("method")
        />
        <div class="actions">
            <Button label="Continue" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">
            "Your health details are private. A second step keeps them safe, even if somebody learns your password."
        </p>
        {at.form("choose-method", fields)}
    }
    .plain()
}

pub(super) fn phone(
    at: &Step<'_>,
    method: Method,
    methods: &[Method],
    (country, countries): (&str, &[(String, String)]),
    can_go_back: bool,
) -> AnyView {
    let ways = if methods.len() > 1 {
        let options = methods
            .iter()
            .map(|method| RadioOption {
                value: method.as_str().to_owned(),
                label: words::method_label(*method).to_owned(),
                description: words::method_description(*method).to_owned(),
                mark: None,
                needs_passkeys: false,
            })
            .collect::<Vec<_>>();
        view! {
            <Radios
                name="method"
                legend="How should we send codes?"
                options=options
                value=at.value("method", method.as_str())
                error=at.error("method")
            />
        }
        .plain()
    } else {
        view! { <input type="hidden" name="method" value=method.as_str() /> }.plain()
    };
    let country = at.value("country", country);
    let place = if countries.is_empty() {
        view! { <input type="hidden" name="country" value=country /> }.plain()
    } else {
        let options = countries.to_vec();
        view! {
            <SelectField
                name="country"
                label="Country of the number"
                options=options
                value=country
                error=at.error("country")
                autocomplete="country"
            />
        }
        .plain()
    };
    let fields = view! {
        {place}
        // U17: in any national or international form, shown as typed.
        <TextField
            name="phone"
            label="Phone number"
            value=at.value("phone", "")
            hint="Type it as you would dial it. For another country, start with +, like +44."
            error=at.error("phone")
            kind="tel"
            autocomplete="tel"
            inputmode="tel"
            class="medium ltr"
        />
        {ways}
        <div class="actions">
            <Button label="Send code" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">"We’ll send a code to it now, and each time you sign in."</p>
        {at.form("enter-phone", fields)}
        {can_go_back.then(|| back(at))}
    }
    .plain()
}

/// While setting up can wait: until when, in plain words, and the way on without it.
pub(super) fn not_now(at: &Step<'_>, until: &str) -> AnyView {
    let said = format!("You can put this off until {until}. From then on you need a second step to sign in.");
    let button = view! {
        <div class="actions">
            <Button label="Not now" kind=ButtonKind::Secondary />
        </div>
    }
    .plain();
    view! {
        <p class="muted">{said}</p>
        <div class="not-now">{at.form("not-now", button)}</div>
    }
    .plain()
}

pub(super) fn back(at: &Step<'_>) -> AnyView {
    view! { <div class="ways">{at.lone_button("back", "Choose another way", ButtonKind::Link)}</div> }.plain()
}

pub(super) fn app(at: &Step<'_>, qr_svg: &str, uri: &str, secret: &str, can_go_back: bool) -> AnyView {
    let picture = qr_svg.to_owned();
    let uri = uri.to_owned();
    let shown = secret.to_owned();
    let copied: String = secret.chars().filter(|letter| !letter.is_whitespace()).collect();
    let by_hand = view! {
    <p>
        <a href=uri>"Open the app on this device"</a>
        ", or type this key into the app:"
    </p>
    <p class="secret">
        <code class="fixed" id="app-secret">{shown}</code>
        <CopyControl text=copied what="the key" />
    </p>
    }
    .plain();
    let fields = view! {
        <ol class="steps">
            <li>
                <h2 class="steps-title">"Open an authenticator app"</h2>
                <p>
                    "If you have none, install one from your app store. Google Authenticator and Microsoft Authenticator are free."
                </p>
            </li>
            <li>
                <h2 class="steps-title">"Scan this picture with the app"</h2>
                <div class="qr" role="img" aria-label="QR code for your authenticator app" inner_html=picture></div>
                <Disclosure summary="I can’t scan it">{by_hand}</Disclosure>
            </li>
            <li>
                <h2 class="steps-title">"Enter the code the app shows"</h2>
                <CodeField name="code" label="Code from the app" error=at.error("code") />
                <TextField
                    name="name"
                    label="Name for this app"
                    hint="So that you know it again, such as “My phone”."
                    value=at.value("name", "My phone")
                    error=at.error("name")
                    autocomplete="off"
                    class="medium"
                />
            </li>
        </ol>
        <div class="actions">
            <Button label="Turn on" />
        </div>
    }
    .plain();
    view! {
        {at.form("submit-app-code", fields)}
        {can_go_back.then(|| back(at))}
    }
    .plain()
}
