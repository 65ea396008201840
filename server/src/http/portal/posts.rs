//! The pages of a tenant's staff and of its operators: who has the post, inviting somebody, taking the role away.
//!
//! Who manages a tenant changes its staff. Everybody who manages it sees its operators, and only an operator of the
//! whole instance changes them.

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use lanyard_app::{
    api::portal::{FormState, HolderRow, InvitationRow, PostPage, Section},
    pages::portal::{addresses, operators_page, revoke_operator_page, revoke_staff_page, staff_page},
};
use lanyard_domain::{account::Account, id::Id, invitation::Invitation, role::Role};

use super::{
    Asked, Place, forms,
    frame::{Answer, done, in_tenant, on_to},
    words,
};
use crate::{
    http::{console::ConsoleForm, error::HttpError},
    service::portal::{
        PortalError,
        posts::{self, Holder, Outcome, Post},
    },
    state::App,
};

/// A post as a type, so that one handler serves the addresses of both.
pub(super) trait At: Send + 'static {
    const POST: Post;
}

/// `…/staff`.
pub(super) enum Staff {}
/// `…/operators`.
pub(super) enum Operators {}

impl At for Staff {
    const POST: Post = Post::Staff;
}

impl At for Operators {
    const POST: Post = Post::Operator;
}

fn home(post: Post, place: &Place) -> String {
    match post {
        Post::Staff => addresses::staff(place.domain()),
        Post::Operator => addresses::operators(place.domain()),
    }
}

const fn section(post: Post) -> Section {
    match post {
        Post::Staff => Section::Staff,
        Post::Operator => Section::Operators,
    }
}

fn may_change(post: Post, place: &Place) -> bool {
    post == Post::Staff || place.who.roles.contains(&Role::InstanceOperator)
}

// Who may not is told that there is nothing here.
fn only_who_may_change(post: Post, place: &Place) -> Result<(), HttpError> {
    if may_change(post, place) { Ok(()) } else { Err(HttpError::NotFound) }
}

fn parsed<T>(id: &str) -> Result<Id<T>, HttpError> {
    id.parse().map_err(|_| HttpError::NotFound)
}

/// `GET …`.
pub(super) async fn show<P: At>(
    State(app): State<App>,
    place: Place,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    page(&app, &place, P::POST, FormState::default(), &asked.done).await
}

async fn page(app: &App, place: &Place, post: Post, form: FormState, said: &str) -> Result<Response, HttpError> {
    let mut frame = in_tenant(app, place, section(post)).await?;
    frame.done = match (said, post) {
        ("invited", _) => done("The invitation is on its way"),
        ("withdrawn", _) => done("The invitation is withdrawn. Its link works no more."),
        ("granted", Post::Staff) => done("This person has a staff account already, and belongs to the staff now"),
        ("granted", Post::Operator) => done("This person is an operator already, and manages this tenant now"),
        ("revoked", Post::Staff) => done("This person is removed from the staff and signed out."),
        ("revoked", Post::Operator) => done("The operator is removed. It acts at once."),
        _ => None,
    };
    let list = posts::list(app, place.tenant.id, post).await?;
    let page = PostPage {
        holders: list.holders.iter().map(row).collect(),
        invited: list.invited.iter().map(invitation).collect(),
        may_change: may_change(post, place),
        can_send: app.channels.email,
        form,
    };
    let (title, draw): (_, fn(_, _) -> _) = match post {
        Post::Staff => ("Clinic staff", staff_page),
        Post::Operator => ("Operators", operators_page),
    };
    let answer = Answer::of_form(title, &frame, page.form.failed());
    Ok(answer.draw(app, move || draw(frame.clone(), page.clone())).await)
}

fn row(holder: &Holder) -> HolderRow {
    HolderRow { since: words::day(holder.since), ..named(&holder.account) }
}

fn named(account: &Account) -> HolderRow {
    let email = account.email.as_str().to_owned();
    let name = account.full_name().unwrap_or_else(|| email.clone());
    HolderRow { id: account.id.to_string(), name, email, since: String::new() }
}

fn invitation(invitation: &Invitation) -> InvitationRow {
    InvitationRow {
        id: invitation.id.to_string(),
        email: invitation.email.as_ref().map_or_else(String::new, |email| email.as_str().to_owned()),
        expires: words::moment(invitation.expires_at),
    }
}

/// `POST …`.
pub(super) async fn invite<P: At>(State(app): State<App>, sent: ConsoleForm<Place>) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, fields } = sent;
    only_who_may_change(P::POST, &place)?;
    let typed = forms::typed(&fields, Vec::new());
    let again = |form| page(&app, &place, P::POST, form, "");
    if !app.channels.email {
        return again(typed.wrong("", "Email can’t be sent: no mail server is configured. Nobody was invited.")).await;
    }
    let email = match forms::invited_address(&fields) {
        Ok(email) => email,
        Err(problem) => return again(typed.wrong("email", problem)).await,
    };
    match posts::invite(&app, &place.tenant, (P::POST, email), place.by(client)).await {
        Ok(Outcome::Sent) => Ok(on_to(&home(P::POST, &place), "invited")),
        Ok(Outcome::Granted) => Ok(on_to(&home(P::POST, &place), "granted")),
        Err(PortalError::Taken) => {
            let taken = match P::POST {
                Post::Staff => "This person belongs to the staff already.",
                Post::Operator => "This person manages this tenant already.",
            };
            again(typed.wrong("email", taken)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET …/{id}/revoke`: asks first.
pub(super) async fn ask<P: At>(
    State(app): State<App>,
    place: Place,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    only_who_may_change(P::POST, &place)?;
    let account = posts::find(&app, place.tenant.id, (P::POST, parsed(&id)?)).await?;
    let frame = in_tenant(&app, &place, section(P::POST)).await?;
    let (title, draw): (_, fn(_, _) -> _) = match P::POST {
        Post::Staff => ("Remove from staff", revoke_staff_page),
        Post::Operator => ("Remove an operator", revoke_operator_page),
    };
    let answer = Answer::ok(title, &frame);
    Ok(answer.draw(&app, move || draw(frame.clone(), named(&account))).await)
}

/// `POST …/{id}/revoke`.
pub(super) async fn revoke<P: At>(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    only_who_may_change(P::POST, &place)?;
    posts::revoke(&app, place.tenant.id, (P::POST, parsed(&id)?), place.by(client)).await?;
    Ok(on_to(&home(P::POST, &place), "revoked"))
}

/// `POST …/{id}/withdraw`: `id` is the invitation's.
pub(super) async fn withdraw<P: At>(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    sent: ConsoleForm<Place>,
) -> Result<Response, HttpError> {
    let ConsoleForm { who: place, client, .. } = sent;
    only_who_may_change(P::POST, &place)?;
    posts::withdraw(&app, place.tenant.id, (P::POST, parsed(&id)?), place.by(client)).await?;
    Ok(on_to(&home(P::POST, &place), "withdrawn"))
}
