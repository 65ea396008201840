//! The forms of a user flow: the one table of attributes and claims, and the second factor (O2).

use lanyard_app::{api::portal::FormState, components::ErrorItem, pages::portal::addresses::RESERVED_FLOW_KEY};
use lanyard_domain::{
    assurance::Method,
    attribute,
    claims::{self, ClaimDefinition},
    user_flow::{
        CollectedAttribute, Enforcement, FlowName, FlowSettings, FlowType, MfaPolicy, SessionSettings, TokenSettings,
        UserFlow,
    },
};

use super::{
    Problems, flow_lives,
    second_factor::{self, BROWSER_TOO, NO_CONDITION, NO_METHOD},
};
use crate::{
    http::form::Fields,
    service::portal::flows::{FlowDraft, FlowEdit},
};

/// Reads `kind`, `name`, `identity`, `mfa` and the settings of a new flow.
pub(crate) fn new_flow(fields: &Fields, catalogue: &[ClaimDefinition]) -> Result<FlowDraft, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let kind = FlowType::parse(fields.get("kind"));
    let kind = problems.keep("kind", kind.ok_or_else(|| "Choose a type.".to_owned()));
    let name = problems.keep("name", name(fields.get("name")));
    if fields.get("identity") != "email" {
        problems.add("identity", "Choose how people sign up.");
    }
    let enforcement = match fields.get("mfa") {
        "always_on" => Some(Enforcement::AlwaysOn),
        "conditional" => Some(Enforcement::Conditional),
        "off" => Some(Enforcement::Off),
        _ => {
            problems.add("mfa", "Choose whether a second factor is asked for.");
            None
        }
    };
    let factors = second_factor::factors(fields, &mut problems);
    let conditions = second_factor::conditions(fields, &mut problems);
    if enforcement == Some(Enforcement::Conditional) && conditions.is_some_and(|chosen| chosen.is_empty()) {
        problems.add("conditions", NO_CONDITION);
    }
    if enforcement == Some(Enforcement::Conditional) && conditions.is_some_and(|chosen| chosen.trusts_every_browser()) {
        problems.add("when_new_browser", BROWSER_TOO);
    }
    let asked = enforcement.is_some_and(|enforcement| enforcement != Enforcement::Off);
    if asked && factors.as_ref().is_some_and(|chosen| chosen.methods.is_empty()) {
        problems.add("methods", NO_METHOD);
    }
    let (attributes, claims) = table(fields, catalogue, &mut problems);
    let mfa = enforcement.zip(factors).zip(conditions);
    let draft = kind.zip(name).zip(mfa).map(|((kind, name), ((enforcement, factors), conditions))| FlowDraft {
        name,
        kind,
        settings: FlowSettings {
            mfa: MfaPolicy {
                enforcement,
                methods: factors.methods,
                minimum: factors.minimum,
                conditions,
                grace_days: factors.grace_days,
                since: None,
            },
            attributes,
            claims,
            tokens: TokenSettings::default(),
            session: SessionSettings::default(),
        },
    });
    problems.or(draft)
}

fn name(input: &str) -> Result<FlowName, String> {
    if input.trim().is_empty() {
        return Err("Enter a name, for example B2C_1_signup.".to_owned());
    }
    let name = FlowName::parse(input)
        .map_err(|_| "The name may have the letters a to z, digits, _ and -, 60 at most.".to_owned())?;
    if name.key() == RESERVED_FLOW_KEY {
        return Err("This name can’t be used. Choose another one.".to_owned());
    }
    Ok(name)
}

/// Reads the settings of a flow that is there already.
pub(crate) fn settings_edit(fields: &Fields, catalogue: &[ClaimDefinition]) -> Result<FlowEdit, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let (attributes, claims) = table(fields, catalogue, &mut problems);
    let tokens = flow_lives::tokens(fields, &mut problems);
    let factors = second_factor::factors(fields, &mut problems);
    let session = flow_lives::session(fields, factors.as_ref(), &mut problems);
    let lives = Box::new((tokens, session));
    problems.or(factors.map(|factors| FlowEdit::Settings { factors, attributes, claims, lives }))
}

// The rows in the order of the catalogue. Required without collected is a contradiction, and only the
// operator knows which of the two was meant.
fn table(
    fields: &Fields,
    catalogue: &[ClaimDefinition],
    problems: &mut Problems,
) -> (Vec<CollectedAttribute>, Vec<String>) {
    let mut attributes = Vec::new();
    let mut claims = Vec::new();
    for row in catalogue {
        if let Some(name) = &row.attribute {
            let field = format!("required-{name}");
            let required = fields.ticked(&field);
            let collected = fields.ticked(&format!("collect-{name}"));
            if required && !collected {
                let why = "is required but not collected. Tick “Collect” too, or untick “Required”.";
                problems.add(&field, format!("{} {why}", row.label));
            }
            if collected {
                attributes.push(CollectedAttribute { name: name.clone(), required });
            }
        }
        if fields.ticked(&format!("claim-{}", row.name)) {
            claims.push(row.name.clone());
        }
    }
    (attributes, claims)
}

/// The form of a flow as it is stored, with its version.
pub(crate) fn flow_values(flow: &UserFlow) -> FormState {
    settings_values(&flow.settings).with("version", flow.version.to_string())
}

fn settings_values(settings: &FlowSettings) -> FormState {
    let mut form = second_factor::factor_values(FormState::default(), &settings.mfa);
    for collected in &settings.attributes {
        form = form.with(format!("collect-{}", collected.name), "true");
        if collected.required {
            form = form.with(format!("required-{}", collected.name), "true");
        }
    }
    let form = flow_lives::values(form, &settings.tokens, &settings.session);
    settings.claims.iter().fold(form, |form, claim| form.with(format!("claim-{claim}"), "true"))
}

/// What the form of a new flow begins with: the seed documents' flow, MFA always on.
pub(crate) fn new_flow_values() -> FormState {
    let asked = [attribute::COUNTRY, attribute::GIVEN_NAME, attribute::SURNAME];
    let mut returned: Vec<String> = vec![claims::EMAILS.to_owned(), claims::OBJECT_ID.to_owned()];
    returned.extend(asked.map(|name| claims::claim_of_attribute(name).to_owned()));
    let settings = FlowSettings {
        mfa: MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL),
        attributes: asked.map(|name| CollectedAttribute { name: name.to_owned(), required: true }).to_vec(),
        claims: returned,
        tokens: TokenSettings::default(),
        session: SessionSettings::default(),
    };
    second_factor::condition_values(settings_values(&settings), settings.mfa.conditions)
        .with("kind", FlowType::SignUpSignIn.as_str())
        .with("identity", "email")
        .with("mfa", "always_on")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Vec<ClaimDefinition> {
        let custom = attribute::Attribute {
            name: "extension_Ward".into(),
            label: "Ward".into(),
            kind: attribute::AttributeKind::String,
        };
        claims::catalogue(&[custom])
    }

    fn read(form: &FormState) -> Result<FlowDraft, Vec<ErrorItem>> {
        new_flow(&Fields(form.values.clone()), &catalogue())
    }

    #[test]
    fn o2_a_flow_goes_through_the_form_and_back() {
        let form = new_flow_values()
            .with("name", "B2C_1_SignUp")
            .with("collect-extension_Ward", "true")
            .with("claim-extension_Ward", "true")
            .with("claim-newUser", "true");
        let draft = read(&form).unwrap();
        assert_eq!(draft.name.as_str(), "B2C_1_SignUp");
        assert_eq!(draft.settings.mfa.enforcement, Enforcement::AlwaysOn);
        let names: Vec<(&str, bool)> =
            draft.settings.attributes.iter().map(|it| (it.name.as_str(), it.required)).collect();
        assert_eq!(names, [("country", true), ("givenName", true), ("surname", true), ("extension_Ward", false)]);
        assert_eq!(
            draft.settings.claims,
            ["emails", "country", "given_name", "family_name", "extension_Ward", "oid", "newUser"]
        );
        let back = settings_values(&draft.settings);
        let edit = settings_edit(&Fields(back.values), &catalogue());
        let FlowEdit::Settings { factors, attributes, claims, lives } = edit.unwrap() else { panic!("the settings") };
        let settings = draft.settings;
        let mfa = (settings.mfa.methods, settings.mfa.minimum);
        assert_eq!((factors.methods, factors.minimum), mfa);
        assert_eq!((attributes, claims), (settings.attributes, settings.claims));
        assert_eq!(*lives, (settings.tokens, settings.session));
    }

    #[test]
    fn claims_and_attributes_outside_the_catalogue_are_never_taken() {
        let form =
            new_flow_values().with("name", "x").with("claim-password", "true").with("collect-extension_Other", "true");
        let draft = read(&form).unwrap();
        assert!(!draft.settings.claims.iter().any(|claim| claim == "password"));
        assert!(!draft.settings.attributes.iter().any(|it| it.name == "extension_Other"));
    }

    #[test]
    fn a_wrong_flow_is_refused_field_by_field() {
        let problems = |body: &str| {
            let found = new_flow(&Fields::parse(body.as_bytes()).unwrap(), &catalogue()).unwrap_err();
            found.into_iter().map(|it| it.field).collect::<Vec<_>>()
        };
        assert_eq!(problems(""), ["kind", "name", "identity", "mfa", "minimum"]);
        assert_eq!(problems("kind=sign_in&name=a+b&identity=email&mfa=always_on&minimum=aal1"), ["name", "methods"]);
        assert_eq!(
            problems("kind=sign_in&name=New&identity=email&mfa=off&minimum=aal1"),
            ["name"],
            "the page of a new flow"
        );
    }

    #[test]
    fn required_without_collected_is_refused_at_the_box_and_collects_nothing() {
        let form = new_flow_values().with("name", "x").with("required-city", "true");
        let problems = read(&form).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, "required-city");
        assert!(problems[0].text.starts_with("City is required but not collected."), "{problems:?}");
        let edit = settings_edit(&Fields(form.values), &catalogue());
        assert_eq!(edit.unwrap_err(), problems, "nor by a change");
    }

    #[test]
    fn lives_are_held_to_their_bounds_field_by_field() {
        let form = settings_values(&read(&new_flow_values().with("name", "x")).unwrap().settings);
        for (field, least, most) in [
            ("token_minutes", 5, 1440),
            ("refresh_days", 1, 90),
            ("refresh_window_days", 1, 365),
            ("session_minutes", 15, 1440),
            ("keep_days", 1, 90),
        ] {
            let read = |value: String| settings_edit(&Fields(form.clone().with(field, value).values), &catalogue());
            assert!(read(least.to_string()).is_ok() && read(most.to_string()).is_ok(), "{field}");
            for wrong in [(least - 1).to_string(), (most + 1).to_string(), "-1".into(), "1.5".into(), "x".into()] {
                let problems = read(wrong.clone()).unwrap_err();
                assert!(problems.len() == 1 && problems[0].field == field, "{field} {wrong}: {problems:?}");
            }
        }
        let none = form.clone().with("refresh_window_days", "").with("keep_days", " ");
        let FlowEdit::Settings { lives, .. } = settings_edit(&Fields(none.values), &catalogue()).unwrap() else {
            panic!("the settings")
        };
        assert_eq!((lives.0.refresh_window_days, lives.1.keep_days), (None, None));
        for field in ["issuer", "flow_claim", "session_scope", "session_end"] {
            let problems = settings_edit(&Fields(form.clone().with(field, "other").values), &catalogue()).unwrap_err();
            assert_eq!(problems[0].field, field);
        }
    }
}
