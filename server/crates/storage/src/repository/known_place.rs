//! Browsers, networks and countries in which an account signed in with a second factor, under keyed hashes: what a
//! conditional flow asks for. They name none of these, and are no factor.

use async_trait::async_trait;
use lanyard_domain::{account::Account, clock::Timestamp, id::Id, secret::TokenHash, user_flow::Signals};

use super::both;
use crate::error::Result;

/// Reads known places.
#[async_trait]
pub trait KnownPlaceReads {
    /// What is known of an account in the browser, the network and the country with these hashes, by what was
    /// seen after `since`. No country at all is never known. One statement, for nobody as well (D11).
    async fn signals(
        &mut self,
        account: Option<Id<Account>>,
        browser: &TokenHash,
        network: &TokenHash,
        country: Option<&TokenHash>,
        since: Timestamp,
    ) -> Result<Signals>;
}

/// Changes known places.
#[async_trait]
pub trait KnownPlaceWrites {
    /// Notes a sign-in with a second factor in this browser, whose secret was `former` and is `browser` from now
    /// on, and from this network and, where it is known, this country.
    async fn note_places(
        &mut self,
        account: Id<Account>,
        [former, browser]: [&TokenHash; 2],
        network: &TokenHash,
        country: Option<&TokenHash>,
        at: Timestamp,
    ) -> Result<()>;
    /// Forgets every place of an account.
    async fn forget_places(&mut self, account: Id<Account>) -> Result<()>;
    /// Deletes at most `limit` places that were last seen before `before`; how many.
    async fn delete_old_places(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

both!(KnownPlaceReads {
    async fn signals(
        &mut self,
        account: Option<Id<Account>>,
        browser: &TokenHash,
        network: &TokenHash,
        country: Option<&TokenHash>,
        since: Timestamp,
    ) -> Result<Signals> {
        let row = sqlx::query_as::<_, (Option<i64>, Option<i64>, Option<i64>, Option<i64>)>(
            "SELECT MAX(seen_at), MAX(CASE WHEN place = $2 THEN seen_at END), \
                MAX(CASE WHEN place = $3 THEN seen_at END), MAX(CASE WHEN place = $4 THEN seen_at END) \
             FROM known_places WHERE account_id = $1 AND seen_at > $5",
        );
        let row = row.bind(account.map(Id::uuid)).bind(&browser.0[..]).bind(&network.0[..]);
        // NULL equals nothing: a country that nobody knows has not been seen.
        let row = row.bind(country.map(|country| &country.0[..])).bind(since.0);
        let (last, browser, network, country) = row.fetch_one(&mut *self.db).await?;
        Ok(Signals {
            browser_known: browser.is_some(),
            network_known: network.is_some(),
            country_known: country.is_some(),
            last_strong_at: last.map(Timestamp),
        })
    }
});

both!(KnownPlaceWrites {
    async fn note_places(
        &mut self,
        account: Id<Account>,
        [former, browser]: [&TokenHash; 2],
        network: &TokenHash,
        country: Option<&TokenHash>,
        at: Timestamp,
    ) -> Result<()> {
        let forget = self.later("DELETE FROM known_places WHERE account_id = $1 AND place = $2");
        forget.bind(account.uuid()).bind(&former.0[..]).any().await?;
        for place in [Some(browser), Some(network), country].into_iter().flatten() {
            let upsert = self.later(
                "INSERT INTO known_places (account_id, place, seen_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (account_id, place) DO UPDATE SET seen_at = excluded.seen_at",
            );
            upsert.bind(account.uuid()).bind(&place.0[..]).bind(at.0).any().await?;
        }
        Ok(())
    }

    async fn forget_places(&mut self, account: Id<Account>) -> Result<()> {
        self.later("DELETE FROM known_places WHERE account_id = $1").bind(account.uuid()).any().await
    }

    async fn delete_old_places(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM known_places WHERE (account_id, place) IN \
             (SELECT account_id, place FROM known_places WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
