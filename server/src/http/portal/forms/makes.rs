//! The form of the makes that staff's passkeys must be of.

use lanyard_app::{api::portal::FormState, components::ErrorItem};
use lanyard_crypto::passkey::are_certificates;
use lanyard_domain::makes::{MAX_MAKES, MAX_ROOTS, Make, PasskeyMakes};

use super::{Problems, lines};
use crate::http::form::Fields;

/// Reads `makes`, one a line, and `roots`. No makes: nothing is asked, whatever the roots.
pub(crate) fn staff_passkeys(fields: &Fields) -> Result<PasskeyMakes, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let typed = lines(fields.get("makes"));
    if typed.is_empty() {
        return Ok(PasskeyMakes::default());
    }
    let makes: Vec<Make> = typed.iter().filter_map(|line| problems.keep("makes", make(line))).collect();
    if typed.len() > MAX_MAKES {
        problems.add("makes", format!("Name {MAX_MAKES} makes at most."));
    }
    let roots = fields.get("roots").trim().replace("\r\n", "\n");
    if roots.len() > MAX_ROOTS {
        problems.add("roots", "These are too many certificates. Paste only the root certificates of the makes above.");
    } else if !are_certificates(&roots) {
        problems.add(
            "roots",
            "Paste the makers’ root certificates, each from “-----BEGIN CERTIFICATE-----” to “-----END CERTIFICATE-----”.",
        );
    }
    problems.or(Some(PasskeyMakes { roots, makes }))
}

fn make(line: &str) -> Result<Make, String> {
    Make::parse(line).ok_or_else(|| {
        let line: String = line.chars().take(60).collect();
        format!("“{line}” doesn’t begin with an AAGUID. It looks like 2fc0579f-8113-47ea-b116-bb5a8db9202a.")
    })
}

/// The form as `makes` fill it in.
pub(crate) fn makes_values(makes: &PasskeyMakes) -> FormState {
    let lines: Vec<String> = makes.makes.iter().map(|make| format!("{} {}", make.aaguid, make.name)).collect();
    FormState::default().with("makes", lines.join("\n")).with("roots", makes.roots.clone()).with("was", makes.stored())
}
