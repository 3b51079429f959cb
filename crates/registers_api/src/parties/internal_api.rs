//! `/register/api/v2/internal` and the other addresses of the same look-ups: parties of the second
//! generation, for back ends of the platform.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use foundation::http::{
    ApiError, ApiResult, Json, ModelState, RegisterProblem, ValidationCode,
    body::{self, JsonBytes},
    paging::Links,
    path::PathValues,
    query::Query,
};
use http::StatusCode;
use registers::parties::{PartyDetails, PartyRef, details};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    PartyLookups,
    api::{FoundParties, PartyReader},
    fields::{Field, FieldFault, RequestedFields, party_v2},
    schemas::{MainUnitsBody, PartyQueryBody, PartyRecord},
};

/// Greatest number of names in a query.
const QUERY_LIMIT: usize = 100;

/// Parties in the fields asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartyList {
    /// Each party once.
    #[schema(value_type = Vec<PartyRecord>)]
    data: Vec<Value>,
}

impl PartyList {
    fn of(parties: &[PartyDetails], fields: &RequestedFields) -> Json<Self> {
        Json(Self {
            data: parties.iter().map(|p| party_v2(p, fields)).collect(),
        })
    }
}

/// What is asked for; none when sub-units are.
fn asked(query: &Query) -> ApiResult<Option<RequestedFields>> {
    match RequestedFields::read(query.all("fields")) {
        Ok(fields) => Ok(Some(fields)),
        Err(FieldFault::SubUnits) => Ok(None),
        Err(FieldFault::Unknown(word)) => {
            let shown: String = word.chars().filter(|c| !c.is_control()).take(50).collect();
            Err(ModelState::of("fields", format!("Invalid value: '{shown}'")).into())
        }
    }
}

fn fields(query: &Query) -> ApiResult<RequestedFields> {
    let error = || ApiError::Validation(vec![ValidationCode::SubUnitsOfParty.error()]);
    asked(query)?.ok_or_else(error)
}

/// Keys of URNs that name users by what no user here has; their values are percent-encoded.
const UNKNOWN_NAMES: &[&str] = &[
    "urn:altinn:party:username:",
    "urn:altinn:username:",
    "urn:altinn:person:legacy-selfidentified:",
    "urn:altinn:person:idporten-email:",
];

fn name_of(urn: &str) -> Option<PartyRef> {
    let is_unknown = |key: &str| urn.strip_prefix(key).is_some_and(|value| !value.is_empty());
    if UNKNOWN_NAMES.iter().copied().any(is_unknown) {
        return Some(PartyRef::Unknown);
    }
    // An older name of organisation numbers is none here.
    PartyRef::from_urn(urn).filter(|_| !urn.starts_with("urn:altinn:organizationnumber:"))
}

/// The member of a body, of whatever type.
fn member<'v>(body: &'v Value, name: &str) -> ApiResult<&'v Value> {
    let members = body.as_object().ok_or_else(|| {
        body::fault(
            "query",
            "$",
            "The JSON value could not be converted. Path: $",
        )
    })?;
    let found = members
        .iter()
        .rev()
        .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null());
    found
        .map(|(_, value)| value)
        .ok_or_else(|| ModelState::required(name).into())
}

fn wrong(path: &str) -> ApiError {
    body::fault("query", path, "This is no URN of a party.")
}

async fn look_up(lookups: &PartyLookups, query: &Query, bytes: &[u8]) -> ApiResult<Response> {
    let asked = asked(query)?;
    let body = body::parse(bytes, "query")?;
    let list = member(&body, "data")?
        .as_array()
        .ok_or_else(|| wrong("$.data"))?;
    let mut errors = Vec::new();
    if asked.is_none() {
        errors.push(ValidationCode::SubUnitsOfParty.error());
    }
    if list.len() > QUERY_LIMIT {
        errors.push(ValidationCode::TooManyItems.error());
    }
    let Some(fields) = asked.filter(|_| errors.is_empty()) else {
        return Err(ApiError::Validation(errors));
    };
    let names = list
        .iter()
        .enumerate()
        .map(|(index, urn)| {
            urn.as_str()
                .and_then(name_of)
                .ok_or_else(|| wrong(&format!("$.data[{index}]")))
        })
        .collect::<ApiResult<Vec<PartyRef>>>()?;
    // What names a party is shown of every party.
    let fields = names.iter().fold(fields, |fields, name| match name {
        PartyRef::PartyId(_) => fields.with(Field::Id),
        PartyRef::UserId(_) => fields.with(Field::UserId),
        PartyRef::Uuid(_) | PartyRef::Organization(_) | PartyRef::Person(_) | PartyRef::Unknown => {
            fields
        }
    });
    let mut db = lookups.db.acquire().await?;
    let found = FoundParties::of(&mut db, lookups, &names).await?;
    let mut shown: Vec<&PartyDetails> = Vec::with_capacity(names.len());
    let mut status = StatusCode::OK;
    for name in &names {
        match found.get(name) {
            Some(party) if shown.iter().any(|known| known.key == party.key) => {}
            Some(party) => shown.push(party),
            None => status = StatusCode::PARTIAL_CONTENT,
        }
    }
    let data = shown.iter().map(|party| party_v2(party, &fields)).collect();
    Ok((status, Json(PartyList { data })).into_response())
}

async fn one(lookups: &PartyLookups, path: &PathValues, query: &Query) -> ApiResult<Json<Value>> {
    let (uuid, fields) = (path.uuid("uuid")?, fields(query)?);
    let mut db = lookups.db.acquire().await?;
    let found = details::find_one(&mut db, &lookups.identity, &PartyRef::Uuid(uuid)).await?;
    let unknown = || {
        let problem = RegisterProblem::PartyUnknown.problem();
        problem.with("partyUuid", uuid.to_string())
    };
    Ok(Json(party_v2(&found.ok_or_else(unknown)?, &fields)))
}

async fn clients(
    lookups: &PartyLookups,
    path: &PathValues,
    query: &Query,
) -> ApiResult<Json<PartyList>> {
    let role = path.get("role").to_ascii_lowercase();
    if !matches!(
        role.as_str(),
        "revisor" | "regnskapsforer" | "forretningsforer"
    ) {
        return Err(ApiError::Empty(StatusCode::NOT_FOUND));
    }
    let (uuid, fields) = (path.uuid("uuid")?, fields(query)?);
    let mut db = lookups.db.acquire().await?;
    let found = details::givers(&mut db, &lookups.identity, uuid, &role).await?;
    Ok(PartyList::of(&found, &fields))
}

async fn directors(
    lookups: &PartyLookups,
    path: &PathValues,
    query: &Query,
) -> ApiResult<Json<PartyList>> {
    let (uuid, fields) = (path.uuid("uuid")?, fields(query)?);
    let mut db = lookups.db.acquire().await?;
    let found = details::holders(&mut db, &lookups.identity, uuid, "daglig-leder").await?;
    Ok(PartyList::of(&found, &fields))
}

async fn units_above(
    lookups: &PartyLookups,
    query: &Query,
    bytes: &[u8],
) -> ApiResult<Json<PartyList>> {
    let fields = fields(query)?;
    let body = body::parse(bytes, "query")?;
    let name = member(&body, "data")?.as_str().and_then(name_of);
    let name = match name {
        Some(name @ (PartyRef::Uuid(_) | PartyRef::PartyId(_) | PartyRef::Organization(_))) => name,
        Some(PartyRef::Person(_) | PartyRef::UserId(_) | PartyRef::Unknown) | None => {
            return Err(wrong("$.data"));
        }
    };
    let mut db = lookups.db.acquire().await?;
    let found = details::find_one(&mut db, &lookups.identity, &name).await?;
    let keys: Vec<i32> = found.iter().map(|party| party.key).collect();
    let main_units = details::main_units(&mut db, &lookups.identity, &keys).await?;
    Ok(PartyList::of(&main_units, &fields))
}

/// Where a role of the register comes from; none for roles of other kinds.
fn source(provider: &str) -> Option<&'static str> {
    match provider {
        "sys-ccr" => Some("ccr"),
        "sys-cra" => Some("cra"),
        _ => None,
    }
}

/// A register role that a party holds of another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldRole {
    /// `ccr` or `cra`
    source: &'static str,
    /// Code of the role, such as `daglig-leder`.
    identifier: String,
    /// Uuid of the party that it is of.
    from_party: Uuid,
    /// Uuid of the party that holds it.
    to_party: Uuid,
}

/// Register roles of a party.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldRoles {
    data: Vec<HeldRole>,
}

/// Register roles that others hold of a party. None of an unknown one.
#[utoipa::path(get, operation_id = "listExternalRolesOfParty", path = "/register/api/v2/internal/parties/{uuid}/external-roles", tag = "Operations",
    params(("uuid" = Uuid, Path)),
    responses((status = 200, body = HeldRoles), (status = 400, description = "Not a uuid"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing")))]
pub async fn roles_of_party(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
    path: PathValues,
) -> ApiResult<Json<HeldRoles>> {
    let uuid = path.uuid("uuid")?;
    let mut db = lookups.db.acquire().await?;
    let roles = details::register_roles(&mut db, uuid).await?;
    let data = roles
        .into_iter()
        .filter_map(|role| {
            Some(HeldRole {
                source: source(&role.provider)?,
                identifier: role.code,
                from_party: role.from,
                to_party: role.to,
            })
        })
        .collect();
    Ok(Json(HeldRoles { data }))
}

/// Roles whose holders are written to.
const CORRESPONDENCE_ROLES: &[&str] = &[
    "innehaver",
    "komplementar",
    "styreleder",
    "deltaker-delt-ansvar",
    "deltaker-fullt-ansvar",
    "bestyrende-reder",
    "daglig-leder",
    "bostyrer",
    "kontaktperson-ados",
    "norsk-representant",
];

/// A party by its uuid alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartyReference {
    party_uuid: Uuid,
    /// `urn:altinn:party:uuid:{uuid}`
    urn: String,
}

impl From<Uuid> for PartyReference {
    fn from(party_uuid: Uuid) -> Self {
        Self {
            urn: format!("urn:altinn:party:uuid:{party_uuid}"),
            party_uuid,
        }
    }
}

/// A register role by its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleName {
    source: &'static str,
    identifier: String,
    urn: String,
}

/// Who holds a role of whom.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleAssignment {
    role: RoleName,
    to: PartyReference,
    from: PartyReference,
}

/// Those who are written to on behalf of a party, in one page.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleAssignments {
    links: Links,
    data: Vec<RoleAssignment>,
}

/// Holders of the roles of a party whose holders are written to.
#[utoipa::path(get, operation_id = "listCorrespondenceRoles", path = "/register/api/v1/correspondence/parties/{uuid}/roles/correspondence-roles", tag = "Operations",
    params(("uuid" = Uuid, Path)),
    responses((status = 200, body = RoleAssignments), (status = 400, description = "Not a uuid"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing")))]
pub async fn correspondence_roles(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
    path: PathValues,
) -> ApiResult<Json<RoleAssignments>> {
    let uuid = path.uuid("uuid")?;
    let mut db = lookups.db.acquire().await?;
    let roles = details::register_roles(&mut db, uuid).await?;
    let data = roles
        .into_iter()
        .filter(|role| CORRESPONDENCE_ROLES.contains(&role.code.as_str()))
        .filter_map(|role| {
            let source = source(&role.provider)?;
            Some(RoleAssignment {
                role: RoleName {
                    urn: format!("urn:altinn:external-role:{source}:{}", role.code),
                    identifier: role.code,
                    source,
                },
                to: role.to.into(),
                from: role.from.into(),
            })
        })
        .collect();
    Ok(Json(RoleAssignments {
        links: Links::default(),
        data,
    }))
}

/// A kind of register role.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExternalRole {
    /// `ccr` or `cra`
    source: &'static str,
    /// Such as `daglig-leder`.
    identifier: String,
    urn: String,
    /// Code of the register, such as `DAGL`.
    code: Option<String>,
    /// Language to text.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    name: Value,
    /// Language to text.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    description: Value,
}

/// The kinds of register roles.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExternalRoles {
    data: Vec<ExternalRole>,
}

/// The kinds of register roles.
#[utoipa::path(get, operation_id = "listExternalRoles", path = "/register/api/v2/internal/metadata/external-roles", tag = "Operations",
    responses((status = 200, body = ExternalRoles), (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn external_roles(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
) -> Json<ExternalRoles> {
    let shown = |role: &registers::packages::Role| {
        Some(ExternalRole {
            source: source(&role.provider)?,
            identifier: role.code.clone(),
            urn: role.urn.clone(),
            code: role.register_code.clone(),
            name: role.name.clone(),
            description: role.description.clone(),
        })
    };
    Json(ExternalRoles {
        data: lookups.catalogue.roles().filter_map(shown).collect(),
    })
}

/// Addresses of one look-up, each with a handler of its own.
macro_rules! addresses {
    (query: $($(#[$doc:meta])* $name:ident ($id:literal) = $path:literal;)*) => {
        $($(#[$doc])*
        ///
        /// 206 when some were not found. `fields` says what is shown of each: see the single words and
        /// groups of the register.
        #[utoipa::path(post, operation_id = $id, path = $path, tag = "Operations",
            params(("fields" = Option<String>, Query, description = "Words with commas; `identifiers,display-name` when left out")),
            request_body = PartyQueryBody,
            responses((status = 200, body = PartyList), (status = 206, body = PartyList),
                (status = 400, description = "`REG.VLD-00000` for sub-units, `REG.VLD-00001` for too many names, or what cannot be read"),
                (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
        pub async fn $name(
            State(lookups): State<PartyLookups>,
            _: PartyReader,
            query: Query,
            JsonBytes(bytes): JsonBytes,
        ) -> ApiResult<Response> {
            look_up(&lookups, &query, &bytes).await
        })*
    };
    (party: $($(#[$doc:meta])* $name:ident ($id:literal) = $path:literal;)*) => {
        $($(#[$doc])*
        #[utoipa::path(get, operation_id = $id, path = $path, tag = "Operations",
            params(("uuid" = Uuid, Path), ("fields" = Option<String>, Query)),
            responses((status = 200, body = PartyRecord), (status = 400, description = "`REG-00003` for an unknown party, `REG.VLD-00000`, or not a uuid"),
                (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
        pub async fn $name(
            State(lookups): State<PartyLookups>,
            _: PartyReader,
            path: PathValues,
            query: Query,
        ) -> ApiResult<Json<Value>> {
            one(&lookups, &path, &query).await
        })*
    };
    (main_units: $($(#[$doc:meta])* $name:ident ($id:literal) = $path:literal;)*) => {
        $($(#[$doc])*
        #[utoipa::path(post, operation_id = $id, path = $path, tag = "Operations", params(("fields" = Option<String>, Query)),
            request_body = MainUnitsBody,
            responses((status = 200, body = PartyList), (status = 400, description = "`REG.VLD-00000`, or what cannot be read"),
                (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
        pub async fn $name(
            State(lookups): State<PartyLookups>,
            _: PartyReader,
            query: Query,
            JsonBytes(bytes): JsonBytes,
        ) -> ApiResult<Json<PartyList>> {
            units_above(&lookups, &query, &bytes).await
        })*
    };
    (customers: $($(#[$doc:meta])* $name:ident ($id:literal) = $path:literal;)*) => {
        $($(#[$doc])*
        #[utoipa::path(get, operation_id = $id, path = $path, tag = "Operations",
            params(("uuid" = Uuid, Path), ("role" = String, Path, description = "`revisor`, `regnskapsforer` or `forretningsforer`"), ("fields" = Option<String>, Query)),
            responses((status = 200, body = PartyList), (status = 400, description = "Not a uuid, or `REG.VLD-00000`"), (status = 401, description = "No valid token"),
                (status = 403, description = "The scope is missing"), (status = 404, description = "Another role")))]
        pub async fn $name(
            State(lookups): State<PartyLookups>,
            _: PartyReader,
            path: PathValues,
            query: Query,
        ) -> ApiResult<Json<PartyList>> {
            clients(&lookups, &path, &query).await
        })*
    };
    (directors: $($(#[$doc:meta])* $name:ident ($id:literal) = $path:literal;)*) => {
        $($(#[$doc])*
        #[utoipa::path(get, operation_id = $id, path = $path, tag = "Operations", params(("uuid" = Uuid, Path), ("fields" = Option<String>, Query)),
            responses((status = 200, body = PartyList), (status = 400, description = "Not a uuid, or `REG.VLD-00000`"), (status = 401, description = "No valid token"),
                (status = 403, description = "The scope is missing")))]
        pub async fn $name(
            State(lookups): State<PartyLookups>,
            _: PartyReader,
            path: PathValues,
            query: Query,
        ) -> ApiResult<Json<PartyList>> {
            directors(&lookups, &path, &query).await
        })*
    };
}

addresses! { query:
    /// Parties by URN.
    query ("queryParties") = "/register/api/v2/internal/parties/query";
    /// Parties by URN, for access management.
    query_for_access_management ("queryPartiesForAccessManagement") = "/register/api/v1/access-management/parties/query";
    /// Parties by URN, for Dialogporten.
    query_for_dialogporten ("queryPartiesForDialogporten") = "/register/api/v1/dialogporten/parties/query";
    /// Parties by URN, for apps.
    query_for_apps ("queryPartiesForApps") = "/register/api/v1/apps/parties/query";
    /// Parties by URN, for correspondence.
    query_for_correspondence ("queryPartiesForCorrespondence") = "/register/api/v1/correspondence/parties/query";
}

addresses! { party:
    /// A party by its uuid.
    party ("getRegisterParty") = "/register/api/v2/internal/parties/{uuid}";
    /// A party by its uuid, for access management.
    party_for_access_management ("getPartyForAccessManagement") = "/register/api/v1/access-management/parties/{uuid}";
    /// A party by its uuid, for correspondence.
    party_for_correspondence ("getPartyForCorrespondence") = "/register/api/v1/correspondence/parties/{uuid}";
}

addresses! { main_units:
    /// The main unit of a unit.
    main_units ("findMainUnits") = "/register/api/v2/internal/parties/main-units";
    /// The main unit of a unit, for correspondence.
    main_units_for_correspondence ("findMainUnitsForCorrespondence") = "/register/api/v1/correspondence/parties/main-units";
}

addresses! { customers:
    /// Parties that gave this one a role: its clients.
    customers ("listCustomersOfParty") = "/register/api/v2/internal/parties/{uuid}/customers/ccr/{role}";
    /// Parties that gave this one a role, at the address of the first version.
    customers_v1 ("listCustomersOfPartyV1") = "/register/api/v1/internal/parties/{uuid}/customers/ccr/{role}";
}

addresses! { directors:
    /// Managing directors of an organisation.
    managing_directors ("listManagingDirectorsOfParty") = "/register/api/v2/internal/parties/{uuid}/holders/ccr/daglig-leder";
    /// Managing directors of an organisation, at the address of the first version.
    managing_directors_v1 ("listManagingDirectorsOfPartyV1") = "/register/api/v1/internal/parties/{uuid}/holders/ccr/daglig-leder";
}
