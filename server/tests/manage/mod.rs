//! The command line that changes tenants, applications, flows and keys: the program itself, against a
//! database of its own. What it prints, what it refuses, and what it must not show.

mod operators;

use std::{path::Path, process::Output};

use serde_json::Value;

use crate::{
    command_line::run,
    support::database::{remove, temp_dir},
};

const REPLY: &str = "https://app.harbour.example/callback";

async fn lanyard(dir: &Path, arguments: &[&str]) -> Output {
    let all: Vec<&str> = arguments.iter().copied().chain(["--data-dir", "data"]).collect();
    run(dir, &all, &[]).await
}

async fn answered(dir: &Path, arguments: &[&str]) -> Value {
    let output = lanyard(dir, arguments).await;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {err}");
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{arguments:?}: {out}"))
}

// One line, nothing on the standard output, and the exit code of a failure.
async fn refused(dir: &Path, arguments: &[&str], why: &str) {
    let output = lanyard(dir, arguments).await;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}: {err}");
    let lines: Vec<&str> = err.lines().filter(|line| line.starts_with("lanyard: ")).collect();
    assert_eq!(lines.len(), 1, "{arguments:?}: {err}");
    assert!(lines[0].contains(why) && !err.contains("panicked"), "{arguments:?}: {err}");
}

// The command line itself is wrong: clap's exit code, before anything is opened.
async fn misused(dir: &Path, arguments: &[&str]) {
    let output = lanyard(dir, arguments).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    assert!(!output.stderr.is_empty(), "{arguments:?}");
}

fn create_tenant<'a>(domain: &'a str, name: &'a str) -> [&'a str; 6] {
    ["tenant", "create", "--name", name, "--domain", domain]
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_the_second_factor_of_a_flow_is_switched_and_tried_out() {
    let dir = temp_dir();
    let domain = "harbour.example";
    answered(&dir, &create_tenant(domain, "Harbour Clinic")).await;
    // Whether help with signing in takes a second person.
    let resets = ["tenant", "resets", "--tenant", domain];
    assert_eq!(answered(&dir, &resets).await["second_approver"], serde_json::json!(false));
    for wanted in ["true", "true", "false"] {
        let set = answered(&dir, &[&resets[..], &["--second-approver", wanted]].concat()).await;
        assert_eq!((set["second_approver"].to_string().as_str(), answered(&dir, &resets).await), (wanted, set.clone()));
    }
    misused(&dir, &[&resets[..], &["--second-approver", "maybe"]].concat()).await;
    // N19: the makes of staff's passkeys, by the rules of the portal's form.
    let passkeys = ["tenant", "passkeys", "--tenant", domain];
    let none = answered(&dir, &passkeys).await;
    assert_eq!(none["staff_passkeys"]["makes"], serde_json::json!([]));
    std::fs::write(dir.join("roots.pem"), crate::support::authenticator::Maker::new().root()).unwrap();
    std::fs::write(dir.join("none.pem"), "x").unwrap();
    let make = "2fc0579f-8113-47ea-b116-bb5a8db9202a Key 5";
    let set = answered(&dir, &[&passkeys[..], &["--make", make, "--roots", "roots.pem"]].concat()).await;
    assert_eq!(set["staff_passkeys"]["makes"][0]["name"], "Key 5");
    refused(&dir, &[&passkeys[..], &["--make", make, "--roots", "none.pem"]].concat(), "certificates").await;
    refused(&dir, &[&passkeys[..], &["--make", make, "--roots", "nowhere.pem"]].concat(), "nowhere.pem").await;
    assert_eq!(answered(&dir, &passkeys).await, set);
    assert_eq!(answered(&dir, &[&passkeys[..], &["--any"]].concat()).await, none);

    let flow = answered(&dir, &["flow", "create", "--tenant", domain, "--name", "B2C_1_signup"]).await;
    let mfa = ["flow", "mfa", "B2C_1_signup", "--tenant", domain, "--to"];
    let with = |more: &[&'static str]| mfa.into_iter().chain(more.iter().copied()).collect::<Vec<&str>>();
    let tried = answered(&dir, &with(&["conditional", "--set", "when_new_network=true", "--dry-run"])).await;
    assert_eq!(tried, serde_json::json!({"patients": 0, "without": 0, "weaker": 0, "waiting": 0, "raised": 0}));
    for (bad, why) in [
        (&["sometimes"][..], "on, conditional or off"),
        (&["conditional", "--set", "when_days=91"], "when_days"),
        (&["conditional", "--set", "when_new_browser=false", "--set", "when_days="], "conditions"),
        (
            &[
                "conditional",
                "--set",
                "when_new_browser=false",
                "--set",
                "when_new_country=true",
                "--set",
                "when_days=",
            ],
            "the country alone",
        ),
        (&["on", "--set", "method-passkey=false", "--set", "minimum=phishing_resistant"], "minimum"),
        (&["on", "--set", "grace_days=91"], "grace_days"),
        (&["on", "--set", "token_minutes=15"], "token_minutes"),
    ] {
        refused(&dir, &with(bad), why).await;
    }
    let asked = answered(&dir, &with(&["conditional", "--set", "when_new_network=true", "--set", "when_days="])).await;
    assert_eq!(asked["version"], flow["version"].as_i64().unwrap() + 1, "what was tried or refused changed nothing");
    let settings = &asked["settings"]["mfa"];
    assert_eq!(settings["enforcement"], "conditional");
    let mut conditions =
        serde_json::json!({"new_browser": true, "new_network": true, "new_country": false, "strong_days": null});
    assert_eq!(settings["conditions"], conditions);
    assert!(asked.get("remark").is_none(), "{asked}");
    // No proxy tells countries here: it is said, tried out or saved.
    let abroad = ["conditional", "--set", "when_new_country=true", "--dry-run"];
    for more in [&abroad[..], &abroad[..3]] {
        let said = answered(&dir, &with(more)).await;
        assert!(said["remark"].as_str().is_some_and(|text| text.contains("country_header")), "{said}");
    }
    conditions["new_country"] = true.into();
    let waiting = answered(&dir, &with(&["conditional", "--set", "grace_days=14"])).await;
    let (mfa, before) = (&waiting["settings"]["mfa"], &flow["settings"]["mfa"]);
    assert_eq!(
        (&mfa["grace_days"], &mfa["since"]),
        (&14.into(), &before["since"]),
        "a flow that was on from the start"
    );
    assert!(mfa["since"].is_i64(), "{mfa}");
    let off = answered(&dir, &with(&["off"])).await;
    assert_eq!(off["settings"]["mfa"]["since"], serde_json::Value::Null);
    assert_eq!(
        (&off["settings"]["mfa"]["enforcement"], &off["settings"]["mfa"]["conditions"]),
        (&"off".into(), &conditions)
    );
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_flows_and_applications_are_made_and_changed() {
    let dir = temp_dir();
    let domain = "harbour.example";
    let tenant = answered(&dir, &create_tenant(domain, "Harbour Clinic")).await;
    assert_eq!((&tenant["domain"], &tenant["region"]), (&domain.into(), &"US".into()));
    let listed = answered(&dir, &["tenant", "list"]).await;
    assert!(listed.as_array().unwrap().contains(&tenant), "{listed}");
    refused(&dir, &create_tenant(domain, "Another"), "taken").await;
    refused(&dir, &create_tenant("no domain", "Another"), "domain").await;

    // C4: an account that is not there is neither stopped nor let in.
    for command in ["disable", "enable"] {
        refused(&dir, &["account", command, "nobody@x.example", "--tenant", domain], "not found").await;
        refused(&dir, &["account", command, "nobody", "--tenant", domain], "no email address").await;
    }

    // N23: what an account, and whoever holds a role, must show.
    let require = ["account", "require", "nobody@x.example", "--tenant", domain, "--minimum"];
    refused(&dir, &[&require[..], &["aal2_strict"]].concat(), "not found").await;
    refused(&dir, &[&require[..], &["aal9"]].concat(), "aal2_legacy").await;
    let minimums = ["tenant", "minimums", "--tenant", domain];
    assert_eq!(answered(&dir, &minimums).await["staff"], "aal1");
    let set = answered(&dir, &[&minimums[..], &["--staff", "aal2_strict"]].concat()).await;
    assert_eq!((&set["staff"], &set["operators"]), (&"aal2_strict".into(), &"aal1".into()));
    assert_eq!(answered(&dir, &minimums).await, set);
    refused(&dir, &[&minimums[..], &["--operators", "aal9"]].concat(), "aal2_legacy").await;
    // What is built in is there since the first start, or the first link for an operator.
    assert!(lanyard(&dir, &["operator", "invite"]).await.status.success());
    let system = ["tenant", "minimums", "--tenant", "lanyard.system"];
    let raised = answered(&dir, &[&system[..], &["--operators", "aal2_strict"]].concat()).await;
    assert_eq!((&raised["staff"], &raised["operators"]), (&"aal1".into(), &"aal2_strict".into()));
    refused(&dir, &[&system[..], &["--staff", "aal2_strict"]].concat(), "not allowed").await;

    // N20: the hours after a recovery, by the rules of the portal's form.
    let cool_down = ["tenant", "cool-down", "--tenant", domain];
    assert_eq!(answered(&dir, &cool_down).await["cool_down_hours"], 24);
    assert_eq!(answered(&dir, &[&cool_down[..], &["--hours", "0"]].concat()).await["cool_down_hours"], 0);
    refused(&dir, &[&cool_down[..], &["--hours", "169"]].concat(), "168").await;
    assert_eq!(answered(&dir, &cool_down).await["cool_down_hours"], 0);

    // A14: the countries of texts and calls, by the rules of the portal's form.
    let texts = ["tenant", "texts", "--tenant", domain];
    assert_eq!(answered(&dir, &texts).await["phone_countries"], serde_json::json!([]));
    let set = answered(&dir, &[&texts[..], &["--countries", "united states, ca"]].concat()).await;
    assert_eq!(set["phone_countries"], serde_json::json!(["CA", "US"]));
    refused(&dir, &[&texts[..], &["--countries", "Narnia"]].concat(), "Narnia").await;
    assert_eq!(answered(&dir, &texts).await, set);
    assert_eq!(answered(&dir, &[&texts[..], &["--countries", ""]].concat()).await, tenant);

    let flow = answered(&dir, &["flow", "create", "--tenant", domain, "--name", "B2C_1_signup"]).await;
    assert!(flow["discovery"].as_str().unwrap().contains("/b2c_1_signup/v2.0/"), "{flow}");
    let set = ["flow", "set", "b2c_1_SIGNUP", "--tenant", domain, "--set", "token_minutes=15"];
    let changed = answered(&dir, &set).await;
    assert_ne!(changed["settings"], flow["settings"]);
    assert_ne!(changed["version"], flow["version"]);
    assert_eq!(changed["id"], flow["id"]);
    for (to, mfa) in [("off", "off"), ("on", "always_on")] {
        let set = answered(&dir, &["flow", "mfa", "B2C_1_signup", "--tenant", domain, "--to", to]).await;
        let policy = &set["settings"]["mfa"];
        assert_eq!((&policy["enforcement"], &policy["methods"]), (&mfa.into(), &changed["settings"]["mfa"]["methods"]));
    }

    let register = ["app", "register", "--tenant", domain, "--name", "Portal", "--reply-url", REPLY];
    let web: Vec<&str> = register.into_iter().chain(["--kind", "web", "--flow", "B2C_1_signup"]).collect();
    let app = answered(&dir, &web).await;
    assert_eq!(app["reply_urls"][0], REPLY);
    assert_eq!(app["flows"][0]["issuer"], changed["issuer"]);
    let id = app["id"].as_str().unwrap();

    // A secret is shown once, by the command that makes it, and by none after it.
    let made = answered(&dir, &["app", "secret", id, "--tenant", domain]).await;
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.len() >= 32);
    let (show, list) = (["app", "show", id, "--tenant", domain], ["app", "list", "--tenant", domain]);
    let shown = answered(&dir, &show).await;
    assert!(secret.ends_with(shown["secrets_end_with"][0].as_str().unwrap()));
    let all = answered(&dir, &list).await;
    assert!(![shown.to_string(), all.to_string()].concat().contains(&secret));
    for file in ["lanyard.db", "lanyard.db-wal"] {
        let bytes = std::fs::read(dir.join("data").join(file)).unwrap_or_default();
        let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "c6: {file} holds the secret");
    }

    let set = ["app", "set", id, "--tenant", domain, "--set", "hybrid=true", "--unlink", "B2C_1_signup"];
    let changed = answered(&dir, &set).await;
    assert_eq!((&changed["settings"]["hybrid"], changed["flows"].as_array().unwrap().len()), (&true.into(), 0));

    // What is refused changes nothing.
    for (more, why) in [
        (["--set", "hybird=true"], "hybird"),
        (["--set", "hybrid"], "name=value"),
        (["--set", "reply_urls=http://evil.example/"], "reply_urls"),
        (["--set", "minimum=strong"], "minimum"),
        (["--link", "B2C_1_none"], "B2C_1_none"),
    ] {
        let set: Vec<&str> = ["app", "set", id, "--tenant", domain].into_iter().chain(more).collect();
        refused(&dir, &set, why).await;
    }
    let bad = ["app", "register", "--tenant", domain, "--name", "X", "--kind", "web", "--reply-url", "ftp://x"];
    refused(&dir, &bad, "reply_urls").await;
    let set = ["flow", "set", "B2C_1_signup", "--tenant", domain, "--set", "token_minutes=soon"];
    refused(&dir, &set, "token_minutes").await;
    assert_eq!(answered(&dir, &show).await, changed);
    assert_eq!(answered(&dir, &list).await.as_array().unwrap().len(), 1);
    let public: Vec<&str> = register.into_iter().chain(["--kind", "single_page"]).collect();
    let public = answered(&dir, &public).await;
    refused(&dir, &["app", "secret", public["id"].as_str().unwrap(), "--tenant", domain], "can keep no secret").await;
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn a25_another_tenants_things_and_unknown_ones_are_not_found() {
    let dir = temp_dir();
    for (domain, name) in [("one.example", "One"), ("two.example", "Two")] {
        answered(&dir, &create_tenant(domain, name)).await;
    }
    let register = ["app", "register", "--tenant", "one.example", "--name", "Portal", "--kind", "web"];
    let register: Vec<&str> = register.into_iter().chain(["--reply-url", REPLY]).collect();
    let app = answered(&dir, &register).await;
    let id = app["id"].as_str().unwrap();
    let nobody = "00000000-0000-7000-8000-000000000000";
    for (id, tenant, why) in [
        (id, "two.example", "not found"),
        (nobody, "one.example", "not found"),
        ("x", "one.example", "not an application"),
        (id, "none.example", "there is no tenant none.example"),
        (id, "lanyard.system", "there is no tenant"),
    ] {
        refused(&dir, &["app", "show", id, "--tenant", tenant], why).await;
        refused(&dir, &["app", "secret", id, "--tenant", tenant], why).await;
        refused(&dir, &["app", "set", id, "--tenant", tenant, "--set", "hybrid=true"], why).await;
    }
    refused(&dir, &["flow", "list", "--tenant", "none.example"], "there is no tenant").await;
    refused(&dir, &["flow", "set", "B2C_1_x", "--tenant", "one.example", "--set", "hybrid=true"], "not found").await;
    refused(&dir, &["keys", "list", "--tenant", "none.example"], "there is no tenant").await;
    assert_eq!(answered(&dir, &["app", "show", id, "--tenant", "one.example"]).await, app);
    for wrong in [
        &["app", "register", "--tenant", "one.example"][..],
        &["app", "show"],
        &["tenant", "create", "--name", "Three"],
        &["flow", "set", "B2C_1_x", "--tenant", "one.example"],
        &["keys", "rotate", "--algorithm", "HS256"],
        &["tenant", "destroy"],
    ] {
        misused(&dir, wrong).await;
    }
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_rotated_and_retired_and_show_nothing_private() {
    let dir = temp_dir();
    answered(&dir, &create_tenant("one.example", "One")).await;
    let keys = async || {
        let output = lanyard(&dir, &["keys", "list", "--tenant", "one.example", "--json"]).await;
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let before = keys().await;
    assert!(before.iter().any(|key| key["algorithm"] == "RS256" && key["state"] == "current"), "{before:?}");
    for key in &before {
        let mut names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["algorithm", "deleted_at", "kid", "signs_from", "state", "tenant"]);
    }
    let rotate = ["keys", "rotate", "--tenant", "one.example", "--algorithm", "RS256", "--json"];
    let added = answered(&dir, &rotate).await;
    let after = keys().await;
    assert_eq!(after.len(), before.len() + 1);
    assert!(after.iter().any(|key| key["kid"] == added["kid"] && key["state"] == "next"));
    // A second one is not needed: said on the side, and nothing is made.
    let again = lanyard(&dir, &rotate).await;
    assert!(again.status.success() && again.stdout.is_empty());
    assert!(String::from_utf8_lossy(&again.stderr).contains("published already"));
    assert_eq!(keys().await, after);
    refused(&dir, &["keys", "retire", "no-such-key"], "there is no key").await;
    refused(&dir, &["keys", "retire", "-a-kid-may-begin-so"], "there is no key").await;
    let withdrawn = lanyard(&dir, &["keys", "retire", added["kid"].as_str().unwrap()]).await;
    assert!(withdrawn.status.success());
    assert_eq!(keys().await, before);
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn o3_create_and_mfa_take_the_same_words() {
    let dir = temp_dir();
    let domain = "harbour.example";
    answered(&dir, &create_tenant(domain, "Harbour Clinic")).await;
    for (n, (word, mfa)) in
        [("on", "always_on"), ("always_on", "always_on"), ("conditional", "conditional"), ("off", "off")]
            .iter()
            .enumerate()
    {
        let name = format!("B2C_1_{n}");
        let made = answered(&dir, &["flow", "create", "--tenant", domain, "--name", &name, "--mfa", word]).await;
        assert_eq!(made["settings"]["mfa"]["enforcement"], *mfa, "{word}: {made}");
        let set = answered(&dir, &["flow", "mfa", &name, "--tenant", domain, "--to", word]).await;
        assert_eq!(set["settings"]["mfa"]["enforcement"], *mfa, "{word}: {set}");
    }
    let bad = ["flow", "create", "--tenant", domain, "--name", "B2C_1_x", "--mfa", "sometimes"];
    refused(&dir, &bad, "on, conditional or off").await;
    remove(&dir);
}
