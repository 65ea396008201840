//! The demo inbox: what would have been sent.

use leptos::prelude::*;

use crate::{
    api::inbox::{InboxKind, InboxMessage},
    components::{Badge, ConsoleLayout, EmptyState, Notice, Tone},
};

/// The body of `/dev/inbox`.
pub fn inbox_page(messages: Vec<InboxMessage>) -> impl IntoView {
    let tenant = view! { <span>"Demonstration"</span> }.into_any();
    let list = if messages.is_empty() {
        view! {
            <EmptyState
                title="No messages yet"
                text="Codes and notices appear here as soon as somebody signs up or signs in. Load the page again to look for new ones."
            />
        }
        .into_any()
    } else {
        messages.into_iter().map(message).collect_view().into_any()
    };
    view! {
        <ConsoleLayout console="Demo inbox" home="/dev/inbox" tenant=tenant nav=Vec::new()>
            <h1>"Messages"</h1>
            <Notice tone=Tone::Warning title="Demonstration only">
                <p>"Nothing here was really sent. The inbox exists in demo mode, on this machine alone."</p>
            </Notice>
            {list}
        </ConsoleLayout>
    }
}

fn message(message: InboxMessage) -> AnyView {
    let (kind, tone) = match message.kind {
        InboxKind::Email => ("Email", Tone::Info),
        InboxKind::Text => ("Text message", Tone::Success),
        InboxKind::Call => ("Phone call", Tone::Warning),
    };
    let ago = match message.seconds_ago {
        0..60 => "just now".to_owned(),
        60..120 => "1 minute ago".to_owned(),
        seconds => format!("{} minutes ago", seconds / 60),
    };
    let subject = if message.subject.is_empty() { kind.to_owned() } else { message.subject };
    view! {
        <article class="inbox-message">
            <header class="inbox-head">
                <h2>{subject}</h2>
                <p class="muted">
                    <Badge text=kind tone=tone />
                    " to "
                    <bdi>{message.to}</bdi>
                    ", "
                    {ago}
                </p>
            </header>
            <pre class="inbox-body">{message.body}</pre>
        </article>
    }
    .into_any()
}
