//! One style sheet out of many: `style/main.css`'s imports in their order, comments removed and
//! white space shortened. Strings are left alone; nothing is reordered or rewritten.

use std::path::Path;

use crate::error::SiteError;

/// Reads the sheet at `main`, puts the sheets it imports in place of the `@import` lines
/// (`@import "tokens.css";` or `@import url(tokens.css);`, one per line, imports of imports too),
/// and minifies the whole.
///
/// # Errors
///
/// When a sheet is missing, imports itself, or has an import with conditions (a layer or a media
/// query), which plain concatenation would lose.
pub(crate) fn bundle(main: &Path) -> Result<String, SiteError> {
    let mut whole = String::new();
    concatenate(main, &mut Vec::new(), &mut whole)?;
    Ok(minify(&whole))
}

fn concatenate(sheet: &Path, open: &mut Vec<std::path::PathBuf>, out: &mut String) -> Result<(), SiteError> {
    let wrong = |reason: String| SiteError::Css { path: sheet.to_owned(), reason };
    if open.iter().any(|known| known == sheet) {
        return Err(wrong("imports itself".to_owned()));
    }
    open.push(sheet.to_owned());
    let source = std::fs::read_to_string(sheet).map_err(SiteError::at(sheet))?;
    for line in strip_comments(&source).lines() {
        match line.trim().strip_prefix("@import") {
            None => {
                out.push_str(line);
                out.push('\n');
            }
            Some(rest) => {
                let name =
                    imported(rest).ok_or_else(|| wrong(format!("an import too clever for this: {}", line.trim())))?;
                let folder = sheet.parent().unwrap_or(Path::new(""));
                concatenate(&folder.join(name), open, out)?;
            }
        }
    }
    open.pop();
    Ok(())
}

/// The file that an import names; `None` where there is more than a name.
fn imported(rest: &str) -> Option<&str> {
    let rest = rest.trim().strip_suffix(';')?.trim();
    let rest = match rest.strip_prefix("url(") {
        Some(inner) => inner.strip_suffix(')')?.trim(),
        None => rest,
    };
    let quoted = rest
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .or_else(|| rest.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')));
    let name = quoted.unwrap_or(rest);
    (!name.is_empty() && !name.contains(['"', '\'', ' ', ':'])).then_some(name)
}

/// The end (exclusive) of the string that begins at `start`, its quotes included.
fn string_end(text: &[u8], start: usize) -> usize {
    let quote = text[start];
    let mut at = start + 1;
    while at < text.len() && text[at] != quote {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn strip_comments(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = String::with_capacity(source.len());
    let (mut at, mut from) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => at = string_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                out.push_str(&source[from..at]);
                // A comment separates what stands beside it.
                out.push(' ');
                at = source[at + 2..].find("*/").map_or(bytes.len(), |end| at + 2 + end + 2);
                from = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&source[from.min(source.len())..]);
    out
}

/// Shortens white space: none around `{`, `}`, `;` and `,`, none after `:`, one blank elsewhere
/// (a blank before a colon or beside `+` and `-` can carry meaning and stays).
fn minify(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    let mut blank = false;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            blank = true;
            at += 1;
            continue;
        }
        let tight =
            matches!(byte, b'{' | b'}' | b';' | b',') || out.ends_with(['{', '}', ';', ',', ':']) || out.is_empty();
        if blank && !tight {
            out.push(' ');
        }
        blank = false;
        if byte == b'}' && out.ends_with(';') {
            out.pop();
        }
        let end = match byte {
            b'"' | b'\'' => string_end(bytes, at),
            _ => at + source[at..].chars().next().map_or(1, char::len_utf8),
        };
        out.push_str(&source[at..end]);
        at = end;
    }
    out
}

/// Removes the lines of a script that are nothing but a `//` comment, and indentation.
pub(crate) fn strip_js_comments(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for line in source.lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blanks_go_and_strings_stay() {
        let css = "/* a */ a > b ,\n c { color : red ; content: \"/* x */  }\" ; }\n\n@media (min-width: 40rem) { a:hover { x: calc(1px + 2px) } }";
        assert_eq!(
            minify(&strip_comments(css)),
            "a > b,c{color :red;content:\"/* x */  }\"}@media (min-width:40rem){a:hover{x:calc(1px + 2px)}}"
        );
    }

    #[test]
    fn a_descendant_pseudo_class_keeps_its_blank() {
        assert_eq!(minify("nav :focus { a: b }"), "nav :focus{a:b}");
    }

    #[test]
    fn unicode_and_unfinished_input_survive() {
        assert_eq!(minify("a::before { content: '→ “x”' }"), "a::before{content:'→ “x”'}");
        assert_eq!(minify(&strip_comments("a{b:c} /* open")), "a{b:c}");
        assert_eq!(minify("a{b:\"open"), "a{b:\"open");
        assert_eq!(minify("a{b:\"open\\"), "a{b:\"open\\");
    }

    #[test]
    fn imports_stand_in_order_and_conditions_are_refused() {
        assert_eq!(imported(" \"a.css\";"), Some("a.css"));
        assert_eq!(imported(" url('b.css') ;"), Some("b.css"));
        assert_eq!(imported(" url(c/d.css);"), Some("c/d.css"));
        assert_eq!(imported(" \"a.css\" layer(base);"), None);
        assert_eq!(imported(" \"a.css\" print;"), None);
        assert_eq!(imported(" \"https://example.test/a.css\";"), None);

        let folder = std::env::temp_dir().join(format!("lanyard-css-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("main.css"), "@import \"one.css\";\n@import \"two.css\";\nz{a:b}").unwrap();
        std::fs::write(folder.join("one.css"), "/* @import \"no.css\"; */\nx{a:b}").unwrap();
        std::fs::write(folder.join("two.css"), "y{a:b}").unwrap();
        assert_eq!(bundle(&folder.join("main.css")).unwrap(), "x{a:b}y{a:b}z{a:b}");
        std::fs::write(folder.join("two.css"), "@import \"main.css\";").unwrap();
        assert!(bundle(&folder.join("main.css")).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
