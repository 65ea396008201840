//! What the pages of operators and of staff share: who has the role, who is invited, the form that invites, and the
//! question before the role is taken away.

use leptos::prelude::*;

use super::{domain, portal_page};
use crate::{
    api::portal::{FormState, Frame, HolderRow, InvitationRow},
    components::{Breadcrumbs, Button, ButtonKind, ButtonLink, Column, DataTable, Form, Notice, TextField, Tone},
};

/// Who has the role; `remove` is where it is taken away, if the viewer may.
pub(super) fn holders(caption: &'static str, rows: Vec<HolderRow>, remove: Option<&dyn Fn(&str) -> String>) -> AnyView {
    let mut columns = ["Name", "Email address", "Since"].map(Column::plain).to_vec();
    columns.extend(remove.map(|_| Column::plain("Remove")));
    let cells = |row: HolderRow| {
        let link = remove.map(|href| {
            let name = view! { <span class="visually-hidden">{format!(" {}", row.name)}</span> };
            view! { <a href=href(&row.id)>"Remove"{name}</a> }.into_any()
        });
        let mut cells =
            vec![row.name.clone().into_any(), view! { <bdi>{row.email}</bdi> }.into_any(), row.since.into_any()];
        cells.extend(link);
        cells
    };
    let rows = rows.into_iter().map(cells).collect();
    view! { <DataTable caption=caption columns=columns rows=rows /> }.into_any()
}

/// The open invitations, if there are any; `withdraw` is where one is ended, if the viewer may.
pub(super) fn invitations(
    invited: Vec<InvitationRow>,
    csrf: &str,
    withdraw: Option<&dyn Fn(&str) -> String>,
) -> Option<AnyView> {
    if invited.is_empty() {
        return None;
    }
    let mut columns = ["Email address", "Works until"].map(Column::plain).to_vec();
    columns.extend(withdraw.map(|_| Column::plain("Withdraw")));
    let cells = |row: InvitationRow| {
        let form = withdraw.map(|action| {
            let whose = format!(" the invitation to {}", row.email);
            view! {
                <Form action=action(&row.id) csrf=csrf.to_owned() class="inline-form">
                    <button type="submit" class="button-link">
                        "Withdraw"
                        <span class="visually-hidden">{whose}</span>
                    </button>
                </Form>
            }
            .into_any()
        });
        let mut cells = vec![view! { <bdi>{row.email.clone()}</bdi> }.into_any(), row.expires.into_any()];
        cells.extend(form);
        cells
    };
    let rows = invited.into_iter().map(cells).collect();
    let section = view! {
        <section class="panel">
            <h2>"Invited"</h2>
            <p class="muted">"They have not set up their account yet."</p>
            <DataTable caption="Open invitations" columns=columns rows=rows />
        </section>
    };
    Some(section.into_any())
}

/// The form that invites somebody, or why nobody can be invited.
pub(super) fn invite(
    (action, csrf): (String, String),
    (can_send, form): (bool, &FormState),
    (hint, label): (&'static str, &'static str),
) -> AnyView {
    if !can_send {
        return view! {
            <Notice tone=Tone::Warning title="Email can’t be sent yet">
                <p>"An invitation goes by email, and no mail server is configured. Set one up, start Lanyard again, then come back."</p>
            </Notice>
        }
        .into_any();
    }
    let (value, error) = (form.value("email"), form.error("email"));
    view! {
        <Form action=action csrf=csrf>
            <TextField
                name="email"
                label="Email address"
                value=value
                hint=hint
                error=error
                kind="email"
                inputmode="email"
                autocomplete="off"
                class="ltr"
            />
            <div class="actions"><Button label=label /></div>
        </Form>
    }
    .into_any()
}

/// What a page asks before a role is taken away.
pub(super) struct Question {
    /// The page's name, and where it is.
    pub(super) home: (&'static str, String),
    /// The heading.
    pub(super) heading: String,
    /// What happens.
    pub(super) effect: &'static str,
    /// Where the answer goes.
    pub(super) action: String,
    /// The button's label.
    pub(super) label: &'static str,
}

/// Asks before the role of `holder` is taken away (O9).
pub(super) fn question(frame: Frame, holder: HolderRow, asked: Question) -> AnyView {
    let csrf = frame.csrf.clone();
    let Question { home: (name, back), heading, effect, action, label } = asked;
    let content = view! {
        <Breadcrumbs items=vec![(name.into(), Some(back.clone())), (holder.name, None)] />
        <h1>{heading}</h1>
        <Notice tone=Tone::Warning title=holder.email>
            <p>{effect}</p>
        </Notice>
        <Form action=action csrf=csrf>
            <div class="actions">
                <Button label=label kind=ButtonKind::Danger />
                <ButtonLink href=back label="Cancel" kind=ButtonKind::Secondary />
            </div>
        </Form>
    };
    portal_page(frame, content.into_any())
}

/// The tenant's domain and name.
pub(super) fn tenant(frame: &Frame) -> (String, String) {
    let name = frame.tenant.as_ref().map(|tenant| tenant.name.clone()).unwrap_or_default();
    (domain(frame), name)
}
