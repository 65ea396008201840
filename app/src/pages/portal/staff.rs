//! Clinic staff: who they are, inviting somebody, taking the role away.

use leptos::prelude::*;

use super::{
    addresses, domain,
    people::{Question, holders, invitations, question, tenant},
    portal_page,
};
use crate::{
    api::portal::{Frame, HolderRow, StaffPage},
    components::{Button, ErrorSummary, Form, Notice, TextField, Tone},
    paths,
};

/// `/portal/{tenant}/staff`.
#[must_use]
pub fn staff_page(frame: Frame, page: StaffPage) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let (remove, withdraw) = (
        |account: &str| addresses::staff_revocation(&domain, account),
        |invitation: &str| addresses::staff_withdrawal(&domain, invitation),
    );
    let invited = invitations(page.invited, &csrf, Some(&withdraw));
    let list = if page.staff.is_empty() {
        view! { <p class="muted">"Nobody works here yet: invite the first person below."</p> }.into_any()
    } else {
        holders("Clinic staff of this tenant", page.staff, Some(&remove))
    };
    let form = page.form;
    let problems = form.problems.clone();
    let body = if page.can_send {
        view! {
            <Form action=addresses::staff(&domain) csrf=csrf>
                <TextField
                    name="email"
                    label="Email address"
                    value=form.value("email")
                    hint="They get a link that works once. With it they choose a password and set up their second factor. Somebody who has a staff account here already gets the role at once, without a link."
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
        {list}
        {invited}
        <section class="panel">
            <h2>"Invite somebody"</h2>
            {body}
        </section>
    };
    portal_page(frame, content.into_any())
}

/// `/portal/{tenant}/staff/{account}/revoke`: asks before the role is taken away (O9).
#[must_use]
pub fn revoke_staff_page(frame: Frame, person: HolderRow) -> AnyView {
    let (domain, tenant) = tenant(&frame);
    let asked = Question {
        home: ("Clinic staff", addresses::staff(&domain)),
        heading: format!("Remove {} from the staff of {tenant}?", person.name),
        effect: "It acts at once: their next click finds no patients. Their account stays, for the log’s sake, and you can give them the role again.",
        action: addresses::staff_revocation(&domain, &person.id),
        label: "Remove from staff",
    };
    question(frame, person, asked)
}
