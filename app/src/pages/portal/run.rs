//! "Run user flow" (O4): choose where the tokens go, then look at them.

use leptos::prelude::*;

use super::{
    addresses, domain,
    parts::{copyable, flow_name},
    portal_page,
};
use crate::{
    api::portal::{DecodedToken, Frame, RunForm, RunResult},
    components::{
        Breadcrumbs, Button, ButtonKind, ButtonLink, Column, DataTable, Disclosure, EmptyState, ErrorSummary, Form,
        Notice, SelectField, Tone,
    },
};

/// `/portal/{tenant}/flows/{flow}/run`.
#[must_use]
pub fn run_page(frame: Frame, run: RunForm) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let back = addresses::flow(&domain, &run.key);
    let problems = run.form.problems.clone();
    let (here, cancel) = (back.clone(), back.clone());
    let body = if run.applications.is_empty() {
        view! { <EmptyState title="No application is linked to this user flow" text="A flow runs for an application. Link one that signs people in, then come back.">
            <ButtonLink href=here label="Link an application" />
        </EmptyState> }
        .into_any()
    } else {
        view! {
            <p class="lead">"You go through the flow as a patient would, with any test account. Your own sign-in to the portal is not touched."</p>
            <Form action=addresses::flow_run(&domain, &run.key) csrf=csrf>
                <SelectField name="application" label="Application" options=run.applications value=run.form.value("application") error=run.form.error("application") />
                <SelectField
                    name="reply_url"
                    label="Reply URL"
                    options=run.reply_urls
                    value=run.form.value("reply_url")
                    hint="Where the answer goes. The application itself must be running to take it."
                    error=run.form.error("reply_url")
                />
                <div class="actions">
                    <Button label="Run user flow" />
                    <ButtonLink href=cancel label="Cancel" kind=ButtonKind::Secondary />
                </div>
            </Form>
        }
        .into_any()
    };
    let content = view! {
        <Breadcrumbs items=vec![
            ("User flows".into(), Some(addresses::flows(&domain))),
            (run.name.clone(), Some(back)),
            ("Run".into(), None),
        ] />
        <ErrorSummary items=problems />
        <h1>"Run user flow "{flow_name(&run.name)}</h1>
        {body}
    };
    portal_page(frame, content.into_any())
}

/// Where a run ends: the tokens that the application would have received.
#[must_use]
pub fn run_result_page(frame: Frame, result: RunResult) -> AnyView {
    let domain = domain(&frame);
    let content = match result {
        RunResult::Gone => view! {
            <h1>"There is nothing to show"</h1>
            <Notice tone=Tone::Warning title="This result can be shown only once">
                <p>"It was shown already, is older than a minute, or belongs to somebody else. Run the user flow again."</p>
            </Notice>
            <p><ButtonLink href=addresses::flows(&domain) label="Go to the user flows" /></p>
        }
        .into_any(),
        RunResult::Tokens { key, flow, application, tokens } => {
            let tokens = tokens.into_iter().map(token).collect_view();
            view! {
                <Breadcrumbs items=vec![
                    ("User flows".into(), Some(addresses::flows(&domain))),
                    (flow.clone(), Some(addresses::flow(&domain, &key))),
                    ("Result".into(), None),
                ] />
                <div class="page-head">
                    <h1>"The tokens"</h1>
                    <div class="page-actions">
                        <ButtonLink href=addresses::flow_run(&domain, &key) label="Run again" kind=ButtonKind::Secondary />
                    </div>
                </div>
                <p class="lead">
                    "This is what " <strong>{application}</strong> " receives from " <bdi>{flow}</bdi> ". It is shown only this once."
                </p>
                {tokens}
            }
            .into_any()
        }
    };
    portal_page(frame, content)
}

fn token(token: DecodedToken) -> AnyView {
    let columns = ["What", "Name in the token", "Value"].map(Column::plain).to_vec();
    let rows = token
        .claims
        .into_iter()
        .map(|claim| {
            vec![
                claim.label.into_any(),
                view! { <code class="fixed">{claim.name}</code> }.into_any(),
                view! { <bdi class="claim-value">{claim.value}</bdi> }.into_any(),
            ]
        })
        .collect();
    let raw = token.raw;
    view! {
        <section class="panel" data-once="">
            <h2>{token.title.clone()}</h2>
            <DataTable caption=format!("Claims of the {}", token.title) columns=columns rows=rows />
            <Disclosure summary=format!("{}: header and raw text", token.title)>
                <p class="label">"Header"</p>
                <pre class="raw">{token.header}</pre>
                <p class="label">"Raw token"</p>
                <div class="raw-token">{copyable(&raw, "token")}</div>
            </Disclosure>
        </section>
    }
    .into_any()
}
