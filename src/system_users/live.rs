//! The live check: a signature proves the state at issue time only.

use sqlx::PgConnection;

use super::store::{LiveFacts, live_facts};
use crate::{
    config::LiveCheckMode,
    db::DbError,
    token::{IssuerKind, Principal, SystemUserClaim},
};

/// Compares what a system-user token says with what is true now.
///
/// # Errors
/// Outer: the facts cannot be had. Inner: the fixed reason to tell.
pub async fn live_check(db: &mut PgConnection, principal: &Principal, mode: LiveCheckMode) -> Result<Result<(), &'static str>, DbError> {
    let Some(claim) = &principal.system_user else { return Ok(Ok(())) };
    let facts = live_facts(db, &claim.ids, principal.client_id.as_deref().unwrap_or_default()).await?;
    let distinct = claim.ids.iter().collect::<std::collections::HashSet<_>>().len();
    if facts.len() != distinct {
        return Ok(Err("system user not active"));
    }
    Ok(if is_strict(principal, mode) { facts.iter().try_for_each(|f| agrees(f, claim, principal)) } else { Ok(()) })
}

/// Altinn's public token generator invents the system and client, so its tokens are only checked for life. Tokens
/// from our own exchange carry what Maskinporten said.
fn is_strict(principal: &Principal, mode: LiveCheckMode) -> bool {
    match mode {
        LiveCheckMode::Strict => true,
        LiveCheckMode::Lenient => false,
        LiveCheckMode::ByIssuer => principal.issuer_kind == IssuerKind::Maskinporten || principal.exchanged_from_maskinporten,
    }
}

fn agrees(facts: &LiveFacts, claim: &SystemUserClaim, principal: &Principal) -> Result<(), &'static str> {
    if facts.owner_org != claim.owner.as_str() || facts.system_id != claim.system_id.as_str() {
        return Err("system user mismatch");
    }
    let vendor = |org: Option<crate::ids::OrgNumber>| org.is_some_and(|o| o.as_str() == facts.vendor_org);
    if !facts.client_registered || !(vendor(principal.org) || vendor(principal.supplier)) {
        return Err("client not registered");
    }
    Ok(())
}
