//! Reading TwiML back: the words a call speaks, for the demo's inbox and for tests.
//!
//! Only what the templates here write is understood: `<Say>` and `<Pause length="n"/>`.
//! A long pause (2 s or more) ends a line of the transcript. Malformed input yields fewer
//! words, never a panic.

/// The spoken words: one line per stretch of speech, single spaces between utterances.
#[must_use]
pub fn transcript(twiml: &str) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    let mut rest = twiml;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((tag, after)) = after.split_once('>') else {
            break;
        };
        rest = after;
        if is_element(tag, "Say") && !tag.ends_with('/') {
            let (words, after) = rest.split_once("</Say>").unwrap_or((rest, ""));
            rest = after;
            append(&mut lines, &unescape(words));
        } else if is_element(tag, "Pause") && pause_seconds(tag) >= 2 {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

fn append(lines: &mut [String], words: &str) {
    if let Some(line) = lines.last_mut() {
        for word in words.split_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
}

fn is_element(tag: &str, name: &str) -> bool {
    tag.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '/']))
}

/// Twilio's default length of a pause is one second.
fn pause_seconds(tag: &str) -> u32 {
    tag.split_once("length=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .and_then(|(value, _)| value.parse().ok())
        .unwrap_or(1)
}

/// Replaces the five named entities and numeric references of XML 1.0, section 4.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let decoded = after.split_once(';').and_then(|(name, tail)| entity(name).map(|c| (c, tail)));
        match decoded {
            Some((c, tail)) => {
                out.push(c);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        numeric => {
            let digits = numeric.strip_prefix('#')?;
            let value = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn speech_is_joined_and_long_pauses_break_lines() {
        let twiml = "<?xml version=\"1.0\"?><Response><Say language=\"en-US\">O&#x27;Neil &lt;b&gt; &amp; co</Say>\
            <Pause length=\"2\"/><Say>1</Say><Pause length=\"1\"/><Say>2</Say><Pause/><Say>3</Say></Response>";
        assert_eq!(transcript(twiml), "O'Neil <b> & co\n1 2 3");
    }

    proptest! {
        #[test]
        fn no_input_panics(text in "[<>/&;#x\"Say Pause length=0-9]*") {
            let _ = transcript(&text);
        }
    }
}
