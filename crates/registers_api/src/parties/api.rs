//! `/register/api/v1`: looking parties up, for back ends of the platform.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::PartyLookups;
use super::schemas::{
    FirstGenerationParty, NamesLookupBody, PartyIdentifiers, PartyLookupBody, PartyNames,
    RegisteredOrganization,
};
use super::wire::{name_components, organization_v1, party_v1, short_name};
use authorization::callers::{BackEnd, BackEndOrPerson};
use foundation::{
    http::{
        ApiError, ApiResult, Json, ModelState, RegisterProblem,
        body::{self, JsonBytes},
        path::PathValues,
        query::Query,
    },
    ids::{NationalId, OrgNumber},
    token::scopes::PartyLookup,
};
use registers::parties::{PartyDetails, PartyKind, PartyRef, details, has_relation, party_by_key};

/// Greatest number of names in a query.
const QUERY_LIMIT: usize = 100;
/// Greatest number of names in a look-up of names.
const NAMES_LIMIT: usize = 1_000;

pub(super) type PartyReader = BackEnd<PartyLookup>;
type PartyReaderOrPerson = BackEndOrPerson<PartyLookup>;

/// A party for the caller: a back end may read all, a person those whom the person represents.
async fn one_party(
    lookups: &PartyLookups,
    reader: &PartyReaderOrPerson,
    name: PartyRef,
) -> ApiResult<Json<Value>> {
    let mut db = lookups.db.acquire().await?;
    let found = details::find_one(&mut db, &lookups.identity, &name)
        .await?
        .filter(is_of_first_generation);
    let PartyReaderOrPerson::Person(person) = reader else {
        return found
            .map(|p| Json(party_v1(&p, None)))
            .ok_or_else(|| ApiError::from(RegisterProblem::PartyNotFound));
    };
    let refused = || ApiError::Unauthorized(None);
    let found = found.ok_or_else(refused)?;
    if found.key != person.0.key {
        let party = party_by_key(&mut db, found.key)
            .await?
            .ok_or_else(refused)?;
        if !has_relation(&mut db, &lookups.catalogue, &person.0, &party).await? {
            return Err(refused());
        }
    }
    Ok(Json(party_v1(&found, None)))
}

/// Only persons and organisations have the ids of the first generation.
fn is_of_first_generation(party: &PartyDetails) -> bool {
    matches!(party.kind, PartyKind::Person | PartyKind::Organization)
}

/// A party by its integer id.
#[utoipa::path(get, operation_id = "getParty", path = "/register/api/v1/parties/{partyId}", tag = "Operations", params(("partyId" = i32, Path)),
    responses((status = 200, body = FirstGenerationParty), (status = 400, description = "Not a party id"),
        (status = 401, description = "No valid token, or a person who does not represent the party"),
        (status = 403, description = "Neither scope nor person"), (status = 404, description = "`REG-00007`")))]
pub async fn party(
    State(lookups): State<PartyLookups>,
    reader: PartyReaderOrPerson,
    path: PathValues,
) -> ApiResult<Json<Value>> {
    let text = path.get("partyId");
    let id = text
        .parse()
        .map_err(|_| ModelState::not_valid("partyId", text))?;
    one_party(&lookups, &reader, PartyRef::PartyId(id)).await
}

/// A party by its uuid.
#[utoipa::path(get, operation_id = "getPartyByUuid", path = "/register/api/v1/parties/byuuid/{uuid}", tag = "Operations", params(("uuid" = Uuid, Path)),
    responses((status = 200, body = FirstGenerationParty), (status = 400, description = "Not a uuid"),
        (status = 401, description = "No valid token, or a person who does not represent the party"),
        (status = 403, description = "Neither scope nor person"), (status = 404, description = "`REG-00007`")))]
pub async fn party_by_uuid(
    State(lookups): State<PartyLookups>,
    reader: PartyReaderOrPerson,
    path: PathValues,
) -> ApiResult<Json<Value>> {
    one_party(&lookups, &reader, PartyRef::Uuid(path.uuid("uuid")?)).await
}

/// What a member `ssn` or `orgNo` of an object names.
fn number_in(object: &Value) -> Option<PartyRef> {
    let member = |name: &str| {
        let members = object.as_object()?;
        members
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
            .filter(|v| !v.is_null())
    };
    match (member("ssn"), member("orgNo")) {
        (Some(id), None) => NationalId::parse(id.as_str()?).ok().map(PartyRef::Person),
        (None, Some(number)) => OrgNumber::parse(number.as_str()?)
            .ok()
            .map(PartyRef::Organization),
        _ => None,
    }
}

/// The party with an identity number or an organisation number.
#[utoipa::path(post, operation_id = "lookUpParty", path = "/register/api/v1/parties/lookup", tag = "Operations", request_body = PartyLookupBody,
    responses((status = 200, body = FirstGenerationParty), (status = 400, description = "Not exactly one of `ssn` and `orgNo`, or not a number"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing"), (status = 404, description = "`REG-00007`")))]
pub async fn lookup(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<Value>> {
    let body = body::parse(&bytes, "partyLookup")?;
    let name = number_in(&body).ok_or_else(|| {
        ModelState::of(
            "",
            "Exactly one of ssn (eleven digits) and orgNo (nine digits) must be given.",
        )
    })?;
    let mut db = lookups.db.acquire().await?;
    let found = details::find_one(&mut db, &lookups.identity, &name)
        .await?
        .ok_or_else(|| ApiError::from(RegisterProblem::PartyNotFound))?;
    Ok(Json(party_v1(&found, None)))
}

/// Names of the parties with these numbers, in the order asked.
#[utoipa::path(post, operation_id = "lookUpNames", path = "/register/api/v1/parties/nameslookup", tag = "Operations",
    params(("partyComponentOption" = Option<String>, Query)),
    request_body = NamesLookupBody,
    responses((status = 200, body = PartyNames), (status = 400, description = "Not such a list"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn names(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<Value>> {
    let components = match query.get("partyComponentOption").map(str::trim) {
        None | Some("") => false,
        Some(word) if word.eq_ignore_ascii_case("none") => false,
        Some(word)
            if word.eq_ignore_ascii_case("namecomponents")
                || word.eq_ignore_ascii_case("name-components") =>
        {
            true
        }
        Some(word) => return Err(ModelState::not_valid("partyComponentOption", word).into()),
    };
    let body = body::parse(&bytes, "partyNamesLookup")?;
    let parties = list_in(&body, "parties", NAMES_LIMIT)?;
    let mut asked = Vec::with_capacity(parties.len());
    for (index, party) in parties.iter().enumerate() {
        asked.push(number_in(party).ok_or_else(|| {
            ModelState::of(
                &format!("Parties[{index}]"),
                "Exactly one of ssn (eleven digits) and orgNo (nine digits) must be given.",
            )
        })?);
    }
    let mut db = lookups.db.acquire().await?;
    let found = FoundParties::of(&mut db, &lookups, &asked).await?;
    let entry = |name: &PartyRef| {
        let party = found.get(name);
        let named = party.map(|p| {
            if p.kind == PartyKind::Person {
                short_name(p)
            } else {
                p.name.clone()
            }
        });
        let mut out = match name {
            PartyRef::Person(id) => json!({"ssn": id.expose(), "orgNo": null, "name": named}),
            PartyRef::Organization(number) => json!({"ssn": null, "orgNo": number, "name": named}),
            _ => Value::Null,
        };
        if let Some(person) = party.filter(|p| components && p.kind == PartyKind::Person) {
            out["personName"] = name_components(person);
        }
        out
    };
    Ok(Json(
        json!({"partyNames": asked.iter().map(entry).collect::<Vec<_>>()}),
    ))
}

/// Parties by name.
pub(super) struct FoundParties<'a> {
    parties: Vec<PartyDetails>,
    lookups: &'a PartyLookups,
    by_org: std::collections::HashMap<String, usize>,
}

impl<'a> FoundParties<'a> {
    pub(super) async fn of(
        db: &mut PgConnection,
        lookups: &'a PartyLookups,
        names: &[PartyRef],
    ) -> ApiResult<Self> {
        let parties = details::find(db, &lookups.identity, names).await?;
        let by_org = parties
            .iter()
            .enumerate()
            .filter_map(|(i, p)| p.org_number.clone().map(|n| (n, i)))
            .collect();
        Ok(Self {
            parties,
            lookups,
            by_org,
        })
    }

    pub(super) fn get(&self, name: &PartyRef) -> Option<&PartyDetails> {
        match name {
            PartyRef::Organization(number) => self
                .by_org
                .get(number.as_str())
                .map(|at| &self.parties[*at]),
            _ => self
                .parties
                .iter()
                .find(|p| p.answers_to(name, &self.lookups.identity)),
        }
    }
}

/// A list member of a body, of at most `limit` items.
fn list_in<'v>(body: &'v Value, name: &str, limit: usize) -> ApiResult<&'v Vec<Value>> {
    let members = body.as_object().into_iter().flatten();
    let list = members
        .rev()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .and_then(|(_, value)| value.as_array());
    let list = list.ok_or_else(|| ModelState::required(name))?;
    if list.len() > limit {
        return Err(ModelState::of(name, format!("At most {limit} may be given.")).into());
    }
    Ok(list)
}

/// Parties by their integer ids; sub-units below their main units when asked for.
#[utoipa::path(post, operation_id = "listParties", path = "/register/api/v1/parties/partylist", tag = "Operations", params(("fetchSubUnits" = Option<bool>, Query)),
    request_body(content = Vec<i32>, description = "Party ids", example = json!([52_000_063])), responses((status = 200, body = Vec<FirstGenerationParty>), (status = 400, description = "Not a list of ids"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing"), (status = 404, description = "None of them is known")))]
pub async fn party_list(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<Vec<Value>>> {
    let read = |v: &Value| {
        v.as_i64()
            .or_else(|| v.as_str()?.parse().ok())
            .and_then(|n| i32::try_from(n).ok())
            .map(PartyRef::PartyId)
    };
    let list = parties_of_list(&lookups, &query, &bytes, "partyIds", read).await?;
    if list.is_empty() {
        Err(ApiError::Status(StatusCode::NOT_FOUND))
    } else {
        Ok(Json(list))
    }
}

/// Parties by their uuids; sub-units below their main units when asked for.
#[utoipa::path(post, operation_id = "listPartiesByUuid", path = "/register/api/v1/parties/partylistbyuuid", tag = "Operations", params(("fetchSubUnits" = Option<bool>, Query)),
    request_body(content = Vec<Uuid>, description = "Party uuids", example = json!(["a8baac14-c94e-5be8-bd91-30de41d8e1f9"])), responses((status = 200, body = Vec<FirstGenerationParty>), (status = 400, description = "Not a list of uuids"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn party_list_by_uuid(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
    query: Query,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<Vec<Value>>> {
    let read = |v: &Value| Uuid::try_parse(v.as_str()?).ok().map(PartyRef::Uuid);
    Ok(Json(
        parties_of_list(&lookups, &query, &bytes, "partyUuids", read).await?,
    ))
}

async fn parties_of_list(
    lookups: &PartyLookups,
    query: &Query,
    bytes: &[u8],
    parameter: &'static str,
    read: impl Fn(&Value) -> Option<PartyRef>,
) -> ApiResult<Vec<Value>> {
    let with_sub_units = query.flag("fetchSubUnits")?;
    let wrong = |path: &str| {
        body::fault(
            parameter,
            path,
            &format!("The JSON value could not be converted. Path: {path}"),
        )
    };
    let body = body::parse(bytes, parameter)?;
    let items = body.as_array().ok_or_else(|| wrong("$"))?;
    let names = items
        .iter()
        .enumerate()
        .map(|(i, v)| read(v).ok_or_else(|| wrong(&format!("$[{i}]"))))
        .collect::<ApiResult<Vec<_>>>()?;
    let mut db = lookups.db.acquire().await?;
    let mut found = details::find(&mut db, &lookups.identity, &names).await?;
    found.retain(is_of_first_generation);
    let keys: Vec<i32> = found.iter().map(|p| p.key).collect();
    let sub_units = if with_sub_units {
        details::sub_units(&mut db, &lookups.identity, &keys).await?
    } else {
        Vec::new()
    };
    let children = |key: i32| {
        let list: Vec<Value> = sub_units
            .iter()
            .filter(|s| s.parent_key == Some(key))
            .map(|s| party_v1(s, None))
            .collect();
        (!list.is_empty()).then_some(list)
    };
    Ok(found
        .iter()
        .map(|p| party_v1(p, children(p.key).as_deref()))
        .collect())
}

/// The identifiers of parties, by any of them.
#[utoipa::path(get, operation_id = "listPartyIdentifiers", path = "/register/api/v1/parties/identifiers", tag = "Operations",
    params(("ids" = Option<String>, Query, description = "Integer ids, comma-separated or repeated"), ("uuids" = Option<String>, Query),
        ("orgs" = Option<String>, Query, description = "Organisation numbers"), ("includeSsn" = Option<bool>, Query)),
    responses((status = 200, body = Vec<PartyIdentifiers>), (status = 400, description = "None, more than 100, or one that cannot be read"),
        (status = 401, description = "No valid token"), (status = 403, description = "The scope is missing")))]
pub async fn identifiers(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
    query: Query,
) -> ApiResult<Json<Vec<Value>>> {
    let with_ssn = query.flag("includeSsn")?;
    let mut names = Vec::new();
    for (parameter, attribute) in [
        ("ids", "urn:altinn:party:id"),
        ("uuids", "urn:altinn:party:uuid"),
        ("orgs", "urn:altinn:organization:identifier-no"),
    ] {
        for text in query
            .all(parameter)
            .flat_map(|v| v.split(','))
            .map(str::trim)
            .filter(|t| !t.is_empty())
        {
            names.push(
                PartyRef::from_attribute(attribute, text)
                    .ok_or_else(|| ModelState::not_valid(parameter, text))?,
            );
        }
    }
    if names.is_empty() || names.len() > QUERY_LIMIT {
        return Err(ModelState::of(
            "",
            format!("From 1 to {QUERY_LIMIT} of ids, uuids and orgs must be given."),
        )
        .into());
    }
    let mut db = lookups.db.acquire().await?;
    let found = details::find(&mut db, &lookups.identity, &names).await?;
    let entry = |p: &PartyDetails| {
        let mut out = json!({"partyId": p.party_id, "partyUuid": p.uuid});
        if let Some(number) = &p.org_number {
            out["orgNumber"] = number.clone().into();
        }
        if let Some(id) = p.national_id.as_ref().filter(|_| with_ssn) {
            out["ssn"] = id.expose().into();
        }
        out
    };
    Ok(Json(
        found
            .iter()
            .filter(|p| is_of_first_generation(p))
            .map(entry)
            .collect(),
    ))
}

/// An organisation by its number.
#[utoipa::path(get, operation_id = "getOrganization", path = "/register/api/v1/organizations/{orgNr}", tag = "Operations", params(("orgNr" = String, Path)),
    responses((status = 200, body = RegisteredOrganization), (status = 400, description = "Not nine digits"), (status = 401, description = "No valid token"),
        (status = 403, description = "The scope is missing"), (status = 404, description = "`REG-00006`")))]
pub async fn organization(
    State(lookups): State<PartyLookups>,
    _: PartyReader,
    path: PathValues,
) -> ApiResult<Json<Value>> {
    let text = path.get("orgNr");
    let number = OrgNumber::parse(text).map_err(|_| ModelState::not_valid("orgNr", text))?;
    let mut db = lookups.db.acquire().await?;
    let found =
        details::find_one(&mut db, &lookups.identity, &PartyRef::Organization(number)).await?;
    found
        .map(|p| Json(organization_v1(&p)))
        .ok_or_else(|| ApiError::from(RegisterProblem::OrganizationNotFound))
}
