//! Every short history of one family of refresh tokens, run against the rule and a store that does
//! what the real one does: at no time do two tokens of a family live, whoever sends what and when.

use lanyard_domain::{application::ApplicationKind::Web, assurance::Demand, clock::SECOND};

use super::*;
use crate::fixtures::{self, NOW};

// What the store keeps.
#[derive(Clone)]
struct Store {
    tokens: Vec<RefreshToken>,
    grant: Grant,
    now: Timestamp,
}

impl Store {
    fn new() -> Self {
        let first = RefreshToken { hash: fixtures::token(100).hash(), ..fixtures::refresh_token() };
        Self { tokens: vec![first], grant: fixtures::grant(), now: NOW }
    }

    fn find(&self, hash: &TokenHash) -> Option<usize> {
        self.tokens.iter().position(|token| token.hash == *hash)
    }

    fn live(&self) -> Vec<usize> {
        let alive = |n: &usize| self.grant.revoked_at.is_none() && self.tokens[*n].used_at.is_none();
        (0..self.tokens.len()).filter(alive).collect()
    }

    // Sends token `n`, as the service does; gives whether it was answered with a new one.
    fn send(&mut self, n: usize) -> Result<(), RefreshRefusal> {
        let (application, account) = (fixtures::application(Web), fixtures::account());
        let by = Redemption {
            tenant: fixtures::tenant_id(),
            flow: fixtures::flow().id,
            application: &application,
            apis: &[],
            account: Some(&account),
            recognised: true,
            now: self.now,
        };
        let token = self.tokens[n].clone();
        let successor = token.replaced_by.and_then(|hash| self.find(&hash)).map(|n| &self.tokens[n]);
        let secret = fixtures::token(100 + n as u64);
        let request = RefreshRequest { token: secret, scope: None };
        let judged = check(&token, successor, &self.grant, &request, &Demand::single_factor(), &by);
        let accepted = match judged {
            Ok(accepted) => accepted,
            Err(refusal) => {
                if refusal.revokes() {
                    self.grant.revoked_at = Some(self.now);
                }
                return Err(refusal);
            }
        };
        let next = RefreshToken {
            hash: fixtures::token(100 + self.tokens.len() as u64).hash(),
            created_at: self.now,
            used_at: None,
            replaced_by: None,
            ..token
        };
        match accepted.way {
            Way::First => self.tokens[n].used_at = Some(self.now),
            Way::Again { lost } => {
                let lost = self.find(&lost).unwrap();
                assert!(self.tokens[lost].used_at.is_none(), "only an unused token is given up");
                self.tokens[lost].used_at = Some(self.now);
            }
        }
        self.tokens[n].replaced_by = Some(next.hash);
        self.tokens.push(next);
        Ok(())
    }
}

// All histories of `depth` more steps: any token is sent, or some time passes.
fn explore(store: &Store, depth: u32, seen: &mut u32) {
    *seen += 1;
    assert!(store.live().len() <= 1, "two live tokens: {:?}", store.tokens);
    if depth == 0 {
        return;
    }
    for n in 0..store.tokens.len() {
        let (mut next, live) = (store.clone(), store.live());
        let answered = next.send(n);
        let was_live = live.contains(&n);
        if was_live {
            assert_eq!(answered, Ok(()), "the live token works");
        }
        if answered.is_err() {
            // A token that was given up or used for long ends the family for good.
            assert!(next.live().is_empty(), "a refused token leaves nothing alive");
        }
        explore(&next, depth - 1, seen);
    }
    for pause in [REFRESH_GRACE - SECOND, REFRESH_GRACE] {
        let mut later = store.clone();
        later.now = later.now.plus(pause);
        explore(&later, depth - 1, seen);
    }
}

#[test]
fn refresh_reuse_revokes_family_and_never_two_live_tokens_in_any_history() {
    let mut seen = 0;
    explore(&Store::new(), 7, &mut seen);
    assert!(seen > 10_000, "{seen}");
}

#[test]
fn a_lost_answer_can_be_had_again_for_ten_seconds_while_its_token_is_unused() {
    let mut store = Store::new();
    assert_eq!(store.send(0), Ok(()));
    store.now = NOW.plus(REFRESH_GRACE - 1);
    assert_eq!(store.send(0), Ok(()));
    assert_eq!(store.live(), [2], "the first successor died");
    let mut late = store.clone();
    late.now = NOW.plus(REFRESH_GRACE);
    assert_eq!(late.send(0), Err(RefreshRefusal::Reused), "the time counts from the first use");
    let mut used = store.clone();
    assert_eq!(used.send(2), Ok(()));
    assert_eq!(used.send(0), Err(RefreshRefusal::Reused), "its successor was used");
    assert!(used.live().is_empty());
    // Whoever got the successor that died comes with it: somebody else has the token as well.
    assert_eq!(store.send(1), Err(RefreshRefusal::Reused));
    assert!(store.live().is_empty());
    // d5: a clock that was set back opens no window.
    let mut back = Store::new();
    assert_eq!(back.send(0), Ok(()));
    back.now = NOW.minus(DAY);
    assert_eq!(back.send(0), Err(RefreshRefusal::Reused));
}
