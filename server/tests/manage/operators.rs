//! The command line for operators: their links, who they are, what they must show, and how they go.

use lanyard_domain::{
    account::AccountKind,
    clock::{DAY, Timestamp},
    email::EmailAddress,
    id::Id,
    journey::NewAccount,
    role::{Role, RoleGrant},
    secret::Token,
    session::{ConsoleKind, Session, SessionTerms},
    tenant::{SYSTEM_DOMAIN, TenantDomain},
};
use lanyard_storage::{StorageError, Store, StoreOptions};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_an_operator_is_all_that_is_printed() {
    let dir = temp_dir();
    let mut links = Vec::new();
    for _ in 0..2 {
        let output = lanyard(&dir, &["operator", "invite"]).await;
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("http") && text.lines().count() == 1, "{text}");
        links.push(text.trim().to_owned());
        assert!(!String::from_utf8_lossy(&output.stderr).contains(links.last().unwrap().as_str()));
    }
    assert_ne!(links[0], links[1]);
    misused(&dir, &["operator", "invite", "--tenant", "x"]).await;
    remove(&dir);
}

// Operators of the whole instance who are signed in, put beside the program into its database.
async fn operators(dir: &Path, names: &[&'static str]) {
    let url = format!("sqlite:{}", dir.join("data/lanyard.db").display());
    let store = Store::connect(&StoreOptions::new(url)).await.unwrap();
    let names = names.to_vec();
    let made = store.write(move |tx| {
        Box::pin(async move {
            let mut entropy = lanyard_domain::entropy::SeededEntropy::new(7);
            let system = tx.tenant_by_domain(&TenantDomain::parse(SYSTEM_DOMAIN).unwrap()).await?.unwrap();
            let now = system.created_at;
            for name in names {
                let new = NewAccount {
                    id: Id::new(now, &mut entropy),
                    kind: AccountKind::Operator,
                    email: EmailAddress::parse(&format!("{name}@operators.example")).unwrap(),
                    phc: "$none".to_owned(),
                    attributes: Default::default(),
                    factors: Vec::new(),
                    invitation: None,
                };
                tx.create_account(system.id, &new, now).await?;
                let role = Role::InstanceOperator;
                tx.grant_role(&RoleGrant { account: new.id, role, granted_at: now, granted_by: None }).await?;
                let authentication = serde_json::json!({
                    "account": new.id, "at": now, "password": true, "email_proved": false,
                    "second": ["authenticator_app"], "new_account": false,
                });
                tx.create_session(&Session {
                    id: Id::new(now, &mut entropy),
                    tenant: system.id,
                    account: new.id,
                    token: Token::generate(&mut entropy).hash(),
                    console: Some(ConsoleKind::Portal),
                    terms: SessionTerms::default(),
                    authentication: serde_json::from_value(authentication).unwrap(),
                    created_at: now,
                    last_seen_at: now,
                    expires_at: now.plus(DAY),
                    ended_at: None,
                })
                .await?;
            }
            Ok(())
        })
    });
    made.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    store.close().await;
}

// How many sessions an operator has.
async fn sessions(dir: &Path, name: &str) -> usize {
    let url = format!("sqlite:{}", dir.join("data/lanyard.db").display());
    let store = Store::connect(&StoreOptions::new(url)).await.unwrap();
    let address = EmailAddress::parse(&format!("{name}@operators.example")).unwrap();
    let found = store.read(move |tx| {
        Box::pin(async move {
            let system = tx.tenant_by_domain(&TenantDomain::parse(SYSTEM_DOMAIN).unwrap()).await?.unwrap();
            let (account, _) = tx.account_by_email(system.id, &address).await?.unwrap();
            tx.live_sessions_of_account(account.id, Timestamp(system.created_at.0 + 1)).await
        })
    });
    let found = found.await.unwrap_or_else(|error: StorageError| panic!("{error}"));
    store.close().await;
    found.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn n23_what_an_account_must_show_is_set_once_and_a_second_time_is_said_to_be_so() {
    let dir = temp_dir();
    assert!(lanyard(&dir, &["operator", "invite"]).await.status.success());
    operators(&dir, &["ann"]).await;
    let ann = ["account", "require", "ann@operators.example", "--tenant", "lanyard.system", "--minimum"];
    let with = |minimum: &'static str| [&ann[..], &[minimum]].concat();
    refused(&dir, &with("aal1"), "ann@operators.example: is so already").await;
    let set = answered(&dir, &with("aal2_strict")).await;
    assert_eq!((&set["minimum"], &set["before"]), (&"aal2_strict".into(), &"aal1".into()));
    refused(&dir, &with("aal2_strict"), "ann@operators.example: is so already").await;
    let back = answered(&dir, &with("aal1")).await;
    assert_eq!((&back["minimum"], &back["before"]), (&"aal1".into(), &"aal2_strict".into()));
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_c4_operators_of_the_instance_are_listed_stopped_and_lose_the_role() {
    let dir = temp_dir();
    answered(&dir, &create_tenant("harbour.example", "Harbour Clinic")).await;
    assert_eq!(answered(&dir, &["operator", "list"]).await, serde_json::json!([]));
    refused(&dir, &["operator", "revoke", "ann@operators.example"], "not found").await;
    assert!(lanyard(&dir, &["operator", "invite"]).await.status.success());
    operators(&dir, &["ann", "ben", "cleo"]).await;
    let listed = async || {
        let all = answered(&dir, &["operator", "list"]).await;
        let mut all: Vec<(String, bool)> = all
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["email"].as_str().unwrap().to_owned(), row["disabled"].as_bool().unwrap()))
            .collect();
        all.sort();
        all
    };
    let row = |name: &str, disabled: bool| (format!("{name}@operators.example"), disabled);
    assert_eq!(listed().await, [row("ann", false), row("ben", false), row("cleo", false)]);

    // Stopped: the role stays, the sessions end.
    let system = ["--tenant", "lanyard.system"];
    let stop = |command: &'static str, address: &'static str| [&["account", command, address][..], &system].concat();
    let stopped = answered(&dir, &stop("disable", "cleo@operators.example")).await;
    assert_eq!(stopped["disabled"], true);
    refused(&dir, &stop("disable", "cleo@operators.example"), "is stopped already").await;
    refused(&dir, &stop("disable", "nobody@operators.example"), "not found").await;
    assert_eq!((sessions(&dir, "cleo").await, sessions(&dir, "ben").await), (0, 1));
    assert_eq!(listed().await, [row("ann", false), row("ben", false), row("cleo", true)]);

    // Who leaves: the role and the sessions.
    let revoke = |address: &'static str| ["operator", "revoke", address];
    refused(&dir, &revoke("nobody@operators.example"), "not found").await;
    refused(&dir, &revoke("nobody"), "no email address").await;
    misused(&dir, &["operator", "revoke"]).await;
    let gone = answered(&dir, &revoke("Ben@Operators.example")).await;
    assert_eq!(gone["operators_left"], 1, "who may sign in: {gone}");
    assert_eq!(gone["roles_left"], 0, "{gone}");
    assert_eq!((sessions(&dir, "ben").await, sessions(&dir, "ann").await), (0, 1));
    refused(&dir, &revoke("ben@operators.example"), "not found").await;
    assert_eq!(listed().await, [row("ann", false), row("cleo", true)]);
    let back = answered(&dir, &stop("enable", "cleo@operators.example")).await;
    assert_eq!(back["disabled"], false);
    // The last ones may go, too: the machine's owner invites another.
    for (address, left) in [("ann@operators.example", 1), ("cleo@operators.example", 0)] {
        assert_eq!(answered(&dir, &revoke(address)).await["operators_left"], left);
    }
    assert_eq!(listed().await, []);
    remove(&dir);
}
