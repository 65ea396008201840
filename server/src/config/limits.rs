//! What one network, one tenant and the machine may be asked for.

use lanyard_domain::allowance::Allowance;
use serde::{Deserialize, Serialize};

/// Limits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// State-changing requests per second and network address that are taken for ever.
    pub per_address_per_second: u32,
    /// How many of them at once.
    pub per_address_burst: u32,
    /// Requests per second and network address to the endpoints that applications' own programs call
    /// (token, userinfo, revocation, introspection, pushed requests, device authorization).
    pub calls_per_address_per_second: u32,
    /// How many of them at once.
    pub calls_per_address_burst: u32,
    /// Authorization requests per second and network address that are answered from a live session,
    /// without a person.
    pub silent_per_address_per_second: u32,
    /// How many of them at once.
    pub silent_per_address_burst: u32,
    /// Texts and calls per hour that requests from one network address may cause in a tenant (A14).
    pub texts_per_address_per_hour: u32,
    /// Texts and calls per day (UTC) of one tenant (A14): the most that anybody can make it pay for.
    pub texts_per_tenant_per_day: u32,
    /// Wrong passwords at once from one network address in a tenant, for whatever addresses; then passwords from there
    /// wait. Ten times as many from a wider network (a /24, a /48), a tenth while the tenant has used up its own.
    pub wrong_passwords_per_address: u32,
    /// How many more of them per hour.
    pub wrong_passwords_per_address_per_hour: u32,
    /// Wrong passwords at once in a tenant, and in each hour from then on; beyond them its operators are told, and its
    /// networks have a tenth.
    pub wrong_passwords_per_tenant_per_hour: u32,
    /// Threads that hash passwords; 0: one per core.
    pub hashing_threads: usize,
    /// Passwords that may wait to be hashed.
    pub hashing_queue: usize,
    /// Connections to PostgreSQL.
    pub database_connections: u32,
}

impl Limits {
    /// Whether every rate, burst and queue lets at least one through.
    pub(super) fn are_positive(&self) -> bool {
        let rates = [
            self.per_address_per_second,
            self.per_address_burst,
            self.calls_per_address_per_second,
            self.calls_per_address_burst,
            self.silent_per_address_per_second,
            self.silent_per_address_burst,
            self.wrong_passwords_per_address,
            self.wrong_passwords_per_address_per_hour,
            self.wrong_passwords_per_tenant_per_hour,
            self.database_connections,
        ];
        !rates.contains(&0) && self.hashing_queue > 0
    }

    /// Whether what heals by the hour is no more than can be counted.
    pub(super) fn are_countable(&self) -> bool {
        self.wrong_passwords_per_address_per_hour.max(self.wrong_passwords_per_tenant_per_hour)
            <= Allowance::MOST_PER_HOUR
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_address_per_second: 5,
            per_address_burst: 60,
            calls_per_address_per_second: 100,
            calls_per_address_burst: 1_000,
            silent_per_address_per_second: 20,
            silent_per_address_burst: 100,
            texts_per_address_per_hour: 60,
            texts_per_tenant_per_day: 5_000,
            wrong_passwords_per_address: 100,
            wrong_passwords_per_address_per_hour: 10,
            wrong_passwords_per_tenant_per_hour: 1_000,
            hashing_threads: 0,
            hashing_queue: 256,
            database_connections: 20,
        }
    }
}
