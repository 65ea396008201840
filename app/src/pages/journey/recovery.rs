//! The step that asks for a recovery code (U19, U22).

use leptos::prelude::*;

use super::code::other_ways;
use super::parts::Step;
use crate::api::journey::OtherWay;
use crate::components::{Button, Disclosure, Plain as _, TextField};

pub(super) fn challenge(at: &Step<'_>, ways: &[OtherWay]) -> AnyView {
    let fields = view! {
        <TextField
            name="code"
            label="Recovery code"
            hint="24 letters and numbers. Small letters, spaces and dashes are fine."
            error=at.error("code")
            autocomplete="off"
        />
        <div class="actions">
            <Button label="Continue" />
        </div>
    }
    .plain();
    let lost = format!("No codes left, or lost them? Contact {}. They can help you sign in.", at.tenant());
    view! {
        <p class="lead">"Enter one of the recovery codes that you saved, or the code that your clinic gave you. Each code works once."</p>
        {at.form("submit-recovery-code", fields)}
        {other_ways(at, false, ways)}
        <Disclosure summary="Problems with the code?">
            <p>{lost}</p>
        </Disclosure>
    }
    .plain()
}
