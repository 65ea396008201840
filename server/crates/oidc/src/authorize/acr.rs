//! `acr_values`: the level that the application would like (OpenID Connect Core, 3.1.2.1).
//!
//! The first level that we know counts, for the list is in the order of preference; other words
//! are ignored, for the parameter is a wish. It raises what the flow demands and never lowers it.

use lanyard_domain::assurance::Level;

use crate::params::Params;

pub(super) fn wished(params: &Params) -> Option<Level> {
    params.get("acr_values")?.split(' ').find_map(Level::parse)
}
