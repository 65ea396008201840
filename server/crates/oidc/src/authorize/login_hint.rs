//! `login_hint` prefills the email field, if it can stand there; else it is ignored
//! (OpenID Connect Core, 3.1.2.1: a hint). It proves nothing.

use lanyard_domain::{email, text};

use crate::params::Params;

pub(super) fn usable(params: &Params) -> Option<String> {
    text::clean(params.get("login_hint")?, email::MAX_LEN).ok()
}
