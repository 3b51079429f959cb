//! The kinds of the operator's format: for each, what a line holds, how it is checked alone, and
//! how all lines together are merged.

pub mod access_lists;
pub mod check;
pub mod client_delegations;
pub mod organizations;
pub mod persons;
pub mod requests;
pub mod resources;
pub mod rightholders;
pub mod roles;
pub mod service_owners;
pub mod system_users;
pub mod systems;
pub mod vendors;

use serde::Deserialize;
use sqlx::PgConnection;

use self::check::LineCheck;
use super::{
    FileImportOptions, ImportContext, ImportKind,
    copy::CopyRows,
    findings::ImportFindings,
    merge::{Merge, MergeResult},
};

/// Checks one line alone, and stages it when it is good.
pub fn stage(
    context: &ImportContext,
    options: &FileImportOptions,
    line: u64,
    text: &[u8],
    rows: &mut CopyRows,
    findings: &mut ImportFindings,
) {
    match options.kind {
        ImportKind::Organizations => organizations::stage(line, text, rows, findings),
        ImportKind::Persons => persons::stage(context, line, text, rows, findings),
        ImportKind::Roles => roles::stage(context, options.mode, line, text, rows, findings),
        ImportKind::ClientDelegations => {
            client_delegations::stage(context, line, text, rows, findings);
        }
        ImportKind::ServiceOwners => {
            document::<service_owners::ServiceOwnerLine>(
                line,
                text,
                rows,
                findings,
                service_owners::check,
            );
        }
        ImportKind::Resources => {
            document::<serde_json::Value>(line, text, rows, findings, resources::check);
        }
        ImportKind::AccessLists => {
            document::<access_lists::AccessListLine>(
                line,
                text,
                rows,
                findings,
                access_lists::check,
            );
        }
        ImportKind::Rightholders => {
            document::<rightholders::RightHolderLine>(line, text, rows, findings, |l, c| {
                rightholders::check(context, l, c);
            });
        }
        ImportKind::Vendors => {
            document::<vendors::VendorLine>(line, text, rows, findings, vendors::check);
        }
        ImportKind::Systems => {
            document::<systems::SystemLine>(line, text, rows, findings, systems::check);
        }
        ImportKind::SystemUsers => {
            document::<system_users::SystemUserLine>(line, text, rows, findings, |l, c| {
                system_users::check(context, l, c);
            });
        }
        ImportKind::Requests => {
            document::<requests::RequestLine>(line, text, rows, findings, requests::check);
        }
    }
}

/// Kinds of few lines wait as they were written.
fn document<T: for<'de> Deserialize<'de>>(
    line: u64,
    text: &[u8],
    rows: &mut CopyRows,
    findings: &mut ImportFindings,
    check: impl FnOnce(&T, &mut LineCheck<'_>),
) {
    let mut checked = LineCheck::new(line, findings);
    let Some(parsed) = checked.parse::<T>(text) else {
        return;
    };
    check(&parsed, &mut checked);
    if checked.is_good()
        && let Ok(text) = std::str::from_utf8(text)
    {
        rows.row().line(line).text(text);
    }
}

/// Merges what is staged of the kind.
///
/// # Errors
/// See [`super::merge::MergeError`].
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> MergeResult {
    match merge.options.kind {
        ImportKind::Organizations => organizations::merge(tx, merge).await,
        ImportKind::Persons => persons::merge(tx, merge).await,
        ImportKind::Roles => roles::merge(tx, merge).await,
        ImportKind::ClientDelegations => client_delegations::merge(tx, merge).await,
        ImportKind::ServiceOwners => service_owners::merge(tx, merge).await,
        ImportKind::Resources => resources::merge(tx, merge).await,
        ImportKind::AccessLists => access_lists::merge(tx, merge).await,
        ImportKind::Rightholders => rightholders::merge(tx, merge).await,
        ImportKind::Vendors => vendors::merge(tx, merge).await,
        ImportKind::Systems => systems::merge(tx, merge).await,
        ImportKind::SystemUsers => system_users::merge(tx, merge).await,
        ImportKind::Requests => requests::merge(tx, merge).await,
    }
}
