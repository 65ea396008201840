//! Clinic staff: who they are, inviting somebody, taking the role away.

use leptos::prelude::*;

use super::{
    addresses, domain,
    people::{Question, holders, invitations, invite, question, tenant},
    portal_page,
};
use crate::{
    api::portal::{Frame, HolderRow, PostPage},
    components::ErrorSummary,
    paths,
};

/// `/portal/{tenant}/staff`.
#[must_use]
pub fn staff_page(frame: Frame, page: PostPage) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let (remove, withdraw) = (
        |account: &str| addresses::staff_revocation(&domain, account),
        |invitation: &str| addresses::staff_withdrawal(&domain, invitation),
    );
    let invited = invitations(page.invited, &csrf, Some(&withdraw));
    let list = if page.holders.is_empty() {
        view! { <p class="muted">"Nobody works here yet: invite the first person below."</p> }.into_any()
    } else {
        holders("Clinic staff of this tenant", page.holders, Some(&remove))
    };
    let problems = page.form.problems.clone();
    let hint = "They get a link that works once. With it they choose a password and set up their second factor. Somebody who has a staff account here already gets the role at once, without a link.";
    let to = (addresses::staff(&domain), csrf);
    let body = invite(to, (page.can_send, &page.form), (hint, "Send invitation"));
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
        effect: "It acts at once: they are signed out, and find no patients. Their account stays, for the log’s sake, and you can give them the role again.",
        action: addresses::staff_revocation(&domain, &person.id),
        label: "Remove from staff",
    };
    question(frame, person, asked)
}
