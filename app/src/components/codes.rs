//! Recovery codes on the page that shows them: the list, and the file to download, which stands in the page itself.

use leptos::prelude::*;

use super::Plain as _;

/// The codes, one a line.
pub(crate) fn code_list(codes: Vec<String>) -> AnyView {
    let item = |code| view! { <li><code class="fixed">{code}</code></li> }.plain();
    let items: Vec<AnyView> = codes.into_iter().map(item).collect();
    view! { <ol class="recovery-codes">{items}</ol> }.plain()
}

/// The file with the codes, one a line, as a link that holds it. The server makes it: the code to do so would weigh
/// on every sign-in page.
#[must_use]
pub fn file_link(of: &str, codes: &str) -> String {
    data_url(&["Recovery codes for ", of, "\nEach code works once. Keep them safe.\n\n", codes, "\n"].concat())
}

/// What saves the file of `link`, and what prints the page, where there is a script that can.
pub(crate) fn download(link: String) -> AnyView {
    view! {
        <button type="button" class="button button-secondary live-only" data-print="">
            "Print"
            <span class="visually-hidden">" recovery codes"</span>
        </button>
        <a class="button button-secondary" download="recovery-codes.txt" href=link>
            "Download"
            <span class="visually-hidden">" recovery codes"</span>
        </a>
    }
    .plain()
}

// RFC 2397, with every byte escaped that is not unreserved.
fn data_url(text: &str) -> String {
    let mut url = "data:text/plain;charset=utf-8,".to_owned();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ => {
                url.push('%');
                url.extend([byte >> 4, byte & 15].map(|half| char::from(b"0123456789ABCDEF"[usize::from(half)])));
            }
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a49_whatever_a_tenant_is_called_the_file_is_text() {
        assert_eq!(data_url("a\"<é>,#\nB-1"), "data:text/plain;charset=utf-8,a%22%3C%C3%A9%3E%2C%23%0AB-1");
    }
}
