//! What the journal holds of a change, and how it is done again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A table whose rows give access, and whose losses the journal keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the table of that name")]
pub enum JournaledTable {
    Party,
    RegisterRole,
    System,
    SystemClient,
    SystemUser,
    Assignment,
    AssignmentPackage,
    AssignmentRight,
    ClientDelegation,
    ClientDelegationPackage,
    ClientDelegationResource,
    AccessList,
    AccessListConnection,
    AccessListMember,
    Resource,
    ResourceVersion,
    ResourcePolicy,
    ResourceSubject,
    Session,
}

impl JournaledTable {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Party,
        Self::RegisterRole,
        Self::System,
        Self::SystemClient,
        Self::SystemUser,
        Self::Assignment,
        Self::AssignmentPackage,
        Self::AssignmentRight,
        Self::ClientDelegation,
        Self::ClientDelegationPackage,
        Self::ClientDelegationResource,
        Self::AccessList,
        Self::AccessListConnection,
        Self::AccessListMember,
        Self::Resource,
        Self::ResourceVersion,
        Self::ResourcePolicy,
        Self::ResourceSubject,
        Self::Session,
    ];

    /// Name of the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::RegisterRole => "register_role",
            Self::System => "system",
            Self::SystemClient => "system_client",
            Self::SystemUser => "system_user",
            Self::Assignment => "assignment",
            Self::AssignmentPackage => "assignment_package",
            Self::AssignmentRight => "assignment_right",
            Self::ClientDelegation => "client_delegation",
            Self::ClientDelegationPackage => "client_delegation_package",
            Self::ClientDelegationResource => "client_delegation_resource",
            Self::AccessList => "access_list",
            Self::AccessListConnection => "access_list_connection",
            Self::AccessListMember => "access_list_member",
            Self::Resource => "resource",
            Self::ResourceVersion => "resource_version",
            Self::ResourcePolicy => "resource_policy",
            Self::ResourceSubject => "resource_subject",
            Self::Session => "session",
        }
    }

    /// The columns by which a row is found again.
    #[must_use]
    pub const fn key(self) -> &'static [&'static str] {
        match self {
            Self::Party => &["key"],
            Self::RegisterRole => &["from_key", "role_id", "to_key"],
            Self::System => &["system_internal_id"],
            Self::SystemClient => &["system_internal_id", "position", "client_id"],
            Self::SystemUser
            | Self::Assignment
            | Self::ClientDelegation
            | Self::AccessList
            | Self::Session => &["id"],
            Self::AssignmentPackage => &["assignment_id", "package_id"],
            Self::AssignmentRight => &["assignment_id", "resource_id", "action", "extra"],
            Self::ClientDelegationPackage => &["delegation_id", "package_id"],
            Self::ClientDelegationResource => &["delegation_id", "resource_id"],
            Self::AccessListConnection => &["resource", "list"],
            Self::AccessListMember => &["list", "party_key"],
            Self::Resource => &["identifier"],
            Self::ResourceVersion => &["identifier", "created"],
            Self::ResourcePolicy => &["identifier", "version"],
            Self::ResourceSubject => &["identifier", "subject_urn"],
        }
    }

    /// Whether a row that is removed ends an access.
    #[must_use]
    pub const fn loses_rows(self) -> bool {
        match self {
            Self::Party
            | Self::RegisterRole
            | Self::SystemClient
            | Self::SystemUser
            | Self::Assignment
            | Self::AssignmentPackage
            | Self::AssignmentRight
            | Self::ClientDelegation
            | Self::ClientDelegationPackage
            | Self::ClientDelegationResource
            | Self::AccessList
            | Self::AccessListConnection
            | Self::AccessListMember
            | Self::ResourcePolicy
            | Self::Session => true,
            Self::System | Self::Resource | Self::ResourceVersion | Self::ResourceSubject => false,
        }
    }

    /// The columns whose change may end an access.
    #[must_use]
    pub const fn watched(self) -> &'static [&'static str] {
        match self {
            Self::Party => &[
                "kind",
                "status",
                "deleted_at",
                "parent_key",
                "form_id",
                "death_date",
            ],
            Self::System => &["is_deleted"],
            Self::SystemClient => &["released_at"],
            Self::SystemUser => &["is_deleted", "deleted_at"],
            Self::AccessListConnection => &["action_filters"],
            Self::Resource | Self::ResourceSubject => &["deleted"],
            Self::RegisterRole
            | Self::Assignment
            | Self::AssignmentPackage
            | Self::AssignmentRight
            | Self::ClientDelegation
            | Self::ClientDelegationPackage
            | Self::ClientDelegationResource
            | Self::AccessList
            | Self::AccessListMember
            | Self::ResourceVersion
            | Self::ResourcePolicy
            | Self::Session => &[],
        }
    }

    /// The columns of a new row that may end an access, as a new policy may; none where a new row
    /// only gives.
    #[must_use]
    pub const fn added(self) -> &'static [&'static str] {
        match self {
            Self::ResourceVersion => &["identifier", "document", "created"],
            Self::ResourcePolicy => &[
                "identifier",
                "version",
                "xml",
                "sha256",
                "uploaded_at",
                "uploaded_by_org",
            ],
            Self::ResourceSubject => &["identifier", "subject_urn"],
            Self::Party
            | Self::RegisterRole
            | Self::System
            | Self::SystemClient
            | Self::SystemUser
            | Self::Assignment
            | Self::AssignmentPackage
            | Self::AssignmentRight
            | Self::ClientDelegation
            | Self::ClientDelegationPackage
            | Self::ClientDelegationResource
            | Self::AccessList
            | Self::AccessListConnection
            | Self::AccessListMember
            | Self::Resource
            | Self::Session => &[],
        }
    }
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowChange {
    /// It was removed.
    Gone,
    /// A watched column was changed.
    Set,
    /// It was added.
    Added,
}

impl RowChange {
    /// As the journal says it.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Set => "set",
            Self::Added => "added",
        }
    }
}

/// A change, as the database notes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct JournaledChange {
    /// Of which table.
    pub table: JournaledTable,
    /// What happened.
    pub what: RowChange,
    /// The key of the row, and the columns that matter.
    pub row: Map<String, Value>,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct JournalEntry {
    /// Epoch of the change feed in which it was written, 16 hexadecimal digits.
    pub epoch: String,
    /// Its number within that.
    pub position: i64,
    /// When it happened, RFC 3339.
    pub at: DateTime<Utc>,
    /// What happened.
    #[serde(flatten)]
    pub change: JournaledChange,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_tables_are_those_of_the_journal() {
        for table in JournaledTable::ALL {
            assert_eq!(serde_json::to_value(table).unwrap(), json!(table.name()));
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let line = json!({
            "epoch": "0123456789abcdef",
            "position": 7,
            "at": "2026-11-28T10:00:00Z",
            "table": "assignment_package",
            "what": "gone",
            "row": {"assignment_id": "d2028fcf-dbe6-5d3d-b2f8-c78f48978c8a", "package_id": 4},
        });
        let entry: JournalEntry = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(entry.change.table, JournaledTable::AssignmentPackage);
        assert_eq!(serde_json::to_value(&entry).unwrap(), line);
    }
}
