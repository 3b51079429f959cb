//! Access lists without I/O.

use chrono::{DateTime, Utc};
use foundation::ids::OrgNumber;
use uuid::Uuid;

/// An access list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct AccessList {
    pub key: i32,
    /// Code of the service owner, as it is registered.
    pub owner: String,
    pub identifier: String,
    pub name: String,
    pub description: String,
    /// Grows with every change of the list, its members or its connections.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl AccessList {
    /// `urn:altinn:access-list:{owner}:{identifier}`
    #[must_use]
    pub fn urn(&self) -> String {
        format!("urn:altinn:access-list:{}", self.name_in_policies())
    }

    /// `{owner}:{identifier}`, as policies and the audit trail name it.
    #[must_use]
    pub fn name_in_policies(&self) -> String {
        format!("{}:{}", self.owner, self.identifier)
    }
}

/// A resource that a list is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct AccessListConnection {
    pub list: i32,
    pub resource: String,
    /// Actions that it opens; none means every action.
    pub action_filters: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A party on a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct AccessListMember {
    pub party_uuid: Uuid,
    pub party_id: Option<i32>,
    pub org_number: Option<String>,
    pub since: DateTime<Utc>,
}

/// A member of a list, with what a connection of the list opens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the tables")]
pub struct Membership {
    pub resource: String,
    pub since: DateTime<Utc>,
    pub action_filters: Vec<String>,
}

/// A party that a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct MemberParty {
    pub key: i32,
    pub uuid: Uuid,
}

/// What names a member. Identity numbers of persons do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberName {
    /// `urn:altinn:organization:identifier-no:{nine digits}`
    Organization(OrgNumber),
    /// `urn:altinn:party:id:{number}`
    PartyId(i32),
    /// `urn:altinn:party:uuid:{uuid}`
    Uuid(Uuid),
}

impl MemberName {
    /// From a URN.
    #[must_use]
    pub fn from_urn(urn: &str) -> Option<Self> {
        let (attribute, value) = urn.rsplit_once(':')?;
        match attribute {
            "urn:altinn:organization:identifier-no" => {
                OrgNumber::parse(value).ok().map(Self::Organization)
            }
            "urn:altinn:party:id" => value
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| value.parse().ok())
                .flatten()
                .map(Self::PartyId),
            "urn:altinn:party:uuid" => Uuid::try_parse(value).ok().map(Self::Uuid),
            _ => None,
        }
    }
}

/// Members that a change added to a list or removed from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what happened")]
pub struct MembersChange {
    pub added: Vec<Uuid>,
    pub removed: Vec<Uuid>,
}

impl MembersChange {
    /// Whether nothing changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("urn:altinn:party:id:52000063", true)]
    #[case("urn:altinn:organization:identifier-no:390326572", true)]
    #[case("urn:altinn:party:uuid:a8baac14-c94e-5be8-bd91-30de41d8e1f9", true)]
    #[case("urn:altinn:party:id:+52000063", false)]
    #[case("urn:altinn:party:id:", false)]
    #[case("urn:altinn:party:id:99999999999", false)]
    #[case("urn:altinn:person:identifier-no:11859024884", false)]
    #[case("390326572", false)]
    fn members_are_named_by_number_id_or_uuid(#[case] urn: &str, #[case] is_name: bool) {
        assert_eq!(MemberName::from_urn(urn).is_some(), is_name);
    }
}
