//! Inviting clinic staff.

use leptos::prelude::*;

use super::{addresses, domain, portal_page};
use crate::{
    api::portal::{Frame, StaffPage},
    components::{Button, ErrorSummary, Form, Notice, TextField, Tone},
    paths,
};

/// `/portal/{tenant}/staff`.
#[must_use]
pub fn staff_page(frame: Frame, page: StaffPage) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let form = page.form;
    let problems = form.problems.clone();
    let body = if page.can_send {
        view! {
            <Form action=addresses::staff(&domain) csrf=csrf>
                <TextField
                    name="email"
                    label="Email address"
                    value=form.value("email")
                    hint="They get a link that works once. With it they choose a password and set up their second factor."
                    error=form.error("email")
                    kind="email"
                    inputmode="email"
                    autocomplete="off"
                    class="ltr"
                />
                <div class="actions"><Button label="Send invitation" /></div>
            </Form>
        }
        .into_any()
    } else {
        view! {
            <Notice tone=Tone::Warning title="Email can’t be sent yet">
                <p>"An invitation goes by email, and no mail server is configured. Set one up, start Lanyard again, then come back."</p>
            </Notice>
        }
        .into_any()
    };
    let content = view! {
        <ErrorSummary items=problems />
        <h1>"Clinic staff"</h1>
        <p class="lead">
            "Clinic staff see this tenant’s patients at " <a href=paths::clinic(&domain)>{paths::clinic(&domain)}</a> ". They always sign in with a second factor; "
            <a href=addresses::flow(&domain, "staff")>"choose which methods"</a> " they may use."
        </p>
        <section class="panel">
            <h2>"Invite somebody"</h2>
            {body}
        </section>
    };
    portal_page(frame, content.into_any())
}
