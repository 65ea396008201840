//! `lanyard audit`: the log of a tenant, read by the program itself from a database of its own.

use std::path::Path;

use serde_json::Value;

use crate::{
    command_line::run,
    support::database::{remove, temp_dir},
};

async fn lines(dir: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = run(dir, &[&["audit", "--data-dir", "data"], arguments].concat(), &[]).await;
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{arguments:?}: {err}");
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn words(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["action"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_the_log_of_a_tenant_is_read_page_by_page_and_no_other_tenants() {
    let dir = temp_dir();
    let created =
        |domain: &'static str| ["tenant", "create", "--data-dir", "data", "--name", "Clinic", "--domain", domain];
    for arguments in [&["operator", "invite", "--data-dir", "data"][..], &created("a.example"), &created("b.example")] {
        assert!(run(&dir, arguments, &[]).await.status.success(), "{arguments:?}");
    }
    let own = ["--tenant", "b.example"];
    for countries in ["CA", "US", "CA"] {
        let set = ["tenant", "texts", "--data-dir", "data", "--countries", countries];
        assert!(run(&dir, &[&set[..], &own].concat(), &[]).await.status.success());
    }
    let all = lines(&dir, &own).await;
    assert_eq!(words(&all)[0], "tenant_created");
    assert_eq!(words(&all).iter().filter(|action| **action == "tenant_changed").count(), 3);
    let mut times: Vec<&str> = all.iter().map(|event| event["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times[0].ends_with('Z'), "{times:?}");
    times.dedup();
    // Page by page it is the same, each from the last id of the one before.
    let mut paged = lines(&dir, &[&own[..], &["--limit", "2"]].concat()).await;
    loop {
        let last = paged.last().unwrap()["id"].as_str().unwrap().to_owned();
        let next = lines(&dir, &[&own[..], &["--limit", "2", "--after", &last]].concat()).await;
        if next.is_empty() {
            break;
        }
        paged.extend(next);
    }
    assert_eq!(paged, all);
    let changes = lines(&dir, &[&own[..], &["--action", "tenant_changed", "--since", "1"]].concat()).await;
    assert_eq!(words(&changes), ["tenant_changed"; 3]);
    assert!(lines(&dir, &[&own[..], &["--since", "2999-01-01T00:00:00Z"]].concat()).await.is_empty());
    assert!(!lines(&dir, &[&own[..], &["--since", "2020-01-01T00:00:00+02:00"]].concat()).await.is_empty());
    // What concerns the whole instance stands under the built-in tenant; nothing of the others does.
    let system = lines(&dir, &["--tenant", "lanyard.system"]).await;
    assert!(words(&system).contains(&"invitation_sent"), "{system:?}");
    assert!(system.iter().all(|event| !all.contains(event)), "{system:?}");
    let foreign = all[0]["id"].as_str().unwrap();
    for (arguments, why) in [
        (&["--tenant", "c.example"][..], "there is no tenant c.example"),
        (&["--tenant", "lanyard.system", "--after", foreign], "is no event of this tenant"),
        (&["--tenant", "b.example", "--after", "x"], "is no event of this tenant"),
        (&["--tenant", "b.example", "--since", "yesterday"], "neither a moment"),
        (&["--tenant", "b.example", "--action", "sign-in"], "sign_in"),
    ] {
        let output = run(&dir, &[&["audit", "--data-dir", "data"], arguments].concat(), &[]).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && text.contains(why), "{arguments:?}: {text}");
    }
    for misused in [&["--limit", "0"][..], &["--limit", "1001"], &["--since", "1", "--after", foreign]] {
        let output = run(&dir, &[&["audit", "--data-dir", "data"], &own[..], misused].concat(), &[]).await;
        assert_eq!(output.status.code(), Some(2), "{misused:?}");
    }
    remove(&dir);
}
