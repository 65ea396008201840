//! The operators of a tenant: who they are, inviting one, taking the role away.

use leptos::prelude::*;

use super::{addresses, domain, portal_page};
use crate::{
    api::portal::{Frame, InvitationRow, OperatorRow, OperatorsPage},
    components::{
        Breadcrumbs, Button, ButtonKind, ButtonLink, Column, DataTable, ErrorSummary, Form, Notice, TextField, Tone,
    },
};

/// `/portal/{tenant}/operators`.
#[must_use]
pub fn operators_page(frame: Frame, page: OperatorsPage) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let problems = page.form.problems.clone();
    let invited =
        (!page.invited.is_empty()).then(|| invitations(&domain, &csrf, page.may_change, page.invited.clone()));
    let invite = invite(&domain, &csrf, &page);
    let list = holders(&domain, page.may_change, page.operators);
    let content = view! {
        <ErrorSummary items=problems />
        <h1>"Operators"</h1>
        <p class="lead">"They manage this tenant’s applications and user flows, and invite its clinic staff. Operators of the whole system manage every tenant and are not listed here. An operator does not see patients."</p>
        {list}
        {invited}
        {invite}
    };
    portal_page(frame, content.into_any())
}

fn holders(domain: &str, may_change: bool, operators: Vec<OperatorRow>) -> AnyView {
    if operators.is_empty() {
        return view! { <p class="muted">"Nobody manages this tenant alone yet: only the operators of the whole system do."</p> }
            .into_any();
    }
    let mut columns = ["Name", "Email address", "Since"].map(Column::plain).to_vec();
    if may_change {
        columns.push(Column::plain("Remove"));
    }
    let rows = operators
        .into_iter()
        .map(|row| {
            let href = addresses::operator_revocation(domain, &row.id);
            let mut cells =
                vec![row.name.clone().into_any(), view! { <bdi>{row.email}</bdi> }.into_any(), row.since.into_any()];
            if may_change {
                cells.push(
                    view! { <a href=href>"Remove"<span class="visually-hidden">{format!(" {}", row.name)}</span></a> }
                        .into_any(),
                );
            }
            cells
        })
        .collect();
    view! { <DataTable caption="Operators of this tenant" columns=columns rows=rows /> }.into_any()
}

fn invitations(domain: &str, csrf: &str, may_change: bool, invited: Vec<InvitationRow>) -> AnyView {
    let mut columns = ["Email address", "Works until"].map(Column::plain).to_vec();
    if may_change {
        columns.push(Column::plain("Withdraw"));
    }
    let rows = invited
        .into_iter()
        .map(|row| {
            let mut cells = vec![view! { <bdi>{row.email.clone()}</bdi> }.into_any(), row.expires.into_any()];
            if may_change {
                let action = addresses::invitation_withdrawal(domain, &row.id);
                cells.push(
                    view! {
                        <Form action=action csrf=csrf.to_owned() class="inline-form">
                            <button type="submit" class="button-link">
                                "Withdraw"
                                <span class="visually-hidden">{format!(" the invitation to {}", row.email)}</span>
                            </button>
                        </Form>
                    }
                    .into_any(),
                );
            }
            cells
        })
        .collect();
    view! {
        <section class="panel">
            <h2>"Invited"</h2>
            <p class="muted">"They have not set up their account yet."</p>
            <DataTable caption="Open invitations" columns=columns rows=rows />
        </section>
    }
    .into_any()
}

fn invite(domain: &str, csrf: &str, page: &OperatorsPage) -> AnyView {
    let body = if !page.may_change {
        view! { <p class="muted">"Only an operator of the whole system can invite operators or take the role away."</p> }
            .into_any()
    } else if page.can_send {
        let (value, error) = (page.form.value("email"), page.form.error("email"));
        view! {
            <Form action=addresses::operators(domain) csrf=csrf.to_owned()>
                <TextField
                    name="email"
                    label="Email address"
                    value=value
                    hint="They get a link that works once. Somebody who is an operator already gets the role at once, without a link."
                    error=error
                    kind="email"
                    inputmode="email"
                    autocomplete="off"
                    class="ltr"
                />
                <div class="actions"><Button label="Invite operator" /></div>
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
pub fn revoke_operator_page(frame: Frame, operator: OperatorRow) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let tenant = frame.tenant.as_ref().map(|tenant| tenant.name.clone()).unwrap_or_default();
    let back = addresses::operators(&domain);
    let content = view! {
        <Breadcrumbs items=vec![("Operators".into(), Some(back.clone())), (operator.name.clone(), None)] />
        <h1>{format!("Remove {} as an operator of {tenant}?", operator.name)}</h1>
        <Notice tone=Tone::Warning title=operator.email.clone()>
            <p>"It acts at once: their next click in this tenant finds nothing. Their account and other tenants stay as they are, and you can invite them again."</p>
        </Notice>
        <Form action=addresses::operator_revocation(&domain, &operator.id) csrf=csrf>
            <div class="actions">
                <Button label="Remove operator" kind=ButtonKind::Danger />
                <ButtonLink href=back label="Cancel" kind=ButtonKind::Secondary />
            </div>
        </Form>
    };
    portal_page(frame, content.into_any())
}
