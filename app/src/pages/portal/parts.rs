//! Parts that several pages of the portal share.

use leptos::prelude::*;

use crate::{
    api::portal::{Change, Done, FormState, Listing},
    components::{Button, ButtonKind, CheckboxField, FieldFrame, Notice, Pagination, TextField, Tone, field_id},
    islands::CopyButton,
};

/// Several lines of text.
pub(super) fn text_area(form: &FormState, name: &str, label: &str, hint: &str, optional: bool) -> AnyView {
    let (id, value, error) = (field_id(name), form.value(name), form.error(name));
    let invalid = error.is_some().then_some("true");
    let described = if error.is_some() { format!("{id}-error {id}-hint") } else { format!("{id}-hint") };
    let lines = value.lines().count().clamp(3, 12).to_string();
    let own = name.to_owned();
    view! {
        <FieldFrame name=name.to_owned() label=label.to_owned() hint=hint.to_owned() error=error optional=optional>
            <textarea
                class="input ltr textarea"
                id=id
                name=own
                rows=lines
                spellcheck="false"
                autocapitalize="none"
                aria-describedby=described
                aria-invalid=invalid
            >
                {value}
            </textarea>
        </FieldFrame>
    }
    .into_any()
}

/// A user flow's name. It is one long word: where it must be broken, it breaks behind `_` and `-`.
pub(super) fn flow_name(name: &str) -> AnyView {
    let parts = broken(name).into_iter().map(|part| view! { {part}<wbr /> }).collect_view();
    view! { <bdi>{parts}</bdi> }.into_any()
}

fn broken(name: &str) -> Vec<String> {
    name.split_inclusive(['_', '-']).map(str::to_owned).collect()
}

/// A text in fixed letters with a button that copies it (O8).
pub(super) fn copyable(text: &str, what: &str) -> AnyView {
    view! {
        <span class="copyable">
            <code class="fixed">{text.to_owned()}</code>
            <CopyButton text=text.to_owned() what=what.to_owned() />
        </span>
    }
    .into_any()
}

/// A group of checkboxes; the error summary links to the group by its `name`.
pub(super) fn check_group(name: &str, legend: &str, hint: &str, error: Option<String>, boxes: Vec<AnyView>) -> AnyView {
    let id = field_id(name);
    let class = if error.is_some() { "field field-wrong checks" } else { "field checks" };
    let described = match (error.is_some(), hint.is_empty()) {
        (false, true) => None,
        (false, false) => Some(format!("{id}-hint")),
        (true, true) => Some(format!("{id}-error")),
        (true, false) => Some(format!("{id}-error {id}-hint")),
    };
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let hint = (!hint.is_empty()).then(|| view! { <p class="hint" id=hint_id>{hint.to_owned()}</p> });
    let error = error.map(|error| {
        view! {
            <p class="field-error" id=error_id>
                <span class="visually-hidden">"Error: "</span>
                {error}
            </p>
        }
    });
    view! {
        <fieldset class=class id=id tabindex="-1" aria-describedby=described>
            <legend class="label">{legend.to_owned()}</legend>
            {hint}
            {error}
            {boxes}
        </fieldset>
    }
    .into_any()
}

/// A checkbox of a form.
pub(super) fn check(form: &FormState, name: &str, label: String, hint: Option<String>) -> AnyView {
    view! { <CheckboxField name=name.to_owned() label=label checked=form.ticked(name) hint=hint error=form.error(name) /> }
        .into_any()
}

/// "Saved", with what changed.
pub(super) fn done_notice(done: Done) -> AnyView {
    let Done { title, changes } = done;
    let list = (!changes.is_empty()).then(|| change_list(changes));
    view! { <Notice tone=Tone::Success title=title role="status">{list}</Notice> }.into_any()
}

fn change_list(changes: Vec<Change>) -> AnyView {
    let rows = changes
        .into_iter()
        .map(|change| {
            view! {
                <li>
                    <strong>{change.what}</strong>
                    ": "
                    <span class="visually-hidden">"before: "</span>
                    <del>{change.before}</del>
                    <span aria-hidden="true">" → "</span>
                    <span class="visually-hidden">", now: "</span>
                    <ins>{change.after}</ins>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="changes">{rows}</ul> }.into_any()
}

/// Says that somebody else changed the thing while the form was open (O9).
pub(super) fn conflict_notice(who: Option<String>) -> AnyView {
    who.map(|who| {
        view! {
            <Notice tone=Tone::Warning title="Somebody else changed this while you were editing" role="alert">
                <p>{format!("{who} Nothing of yours was saved. The page shows how it stands now: make your change again.")}</p>
            </Notice>
        }
    })
    .into_any()
}

/// The search above a list: a plain GET form.
pub(super) fn search_form(label: &str, query: &str) -> AnyView {
    view! {
        <form class="filters" method="get" role="search">
            <TextField name="q" label=label.to_owned() value=query.to_owned() kind="search" />
            <Button label="Search" kind=ButtonKind::Secondary />
        </form>
    }
    .into_any()
}

/// The way to the next page of a list, and back to its begin.
pub(super) fn pages<T>(path: &str, listing: &Listing<T>) -> AnyView {
    if listing.first && listing.next.is_none() {
        return ().into_any();
    }
    let next = listing.next.as_ref().map(|after| super::addresses::list(path, &listing.query, after));
    let begin = (!listing.first).then(|| {
        let href = super::addresses::list(path, &listing.query, "");
        view! { <p><a href=href>"Back to the first page"</a></p> }
    });
    view! {
        {begin}
        <Pagination previous=None next=next summary="Sorted by name" />
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_name_breaks_behind_its_joints_only() {
        assert_eq!(broken("B2C_1_sign-up"), ["B2C_", "1_", "sign-", "up"]);
        assert_eq!(broken("staff"), ["staff"]);
        assert_eq!(broken("B2C_1_sign-up").concat(), "B2C_1_sign-up");
    }
}
