//! The commands of SMTP that the demo's mail server knows (RFC 5321, 4.1.1), parsed.

/// A command line, understood or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `EHLO name`.
    Ehlo,
    /// `HELO name`.
    Helo,
    /// `MAIL FROM:<path> SIZE=n`.
    Mail {
        /// The announced size, if any.
        size: Option<u64>,
    },
    /// `RCPT TO:<path>`.
    Rcpt {
        /// The mailbox, source route removed.
        to: String,
    },
    /// `DATA`.
    Data,
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `VRFY something`.
    Vrfy,
    /// `QUIT`.
    Quit,
    /// A known command with arguments that are none.
    BadArguments,
    /// A parameter of `MAIL` or `RCPT` that was not offered.
    UnknownParameter,
    /// Anything else.
    Unknown,
}

/// Parses one line (without CRLF).
pub(super) fn parse(line: &[u8]) -> Command {
    let Ok(line) = std::str::from_utf8(line) else {
        return Command::BadArguments;
    };
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim_end_matches(' ');
    let alone = |command: Command| {
        if rest.is_empty() { command } else { Command::BadArguments }
    };
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" if !rest.is_empty() => Command::Ehlo,
        "HELO" if !rest.is_empty() => Command::Helo,
        "EHLO" | "HELO" => Command::BadArguments,
        "MAIL" => mail(rest),
        "RCPT" => rcpt(rest),
        "DATA" => alone(Command::Data),
        "RSET" => alone(Command::Rset),
        "QUIT" => alone(Command::Quit),
        "NOOP" => Command::Noop,
        "VRFY" => Command::Vrfy,
        _ => Command::Unknown, // a string, not an enum of ours
    }
}

fn mail(rest: &str) -> Command {
    let Some((_, parameters)) = path(rest, "FROM:") else {
        return Command::BadArguments;
    };
    let mut size = None;
    for parameter in parameters.split_ascii_whitespace() {
        let parameter = parameter.to_ascii_uppercase();
        match parameter.split_once('=').unwrap_or((&parameter, "")) {
            ("SIZE", value) => match value.parse() {
                Ok(value) => size = Some(value),
                Err(_) => return Command::BadArguments,
            },
            ("BODY", "7BIT" | "8BITMIME") | ("SMTPUTF8", "") => {}
            _ => return Command::UnknownParameter,
        }
    }
    Command::Mail { size }
}

fn rcpt(rest: &str) -> Command {
    match path(rest, "TO:") {
        Some((to, "")) if !to.is_empty() => Command::Rcpt { to },
        Some((to, _)) if !to.is_empty() => Command::UnknownParameter,
        Some(_) | None => Command::BadArguments,
    }
}

/// Splits `KEYWORD:<path> parameters` into the mailbox and the parameters. A source route
/// (`<@a,@b:user@host>`) is accepted and ignored, as RFC 5321, appendix C asks; a quoted
/// local part may hold `>`.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(String, &'a str)> {
    let head = rest.get(..keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let inner = rest[keyword.len()..].trim_start_matches(' ').strip_prefix('<')?;
    let (mut quoted, mut escaped, mut end) = (false, false, None);
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => {
                end = Some(at);
                break;
            }
            '<' | ' ' if !quoted => return None,
            c if c.is_control() => return None,
            _ => {}
        }
    }
    let end = end?;
    let mut mailbox = &inner[..end];
    if mailbox.starts_with('@') {
        mailbox = mailbox.split_once(':')?.1;
    }
    if !mailbox.is_empty() && !mailbox.contains('@') {
        return None;
    }
    let parameters = &inner[end + 1..];
    if !parameters.is_empty() && !parameters.starts_with(' ') {
        return None;
    }
    Some((mailbox.to_owned(), parameters.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rcpt_to(to: &str) -> Command {
        Command::Rcpt { to: to.to_owned() }
    }

    #[test]
    fn commands_are_read_without_regard_to_case() {
        assert_eq!(parse(b"ehlo x"), Command::Ehlo);
        assert_eq!(parse(b"EHLO"), Command::BadArguments);
        assert_eq!(parse(b"mail from:<> size=12 BODY=8bitmime SMTPUTF8"), Command::Mail { size: Some(12) });
        assert_eq!(parse(b"MAIL FROM:<a@b>"), Command::Mail { size: None });
        assert_eq!(parse(b"MAIL FROM:<a@b> AUTH=<>"), Command::UnknownParameter);
        assert_eq!(parse(b"MAIL FROM:a@b"), Command::BadArguments);
        assert_eq!(parse(b"DATA now"), Command::BadArguments);
        assert_eq!(parse(b"NOOP anything"), Command::Noop);
        assert_eq!(parse(b"STARTTLS"), Command::Unknown);
        assert_eq!(parse(b"\xff"), Command::BadArguments);
    }

    #[test]
    fn paths_may_be_routed_or_quoted_but_not_empty_for_a_recipient() {
        assert_eq!(parse(b"RCPT TO:<@x,@y:a@b>"), rcpt_to("a@b"));
        assert_eq!(parse(b"RCPT TO:<\"a>\\\" b\"@c>"), rcpt_to("\"a>\\\" b\"@c"));
        assert_eq!(parse("RCPT TO:<grün@b>".as_bytes()), rcpt_to("grün@b"));
        for bad in ["RCPT TO:<>", "RCPT TO:<a@b", "RCPT TO:<a>", "RCPT TO:<a@b>x", "RCPT TO:<a b@c>"] {
            assert_eq!(parse(bad.as_bytes()), Command::BadArguments, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(line in proptest::collection::vec(any::<u8>(), 0..60), path in "(MAIL FROM|RCPT TO):[<>@:\" \\\\a=é]*") {
            let _ = (parse(&line), parse(path.as_bytes()));
        }
    }
}
