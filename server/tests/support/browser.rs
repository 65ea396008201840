//! A browser without scripting: cookies, forms, redirects. It keeps the rules that browsers keep
//! for `__Host-` cookies.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use super::app::ORIGIN;

/// The most that an answer may hold.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// A browser.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    bodies: Arc<Mutex<Vec<(String, String)>>>,
    pub(crate) jar: BTreeMap<String, String>,
    pub(crate) ip: IpAddr,
    /// Sent with every request, over what a browser itself would send.
    pub(crate) extra: Vec<(&'static str, String)>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) at: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// `a=b&c=d`, escaped.
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(fields).unwrap()
}

impl Browser {
    pub(crate) fn new(router: Router, bodies: Arc<Mutex<Vec<(String, String)>>>) -> Self {
        Self { router, bodies, jar: BTreeMap::new(), ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)), extra: Vec::new() }
    }

    pub(crate) fn at_ip(mut self, ip: impl Into<IpAddr>) -> Self {
        self.ip = ip.into();
        self
    }

    /// Sends a request as it is, with the cookies and the address of this browser.
    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Page {
        let at = format!("{} {}", request.method(), request.uri());
        let headers = request.headers_mut();
        if !self.jar.is_empty() && !headers.contains_key(header::COOKIE) {
            let line: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.insert(header::COOKIE, line.join("; ").parse().unwrap());
        }
        for (name, value) in &self.extra {
            headers.insert(*name, value.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.ip, 40_000)));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, MAX_ANSWER).await.unwrap();
        self.take_cookies(&parts.headers);
        if let Ok(text) = std::str::from_utf8(&body)
            && !at.contains("/dev/inbox")
        {
            let headers = format!("{:?}", parts.headers);
            self.bodies.lock().unwrap().push((at.clone(), format!("{text}\n{headers}")));
        }
        Page { at, status: parts.status, headers: parts.headers, body }
    }

    // The rules of RFC 6265bis for the prefix `__Host-`; any other cookie is a mistake (N25).
    fn take_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let mut parts = line.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let attributes: Vec<&str> = parts.collect();
            let has = |wanted: &str| attributes.contains(&wanted);
            assert!(name.starts_with("__Host-"), "n25: {line}");
            assert!(has("Secure") && has("HttpOnly") && has("Path=/"), "n25: {line}");
            assert!(!line.to_ascii_lowercase().contains("domain="), "n25: {line}");
            assert!(attributes.iter().any(|a| a.starts_with("SameSite=")), "n25: {line}");
            if has("Max-Age=0") {
                self.jar.remove(name);
            } else {
                // Of a known browser one for each account, behind a mark.
                let secrets = value.split('~').map(|entry| match (name, entry.split_once('.')) {
                    ("__Host-known", Some((mark, secret))) if mark.len() == 8 => secret,
                    _ => entry,
                });
                assert!(secrets.into_iter().all(|s| s.len() == 43), "n25: opaque values of 256 bits: {line}");
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let request = Request::get(path).header(header::ACCEPT, "text/html").header(header::HOST, "id.example");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// What a script asks for that wants no body.
    pub(crate) async fn head(&mut self, path: &str) -> Page {
        let request = Request::head(path).header(header::HOST, "id.example");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A form as a browser posts it from one of our pages.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = form(path).header("sec-fetch-site", "same-origin").header(header::ORIGIN, ORIGIN);
        self.send(request.body(Body::from(encode(fields))).unwrap()).await
    }

    /// What a script of our own pages posts.
    pub(crate) async fn post_json(&mut self, path: &str, body: &serde_json::Value) -> Page {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("sec-fetch-site", "same-origin")
            .header(header::ORIGIN, ORIGIN);
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A form from a program or another site: no `Origin`, no `Sec-Fetch-Site`.
    pub(crate) async fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(form(path).body(Body::from(encode(fields))).unwrap()).await
    }

    /// Bytes, as a form.
    pub(crate) async fn post_raw(&mut self, path: &str, method: Method, kind: &str, body: impl Into<Body>) -> Page {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, kind)
            .header(header::ACCEPT, "text/html")
            .header("sec-fetch-site", "same-origin");
        self.send(request.body(body.into()).unwrap()).await
    }
}

fn form(path: &str) -> axum::http::request::Builder {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "text/html")
        .header(header::HOST, "id.example")
}

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {} {error}: {}", self.at, self.status, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    pub(crate) fn location(&self) -> Option<String> {
        self.header("location")
    }

    /// Where the page moves on to by itself.
    pub(crate) fn refresh(&self) -> Option<String> {
        self.header("refresh").and_then(|text| text.split_once("url=").map(|(_, url)| url.to_owned()))
    }

    /// The value of the first `csrf` field in the HTML.
    pub(crate) fn csrf(&self) -> Option<String> {
        self.hidden("csrf")
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> Option<String> {
        let text = self.text();
        let field = text
            .split("<input")
            .find(|tag| tag.split('>').next().is_some_and(|t| t.contains(&format!("name=\"{name}\""))))?;
        let tag = field.split('>').next()?;
        let (_, rest) = tag.split_once("value=\"")?;
        Some(rest.split('"').next()?.to_owned())
    }

    /// Whether the page says `words`.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.text().contains(words)
    }
}

/// A parameter of an address, unescaped.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let query = address.split_once(['?', '#'])?.1;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}
