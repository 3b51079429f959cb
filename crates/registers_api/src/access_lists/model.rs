//! Access lists on the wire.

use foundation::{
    http::{ApiError, ApiResult, ModelState, body, time},
    ids::is_displayable,
};
use http::StatusCode;
use registers::access_lists::{AccessList, AccessListConnection, AccessListMember, Membership};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Greatest body of a request about lists, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// # Errors
/// 413.
pub fn must_be_small(bytes: &[u8]) -> ApiResult<()> {
    if bytes.len() > MAX_BODY {
        Err(ApiError::Status(StatusCode::PAYLOAD_TOO_LARGE))
    } else {
        Ok(())
    }
}

/// An access list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessListDto {
    /// `urn:altinn:access-list:{owner}:{identifier}`
    pub urn: String,
    /// Unique among the lists of its owner.
    pub identifier: String,
    /// For display.
    pub name: String,
    /// For display.
    pub description: String,
    /// When it was made, with offset.
    pub created_at: String,
    /// When it, its members or its connections last changed.
    pub updated_at: String,
    /// Resources that it is connected to, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_connections: Option<Vec<AccessListConnectionDto>>,
}

impl AccessListDto {
    /// A list with the connections that were asked for.
    #[must_use]
    pub fn new(list: &AccessList, connections: Option<Vec<AccessListConnectionDto>>) -> Self {
        Self {
            urn: list.urn(),
            identifier: list.identifier.clone(),
            name: list.name.clone(),
            description: list.description.clone(),
            created_at: time::format_with_offset(list.created_at),
            updated_at: time::format_with_offset(list.updated_at),
            resource_connections: connections,
        }
    }
}

/// A resource that a list is connected to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessListConnectionDto {
    /// Identifier in the resource registry.
    pub resource_identifier: String,
    /// Actions that the list opens; absent for every action, or when they were not asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub action_filters: Vec<String>,
    /// When the list was connected.
    pub created_at: String,
    /// When the actions last changed.
    pub updated_at: String,
}

impl From<AccessListConnection> for AccessListConnectionDto {
    fn from(connection: AccessListConnection) -> Self {
        Self {
            resource_identifier: connection.resource,
            action_filters: connection.action_filters,
            created_at: time::format_with_offset(connection.created_at),
            updated_at: time::format_with_offset(connection.updated_at),
        }
    }
}

/// Members to set, to add or to remove.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"data": ["urn:altinn:organization:identifier-no:390326572"]}))]
pub struct AccessListMembersBody {
    /// URNs of parties, by organisation number, party id or party uuid; at most 100.
    #[schema(max_items = 100)]
    pub data: Vec<String>,
}

/// A party on a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessListMemberDto {
    /// `urn:altinn:party:uuid:{uuid}`
    pub id: String,
    /// Since when it is a member.
    pub since: String,
    /// What else names it.
    pub identifiers: MemberIdentifiers,
}

/// What names a member.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberIdentifiers {
    /// Party uuid.
    #[serde(rename = "urn:altinn:party:uuid")]
    pub party_uuid: Uuid,
    /// Party id.
    #[serde(
        rename = "urn:altinn:party:id",
        skip_serializing_if = "Option::is_none"
    )]
    pub party_id: Option<i32>,
    /// Organisation number, of an organisation.
    #[serde(
        rename = "urn:altinn:organization:identifier-no",
        skip_serializing_if = "Option::is_none"
    )]
    pub organization: Option<String>,
}

impl From<AccessListMember> for AccessListMemberDto {
    fn from(member: AccessListMember) -> Self {
        Self {
            id: format!("urn:altinn:party:uuid:{}", member.party_uuid),
            since: time::format_with_offset(member.since),
            identifiers: MemberIdentifiers {
                party_uuid: member.party_uuid,
                party_id: member.party_id,
                organization: member.org_number,
            },
        }
    }
}

/// What a list opens to a party.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembershipDto {
    /// `urn:altinn:party:uuid:{uuid}`
    pub party: String,
    /// `urn:altinn:resource:{identifier}`
    pub resource: String,
    /// Since when the party is a member.
    pub since: String,
    /// Actions that are open; absent for every action.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub action_filters: Vec<String>,
}

impl MembershipDto {
    /// A membership of a party.
    #[must_use]
    pub fn new(party: Uuid, membership: Membership) -> Self {
        Self {
            party: format!("urn:altinn:party:uuid:{party}"),
            resource: format!("urn:altinn:resource:{}", membership.resource),
            since: time::format_with_offset(membership.since),
            action_filters: membership.action_filters,
        }
    }
}

/// A page that holds for one version of a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct VersionedPlace<K> {
    /// Version of the list.
    #[serde(rename = "v")]
    pub version: i64,
    /// First key of the page.
    #[serde(rename = "k")]
    pub from: K,
}

/// What a list is to be called.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"name": "Godkjente leverandører", "description": "Leverandører med avtale."}))]
pub struct NewAccessList {
    /// For display; may be empty.
    pub name: String,
    /// For display; empty when left out.
    pub description: String,
}

const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 2_000;

impl NewAccessList {
    /// Reads a body.
    ///
    /// # Errors
    /// 400 by member.
    pub fn bind(bytes: &[u8]) -> ApiResult<Self> {
        must_be_small(bytes)?;
        let value = body::parse(bytes, "model")?;
        let members = value.as_object().ok_or_else(|| wrong("model", "$"))?;
        let text = |name: &str| {
            let found = members
                .iter()
                .rev()
                .find(|(member, _)| member.eq_ignore_ascii_case(name))
                .map(|(_, value)| value);
            match found {
                None | Some(Value::Null) => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.clone())),
                Some(_) => Err(wrong("model", &format!("$.{name}"))),
            }
        };
        let name = text("name")?.ok_or_else(|| ModelState::required("Name"))?;
        let description = text("description")?.unwrap_or_default();
        limited("Name", &name, MAX_NAME)?;
        limited("Description", &description, MAX_DESCRIPTION)?;
        Ok(Self { name, description })
    }
}

fn limited(key: &str, text: &str, length: usize) -> Result<(), ModelState> {
    if text.chars().count() > length {
        return Err(ModelState::of(
            key,
            format!("The field {key} has at most {length} characters."),
        ));
    }
    if is_displayable(text) {
        Ok(())
    } else {
        Err(ModelState::of(
            key,
            format!("The field {key} contains characters that cannot be shown."),
        ))
    }
}

/// JSON of the wrong type at a path.
#[must_use]
pub fn wrong(parameter: &str, path: &str) -> ApiError {
    body::fault(
        parameter,
        path,
        &format!("The JSON value could not be converted. Path: {path}"),
    )
}
