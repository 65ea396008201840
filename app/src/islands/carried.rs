//! A [`JourneyView`] as an island's property, and its small decoder.
//!
//! The derived decoder of the view's many small types is a fifth of a page's WASM. In the browser
//! the view is therefore read by hand out of a `serde_json::Value`; the tests hold the two decoders
//! against each other.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::api::journey::{
    AttributeField, AttributeFieldKind, CodeView, Delivery, JourneyView, Method, MethodChoice, OtherWay, OverReason,
    Problem, ProblemCode, StageView,
};

/// A view on its way between server and browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried(pub JourneyView);

impl Serialize for Carried {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Only the server writes it.
        #[cfg(feature = "ssr")]
        return self.0.serialize(serializer);
        #[cfg(not(feature = "ssr"))]
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Carried {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        journey(&value).map(Self).ok_or_else(|| serde::de::Error::custom("not a journey's view"))
    }
}

fn text(of: &Value, name: &str) -> Option<String> {
    of.get(name)?.as_str().map(str::to_owned)
}

/// A text that may be absent.
fn maybe(of: &Value, name: &str) -> Option<String> {
    of.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn flag(of: &Value, name: &str) -> Option<bool> {
    of.get(name)?.as_bool()
}

fn number(of: &Value, name: &str) -> Option<u32> {
    of.get(name)?.as_u64().and_then(|number| u32::try_from(number).ok())
}

fn size(of: &Value, name: &str) -> Option<usize> {
    number(of, name).and_then(|number| usize::try_from(number).ok())
}

fn list<T>(of: &Value, name: &str, item: fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    of.get(name)?.as_array()?.iter().map(item).collect()
}

/// Name and content of an enum's variant: `"name"` or `{"name": content}`.
fn variant(value: &Value) -> Option<(&str, &Value)> {
    static NOTHING: Value = Value::Null;
    match value {
        Value::String(name) => Some((name, &NOTHING)),
        Value::Object(map) if map.len() == 1 => map.iter().next().map(|(name, content)| (name.as_str(), content)),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn journey(value: &Value) -> Option<JourneyView> {
    let values = value.get("values")?.as_object().map(texts)?;
    Some(JourneyView {
        id: text(value, "id")?,
        csrf: text(value, "csrf")?,
        tenant: text(value, "tenant")?,
        application: maybe(value, "application"),
        stage: stage(value.get("stage")?)?,
        problems: list(value, "problems", problem)?,
        values,
        demo: flag(value, "demo")?,
    })
}

fn texts(map: &Map<String, Value>) -> BTreeMap<String, String> {
    map.iter().filter_map(|(name, value)| value.as_str().map(|value| (name.clone(), value.to_owned()))).collect()
}

fn stage(value: &Value) -> Option<StageView> {
    let (name, of) = variant(value)?;
    Some(match name {
        "sign_in" => StageView::SignIn { can_sign_up: flag(of, "can_sign_up")?, can_cancel: flag(of, "can_cancel")? },
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
            method: method(of.get("method")?)?,
            methods: list(of, "methods", method)?,
            country: text(of, "country")?,
            countries: list(of, "countries", pair)?,
            can_go_back: flag(of, "can_go_back")?,
        },
        "enrol_phone_code" => {
            StageView::EnrolPhoneCode { method: method(of.get("method")?)?, code: code(of.get("code")?)? }
        }
        "enrol_app" => StageView::EnrolApp {
            qr_svg: text(of, "qr_svg")?,
            uri: text(of, "uri")?,
            secret: text(of, "secret")?,
            can_go_back: flag(of, "can_go_back")?,
        },
        "challenge" => StageView::Challenge {
            method: method(of.get("method")?)?,
            code: match of.get("code") {
                None | Some(Value::Null) => None,
                Some(sent) => Some(code(sent)?),
            },
            factor_name: text(of, "factor_name")?,
            other_ways: list(of, "other_ways", other_way)?,
        },
        "edit_profile" => StageView::EditProfile { attributes: list(of, "attributes", attribute)? },
        "done" => StageView::Done { location: text(of, "location")? },
        "over" => StageView::Over { reason: over_reason(of.get("reason")?)?, start_again: maybe(of, "start_again") },
        _ => return None,
    })
}

fn over_reason(value: &Value) -> Option<OverReason> {
    Some(match value.as_str()? {
        "expired" => OverReason::Expired,
        "used" => OverReason::Used,
        "other_browser" => OverReason::OtherBrowser,
        "account_unavailable" => OverReason::AccountUnavailable,
        "address_taken" => OverReason::AddressTaken,
        "cancelled" => OverReason::Cancelled,
        _ => return None,
    })
}

fn method(value: &Value) -> Option<Method> {
    let name = value.as_str()?;
    [Method::AuthenticatorApp, Method::TextMessage, Method::PhoneCall]
        .into_iter()
        .find(|method| method.as_str() == name)
}

fn choice(value: &Value) -> Option<MethodChoice> {
    Some(MethodChoice { method: method(value.get("method")?)?, restricted: flag(value, "restricted")? })
}

fn other_way(value: &Value) -> Option<OtherWay> {
    Some(OtherWay { method: method(value.get("method")?)?, hint: text(value, "hint")? })
}

fn code(value: &Value) -> Option<CodeView> {
    Some(CodeView {
        sent_to: text(value, "sent_to")?,
        lives_minutes: number(value, "lives_minutes")?,
        resend_in_seconds: number(value, "resend_in_seconds")?,
        locked_for_seconds: number(value, "locked_for_seconds")?,
        delivery: match value.get("delivery")?.as_str()? {
            "on_its_way" => Delivery::OnItsWay,
            "delayed" => Delivery::Delayed,
            "failed" => Delivery::Failed,
            _ => return None,
        },
    })
}

fn attribute(value: &Value) -> Option<AttributeField> {
    let (name, of) = variant(value.get("kind")?)?;
    let kind = match name {
        "text" => AttributeFieldKind::Text,
        "checkbox" => AttributeFieldKind::Checkbox,
        "integer" => AttributeFieldKind::Integer,
        "select" => AttributeFieldKind::Select { options: list(of, "options", pair)? },
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

fn pair(value: &Value) -> Option<(String, String)> {
    match value.as_array()?.as_slice() {
        [Value::String(first), Value::String(second)] => Some((first.clone(), second.clone())),
        _ => None,
    }
}

fn problem(value: &Value) -> Option<Problem> {
    Some(Problem { field: text(value, "field")?, code: problem_code(value.get("code")?)? })
}

fn problem_code(value: &Value) -> Option<ProblemCode> {
    let (name, of) = variant(value)?;
    let seconds = || number(of, "seconds");
    let label = || text(of, "label");
    Some(match name {
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
        "phone_missing" => ProblemCode::PhoneMissing,
        "phone_invalid" => ProblemCode::PhoneInvalid,
        "phone_premium_rate" => ProblemCode::PhonePremiumRate,
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
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::journey::words::tests::every_code;

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
        let other_ways = vec![OtherWay { method: Method::AuthenticatorApp, hint: "My phone".into() }];
        let mut stages = vec![
            StageView::SignIn { can_sign_up: true, can_cancel: false },
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
            StageView::Challenge { method, code: Some(sent()), factor_name: "f".into(), other_ways },
            StageView::Challenge { method, code: None, factor_name: String::new(), other_ways: vec![] },
            StageView::EditProfile { attributes: attributes() },
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
            problems: every_code().into_iter().map(|code| Problem { field: "f".into(), code }).collect(),
            values: BTreeMap::from([("email".to_owned(), "m@example.com".to_owned())]),
            demo: true,
        }
    }

    #[test]
    fn what_the_server_writes_is_what_the_browser_reads() {
        for stage in every_stage() {
            let sent = view(stage);
            let json = serde_json::to_string(&sent).expect("written");
            let read: Carried = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
            assert_eq!(read.0, sent);
        }
    }

    #[test]
    fn an_unknown_stage_is_refused() {
        let json = serde_json::to_string(&view(StageView::SignUpEmail)).expect("written");
        assert!(serde_json::from_str::<Carried>(&json.replace("sign_up_email", "no_such_stage")).is_err());
    }
}
