//! QR codes (ISO/IEC 18004) as SVG that scans on any page.
//!
//! The colours are attributes, not styles: the content policy allows no inline styles, and a
//! dark page must not turn them around. The quiet zone of four modules belongs to the picture.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

const QUIET_ZONE: usize = 4;
const MODULE_PX: usize = 5;

/// The QR code of `text`; `None` when it is longer than any code can hold (2,331 bytes).
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    let side = (code.size + 2 * QUIET_ZONE) * MODULE_PX;
    let mut path = String::new();
    for y in 0..code.size {
        let mut dark = code[y].iter().map(|module| module.value()).enumerate().peekable();
        while let Some((x, is_dark)) = dark.next() {
            if !is_dark {
                continue;
            }
            // Neighbours in a row become one rectangle.
            let mut width = MODULE_PX;
            while dark.next_if(|(_, dark)| *dark).is_some() {
                width += MODULE_PX;
            }
            let (left, top) = ((x + QUIET_ZONE) * MODULE_PX, (y + QUIET_ZONE) * MODULE_PX);
            // Writing to a string cannot fail.
            let _ = write!(path, "M{left} {top}h{width}v{MODULE_PX}h-{width}z");
        }
    }
    Some(format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="{side}" height="{side}" "#,
            r#"role="img" aria-label="QR code" shape-rendering="crispEdges">"#,
            r##"<rect width="{side}" height="{side}" fill="#ffffff"/><path fill="#000000" d="{path}"/></svg>"##
        ),
        side = side,
        path = path
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The modules that the path paints, by its own arithmetic.
    fn painted(svg: &str) -> std::collections::BTreeSet<(usize, usize)> {
        let path = svg.split(r#" d=""#).nth(1).unwrap().split('"').next().unwrap();
        let mut modules = std::collections::BTreeSet::new();
        for piece in path.split('M').skip(1) {
            let (left, rest) = piece.split_once(' ').unwrap();
            let (top, rest) = rest.split_once('h').unwrap();
            let width: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            let (left, top): (usize, usize) = (left.parse().unwrap(), top.parse().unwrap());
            for step in 0..width / MODULE_PX {
                modules.insert((left / MODULE_PX + step - QUIET_ZONE, top / MODULE_PX - QUIET_ZONE));
            }
        }
        modules
    }

    #[test]
    fn the_picture_is_the_code_with_a_quiet_zone_dark_on_white() {
        let text = "otpauth://totp/Clinic:maria%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Clinic";
        let (picture, code) = (svg(text).unwrap(), QRBuilder::new(text).ecl(ECL::M).build().unwrap());
        let expected: std::collections::BTreeSet<_> = (0..code.size)
            .flat_map(|y| (0..code.size).map(move |x| (x, y)))
            .filter(|(x, y)| code[*y][*x].value())
            .collect();
        assert_eq!(painted(&picture), expected);
        let side = (code.size + 8) * MODULE_PX;
        assert!(side >= 200, "{side}");
        assert!(picture.contains(&format!(r#"viewBox="0 0 {side} {side}""#)));
        assert!(picture.contains(r##"fill="#ffffff""##) && picture.contains(r##"fill="#000000""##));
        assert!(!picture.contains("style") && !picture.contains("<script"));
    }

    #[test]
    fn what_no_code_can_hold_is_refused() {
        assert_eq!(svg(&"x".repeat(5000)), None);
    }
}
