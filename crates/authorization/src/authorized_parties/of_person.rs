//! Everything that a person may act for, for those who show it to that person.

use futures_util::TryStreamExt as _;
use registers::parties::Party;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    PartyLists,
    model::{AuthorizedParty, PartyListParts},
    store,
};
use foundation::{
    db::DbError,
    http::list_stream::{ListError, ListWriter},
};

/// What a person is shown of each party: the roles, or nothing but who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyContent {
    /// Who it is.
    Names,
    /// And the codes of the roles that the person holds for it.
    Roles,
}

impl PartyContent {
    const fn include(self) -> PartyListParts {
        PartyListParts {
            roles: matches!(self, Self::Roles),
            access_packages: false,
            resources: false,
            via_key_roles: true,
        }
    }
}

/// Writes each party that a person may act for, the person too, as it is read, in the form that
/// `shown` gives it.
///
/// # Errors
/// The database fails, or the client does not read any more.
pub async fn write_parties_of_person<T: Serialize + Send + Sync>(
    lists: &PartyLists,
    db: &mut PgConnection,
    person: &Party,
    content: PartyContent,
    mut writer: ListWriter,
    shown: impl Fn(AuthorizedParty) -> T + Send,
) -> Result<ListWriter, ListError> {
    let include = content.include();
    let mut assembly = lists.assembly(person, include, None);
    let mut rows = store::reach(db, person.key, include, None);
    while let Some(row) = rows.try_next().await? {
        if let Some(party) = assembly.push(row) {
            let party = shown(party);
            writer.put(&party).await?;
        }
    }
    for party in assembly.finish() {
        let party = shown(party);
        writer.put(&party).await?;
    }
    Ok(writer)
}

/// The party with a uuid when a person may act for it, be it as a sub-unit; none otherwise.
pub async fn party_of_person(
    lists: &PartyLists,
    db: &mut PgConnection,
    person: &Party,
    party: &Party,
) -> Result<Option<AuthorizedParty>, DbError> {
    let include = PartyContent::Names.include();
    let mut assembly = lists.assembly(person, include, None);
    let only = [party.key];
    let mut rows = store::reach(db, person.key, include, Some(&only));
    let mut found = None;
    while let Some(row) = rows.try_next().await? {
        if let Some(unit) = assembly.push(row) {
            found = found.or_else(|| within(unit, party.uuid));
        }
    }
    let mut rest = assembly.finish();
    Ok(found.or_else(|| rest.find_map(|unit| within(unit, party.uuid))))
}

fn within(unit: AuthorizedParty, uuid: Uuid) -> Option<AuthorizedParty> {
    if unit.party_uuid == uuid && !unit.only_hierarchy_element_with_no_access {
        return Some(unit);
    }
    unit.subunits
        .into_iter()
        .find_map(|sub_unit| within(sub_unit, uuid))
}
