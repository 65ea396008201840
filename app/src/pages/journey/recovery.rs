//! The step that asks for a recovery code, and the one that shows new ones (U19, U20, U22).

use leptos::prelude::*;

use super::code::other_ways;
use super::parts::{Step, not_now};
use crate::api::journey::OtherWay;
use crate::components::{
    Button, CopyControl, Disclosure, Plain as _, TextField,
    codes::{code_list, download},
};

/// To who has just signed in. Both ways on are of one size.
pub(super) fn offer(at: &Step<'_>, codes: &[String], file: &str) -> AnyView {
    let all = codes.join("\n");
    let keep = view! {
        <div class="actions">
            <Button label="I have kept my codes" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">"If you lose your phone, one of these codes lets you in. Each works once."</p>
        <div class="codes" data-again="">
            {code_list(codes.to_vec())}
            <div class="save">
                <CopyControl text=all what="recovery codes" />
                {download(file.to_owned())}
            </div>
        </div>
        <p>
            "Save or print them, or write them down. Keep them where nobody else finds them, and not on the phone that you sign in with."
        </p>
        <p>"The codes work once you press “I have kept my codes”. After that we can’t show them again."</p>
        {at.form("keep-recovery-codes", keep)}
        {not_now(at)}
        <p class="muted">"You can make recovery codes later on your account page."</p>
    }
    .plain()
}

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
