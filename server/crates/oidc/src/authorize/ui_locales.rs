//! `ui_locales`: the languages that the person reads, best first (OpenID Connect Core, 3.1.2.1).
//! A wish: what is no list of language tags (RFC 5646) is ignored.

use crate::params::Params;

const MAX_LEN: usize = 200;

pub(super) fn tags(params: &Params) -> Option<String> {
    let text = params.get("ui_locales").filter(|text| text.len() <= MAX_LEN)?;
    let is_tag =
        |word: &&str| word.len() <= 35 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let tags: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).take_while(is_tag).collect();
    (!tags.is_empty()).then(|| tags.join(" "))
}
