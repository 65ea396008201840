//! Whether people may have their browser remembered at a flow. The bounds are those of [`RememberSettings`].

use lanyard_app::api::portal::FormState;
use lanyard_domain::user_flow::{RememberSettings, is_strict};

use super::{Problems, flow_lives::number};
use crate::{http::form::Fields, service::portal::flows::Factors};

/// Why a flow with these methods, or this minimum, remembers nothing.
const STRICT: &str = "This flow allows no text messages or calls, so it keeps to the strict methods. Remembered browsers would weaken it: untick this, or allow one of those methods and choose a minimum that it reaches.";

/// Reads `remember` and `remember_days`, for a flow that asks for these factors; `None`: something in them is
/// wrong, and said there.
pub(super) fn read(fields: &Fields, factors: Option<&Factors>, problems: &mut Problems) -> RememberSettings {
    let on = fields.ticked("remember");
    if on && factors.is_some_and(|chosen| is_strict(&chosen.methods, chosen.minimum)) {
        problems.add("remember", STRICT);
    }
    let default = RememberSettings::default();
    let absent = fields.get("remember_days").trim().is_empty() && !on;
    let days = if absent { None } else { number(fields, "remember_days", (1..=90, "days"), problems) };
    RememberSettings { on, days: days.unwrap_or(default.days) }
}

/// The fields of `settings`, added to `form`.
pub(super) fn values(form: FormState, settings: &RememberSettings) -> FormState {
    let form = form.with("remember_days", settings.days.to_string());
    if settings.on { form.with("remember", "true") } else { form }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::assurance::{Assurance, Method};

    use super::*;

    fn read_as(methods: &[Method], fields: &[(&str, &str)]) -> (RememberSettings, Vec<String>) {
        read_at(Assurance::Aal1, methods, fields)
    }

    fn read_at(minimum: Assurance, methods: &[Method], fields: &[(&str, &str)]) -> (RememberSettings, Vec<String>) {
        let mut form = Fields::default();
        form.0.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut problems = Problems::default();
        let factors = Factors { methods: methods.iter().copied().collect(), minimum, grace_days: 0 };
        let settings = read(&form, Some(&factors), &mut problems);
        (settings, problems.0.into_iter().map(|problem| problem.field).collect())
    }

    #[test]
    fn n22_remembering_is_off_unless_ticked_within_bounds_and_never_at_a_strict_flow() {
        let all = Method::ALL;
        assert_eq!(read_as(&all, &[]), (RememberSettings::default(), vec![]));
        let on = read_as(&all, &[("remember", "true"), ("remember_days", "14")]);
        assert_eq!(on, (RememberSettings { on: true, days: 14 }, vec![]));
        assert_eq!(read_as(&all, &[("remember_days", "14")]).0, RememberSettings { on: false, days: 14 });
        for days in ["0", "91", "-1", "x", ""] {
            assert_eq!(read_as(&all, &[("remember", "true"), ("remember_days", days)]).1, ["remember_days"], "{days}");
        }
        let strict = [Method::Passkey, Method::AuthenticatorApp];
        assert_eq!(read_as(&strict, &[("remember", "true"), ("remember_days", "7")]).1, ["remember"]);
        let ticked = [("remember", "true"), ("remember_days", "7")];
        let by_minimum = Assurance::ALL.map(|minimum| read_at(minimum, &all, &ticked).1.len());
        assert_eq!(by_minimum, [0, 0, 1, 1], "nor below a minimum that rules them out");
        let back = values(FormState::default(), &on.0).values;
        let pairs: Vec<(&str, &str)> = back.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read_as(&all, &pairs), on);
    }
}
