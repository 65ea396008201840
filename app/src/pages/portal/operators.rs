//! The operators of a tenant: who they are, inviting one, taking the role away.

use leptos::prelude::*;

use super::{
    addresses, domain,
    people::{Question, holders, invitations, invite, question, tenant},
    portal_page,
};
use crate::{
    api::portal::{Frame, HolderRow, PostPage},
    components::ErrorSummary,
};

/// `/portal/{tenant}/operators`.
#[must_use]
pub fn operators_page(frame: Frame, page: PostPage) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let problems = page.form.problems.clone();
    let (remove, withdraw) = (
        |account: &str| addresses::operator_revocation(&domain, account),
        |invitation: &str| addresses::operator_withdrawal(&domain, invitation),
    );
    let remove: &dyn Fn(&str) -> String = &remove;
    let withdraw: &dyn Fn(&str) -> String = &withdraw;
    let invited = invitations(page.invited.clone(), &csrf, page.may_change.then_some(withdraw));
    let invitation = invitation(&domain, &csrf, &page);
    let list = if page.holders.is_empty() {
        view! { <p class="muted">"Nobody manages this tenant alone yet: only the operators of the whole system do."</p> }
            .into_any()
    } else {
        holders("Operators of this tenant", page.holders, page.may_change.then_some(remove))
    };
    let content = view! {
        <ErrorSummary items=problems />
        <h1>"Operators"</h1>
        <p class="lead">"They manage this tenant’s applications and user flows, and invite its clinic staff. Operators of the whole system manage every tenant and are not listed here. An operator does not see patients."</p>
        {list}
        {invited}
        {invitation}
    };
    portal_page(frame, content.into_any())
}

fn invitation(domain: &str, csrf: &str, page: &PostPage) -> AnyView {
    let hint =
        "They get a link that works once. Somebody who is an operator already gets the role at once, without a link.";
    let body = if page.may_change {
        let to = (addresses::operators(domain), csrf.to_owned());
        invite(to, (page.can_send, &page.form), (hint, "Invite operator"))
    } else {
        view! { <p class="muted">"Only an operator of the whole system can invite operators or take the role away."</p> }
            .into_any()
    };
    view! {
        <section class="panel">
            <h2>"Invite an operator"</h2>
            {body}
        </section>
    }
    .into_any()
}

/// `/portal/{tenant}/operators/{account}/revoke`: asks before the role is taken away (O9).
#[must_use]
pub fn revoke_operator_page(frame: Frame, operator: HolderRow) -> AnyView {
    let (domain, tenant) = tenant(&frame);
    let asked = Question {
        home: ("Operators", addresses::operators(&domain)),
        heading: format!("Remove {} as an operator of {tenant}?", operator.name),
        effect: "It acts at once: their next click in this tenant finds nothing, and who manages no other tenant is signed out. Their account and other tenants stay as they are, and you can invite them again.",
        action: addresses::operator_revocation(&domain, &operator.id),
        label: "Remove operator",
    };
    question(frame, operator, asked)
}
