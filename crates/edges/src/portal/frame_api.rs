//! What the frame around the portal's pages asks and keeps: who is logged in, for whom, and what was
//! chosen in the menus.

use std::collections::{BTreeMap, HashMap};

use authorization::{
    authorized_parties::{PartyContent, party_of_person, write_parties_of_person},
    permissions::{self, SystemResource, SystemResourceAction},
};
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use foundation::{
    crypto::unbase64url,
    http::{
        ApiError, ApiResult, Json, Language, ModelState,
        bind::{Binder, MemberPresence},
        body::{self, JsonBytes},
        list_stream,
        path::PathValues,
        query::{Query, parse_uuid},
    },
    ids::OrgNumber,
    sessions::{self, csrf},
};
use http::{StatusCode, header::SET_COOKIE};
use registers::parties::{self, Party, PartyDetails, PartyRef, details, service_owners};
use serde_json::Value;
use uuid::Uuid;

use super::{
    PortalBackEnd, PortalUser,
    frame_model::{
        ActorFe, ConnectionFe, ContactFe, LanguageBody, OrgData, PartyFe, ProfileSettingPreference,
        RoleNameFe, UserProfile,
    },
    preferences_store as preferences,
};

/// A person without a user id has no profile.
fn with_user_id(user: &PortalUser) -> ApiResult<(&Party, i32)> {
    let undefined = || ApiError::Text(StatusCode::BAD_REQUEST, "UserId is not defined.".to_owned());
    let person = &user.known_person().ok_or_else(undefined)?.0;
    Ok((person, person.user_id.ok_or_else(undefined)?))
}

/// The person, logged in well enough to change what is kept.
fn writer(user: &PortalUser) -> ApiResult<&Party> {
    if user.level() < permissions::LEVEL_TO_WRITE {
        return Err(ApiError::Empty(StatusCode::FORBIDDEN));
    }
    Ok(&user.person()?.0)
}

async fn details_of(portal: &PortalBackEnd, uuid: Uuid) -> ApiResult<Option<PartyDetails>> {
    let mut db = portal.db.acquire().await?;
    let lists = &portal.party_lists;
    Ok(details::find_one(&mut db, &lists.identity, &PartyRef::Uuid(uuid)).await?)
}

/// Whether the login still holds.
#[utoipa::path(get, operation_id = "checkPortalSession", path = "/accessmanagement/api/v1/authentication/refresh", tag = "Portal",
    responses((status = 200, description = "It does"), (status = 401), (status = 403)))]
pub async fn refresh(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
) -> ApiResult<StatusCode> {
    // A person who works in the portal is not idle.
    if let Some(id) = user.session().and_then(unbase64url) {
        sessions::slide_session(&portal.db, &id).await?;
    }
    Ok(StatusCode::OK)
}

/// Who is logged in.
#[utoipa::path(get, operation_id = "getPortalProfile", path = "/accessmanagement/api/v1/user/profile", tag = "Portal",
    responses((status = 200, body = UserProfile), (status = 400, body = String, description = "Model state, or a text when the caller has no user id"), (status = 401), (status = 403)))]
pub async fn profile(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: Language,
) -> ApiResult<Json<UserProfile>> {
    let (person, user_id) = with_user_id(&user)?;
    let party = details_of(&portal, person.uuid)
        .await?
        .ok_or(ApiError::Status(StatusCode::NOT_FOUND))?;
    let kept = preferences::read(&mut *portal.db.acquire().await?, person.key).await?;
    let language = kept.language.unwrap_or(language).code();
    Ok(Json(UserProfile {
        user_id,
        user_uuid: party.uuid,
        user_name: "",
        external_identity: "",
        is_reserved: false,
        phone_number: None,
        email: None,
        party_id: party.party_id,
        party: PartyFe::new(&party).with_person(&party),
        user_type: 1,
        profile_setting_preference: ProfileSettingPreference::new(language, kept.shows_deleted),
    }))
}

/// Keeps whether deleted parties are shown. The body is `true` or `false`.
#[utoipa::path(put, operation_id = "setPortalShowsDeleted", path = "/accessmanagement/api/v1/user/profile/settingspreferences/showdeleted", tag = "Portal",
    request_body(content = bool, example = json!(true)),
    responses((status = 200, body = ProfileSettingPreference), (status = 400), (status = 401), (status = 403)))]
pub async fn keep_shows_deleted(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    language: Language,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<ProfileSettingPreference>> {
    let person = writer(&user)?;
    let Value::Bool(shows_deleted) = body::parse(&bytes, "shouldShowDeletedEntities")? else {
        return Err(body::fault(
            "shouldShowDeletedEntities",
            "$",
            "The JSON value could not be converted. Path: $",
        ));
    };
    let mut db = portal.db.acquire().await?;
    preferences::keep_shows_deleted(&mut db, person.key, shows_deleted).await?;
    let kept = preferences::read(&mut db, person.key).await?;
    let language = kept.language.unwrap_or(language).code();
    Ok(Json(ProfileSettingPreference::new(
        language,
        kept.shows_deleted,
    )))
}

/// Keeps the language of the pages, in the profile and in the cookie that pages share.
#[utoipa::path(post, operation_id = "setPortalLanguage", path = "/accessmanagement/api/v1/settings/language/selectedLanguage", tag = "Portal",
    request_body = LanguageBody,
    responses((status = 200, description = "Kept"), (status = 400, body = String, description = "Model state, or a text that says what is wrong with the code"), (status = 401), (status = 403)))]
pub async fn keep_language(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    let person = writer(&user)?;
    let refused = |text: &str| ApiError::Text(StatusCode::BAD_REQUEST, text.to_owned());
    let value = body::parse(&bytes, "language")?;
    let mut binder = Binder::new("language");
    let root = binder.root(&value)?;
    let code = binder.text(&root, "languageCode", MemberPresence::Optional)?;
    binder.finish()?;
    let code = code
        .filter(|code| !code.trim().is_empty())
        .ok_or_else(|| refused("Language code is required."))?;
    let language = Language::from_cookie(&code)
        .or_else(|| Language::ALL.into_iter().find(|l| l.code() == code))
        .ok_or_else(|| refused("Unsupported language code."))?;
    let mut db = portal.db.acquire().await?;
    preferences::keep_language(&mut db, person.key, language).await?;
    let secure = if portal.config.settings.session.secure_cookies {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!(
        "selectedLanguage={}; Path=/; SameSite=Lax{secure}",
        language.cookie()
    );
    Ok((StatusCode::OK, [(SET_COOKIE, cookie)]).into_response())
}

/// The party that a person acts for, as far as the person may.
#[utoipa::path(get, operation_id = "getPortalReportee", path = "/accessmanagement/api/v1/user/reportee/{uuid}", tag = "Portal", params(("uuid" = Uuid, Path)),
    responses((status = 200, body = ActorFe), (status = 400), (status = 401), (status = 403), (status = 404, description = "Not a party of the person")))]
pub async fn reportee(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
) -> ApiResult<Json<ActorFe>> {
    let uuid = path.uuid("uuid")?;
    let found = own_party(&portal, &user, uuid).await?;
    Ok(Json(found.ok_or(ApiError::Empty(StatusCode::NOT_FOUND))?))
}

async fn own_party(
    portal: &PortalBackEnd,
    user: &PortalUser,
    uuid: Uuid,
) -> ApiResult<Option<ActorFe>> {
    let person = &user.person()?.0;
    let mut db = portal.db.acquire().await?;
    let Some(party) = parties::party_by_uuid(&mut db, uuid).await? else {
        return Ok(None);
    };
    let found = party_of_person(&portal.party_lists, &mut db, person, &party).await;
    Ok(found?.map(ActorFe::from))
}

/// All parties whom the person may act for, the person too.
#[utoipa::path(get, operation_id = "listPortalActors", path = "/accessmanagement/api/v1/user/actorlist/old", tag = "Portal",
    responses((status = 200, body = Vec<ActorFe>), (status = 401), (status = 403)))]
pub async fn actors(State(portal): State<PortalBackEnd>, user: PortalUser) -> ApiResult<Response> {
    let person = user.person()?.0.clone();
    let mut db = portal.db.acquire().await?;
    list_stream::respond("[".to_owned(), "]", |writer| async move {
        let (lists, names) = (portal.party_lists, PartyContent::Names);
        write_parties_of_person(&lists, &mut db, &person, names, writer, ActorFe::from).await
    })
    .await
}

/// All parties whom the person may act for, with the roles.
#[utoipa::path(get, operation_id = "listPortalConnections", path = "/accessmanagement/api/v1/user/actorlist", tag = "Portal",
    responses((status = 200, body = Vec<ConnectionFe>), (status = 401), (status = 403)))]
pub async fn connections(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
) -> ApiResult<Response> {
    let person = user.person()?.0.clone();
    let mut db = portal.db.acquire().await?;
    list_stream::respond("[".to_owned(), "]", |writer| async move {
        let (lists, catalogue) = (portal.party_lists, portal.catalogue);
        // Parties name roles by their older codes.
        let roles: HashMap<String, RoleNameFe> = catalogue
            .roles()
            .filter_map(|role| {
                let name = RoleNameFe {
                    id: role.id,
                    code: role.code.clone(),
                };
                Some((role.legacy_code.as_ref()?.to_uppercase(), name))
            })
            .collect();
        let shown = |party| ConnectionFe::new(party, &roles);
        let content = PartyContent::Roles;
        write_parties_of_person(&lists, &mut db, &person, content, writer, shown).await
    })
    .await
}

/// Parties that the person marked.
#[utoipa::path(get, operation_id = "listPortalFavorites", path = "/accessmanagement/api/v1/user/actorlist/favorites", tag = "Portal",
    responses((status = 200, body = Vec<Uuid>), (status = 401), (status = 403)))]
pub async fn favorites(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
) -> ApiResult<Json<Vec<Uuid>>> {
    let person = &user.person()?.0;
    let kept = preferences::read(&mut *portal.db.acquire().await?, person.key).await?;
    Ok(Json(kept.favorites))
}

/// Marks a party.
#[utoipa::path(put, operation_id = "addPortalFavorite", path = "/accessmanagement/api/v1/user/actorlist/favorites/{uuid}", tag = "Portal", params(("uuid" = Uuid, Path)),
    responses((status = 200, description = "Marked"), (status = 400), (status = 401), (status = 403), (status = 404, description = "Not a party of the person")))]
pub async fn add_favorite(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
) -> ApiResult<StatusCode> {
    let uuid = path.uuid("uuid")?;
    let person = writer(&user)?;
    if own_party(&portal, &user, uuid).await?.is_none() {
        return Err(ApiError::Empty(StatusCode::NOT_FOUND));
    }
    preferences::add_favorite(&mut *portal.db.acquire().await?, person.key, uuid).await?;
    Ok(StatusCode::OK)
}

/// Unmarks a party.
#[utoipa::path(delete, operation_id = "removePortalFavorite", path = "/accessmanagement/api/v1/user/actorlist/favorites/{uuid}", tag = "Portal", params(("uuid" = Uuid, Path)),
    responses((status = 200, description = "Not marked any more"), (status = 400), (status = 401), (status = 403), (status = 404, description = "It was not marked")))]
pub async fn remove_favorite(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
) -> ApiResult<StatusCode> {
    let uuid = path.uuid("uuid")?;
    let person = writer(&user)?;
    let mut db = portal.db.acquire().await?;
    if !preferences::read(&mut db, person.key)
        .await?
        .favorites
        .contains(&uuid)
    {
        return Err(ApiError::Empty(StatusCode::NOT_FOUND));
    }
    preferences::remove_favorite(&mut db, person.key, uuid).await?;
    Ok(StatusCode::OK)
}

/// The person who is logged in, as a party.
#[utoipa::path(get, operation_id = "getPortalUser", path = "/accessmanagement/api/v1/lookup/party/user", tag = "Portal",
    responses((status = 200, body = PartyFe), (status = 401), (status = 403)))]
pub async fn own_person(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
) -> ApiResult<Json<PartyFe>> {
    let uuid = user.person()?.0.uuid;
    let found = details_of(&portal, uuid).await?;
    let found = found.ok_or(ApiError::Empty(StatusCode::NOT_FOUND))?;
    Ok(Json(PartyFe::new(&found)))
}

/// A party of the person.
#[utoipa::path(get, operation_id = "getPortalParty", path = "/accessmanagement/api/v1/lookup/party/{uuid}", tag = "Portal", params(("uuid" = Uuid, Path)),
    responses((status = 200, body = PartyFe), (status = 400), (status = 401), (status = 403), (status = 404, description = "Not a party of the person")))]
pub async fn party(
    State(portal): State<PortalBackEnd>,
    user: PortalUser,
    path: PathValues,
) -> ApiResult<Json<PartyFe>> {
    let uuid = path.uuid("uuid")?;
    let missing = || ApiError::Empty(StatusCode::NOT_FOUND);
    if own_party(&portal, &user, uuid).await?.is_none() {
        return Err(missing());
    }
    let found = details_of(&portal, uuid).await?.ok_or_else(missing)?;
    Ok(Json(PartyFe::new(&found).with_organization(&found)))
}

/// An organisation by its number.
#[utoipa::path(get, operation_id = "getPortalOrganization", path = "/accessmanagement/api/v1/lookup/org/{orgNumber}", tag = "Portal", params(("orgNumber" = String, Path)),
    responses((status = 200, body = PartyFe), (status = 400, description = "No organisation has this number"), (status = 401), (status = 403)))]
pub async fn organization(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
    path: PathValues,
) -> ApiResult<Json<PartyFe>> {
    let text = path.get("orgNumber");
    let unknown = || ModelState::not_valid("orgNumber", text);
    let number = OrgNumber::parse(text).map_err(|_| unknown())?;
    let mut db = portal.db.acquire().await?;
    let name = PartyRef::Organization(number);
    let found = details::find_one(&mut db, &portal.party_lists.identity, &name).await?;
    Ok(Json(PartyFe::new(&found.ok_or_else(unknown)?)))
}

/// Whether a person may read a system resource for the party of the query. Whatever keeps the answer
/// from being yes is no.
async fn may_read(
    portal: &PortalBackEnd,
    user: &PortalUser,
    query: &Query,
    resource: SystemResource,
) -> ApiResult<Json<bool>> {
    let forbidden = || ApiError::Empty(StatusCode::FORBIDDEN);
    let text = query.get("party").ok_or_else(forbidden)?;
    let uuid = parse_uuid("party", text).map_err(|_| forbidden())?;
    let party = parties::party_by_uuid(&mut *portal.db.acquire().await?, uuid).await?;
    let (Some(person), Some(party_id)) = (user.known_person(), party.and_then(|p| p.party_id))
    else {
        return Ok(Json(false));
    };
    let permissions = &portal.permissions;
    let may = permissions
        .person_may(
            person,
            user.level(),
            SystemResourceAction::Read,
            resource,
            party_id,
        )
        .await?;
    Ok(Json(may))
}

macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident ($id:literal) = $path:literal, $resource:ident;)*) => {
        $($(#[$doc])*
        #[utoipa::path(get, operation_id = $id, path = $path, tag = "Portal", params(("party" = Uuid, Query, description = "Party uuid")),
            responses((status = 200, body = bool, content_type = "application/json"), (status = 401), (status = 403, description = "Scope, or no party is named")))]
        pub async fn $name(
            State(portal): State<PortalBackEnd>,
            user: PortalUser,
            query: Query,
        ) -> ApiResult<Json<bool>> {
            may_read(&portal, &user, &query, SystemResource::$resource).await
        })*
    };
}

questions! {
    /// Whether the caller decides who has access for the party.
    is_admin ("isPortalAdministrator") = "/accessmanagement/api/v1/user/isAdmin", AccessManagement;
    /// Whether the caller delegates the party's clients to agents.
    is_client_admin ("isPortalClientAdministrator") = "/accessmanagement/api/v1/user/isClientAdmin", ClientAdministration;
    /// Whether the caller is a main administrator of the party.
    is_main_admin ("isPortalMainAdministrator") = "/accessmanagement/api/v1/user/isHovedadmin", MainAdministration;
    /// Whether the caller keeps the party's addresses for notifications.
    is_company_profile_admin ("isPortalProfileAdministrator") = "/accessmanagement/api/v1/user/isCompanyProfileAdmin", CompanyProfile;
    /// Whether the caller delegates the party's scopes of Maskinporten.
    is_maskinporten_admin ("isPortalMaskinportenAdministrator") = "/accessmanagement/api/v1/user/isMaskinportenAdmin", MaskinportenScopes;
    /// Whether the caller gives access to single instances of the party.
    is_instance_admin ("isPortalInstanceAdministrator") = "/accessmanagement/api/v1/user/isInstanceAdmin", InstanceDelegation;
}

macro_rules! nothing_to_count {
    ($($(#[$doc:meta])* $name:ident ($id:literal) = $path:literal, ($($parameter:tt)*);)*) => {
        $($(#[$doc])*
        #[utoipa::path(get, operation_id = $id, path = $path, tag = "Portal", params($($parameter)*),
            responses((status = 200, body = i32, content_type = "application/json"), (status = 401), (status = 403)))]
        pub async fn $name(_: PortalUser) -> Json<i32> {
            Json(0)
        })*
    };
}

// Requests for access of the portal's own kind. Those for system users are in `requests_api.rs`.
nothing_to_count! {
    /// How many requests for access wait for the party. There are none here.
    received_requests ("countPortalReceivedRequests") = "/accessmanagement/api/v1/request/received/count", (("party" = Uuid, Query, description = "Uuid of the party"), ("status" = Option<String>, Query));
    /// How many requests for access the party has sent. There are none here.
    sent_requests ("countPortalSentRequests") = "/accessmanagement/api/v1/request/sent/count", (("party" = Uuid, Query, description = "Uuid of the party"), ("status" = Option<String>, Query));
    /// How many consents wait for the party. There are none here.
    consents ("countPortalConsents") = "/accessmanagement/api/v1/consent/count/{party}", (("party" = Uuid, Path, description = "Uuid of the party"), ("status" = Option<String>, Query));
}

/// The service owners by code, as pages show them.
#[utoipa::path(get, operation_id = "listPortalServiceOwners", path = "/accessmanagement/api/v1/cdn/orgdata", tag = "Portal",
    responses((status = 200, body = BTreeMap<String, OrgData>), (status = 401), (status = 403)))]
pub async fn owners(
    State(portal): State<PortalBackEnd>,
    _: PortalUser,
) -> ApiResult<Json<BTreeMap<String, OrgData>>> {
    let rows = service_owners::all(&mut *portal.db.acquire().await?).await?;
    let text = |contact: &Option<Value>, name: &str| {
        let found = contact.as_ref().and_then(|contact| contact.get(name));
        found.and_then(Value::as_str).map(str::to_owned)
    };
    // The page's policy would stop pictures from elsewhere.
    let origins = &portal.config.settings.portal.image_origins;
    let shown = |address: Option<String>| {
        address.filter(|address| csrf::origin(address).is_some_and(|o| origins.contains(&o)))
    };
    let owners = rows.into_iter().map(|row| {
        let data = OrgData {
            name: row.name,
            logo: shown(row.logo),
            emblem: shown(row.emblem),
            orgnr: row.org_number,
            homepage: row.homepage,
            environments: row.environments,
            contact: ContactFe {
                phone: text(&row.contact, "phone"),
                url: text(&row.contact, "url"),
            },
        };
        (row.orgcode.to_lowercase(), data)
    });
    Ok(Json(owners.collect()))
}
