//! `lanyard config check` refuses what `serve` refuses, and what would be served and not work.

use std::path::Path;

use crate::{
    command_line::run,
    support::database::{remove, temp_dir},
};

const MAIL: &str = "host = \"127.0.0.1\"\nfrom = \"no-reply@clinic.example\"\n";
const PHONE: &str = "account_sid = \"AC1\"\nauth_token = \"hidden\"\n";
const NUMBER: &str = "from_number = \"+12065550100\"\n";

// What the command says of this configuration; `None` where it is fine.
async fn wrong(dir: &Path, command: &[&str], config: &str) -> Option<String> {
    std::fs::write(dir.join("lanyard.toml"), config).unwrap();
    let output = run(dir, &[command, &["--data-dir", "data"]].concat(), &[]).await;
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("lanyard: ")).collect();
    assert_eq!(lines.len(), usize::from(!output.status.success()), "{config}: {text}");
    assert!(!text.contains("hidden") && !text.contains("panicked"), "{config}: {text}");
    (!output.status.success()).then(|| lines[0].to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_config_check_refuses_what_serve_refuses() {
    let dir = temp_dir();
    let certificate = rcgen::generate_simple_self_signed(vec!["id.clinic.example".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["id.clinic.example".to_owned()]).unwrap();
    std::fs::write(dir.join("chain.pem"), certificate.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), certificate.signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("other.pem"), other.signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("none.pem"), "no certificate").unwrap();
    let tls =
        |enabled: &str, key: &str| format!("[tls]\n{enabled}certificate_file = \"chain.pem\"\nkey_file = \"{key}\"\n");
    let on = "enabled = true\n";
    let bad = [
        ("[smtp]\nhost = \"a\"\nfrom = \"not an address\"\n".to_owned(), "smtp: "),
        (format!("[smtp]\n{MAIL}ca_file = \"nowhere.pem\"\n"), "smtp.ca_file: nowhere.pem"),
        (format!("[smtp]\n{MAIL}ca_file = \"none.pem\"\n"), "smtp: the certificate file"),
        (format!("[smtp]\n{MAIL}[second_smtp]\n{MAIL}ca_file = \"nowhere.pem\"\n"), "second_smtp.ca_file: nowhere.pem"),
        (format!("[smtp]\n{MAIL}username = \"lanyard\"\n"), "smtp: there is a username"),
        (format!("[smtp]\n{MAIL}username = \"lanyard\"\npassword = 7340912\n"), "smtp.password: must be text"),
        (format!("[twilio]\n{PHONE}from_number = \"2065550100\"\n"), "twilio: "),
        (format!("[twilio]\n{PHONE}{NUMBER}base_url = \"http://10.0.0.1\"\n"), "twilio: "),
        (format!("[twilio]\naccount_sid = \"AC1\"\n{NUMBER}"), "twilio: auth_token or auth_token_file is missing"),
        (tls(on, "nowhere.pem"), "tls: "),
        (tls(on, "other.pem"), "tls: "),
        (tls("", "key.pem"), "tls: there are files, but enabled is not true"),
        ("trusted_proxies = [\"0.0.0.0/0\"]\n".to_owned(), "0.0.0.0/0 is too wide"),
        ("trusted_proxies = [\"proxy\"]\n".to_owned(), "proxy is neither an address nor a range"),
    ];
    for (config, why) in bad {
        let said = wrong(&dir, &["config", "check"], &config).await;
        assert!(said.as_ref().is_some_and(|said| said.contains(why)), "{config}: {said:?}");
        assert!(!dir.join("data").exists(), "a check makes nothing: {config}");
        let serve = wrong(&dir, &["serve", "--listen", "127.0.0.1:0"], &config).await;
        assert_eq!(serve, said, "{config}");
        let _ = std::fs::remove_dir_all(dir.join("data"));
    }
    let good = [
        tls(on, "key.pem"),
        format!("[smtp]\n{MAIL}ca_file = \"chain.pem\"\nusername = \"lanyard\"\npassword = \"hidden\"\n"),
        format!("[twilio]\n{PHONE}{NUMBER}"),
        "trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\"]\n".to_owned(),
    ];
    for config in good {
        assert_eq!(wrong(&dir, &["config", "check"], &config).await, None);
    }
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn c5_a_secret_in_a_variable_is_text_whatever_it_looks_like_and_is_not_printed() {
    let dir = temp_dir();
    std::fs::write(dir.join("lanyard.toml"), format!("[smtp]\n{MAIL}username = \"lanyard\"\n")).unwrap();
    for secret in ["7340912", "0734.0912", "[7340912", "true", "{a=7340912}", "\"7340912"] {
        for command in ["check", "show"] {
            let output = run(&dir, &["config", command], &[("LANYARD_SMTP__PASSWORD", secret)]).await;
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            assert!(output.status.success(), "{secret}: {text}");
            assert!(!text.contains("0912"), "{secret}: {text}");
        }
    }
    remove(&dir);
}
