//! C1: what a flood of failures leaves out of the log is summed up in it.

use lanyard_domain::{
    audit::{Action, AuditEvent},
    clock::{HOUR, SECOND},
};
use lanyard_server::service::left_out;

use crate::support::{Options, TestApp, journey::place};

async fn told(app: &TestApp, action: Action) -> Vec<AuditEvent> {
    let all = app.audit(app.world.plain.tenant.id).await;
    all.into_iter().filter(|event| event.action == action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_an_hour_of_failures_that_were_not_told_is_one_event_with_their_number() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(options).await;
        let plain = app.world.plain.clone();
        let (web, _) = crate::oidc::register_web(&app, &plain).await;
        let id = web.application.id.to_string();
        let token = format!("{}/oauth2/v2.0/token", place(&web, &web.flow));
        let wrong = [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("client_secret", "wrong")];
        for (network, times) in [([203, 0, 113, 7], 4), ([198, 51, 100, 4], 3)] {
            let mut client = app.browser().at_ip(network);
            for _ in 0..times {
                assert_eq!(client.post_bare(&token, &wrong).await.status, 401);
            }
        }
        assert_eq!(told(&app, Action::ClientAuthenticationFailed).await.len(), 2, "the first of each network");
        let first = app.now();

        app.advance(HOUR - SECOND);
        assert_eq!(left_out::tell_due(&app.app, app.now()).await.unwrap(), 0, "not yet an hour");
        app.advance(SECOND);
        assert_eq!(left_out::tell_due(&app.app, app.now()).await.unwrap(), 1);
        assert_eq!(left_out::tell_due(&app.app, app.now().plus(HOUR)).await.unwrap(), 0, "told once");
        let events = told(&app, Action::FailuresLeftOut).await;
        assert_eq!(events.len(), 1);
        assert_eq!(
            events[0].detail,
            serde_json::json!({
                "since": first.0,
                "kinds": [{
                    "action": "client_authentication_failed", "target": id, "why": null, "left_out": 5,
                    "networks": {"203.0.113.7": 3, "198.51.100.4": 2}, "elsewhere": 0,
                }],
                "others": 0,
            })
        );
        // What is counted when the server ends is told then.
        assert_eq!(app.browser().post_bare(&token, &wrong).await.status, 401);
        assert_eq!(left_out::tell_all(&app.app).await.unwrap(), 1);
    }
}
