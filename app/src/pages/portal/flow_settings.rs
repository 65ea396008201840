//! The parts of a flow's form: second factor, the one table of attributes and claims (O2), tokens and
//! sessions.

use leptos::prelude::*;

use super::parts::{check, check_group, copyable};
use crate::{
    api::portal::{ClaimRow, FormState, MethodChoice},
    components::{Badge, DefinitionList, Disclosure, SelectField, TextField, Tone, field_id},
};

/// The allowed methods as checkboxes named `method-{m}`, strongest first.
fn methods(form: &FormState, methods: &[MethodChoice], hint: &str) -> AnyView {
    let boxes = methods
        .iter()
        .map(|method| {
            let name = format!("method-{}", method.value);
            let mut about = method.about.clone();
            if method.unavailable {
                about.push_str(" No provider is set up for it, so it is not offered yet.");
            }
            let mark = if method.less_secure { " (less secure)" } else { "" };
            check(form, &name, format!("{}{mark}", method.label), Some(about))
        })
        .collect();
    check_group("methods", "Methods that people may choose from", hint, form.error("methods"), boxes)
}

/// The allowed methods, and how good the second factor must be.
pub(super) fn second_factor(form: &FormState, choices: &[MethodChoice], hint: &str) -> AnyView {
    let minimums = [
        ("aal1", "No minimum: any of the methods above".to_owned()),
        ("aal2_legacy", "aal2-legacy: a text message or a phone call is enough".to_owned()),
        ("aal2_strict", "aal2-strict: a passkey or an authenticator app".to_owned()),
        ("phishing_resistant", "Safe from phishing: a passkey".to_owned()),
    ];
    let costs = "Who takes over a phone number gets its texts and calls. With a higher minimum, people who have only weaker methods set up a better one at their next sign-in.";
    view! {
        {methods(form, choices, hint)}
        {choice(form, "minimum", "Minimum assurance", costs, &minimums)}
    }
    .into_any()
}

/// For how long setting up can wait.
pub(super) fn grace(form: &FormState) -> AnyView {
    number(
        form,
        "grace_days",
        "Grace period, in days",
        "0 to 90, counted from when the second factor was switched on; 0: none. Until it ends, patients who had an account before and have no second factor may choose “Not now” and sign in with their password alone. Who has one is always asked for it, and new patients set one up at once.",
    )
}

/// When a conditional flow asks for a second factor; `countries_told` says whether the server gets to know countries.
pub(super) fn conditions(form: &FormState, hint: &str, countries_told: bool) -> AnyView {
    let browser = "Where the person has not signed in with a second factor before, within 90 days. Who deletes cookies is asked again.";
    let network =
        "The same for the network that the person signs in from, such as home or work. On a phone it changes often.";
    let country = if countries_told {
        "The same for the country. Goes with a new browser or a new network."
    } else {
        "This server is not told which country people are in (country_header is not configured): with this, it asks at every sign-in."
    };
    let boxes = vec![
        check(form, "when_new_browser", "In a new browser".to_owned(), Some(browser.to_owned())),
        check(form, "when_new_network", "From a new network".to_owned(), Some(network.to_owned())),
        check(form, "when_new_country", "From a new country".to_owned(), Some(country.to_owned())),
    ];
    let days = number(
        form,
        "when_days",
        "Days after the last second factor",
        "1 to 90. Leave it empty to ask for no such reason.",
    );
    view! {
        {check_group("conditions", "Ask for a second factor", hint, form.error("conditions"), boxes)}
        {days}
    }
    .into_any()
}

/// One table: what is collected, whether it must be given, what the application receives. On narrow
/// screens each row is a card with its boxes below the attribute's name.
pub(super) fn claims_table(form: &FormState, rows: &[ClaimRow], collects: bool) -> AnyView {
    let heads = if collects {
        vec!["Attribute", "Collect", "Required", "Return as a claim"]
    } else {
        vec!["Attribute", "Return as a claim"]
    };
    let heads = heads.into_iter().map(|head| view! { <th scope="col" role="columnheader">{head}</th> }).collect_view();
    let rows = rows.iter().map(|row| table_row(form, row, collects)).collect_view();
    let error = form.error("claims").map(|error| view! { <p class="field-error">{error}</p> });
    view! {
        <div class="field claims-table" id=field_id("claims")>
            {error}
            <div class="table-scroll">
                <table class="table" role="table">
                    <caption class="visually-hidden">"Attributes collected and claims returned"</caption>
                    <thead role="rowgroup">
                        <tr role="row">{heads}</tr>
                    </thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table>
            </div>
        </div>
    }
    .into_any()
}

fn table_row(form: &FormState, row: &ClaimRow, collects: bool) -> AnyView {
    let custom = row.custom.then(|| view! { <Badge text="Custom" tone=Tone::Info /> });
    let label = row.label.clone();
    let required = row.attribute.as_ref().map(|attribute| format!("required-{attribute}"));
    let error =
        required.as_deref().and_then(|name| form.error(name).map(|error| (format!("{}-error", field_id(name)), error)));
    let wrong = error.is_some();
    let error = error.map(|(id, error)| {
        view! { <p class="field-error" id=id><span class="visually-hidden">"Error: "</span>{error}</p> }
    });
    let asked = collects.then(|| match &row.attribute {
        Some(attribute) => view! {
            {cell(form, format!("collect-{attribute}"), ("Collect ", &label, ""), "Collect", false)}
            {cell(form, format!("required-{attribute}"), ("", &label, " is required"), "Required", wrong)}
        }
        .into_any(),
        None => view! { {nothing()}{nothing()} }.into_any(),
    });
    let returned = cell(form, format!("claim-{}", row.claim), ("Return ", &label, ""), "Return", false);
    view! {
        <tr role="row">
            <th scope="row" role="rowheader">
                <span class="claim-label">{label.clone()} " " {custom}</span>
                <span class="claim-name fixed">{row.claim.clone()}</span>
                {error}
            </th>
            {asked}
            {returned}
        </tr>
    }
    .into_any()
}

// Its name says the attribute too, and holds the short label that is seen on cards (WCAG 2.5.3).
fn cell(
    form: &FormState,
    name: String,
    (before, label, after): (&str, &str, &str),
    short: &str,
    wrong: bool,
) -> AnyView {
    let checked = form.ticked(&name);
    let id = field_id(&name);
    let described = wrong.then(|| format!("{id}-error"));
    view! {
        <td role="cell">
            <label class="cell-check">
                <input class="choice-input" type="checkbox" id=id aria-label=format!("{before}{label}{after}") name=name value="true" checked=checked aria-describedby=described aria-invalid=wrong.then_some("true") />
                <span class="cell-name">{short.to_owned()}</span>
            </label>
        </td>
    }
    .into_any()
}

fn nothing() -> AnyView {
    view! { <td role="cell" class="cell-none"><span class="muted"><span aria-hidden="true">"–"</span><span class="visually-hidden">"Not asked for"</span></span></td> }.into_any()
}

pub(super) fn number(form: &FormState, name: &str, label: &str, hint: &str) -> AnyView {
    view! {
        <TextField
            name=name.to_owned()
            label=label.to_owned()
            value=form.value(name)
            hint=hint.to_owned()
            error=form.error(name)
            inputmode="numeric"
            autocomplete="off"
            class="short ltr"
        />
    }
    .into_any()
}

fn choice(form: &FormState, name: &str, label: &str, hint: &str, options: &[(&str, String)]) -> AnyView {
    let options = options.iter().map(|(value, label)| ((*value).to_owned(), label.clone())).collect();
    view! {
        <SelectField name=name.to_owned() label=label.to_owned() options=options value=form.value(name) hint=hint.to_owned() error=form.error(name) />
    }
    .into_any()
}

/// How long tokens live and how they look; open where something in it is wrong.
pub(super) fn tokens(form: &FormState, issuers: &(String, String)) -> AnyView {
    let fields = ["token_minutes", "refresh_days", "refresh_window_days", "issuer", "flow_claim"];
    let open = fields.iter().any(|name| form.error(name).is_some());
    let forms = [
        ("flow", "Unique to this flow (recommended)".to_owned()),
        ("tenant", "The same for all flows, as B2C does by default".to_owned()),
    ];
    let claims = [
        ("tfp", "tfp, with the flow’s name as it is written".to_owned()),
        ("acr", "acr, in lower case, as old B2C policies do".to_owned()),
    ];
    let (own, shared) = issuers.clone();
    let part1 =
        number(form, "token_minutes", "Life of access and ID tokens, in minutes", "5 to 1440. B2C’s default is 60.");
    let part2 = number(
        form,
        "refresh_days",
        "Life of a refresh token, in days",
        "1 to 90. B2C’s default is 14. For single-page applications it is 24 hours.",
    );
    let part3 = number(
        form,
        "refresh_window_days",
        "Sign in again after, in days",
        "1 to 365, counted from the sign-in: until then refresh tokens can be renewed. Leave it empty for no end.",
    );
    let part4 = choice(
        form,
        "issuer",
        "Issuer",
        "Changing it breaks applications and APIs that have the old one written down.",
        &forms,
    );
    let part5 = choice(form, "flow_claim", "Claim that names the flow", "MSAL needs one of the two.", &claims);
    let part6 = check(form, "strict_errors", "Answer login_required instead of interaction_required".to_owned(), Some("As OpenID Connect says, where nobody is signed in and the application forbids a page (prompt=none). MSAL takes either.".to_owned()));
    view! {
        <Disclosure summary="Tokens" open=open>
            {part1}
            {part2}
            {part3}
            {part4}
            <DefinitionList items=vec![
                ("Unique to this flow".into(), copyable(&own, "issuer of this flow")),
                ("The same for all flows".into(), copyable(&shared, "issuer of all flows")),
            ] />
            {part5}
            {part6}
        </Disclosure>
    }
    .into_any()
}

/// Single sign-on; open where something in it is wrong.
pub(super) fn sessions(form: &FormState) -> AnyView {
    let open =
        ["session_minutes", "session_end", "session_scope", "keep_days"].iter().any(|name| form.error(name).is_some());
    let ends = [
        ("absolute", "So long after the sign-in, used or not".to_owned()),
        ("rolling", "So long after it was last used".to_owned()),
    ];
    let scopes = [
        ("tenant", "All applications and user flows of this tenant".to_owned()),
        ("application", "The same application".to_owned()),
        ("flow", "The same user flow".to_owned()),
        ("none", "None: everybody signs in every time".to_owned()),
    ];
    let part1 = number(
        form,
        "session_minutes",
        "Life of a session, in minutes",
        "15 to 1440. A session lets people go on without a password; a second factor counts for 24 hours at most.",
    );
    let part2 = choice(form, "session_end", "A session ends", "", &ends);
    let part3 = choice(form, "session_scope", "A session is good for", "", &scopes);
    let part4 = number(
        form,
        "keep_days",
        "Offer “Keep me signed in”, for days",
        "1 to 90. Leave it empty not to offer it. Not for shared computers.",
    );
    let part5 = check(
        form,
        "id_token_in_logout",
        "Signing out needs an ID token".to_owned(),
        Some(
            "Without a valid id_token_hint, people are asked on a page of ours first, and are not sent back."
                .to_owned(),
        ),
    );
    view! {
        <Disclosure summary="Staying signed in" open=open>
            {part1}
            {part2}
            {part3}
            {part4}
            {part5}
        </Disclosure>
    }
    .into_any()
}
