//! What an application may ask of the provider beyond the plain code flow. What matters to most stands
//! first; the rest is behind summaries that open where something in them is wrong.

use leptos::prelude::*;

use super::parts::{check, check_group, text_area};
use crate::{
    api::portal::{ApiChoice, ApplicationDetail, FormState},
    components::{Disclosure, Notice, SelectField, TextField, Tone},
};

/// The settings that the application's kind has.
pub(super) fn settings(detail: &ApplicationDetail) -> AnyView {
    let (form, can) = (&detail.form, detail.settable);
    view! {
        {can.api.then(|| api(form))}
        {can.signs_in.then(|| people(form))}
        {(!detail.apis.is_empty()).then(|| permissions(form, &detail.apis))}
        <h3>"Rarely changed"</h3>
        {can.signs_in.then(|| sign_out(detail))}
        {can.on_a_server.then(|| on_a_server(form))}
        {tokens(detail)}
    }
    .into_any()
}

fn tick(form: &FormState, name: &str, label: &str, hint: &str) -> AnyView {
    check(form, name, label.to_owned(), Some(hint.to_owned()))
}

fn wrong(form: &FormState, names: &[&str]) -> bool {
    names.iter().any(|name| form.error(name).is_some())
}

fn api(form: &FormState) -> AnyView {
    view! {
        <h3>"What the API offers"</h3>
        <TextField
            name="app_id_uri"
            label="Application ID URI"
            value=form.value("app_id_uri")
            hint="The name by which applications ask for this API, for example https://clinic.example/records. Nothing needs to be there."
            error=form.error("app_id_uri")
            optional=true
            class="ltr"
        />
        {text_area(form, "scopes", "Scopes", "One on each line: the name, a space, and what it allows in plain words. For example: read See your appointments", true)}
    }
    .into_any()
}

fn people(form: &FormState) -> AnyView {
    let boxes = vec![
        tick(
            form,
            "third_party",
            "It belongs to another organisation",
            "Before their details first go to it, people are shown which ones, and asked.",
        ),
        tick(
            form,
            "handles_password_reset",
            "It handles forgotten passwords itself",
            "“Forgot your password?” goes back to the application (AADB2C90118), as in B2C. It must then start a password reset flow.",
        ),
    ];
    check_group("people", "For the people who sign in", "", None, boxes)
}

fn permissions(form: &FormState, apis: &[ApiChoice]) -> AnyView {
    let groups = apis
        .iter()
        .map(|api| {
            let boxes = api
                .scopes
                .iter()
                .map(|(scope, about)| {
                    let about = (!about.is_empty()).then(|| about.clone());
                    check(form, &format!("permit-{}-{scope}", api.id), scope.clone(), about)
                })
                .collect();
            check_group(&format!("api-{}", api.id), &api.name, "", None, boxes)
        })
        .collect_view();
    view! {
        <h3>"Web APIs that it may call"</h3>
        {groups}
    }
    .into_any()
}

fn address(form: &FormState, name: &str, label: &str, hint: &str) -> AnyView {
    view! {
        <TextField name=name.to_owned() label=label.to_owned() value=form.value(name) hint=hint.to_owned() error=form.error(name) optional=true class="ltr" />
    }
    .into_any()
}

fn sign_out(detail: &ApplicationDetail) -> AnyView {
    let form = &detail.form;
    let back = detail.settable.on_a_server.then(|| {
        address(
            form,
            "back_channel_logout",
            "Back-channel logout URL",
            "Called by the server, with a signed logout token. The safest way: it works without the browser.",
        )
    });
    let after = text_area(
        form,
        "post_logout_urls",
        "URLs after signing out",
        "Where people may be sent once they are signed out, one on each line. The reply URLs are allowed too; these are for this alone.",
        true,
    );
    let part1 = address(
        form,
        "front_channel_logout",
        "Front-channel logout URL",
        "Loaded in a hidden frame of the sign-out page. It must be on the same site as a reply URL.",
    );
    view! {
        <Disclosure summary="Signing out" open=wrong(form, &["post_logout_urls", "front_channel_logout", "back_channel_logout"])>
            {after}
            <p class="hint">"When a person signs out anywhere, these tell the application to end its own session too. They begin with https (http is for localhost only)."</p>
            {back}
            {part1}
        </Disclosure>
    }
    .into_any()
}

fn on_a_server(form: &FormState) -> AnyView {
    let part1 = text_area(
        form,
        "client_keys",
        "Public keys (JWK set)",
        "Instead of a secret, the application can sign with a private key (private_key_jwt). Paste its public keys as JSON here: RSA of 2048 bits or more, or EC P-256.",
        true,
    );
    let part2 = tick(
        form,
        "client_credentials",
        "It may ask for tokens in its own name",
        "Client credentials grant: no person is involved. For the web APIs chosen above only.",
    );
    view! {
        <Disclosure summary="How it proves itself, and working without a person" open=wrong(form, &["client_keys", "client_credentials"])>
            {part1}
            {part2}
        </Disclosure>
    }
    .into_any()
}

fn tokens(detail: &ApplicationDetail) -> AnyView {
    let (form, can) = (&detail.form, detail.settable);
    let options = [
        ("RS256", "RS256 (RSA): every client knows it"),
        ("ES256", "ES256 (P-256): smaller and faster"),
        ("EdDSA", "EdDSA (Ed25519): few clients know it yet"),
    ];
    let options = options.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    let signing = view! {
        <SelectField name="signing" label="Tokens are signed with" options=options value=form.value("signing") error=form.error("signing") />
    };
    let types = can.front_channel_tokens.then(|| {
        let types = vec![
            tick(form, "hybrid", "code id_token", "Hybrid: the code and an ID token together."),
            tick(form, "implicit_id_token", "id_token", "Implicit: an ID token alone, without a code."),
        ];
        view! {
            <Notice tone=Tone::Warning title="More response types: less safe, only for old B2C applications">
                <p>"An ID token from the sign-in page itself passes through the browser, its history and its extensions. Leave these off unless the application can’t be changed."</p>
            </Notice>
            {check_group("response_types", "Response types besides code", "", None, types)}
        }
    });
    let device = can.device.then(|| {
        tick(
            form,
            "device",
            "Sign-in on devices without a browser",
            "Device grant: people type a short code on their phone.",
        )
    });
    let demands = can.signs_in.then(|| {
        view! {
            {tick(form, "require_pushed_requests", "Sign-ins must be pushed first", "Pushed authorization requests: what is asked for never stands in the browser’s address. The application must know how (RFC 9126).")}
            {tick(form, "require_dpop", "Tokens are bound to a key", "DPoP: a stolen token is of no use. The application and its APIs must know how (RFC 9449).")}
            {tick(form, "require_dpop_nonce", "Proofs must carry a fresh value of ours", "DPoP nonces: a proof that was made in advance is refused. One more round trip when a value has aged (RFC 9449, 8).")}
        }
    });

    view! {
        <Disclosure summary="Tokens and protocol" open=wrong(form, &["signing"])>
            {signing}
            {demands}
            {device}
            {types}
        </Disclosure>
    }
    .into_any()
}
