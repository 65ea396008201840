//! A provider that answers, ours or the peer's, and how it is spoken to.

use crate::{
    Outcome,
    http::{Connection, Reply},
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The reply URL, and the same in a query.
pub(crate) const REPLY_URL: [&str; 2] =
    ["https://app.bench.example/signed-in", "https%3A%2F%2Fapp.bench.example%2Fsigned-in"];

/// Browsers with a session. Real people do not share one, whose rows are for one at a time: connections beyond these
/// would, so there are no more.
pub(crate) const PEOPLE: usize = 64;

/// A client as it was registered.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Its id.
    pub(crate) id: String,
    /// Its secret.
    pub(crate) secret: String,
    /// What it asks for, escaped.
    pub(crate) scope: &'static str,
}

/// A provider that answers, and how it is spoken to.
pub(crate) struct Subject {
    /// What the table calls it.
    pub(crate) name: String,
    /// Its port.
    pub(crate) port: u16,
    /// The path of the discovery document.
    pub(crate) discovery: String,
    /// The path of the key set.
    pub(crate) keys: String,
    /// The path of the token endpoint.
    pub(crate) token: String,
    /// The path of the authorization endpoint.
    pub(crate) authorize: String,
    /// The client of code flows.
    pub(crate) client: Client,
    /// The one that also gets refresh tokens.
    pub(crate) refreshing: Client,
    /// The one that asks for tokens of its own.
    pub(crate) service: Client,
    /// The cookies of live sessions, of [`PEOPLE`] browsers.
    pub(crate) sessions: Vec<String>,
}

impl Subject {
    /// The path of an authorization request of `client`.
    pub(crate) fn authorize(&self, client: &Client) -> String {
        format!(
            "{}?client_id={}&response_type=code&redirect_uri={}&scope={}&state=bench\
             &code_challenge={CHALLENGE}&code_challenge_method=S256",
            self.authorize, client.id, REPLY_URL[1], client.scope
        )
    }

    /// A code, by the session of the `person`th.
    pub(crate) async fn code(&self, connection: &mut Connection, client: &Client, person: usize) -> Outcome<String> {
        let cookies = format!("Cookie: {}\r\n", self.sessions[person % PEOPLE]);
        let reply = connection.get(&self.authorize(client), &cookies).await?;
        let location = reply.headers("location").next().unwrap_or_default();
        let code = location.split(['?', '&', '#']).find_map(|part| part.strip_prefix("code="));
        code.map(str::to_owned).ok_or_else(|| format!("{}: no code: {} {location}", self.name, reply.status).into())
    }

    /// The exchange of a code.
    pub(crate) async fn exchange(&self, connection: &mut Connection, client: &Client, code: &str) -> Outcome<Reply> {
        let Client { id, secret, .. } = client;
        let form = format!(
            "grant_type=authorization_code&client_id={id}&client_secret={secret}&code={code}\
             &redirect_uri={}&code_verifier={VERIFIER}",
            REPLY_URL[1]
        );
        connection.post(&self.token, "", &form).await?.expect(200)
    }

    /// The form of a refresh, but for the token at its end.
    pub(crate) fn refresh_form(&self) -> String {
        let Client { id, secret, .. } = &self.refreshing;
        format!("grant_type=refresh_token&client_id={id}&client_secret={secret}&refresh_token=")
    }

    /// The form of an application that asks for a token of its own.
    pub(crate) fn own_form(&self) -> String {
        let Client { id, secret, scope } = &self.service;
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}")
    }

    /// Exchanges a refresh token for the next.
    pub(crate) async fn refresh(&self, connection: &mut Connection, token: &str) -> Outcome<String> {
        let form = format!("{}{token}", self.refresh_form());
        next_token(&connection.post(&self.token, "", &form).await?.expect(200)?)
    }
}

/// A refresh token of the `person`th, by a code flow.
pub(crate) async fn first_token(subject: &Subject, connection: &mut Connection, person: usize) -> Outcome<String> {
    let code = subject.code(connection, &subject.refreshing, person).await?;
    next_token(&subject.exchange(connection, &subject.refreshing, &code).await?)
}

/// A token of an application itself.
pub(crate) async fn own_token(subject: &Subject, connection: &mut Connection) -> Outcome<()> {
    let reply = connection.post(&subject.token, "", &subject.own_form()).await?.expect(200)?;
    let answer: serde_json::Value = serde_json::from_slice(&reply.body)?;
    // A JWT of three parts on both sides.
    match answer["access_token"].as_str() {
        Some(token) if token.split('.').count() == 3 => Ok(()),
        Some(_) | None => Err(format!("not a token: {answer}").into()),
    }
}

fn next_token(reply: &Reply) -> Outcome<String> {
    let answer: serde_json::Value = serde_json::from_slice(&reply.body)?;
    let both = answer["access_token"].is_string() && answer["id_token"].is_string();
    let token = answer["refresh_token"].as_str().filter(|_| both);
    token.map(str::to_owned).ok_or_else(|| format!("not three tokens: {answer}").into())
}
