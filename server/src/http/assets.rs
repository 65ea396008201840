//! The site's files, embedded in the binary: style sheet, scripts, WASM, icons.
//!
//! `server/build.rs` fills the table from `target/site/manifest.json`. Files whose name carries
//! their hash are cached for ever; the others are asked for again after an hour (ETag). A brotli
//! twin is sent to whoever takes it. Mount [`serve`] for `/pkg/{file}` and as the fallback for
//! paths at the root such as `/favicon.svg`; pages take their links from [`ENTRY`].

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};

/// One embedded file.
#[derive(Debug)]
pub(crate) struct Asset {
    /// The URL's path, with its leading slash.
    pub(crate) path: &'static str,
    /// The `Content-Type` it is sent with.
    pub(crate) content_type: &'static str,
    /// Hash of the plain content, hexadecimal, without quotes.
    pub(crate) etag: &'static str,
    /// The path carries the content's hash, so that a copy never goes stale.
    pub(crate) immutable: bool,
    /// The content.
    pub(crate) plain: &'static [u8],
    /// The content in brotli, where that is smaller.
    pub(crate) brotli: Option<&'static [u8]>,
}

/// The paths that pages name. Empty texts in a build without a site.
#[derive(Debug)]
pub(crate) struct Entry {
    /// For `<link rel="stylesheet">`.
    pub(crate) css: &'static str,
    /// The scripts of a journey's pages.
    pub(crate) journey: Bundle,
    /// The scripts of `/claims` and of pages with copy buttons.
    pub(crate) claims: Bundle,
}

/// The scripts of a page with islands.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// wasm-bindgen's module, for `<link rel="modulepreload">`.
    pub(crate) js: &'static str,
    /// For `<link rel="preload" as="fetch" type="application/wasm" crossorigin>`.
    pub(crate) wasm: &'static str,
    /// For `<script type="module">`: loads the other two and starts the islands.
    pub(crate) boot: &'static str,
}

/// The script of the `form_post` page: no island, and there without a built site.
pub(crate) static FORM_POST: Bundle = Bundle { js: "", wasm: "", boot: FORM_POST_SCRIPT.path };

/// A script of the server's own, beside this file: there without a built site too. `build.rs` makes its
/// brotli twin, and its path with the hash of its content: a page of one build meets no script of another.
macro_rules! script {
    ($file:literal) => {
        Asset {
            path: include_str!(concat!(env!("OUT_DIR"), "/", $file, ".path")),
            content_type: "text/javascript; charset=utf-8",
            etag: include_str!(concat!(env!("OUT_DIR"), "/", $file, ".hash")),
            immutable: true,
            plain: include_bytes!($file),
            brotli: Some(include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".br"))),
        }
    };
}

static FORM_POST_SCRIPT: Asset = script!("form_post.js");

/// The script of passkey ceremonies, on pages without islands too.
pub(crate) static PASSKEY_SCRIPT: Asset = script!("passkey.js");

/// The script that warns before a console's session ends.
pub(crate) static SESSION_SCRIPT: Asset = script!("session.js");

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file at a URL's path, compared byte for byte.
pub(crate) fn lookup(path: &str) -> Option<&'static Asset> {
    let own = [&FORM_POST_SCRIPT, &PASSKEY_SCRIPT, &SESSION_SCRIPT].into_iter().find(|asset| asset.path == path);
    if own.is_some() {
        return own;
    }
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|found| &ASSETS[found])
}

/// Answers GET and HEAD for an embedded file; 404 without a body for any other path.
pub(crate) async fn serve(uri: Uri, headers: HeaderMap) -> Response<Body> {
    match lookup(uri.path()) {
        Some(asset) => respond(asset, &headers),
        None => {
            let mut missing = Response::new(Body::empty());
            *missing.status_mut() = StatusCode::NOT_FOUND;
            missing
        }
    }
}

fn respond(asset: &'static Asset, request: &HeaderMap) -> Response<Body> {
    let brotli = asset.brotli.filter(|_| accepts_brotli(request));
    // Two encodings are two representations: each has a tag of its own (RFC 9110 section 8.8.3.3).
    let tag = match brotli {
        Some(_) => format!("\"{}-br\"", asset.etag),
        None => format!("\"{}\"", asset.etag),
    };
    let known = matches_tag(request, &tag);
    let body = if known { &[] } else { brotli.unwrap_or(asset.plain) };
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching(asset)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if asset.brotli.is_some() {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    if brotli.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

fn caching(asset: &Asset) -> &'static str {
    if asset.immutable { "public, max-age=31536000, immutable" } else { "public, max-age=3600" }
}

/// `Accept-Encoding` names `br` (RFC 9110 section 12.5.3) and does not refuse it with `q=0`.
fn accepts_brotli(request: &HeaderMap) -> bool {
    let values = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("br"));
        let refused = parts
            .filter_map(|part| part.strip_prefix("q="))
            .any(|weight| weight.parse::<f32>().map_or(true, |weight| weight <= 0.0));
        named && !refused
    })
}

/// `If-None-Match` names the tag (weak comparison, RFC 9110 section 13.1.2).
fn matches_tag(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    static SHEET: Asset = Asset {
        path: "/pkg/a.0123.css",
        content_type: "text/css; charset=utf-8",
        etag: "0123",
        immutable: true,
        plain: b"a{b:c}",
        brotli: Some(b"small"),
    };

    fn request(pairs: &[(axum::http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn brotli_goes_only_to_those_who_take_it() {
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=0.5", true),
            ("br;q=0", false),
            ("gzip, brotli", false),
            ("", false),
        ] {
            let response = respond(&SHEET, &request(&[(ACCEPT_ENCODING, accepted)]));
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), expected, "{accepted}");
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
    }

    #[test]
    fn a_known_tag_is_answered_304_for_its_own_encoding_only() {
        let plain = respond(&SHEET, &request(&[(IF_NONE_MATCH, "\"0123\"")]));
        assert_eq!(plain.status(), StatusCode::NOT_MODIFIED);
        assert!(!plain.headers().contains_key(CONTENT_TYPE));
        let weak = respond(&SHEET, &request(&[(IF_NONE_MATCH, "\"x\", W/\"0123-br\""), (ACCEPT_ENCODING, "br")]));
        assert_eq!(weak.status(), StatusCode::NOT_MODIFIED);
        let other = respond(&SHEET, &request(&[(IF_NONE_MATCH, "\"0123\""), (ACCEPT_ENCODING, "br")]));
        assert_eq!(other.status(), StatusCode::OK);
    }

    #[test]
    fn scripts_of_our_own_come_packed() {
        for own in [&FORM_POST_SCRIPT, &PASSKEY_SCRIPT, &SESSION_SCRIPT] {
            let packed = own.brotli.map_or(0, <[u8]>::len);
            assert!(packed > 0 && packed < own.plain.len(), "{}", own.path);
            let answer = respond(own, &request(&[(ACCEPT_ENCODING, "br")]));
            assert_eq!(answer.headers()[CONTENT_ENCODING], "br", "{}", own.path);
        }
    }

    #[test]
    fn scripts_of_our_own_are_named_by_their_content_and_never_go_stale() {
        for (own, name) in
            [(&FORM_POST_SCRIPT, "form-post"), (&PASSKEY_SCRIPT, "passkey"), (&SESSION_SCRIPT, "session")]
        {
            assert_eq!(own.path, format!("/pkg/{name}.{}.js", own.etag));
            assert!(own.etag.len() == 16 && own.etag.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", own.etag);
            assert_eq!(respond(own, &request(&[])).headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
            assert!(lookup(own.path).is_some() && lookup(&format!("/pkg/{name}.js")).is_none());
        }
        assert_ne!(PASSKEY_SCRIPT.etag, SESSION_SCRIPT.etag);
    }

    #[test]
    fn every_embedded_file_is_found_and_hashed_names_never_go_stale() {
        for asset in ASSETS {
            assert_eq!(lookup(asset.path).map(|found| found.etag), Some(asset.etag));
            assert_eq!(asset.immutable, asset.path.starts_with("/pkg/"));
        }
        let scripts =
            [&ENTRY.journey, &ENTRY.claims].into_iter().flat_map(|bundle| [bundle.js, bundle.wasm, bundle.boot]);
        for path in scripts.chain([ENTRY.css]) {
            assert!(path.is_empty() || lookup(path).is_some(), "{path}");
        }
        assert!(lookup("/pkg/../Cargo.toml").is_none());
    }
}
