//! Reading an email as a person would: its subject and its plain text, decoded.

use mail_parser::MessageParser;

/// The subject and the plain body (decoded, `\n` line ends) of an RFC 5322 message; what
/// can't be parsed is shown as it came.
pub(super) fn read_mail(raw: &[u8]) -> (String, String) {
    let Some(mail) = MessageParser::default().parse(raw) else {
        return (String::new(), String::from_utf8_lossy(raw).into_owned());
    };
    let subject = mail.subject().unwrap_or_default().to_owned();
    let body = mail.body_text(0).unwrap_or_default().replace("\r\n", "\n");
    (subject, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_base64_and_encoded_words_are_decoded() {
        let raw = b"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            Gr=C3=BC=\r\n=C3=9Fe\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n--x--\r\n";
        let (subject, body) = read_mail(raw);
        assert_eq!((subject.as_str(), body.trim_end()), ("Grüße", "Grüße"));
        let raw = b"Subject: a\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==\r\n";
        assert_eq!(read_mail(raw).1, "Grüße");
    }
}
