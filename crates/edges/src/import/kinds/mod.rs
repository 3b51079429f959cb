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

use self::check::Check;
use super::{
    Context, Kind, Options,
    copy::Rows,
    findings::Findings,
    merge::{Merge, Merged},
};

/// Checks one line alone, and stages it when it is good.
pub fn stage(
    context: &Context,
    options: &Options,
    line: u64,
    text: &[u8],
    rows: &mut Rows,
    findings: &mut Findings,
) {
    match options.kind {
        Kind::Organizations => organizations::stage(line, text, rows, findings),
        Kind::Persons => persons::stage(context, line, text, rows, findings),
        Kind::Roles => roles::stage(context, options.mode, line, text, rows, findings),
        Kind::ClientDelegations => client_delegations::stage(context, line, text, rows, findings),
        Kind::ServiceOwners => {
            document::<service_owners::Line>(line, text, rows, findings, service_owners::check);
        }
        Kind::Resources => {
            document::<serde_json::Value>(line, text, rows, findings, resources::check);
        }
        Kind::AccessLists => {
            document::<access_lists::Line>(line, text, rows, findings, access_lists::check);
        }
        Kind::Rightholders => document::<rightholders::Line>(line, text, rows, findings, |l, c| {
            rightholders::check(context, l, c);
        }),
        Kind::Vendors => document::<vendors::Line>(line, text, rows, findings, vendors::check),
        Kind::Systems => document::<systems::Line>(line, text, rows, findings, systems::check),
        Kind::SystemUsers => document::<system_users::Line>(line, text, rows, findings, |l, c| {
            system_users::check(context, l, c);
        }),
        Kind::Requests => document::<requests::Line>(line, text, rows, findings, requests::check),
    }
}

/// Kinds of few lines wait as they were written.
fn document<T: for<'de> Deserialize<'de>>(
    line: u64,
    text: &[u8],
    rows: &mut Rows,
    findings: &mut Findings,
    check: impl FnOnce(&T, &mut Check<'_>),
) {
    let mut checked = Check::new(line, findings);
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
pub async fn merge(tx: &mut PgConnection, merge: &mut Merge<'_>) -> Merged {
    match merge.options.kind {
        Kind::Organizations => organizations::merge(tx, merge).await,
        Kind::Persons => persons::merge(tx, merge).await,
        Kind::Roles => roles::merge(tx, merge).await,
        Kind::ClientDelegations => client_delegations::merge(tx, merge).await,
        Kind::ServiceOwners => service_owners::merge(tx, merge).await,
        Kind::Resources => resources::merge(tx, merge).await,
        Kind::AccessLists => access_lists::merge(tx, merge).await,
        Kind::Rightholders => rightholders::merge(tx, merge).await,
        Kind::Vendors => vendors::merge(tx, merge).await,
        Kind::Systems => systems::merge(tx, merge).await,
        Kind::SystemUsers => system_users::merge(tx, merge).await,
        Kind::Requests => requests::merge(tx, merge).await,
    }
}
