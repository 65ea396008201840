//! What is set for a whole tenant: one page, a file a section. Each has a form of its own, and says there what was
//! saved.

mod cool_down;
mod minimums;
mod registration;
mod resets;
mod staff_passkeys;
mod texts;

use leptos::prelude::*;

use super::{addresses, domain, portal_page};
use crate::{
    api::portal::{Frame, SettingsPage, SettingsSection},
    components::{ErrorSummary, Notice, Tone},
};

/// `/portal/{tenant}/settings`.
#[must_use]
pub fn settings_page(frame: Frame, page: SettingsPage) -> AnyView {
    let (domain, csrf) = (domain(&frame), frame.csrf.clone());
    let forms =
        [&page.cool_down.form, &page.texts.form, &page.minimums.form, &page.passkeys.form, &page.registration.form];
    let problems = forms.into_iter().flat_map(|form| form.problems.clone()).collect::<Vec<_>>();
    let cool_down = cool_down::section(&domain, &csrf, &page.cool_down);
    let resets = resets::section(&domain, &csrf, page.second_approver);
    let texts = texts::section(&domain, &csrf, &page.texts);
    let minimums = minimums::section(&domain, &csrf, &page.minimums);
    let passkeys = staff_passkeys::section(&domain, &csrf, &page.passkeys);
    let registration = registration::section(&domain, &csrf, &page.registration);
    let panel = |section, title, body| panel(&page, section, title, body);
    let content = view! {
        <ErrorSummary items=problems />
        <div class="page-head"><h1>"Settings"</h1></div>
        <p class="lead">"These hold for the whole tenant. What is asked of patients when they sign in stands in each user flow."</p>
        <h2>"Sign-in and recovery"</h2>
        {panel(SettingsSection::CoolDown, "After a recovery code or a new password", cool_down)}
        {panel(SettingsSection::Resets, "Help with signing in", resets)}
        <h2>"Messages"</h2>
        {panel(SettingsSection::Texts, "Texts and calls", texts)}
        <h2>"Staff and operators"</h2>
        {panel(SettingsSection::Minimums, "Second factor of staff and operators", minimums)}
        {panel(SettingsSection::StaffPasskeys, "Passkeys of staff", passkeys)}
        <h2>"Registration of applications"</h2>
        {panel(SettingsSection::Registration, "Registration by programs", registration)}
    };
    portal_page(frame, content.into_any())
}

// A section, with what was just saved in it.
fn panel(page: &SettingsPage, section: SettingsSection, title: &'static str, body: AnyView) -> AnyView {
    let saved = page.saved.clone().filter(|(at, _)| *at == section);
    let saved = saved.map(|(_, text)| view! { <Notice tone=Tone::Success title=text role="status">""</Notice> });
    view! {
        <section class="panel" id=section.id()>
            <h3>{title}</h3>
            {saved}
            {body}
        </section>
    }
    .into_any()
}
