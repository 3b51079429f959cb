//! Whose lists they are, and what every endpoint about one list does first.

use authorization::callers::ServiceOwner;
use foundation::{
    audit::{self, Action, ObjectKind},
    http::{ApiError, ApiResult, ModelState, ValidationCode, context, path::PathValues},
    telemetry::security::SecurityEvent,
    token::scopes::{AccessListRead, AccessListWrite, PDP_ACCESS_LIST_READ, ScopePolicy},
};
use http::StatusCode;
use registers::{
    access_lists::{self, AccessList},
    parties,
};
use serde_json::Value;
use sqlx::PgConnection;

use super::conditions::{ConditionResult, RequestConditions};

/// A service owner who reads lists.
pub type AccessListReader = ServiceOwner<AccessListRead>;
/// A service owner who writes lists.
pub type AccessListWriter = ServiceOwner<AccessListWrite>;

/// Greatest length of an identifier, in characters.
const MAX_IDENTIFIER: usize = 255;

/// The registered code of the owner that the path names, when the caller may read the owner's lists.
///
/// # Errors
/// 403 for another owner's, 400 for an owner that is not registered or an identifier that none can
/// have.
pub async fn readable(
    db: &mut PgConnection,
    reader: &AccessListReader,
    path: &PathValues,
) -> ApiResult<String> {
    let is_exempt = reader.is_admin() || reader.has_scope(PDP_ACCESS_LIST_READ);
    let named = identifiers(path)?;
    if !is_exempt {
        must_be(&mut *db, reader, path.get("owner"), named).await?;
    }
    registered(db, path).await
}

/// As [`readable`], when the caller may write the owner's lists.
///
/// # Errors
/// As [`readable`].
pub async fn writable(
    db: &mut PgConnection,
    writer: &AccessListWriter,
    path: &PathValues,
) -> ApiResult<String> {
    let named = identifiers(path)?;
    if !writer.is_admin() {
        must_be(&mut *db, writer, path.get("owner"), named).await?;
    }
    registered(db, path).await
}

/// The identifier of the path, where it has one; it says nothing about whether there is such a list.
fn identifiers(path: &PathValues) -> ApiResult<&str> {
    for name in ["owner", "identifier", "resourceIdentifier"] {
        let text = path.get(name);
        if text.chars().count() > MAX_IDENTIFIER || text.chars().any(char::is_control) {
            return Err(ModelState::not_valid(name, text).into());
        }
    }
    Ok(path.get("identifier"))
}

async fn must_be<P: ScopePolicy>(
    db: &mut PgConnection,
    caller: &ServiceOwner<P>,
    owner: &str,
    named: &str,
) -> ApiResult<()> {
    if is_owner(db, caller, owner, None).await? {
        return Ok(());
    }
    context::report(SecurityEvent::TenantMismatch {
        object_kind: ObjectKind::AccessList.wire(),
        object_id: named,
    });
    Err(ApiError::Empty(StatusCode::FORBIDDEN))
}

/// Whether the caller is a service owner: by the code of its token, else by its organisation number,
/// which is compared with that of the owner of this code, or with `number` where that is known.
pub async fn is_owner<P>(
    db: &mut PgConnection,
    caller: &ServiceOwner<P>,
    owner: &str,
    number: Option<&str>,
) -> ApiResult<bool> {
    if let Some(code) = caller.org_code() {
        return Ok(!owner.is_empty() && code.eq_ignore_ascii_case(owner));
    }
    let Some(organization) = caller.organization() else {
        return Ok(false);
    };
    if owner == organization.as_str() || number == Some(organization.as_str()) {
        return Ok(true);
    }
    let code = parties::service_owner_code(&mut *db, organization.as_str()).await?;
    Ok(!owner.is_empty() && code.is_some_and(|code| code.eq_ignore_ascii_case(owner)))
}

async fn registered(db: &mut PgConnection, path: &PathValues) -> ApiResult<String> {
    access_lists::registered_owner(db, path.get("owner"))
        .await?
        .ok_or_else(|| ApiError::Validation(vec![ValidationCode::OwnerUnknown.error()]))
}

/// The list of the path with its conditions met, for a reader; none when the reader has this version
/// already.
///
/// # Errors
/// 404, 412.
pub async fn read_list(
    db: &mut PgConnection,
    owner: &str,
    path: &PathValues,
    conditions: &RequestConditions,
) -> ApiResult<(AccessList, ConditionResult)> {
    let list = access_lists::find(db, owner, path.get("identifier"))
        .await?
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    match conditions.judge(&list) {
        ConditionResult::Failed => Err(ApiError::Status(StatusCode::PRECONDITION_FAILED)),
        verdict @ (ConditionResult::Met | ConditionResult::Unmodified) => Ok((list, verdict)),
    }
}

/// The list of the path, locked, with its conditions met.
///
/// # Errors
/// 404, 412.
pub async fn lock_list(
    tx: &mut PgConnection,
    owner: &str,
    path: &PathValues,
    conditions: &RequestConditions,
) -> ApiResult<AccessList> {
    let list = access_lists::lock(tx, owner, path.get("identifier"))
        .await?
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    must_hold(conditions, &list)?;
    Ok(list)
}

/// # Errors
/// 412: a write needs its conditions met.
pub fn must_hold(conditions: &RequestConditions, list: &AccessList) -> ApiResult<()> {
    match conditions.judge(list) {
        ConditionResult::Met => Ok(()),
        ConditionResult::Unmodified | ConditionResult::Failed => {
            Err(ApiError::Status(StatusCode::PRECONDITION_FAILED))
        }
    }
}

/// Writes the audit row of a change.
pub async fn record(
    tx: &mut PgConnection,
    action: Action,
    list: &AccessList,
    detail: Option<Value>,
) -> ApiResult<()> {
    let event = audit::AuditEvent {
        actor: audit::Actor::ServiceOwner,
        action,
        object_kind: ObjectKind::AccessList,
        object_id: list.name_in_policies(),
        party_org: None,
        vendor_org: None,
        detail,
    };
    Ok(audit::record(tx, event).await?)
}
