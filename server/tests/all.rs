//! Tests over HTTP on the real router: real database, real SMTP and Twilio over loopback, a clock
//! that stands still. One program, so that linking happens once.
//!
//! `support` has the [`support::TestApp`] and a [`support::Browser`]; every other module is a
//! subject, and every test is named after the rule of the security document that it proves.

// Every function here belongs to a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

mod account_contact;
mod account_data;
mod account_deletion;
mod account_factors;
mod account_not_me;
mod account_passkeys;
mod account_recovery;
mod account_way;
mod attestation;
mod audit;
mod audit_command;
mod codes;
mod command_line;
mod config_check;
mod consent;
mod cool_down;
mod delivery;
mod demo;
mod device;
mod documents;
mod dpop;
mod enumeration;
mod enumeration_minimums;
mod factors;
mod flow_conditions;
mod flow_countries;
mod flow_order;
mod flow_policy;
mod grace;
mod guessing;
mod guessing_at_once;
mod headers;
mod input_abuse;
mod invitations_at_once;
mod journey_life;
mod keys;
mod left_out;
mod limits;
mod logout;
mod manage;
mod oidc;
mod own_minimum;
mod passkey_offer;
mod passkeys;
mod passwords;
mod policy;
mod portal;
mod portal_initial_tokens;
mod provider_fallback;
mod providers;
mod races;
mod recovery_offer;
mod registration;
mod remembered;
mod routes;
mod sessions;
mod single_sign_on;
mod soak;
mod staff_reset;
mod stopped;
mod tenants_apart;
mod tokens;
mod toll_fraud;
