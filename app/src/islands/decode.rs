//! Reads a [`JourneyView`] out of JSON.
//!
//! A derived decoder and a JSON parser are a quarter of a page's WASM. The browser has a parser of
//! its own: it is used, and its values are walked by hand. The walk is written over [`Json`], so
//! that the tests can hold it against the derived decoder.

use std::collections::BTreeMap;

use crate::api::journey::{
    AttributeField, AttributeFieldKind, CodeView, Delivery, JourneyView, Method, MethodChoice, OtherWay, OverReason,
    PasskeyPrompt, Problem, ProblemCode, StageView,
};

/// A value of JSON; each question is answered with `None` by a value of another kind.
pub(super) trait Json: Sized {
    /// An object's member of this name; `null` is like none.
    fn member(&self, name: &str) -> Option<Self>;
    /// The text.
    fn text(&self) -> Option<String>;
    /// The truth value.
    fn flag(&self) -> Option<bool>;
    /// The number, if it is a whole one within bounds.
    fn number(&self) -> Option<u32>;
    /// The items of a list.
    fn items(&self) -> Option<Vec<Self>>;
    /// The members of an object.
    fn members(&self) -> Option<Vec<(String, Self)>>;
}

#[cfg(feature = "hydrate")]
impl Json for wasm_bindgen::JsValue {
    fn member(&self, name: &str) -> Option<Self> {
        let member = js_sys::Reflect::get(self, &name.into()).ok()?;
        (!member.is_null() && !member.is_undefined()).then_some(member)
    }

    fn text(&self) -> Option<String> {
        self.as_string()
    }

    fn flag(&self) -> Option<bool> {
        self.as_bool()
    }

    fn number(&self) -> Option<u32> {
        // Out of bounds, the conversion gives the nearest bound: no longer the same number.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.as_f64().filter(|number| f64::from(*number as u32) == *number).map(|number| number as u32)
    }

    fn items(&self) -> Option<Vec<Self>> {
        js_sys::Array::is_array(self).then(|| js_sys::Array::from(self).to_vec())
    }

    fn members(&self) -> Option<Vec<(String, Self)>> {
        if !self.is_object() || js_sys::Array::is_array(self) {
            return None;
        }
        let object: &js_sys::Object = wasm_bindgen::JsCast::unchecked_ref(self);
        let pairs = js_sys::Object::entries(object).to_vec();
        pairs
            .into_iter()
            .map(|pair| js_sys::Array::from(&pair))
            .map(|pair| Some((pair.get(0).text()?, pair.get(1))))
            .collect()
    }
}

/// The view that the server wrote; `None` for anything else.
#[cfg(feature = "hydrate")]
pub(super) fn read(json: &str) -> Option<JourneyView> {
    journey(&js_sys::JSON::parse(json).ok()?)
}

fn text(of: &impl Json, name: &str) -> Option<String> {
    of.member(name)?.text()
}

/// A text that may be absent.
fn maybe(of: &impl Json, name: &str) -> Option<String> {
    of.member(name).and_then(|value| value.text())
}

fn flag(of: &impl Json, name: &str) -> Option<bool> {
    of.member(name)?.flag()
}

fn number(of: &impl Json, name: &str) -> Option<u32> {
    of.member(name)?.number()
}

fn size(of: &impl Json, name: &str) -> Option<usize> {
    number(of, name).and_then(|number| usize::try_from(number).ok())
}

fn list<J: Json, T>(of: &J, name: &str, item: fn(&J) -> Option<T>) -> Option<Vec<T>> {
    of.member(name)?.items()?.iter().map(item).collect()
}

/// Name and content of an enum's variant: `"name"`, which is its own content, or `{"name": content}`.
fn variant<J: Json>(value: J) -> Option<(String, J)> {
    match value.text() {
        Some(name) => Some((name, value)),
        None => value.members().filter(|members| members.len() == 1)?.pop(),
    }
}

fn journey(value: &impl Json) -> Option<JourneyView> {
    // One by one: `collect` would bring a sorting algorithm into the WASM.
    let mut values = BTreeMap::new();
    for (name, value) in value.member("values")?.members()? {
        values.insert(name, value.text()?);
    }
    Some(JourneyView {
        id: text(value, "id")?,
        csrf: text(value, "csrf")?,
        tenant: text(value, "tenant")?,
        application: maybe(value, "application"),
        stage: stage(value.member("stage")?)?,
        postpone_until: maybe(value, "postpone_until"),
        longer_password: number(value, "longer_password"),
        problems: list(value, "problems", problem)?,
        values,
        demo: flag(value, "demo")?,
    })
}

fn stage(value: impl Json) -> Option<StageView> {
    let (name, of) = variant(value)?;
    let of = &of;
    Some(match name.as_str() {
        "sign_in" => StageView::SignIn {
            can_sign_up: flag(of, "can_sign_up")?,
            can_cancel: flag(of, "can_cancel")?,
            keep_days: number(of, "keep_days"),
            passkey: maybe_prompt(of)?,
        },
        "sign_up_email" => StageView::SignUpEmail,
        "sign_up_code" => StageView::SignUpCode(code(of)?),
        "details" => StageView::Details {
            email: maybe(of, "email"),
            ask_email: flag(of, "ask_email")?,
            min_length: size(of, "min_length")?,
            attributes: list(of, "attributes", attribute)?,
        },
        "reset_email" => StageView::ResetEmail { can_sign_in: flag(of, "can_sign_in")? },
        "reset_code" => StageView::ResetCode(code(of)?),
        "new_password" => StageView::NewPassword { email: text(of, "email")?, min_length: size(of, "min_length")? },
        "confirm_email" => StageView::ConfirmEmail(code(of)?),
        "choose_method" => StageView::ChooseMethod { methods: list(of, "methods", choice)? },
        "enrol_phone" => StageView::EnrolPhone {
            method: method(&of.member("method")?)?,
            methods: list(of, "methods", method)?,
            country: text(of, "country")?,
            countries: list(of, "countries", pair)?,
            can_go_back: flag(of, "can_go_back")?,
        },
        "enrol_phone_code" => {
            StageView::EnrolPhoneCode { method: method(&of.member("method")?)?, code: code(&of.member("code")?)? }
        }
        "enrol_app" => StageView::EnrolApp {
            qr_svg: text(of, "qr_svg")?,
            uri: text(of, "uri")?,
            secret: text(of, "secret")?,
            can_go_back: flag(of, "can_go_back")?,
        },
        "enrol_passkey" => {
            StageView::EnrolPasskey { passkey: prompt(&of.member("passkey")?)?, can_go_back: flag(of, "can_go_back")? }
        }
        "offer_passkey" => StageView::OfferPasskey { passkey: maybe_prompt(of)? },
        "offer_recovery_codes" => {
            StageView::OfferRecoveryCodes { codes: list(of, "codes", Json::text)?, file: text(of, "file")? }
        }
        "challenge" => StageView::Challenge {
            method: method(&of.member("method")?)?,
            code: match of.member("code") {
                None => None,
                Some(sent) => Some(code(&sent)?),
            },
            factor_name: text(of, "factor_name")?,
            passkey: maybe_prompt(of)?,
            other_ways: list(of, "other_ways", other_way)?,
            remember_days: number(of, "remember_days"),
        },
        "edit_profile" => StageView::EditProfile { attributes: list(of, "attributes", attribute)? },
        "consent" => StageView::Consent {
            email: text(of, "email")?,
            details: list(of, "details", Json::text)?,
            rights: list(of, "rights", Json::text)?,
            host: maybe(of, "host"),
        },
        "done" => StageView::Done { location: text(of, "location")? },
        "over" => {
            StageView::Over { reason: over_reason(&of.member("reason")?)?, start_again: maybe(of, "start_again") }
        }
        _ => return None,
    })
}

fn over_reason(value: &impl Json) -> Option<OverReason> {
    Some(match value.text()?.as_str() {
        "expired" => OverReason::Expired,
        "used" => OverReason::Used,
        "other_browser" => OverReason::OtherBrowser,
        "account_unavailable" => OverReason::AccountUnavailable,
        "address_taken" => OverReason::AddressTaken,
        "cancelled" => OverReason::Cancelled,
        _ => return None,
    })
}

fn method(value: &impl Json) -> Option<Method> {
    let name = value.text()?;
    [Method::Passkey, Method::AuthenticatorApp, Method::TextMessage, Method::PhoneCall, Method::RecoveryCode]
        .into_iter()
        .find(|method| method.as_str() == name)
}

fn choice(value: &impl Json) -> Option<MethodChoice> {
    Some(MethodChoice { method: method(&value.member("method")?)?, restricted: flag(value, "restricted")? })
}

fn other_way(value: &impl Json) -> Option<OtherWay> {
    Some(OtherWay { method: method(&value.member("method")?)?, hint: text(value, "hint")? })
}

fn code(value: &impl Json) -> Option<CodeView> {
    Some(CodeView {
        sent_to: text(value, "sent_to")?,
        lives_minutes: number(value, "lives_minutes")?,
        resend_in_seconds: number(value, "resend_in_seconds")?,
        locked_for_seconds: number(value, "locked_for_seconds")?,
        delivery: match text(value, "delivery")?.as_str() {
            "on_its_way" => Delivery::OnItsWay,
            "delayed" => Delivery::Delayed,
            "failed" => Delivery::Failed,
            _ => return None,
        },
    })
}

fn prompt(value: &impl Json) -> Option<PasskeyPrompt> {
    Some(PasskeyPrompt { options: text(value, "options")?, lives_seconds: number(value, "lives_seconds")? })
}

// `None` is of another form; `Some(None)` is no prompt.
#[allow(clippy::option_option)]
fn maybe_prompt(of: &impl Json) -> Option<Option<PasskeyPrompt>> {
    match of.member("passkey") {
        None => Some(None),
        Some(found) => prompt(&found).map(Some),
    }
}

fn attribute(value: &impl Json) -> Option<AttributeField> {
    let (name, of) = variant(value.member("kind")?)?;
    let kind = match name.as_str() {
        "text" => AttributeFieldKind::Text,
        "checkbox" => AttributeFieldKind::Checkbox,
        "integer" => AttributeFieldKind::Integer,
        "select" => AttributeFieldKind::Select { options: list(&of, "options", pair)? },
        _ => return None,
    };
    Some(AttributeField {
        name: text(value, "name")?,
        label: text(value, "label")?,
        kind,
        required: flag(value, "required")?,
        value: text(value, "value")?,
    })
}

fn pair(value: &impl Json) -> Option<(String, String)> {
    let items = value.items()?;
    let [first, second] = items.as_slice() else { return None };
    Some((first.text()?, second.text()?))
}

fn problem(value: &impl Json) -> Option<Problem> {
    Some(Problem { field: text(value, "field")?, code: problem_code(value.member("code")?)? })
}

fn problem_code(value: impl Json) -> Option<ProblemCode> {
    let (name, of) = variant(value)?;
    let of = &of;
    let seconds = || number(of, "seconds");
    let label = || text(of, "label");
    Some(match name.as_str() {
        "email_missing" => ProblemCode::EmailMissing,
        "email_invalid" => ProblemCode::EmailInvalid,
        "password_missing" => ProblemCode::PasswordMissing,
        "password_too_short" => ProblemCode::PasswordTooShort { min: size(of, "min")? },
        "password_too_long" => ProblemCode::PasswordTooLong,
        "password_common" => ProblemCode::PasswordCommon,
        "password_pattern" => ProblemCode::PasswordPattern,
        "password_context" => ProblemCode::PasswordContext,
        "code_missing" => ProblemCode::CodeMissing,
        "code_length" => ProblemCode::CodeLength,
        "code_wrong" => ProblemCode::CodeWrong { tries_left: number(of, "tries_left")? },
        "code_expired" => ProblemCode::CodeExpired,
        "code_used" => ProblemCode::CodeUsed,
        "code_locked" => ProblemCode::CodeLocked { seconds: seconds()? },
        "factor_locked" => ProblemCode::FactorLocked { seconds: seconds()? },
        "resend_too_soon" => ProblemCode::ResendTooSoon { seconds: seconds()? },
        "too_many_sends" => ProblemCode::TooManySends { seconds: seconds()? },
        "wrong_credentials" => ProblemCode::WrongCredentials,
        "sign_in_locked" => ProblemCode::SignInLocked { seconds: seconds()? },
        "network_locked" => ProblemCode::NetworkLocked { seconds: seconds()? },
        "phone_missing" => ProblemCode::PhoneMissing,
        "phone_invalid" => ProblemCode::PhoneInvalid,
        "phone_premium_rate" => ProblemCode::PhonePremiumRate,
        "phone_unserved" => ProblemCode::PhoneUnserved,
        "method_missing" => ProblemCode::MethodMissing,
        "method_unavailable" => ProblemCode::MethodUnavailable,
        "attribute_missing" => ProblemCode::AttributeMissing { label: label()? },
        "attribute_too_long" => ProblemCode::AttributeTooLong { label: label()? },
        "attribute_characters" => ProblemCode::AttributeCharacters { label: label()? },
        "attribute_not_integer" => ProblemCode::AttributeNotInteger { label: label()? },
        "attribute_not_an_option" => ProblemCode::AttributeNotAnOption { label: label()? },
        "out_of_step" => ProblemCode::OutOfStep,
        "busy" => ProblemCode::Busy,
        "email_unavailable" => ProblemCode::EmailUnavailable,
        "password_changed_meanwhile" => ProblemCode::PasswordChangedMeanwhile,
        "passkey_wrong" => ProblemCode::PasskeyWrong,
        "passkey_make" => ProblemCode::PasskeyMake,
        "passkey_expired" => ProblemCode::PasskeyExpired,
        "passkey_copied" => ProblemCode::PasskeyCopied,
        "recovery_code_form" => ProblemCode::RecoveryCodeForm,
        "recovery_code_used" => ProblemCode::RecoveryCodeUsed,
        "factor_disabled" => ProblemCode::FactorDisabled,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::pages::journey::words::tests::every_code;

    impl Json for Value {
        fn member(&self, name: &str) -> Option<Self> {
            self.get(name).filter(|member| !member.is_null()).cloned()
        }

        fn text(&self) -> Option<String> {
            self.as_str().map(str::to_owned)
        }

        fn flag(&self) -> Option<bool> {
            self.as_bool()
        }

        fn number(&self) -> Option<u32> {
            self.as_u64().and_then(|number| u32::try_from(number).ok())
        }

        fn items(&self) -> Option<Vec<Self>> {
            self.as_array().cloned()
        }

        fn members(&self) -> Option<Vec<(String, Self)>> {
            Some(self.as_object()?.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
        }
    }

    fn sent() -> CodeView {
        CodeView {
            sent_to: "m@example.com".into(),
            lives_minutes: 10,
            resend_in_seconds: 27,
            locked_for_seconds: 3,
            delivery: Delivery::Delayed,
        }
    }

    fn attributes() -> Vec<AttributeField> {
        let options = vec![("DE".to_owned(), "Germany".to_owned())];
        [
            AttributeFieldKind::Text,
            AttributeFieldKind::Checkbox,
            AttributeFieldKind::Integer,
            AttributeFieldKind::Select { options },
        ]
        .map(|kind| AttributeField { name: "a".into(), label: "A".into(), kind, required: true, value: "1".into() })
        .into()
    }

    fn every_stage() -> Vec<StageView> {
        let method = Method::PhoneCall;
        let countries = vec![("DE".to_owned(), "Germany".to_owned())];
        let other_ways = vec![
            OtherWay { method: Method::AuthenticatorApp, hint: "My phone".into() },
            OtherWay { method: Method::RecoveryCode, hint: String::new() },
        ];
        let prompt = PasskeyPrompt { options: "{}".into(), lives_seconds: 600 };
        let mut stages = vec![
            StageView::SignIn { can_sign_up: true, can_cancel: false, keep_days: None, passkey: None },
            StageView::SignIn {
                can_sign_up: false,
                can_cancel: true,
                keep_days: Some(14),
                passkey: Some(prompt.clone()),
            },
            StageView::EnrolPasskey { passkey: prompt.clone(), can_go_back: true },
            StageView::OfferPasskey { passkey: Some(prompt.clone()) },
            StageView::OfferPasskey { passkey: None },
            StageView::OfferRecoveryCodes {
                codes: vec!["7K3M-0000".into(), "7K3M-0001".into()],
                file: "data:,7K3M".into(),
            },
            StageView::Challenge {
                method: Method::Passkey,
                code: None,
                factor_name: String::new(),
                passkey: Some(prompt),
                other_ways: vec![],
                remember_days: None,
            },
            StageView::Challenge {
                method: Method::RecoveryCode,
                code: None,
                factor_name: String::new(),
                passkey: None,
                other_ways: vec![],
                remember_days: None,
            },
            StageView::SignUpEmail,
            StageView::SignUpCode(sent()),
            StageView::Details { email: None, ask_email: true, min_length: 15, attributes: attributes() },
            StageView::ResetEmail { can_sign_in: true },
            StageView::ResetCode(CodeView { delivery: Delivery::Failed, ..sent() }),
            StageView::NewPassword { email: "m@example.com".into(), min_length: 15 },
            StageView::ConfirmEmail(CodeView { delivery: Delivery::OnItsWay, ..sent() }),
            StageView::ChooseMethod { methods: vec![MethodChoice { method: Method::TextMessage, restricted: true }] },
            StageView::EnrolPhone {
                method,
                methods: vec![Method::TextMessage, method],
                country: "DE".into(),
                countries,
                can_go_back: true,
            },
            StageView::EnrolPhoneCode { method, code: sent() },
            StageView::EnrolApp { qr_svg: "<svg/>".into(), uri: "u".into(), secret: "s".into(), can_go_back: false },
            StageView::Challenge {
                method,
                code: Some(sent()),
                factor_name: "f".into(),
                passkey: None,
                other_ways,
                remember_days: Some(30),
            },
            StageView::Challenge {
                method,
                code: None,
                factor_name: String::new(),
                passkey: None,
                other_ways: vec![],
                remember_days: None,
            },
            StageView::EditProfile { attributes: attributes() },
            StageView::Consent {
                email: "m@example.com".into(),
                details: vec!["Given name".into()],
                rights: vec![],
                host: Some("app.example".into()),
            },
            StageView::Done { location: "/next".into() },
        ];
        let reasons = [
            OverReason::Expired,
            OverReason::Used,
            OverReason::OtherBrowser,
            OverReason::AccountUnavailable,
            OverReason::AddressTaken,
            OverReason::Cancelled,
        ];
        stages.extend(reasons.map(|reason| StageView::Over { reason, start_again: Some("/".into()) }));
        stages
    }

    fn view(stage: StageView) -> JourneyView {
        JourneyView {
            id: "id".into(),
            csrf: "csrf".into(),
            tenant: "Harbour Clinic".into(),
            application: Some("Portal".into()),
            stage,
            postpone_until: Some("3 July 2026".into()),
            longer_password: Some(15),
            problems: every_code().into_iter().map(|code| Problem { field: "f".into(), code }).collect(),
            values: BTreeMap::from([("email".to_owned(), "m@example.com".to_owned())]),
            demo: true,
        }
    }

    fn decoded(json: &str) -> Option<JourneyView> {
        journey(&serde_json::from_str::<Value>(json).expect("JSON"))
    }

    #[test]
    fn what_the_server_writes_is_what_the_browser_reads() {
        for stage in every_stage() {
            let sent = view(stage);
            let json = serde_json::to_string(&sent).expect("written");
            assert_eq!(decoded(&json).unwrap_or_else(|| panic!("{json}")), sent);
            assert_eq!(serde_json::from_str::<JourneyView>(&json).expect("read"), sent);
        }
    }

    #[test]
    fn an_unknown_stage_is_refused() {
        let json = serde_json::to_string(&view(StageView::SignUpEmail)).expect("written");
        assert_eq!(decoded(&json.replace("sign_up_email", "no_such_stage")), None);
    }
}
