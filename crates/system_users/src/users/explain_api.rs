//! `POST /systembruker/api/v1/token:explain`: a vendor learns why Maskinporten gives it no token.

use axum::extract::State;
use foundation::{
    http::{
        ApiResult, Json, ModelState,
        bind::{Binder, MemberPresence},
        body::{self, JsonBytes},
    },
    ids::OrgNumber,
    token::scopes::RequestRead,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    SystemUsers,
    missing_token::{MissingTokenCause, cause},
    store,
};
use authorization::callers::Vendor;

/// Public name of the body.
const BODY: &str = "question";

/// What is asked.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"clientId": "08b08038-be28-511d-9ee8-c25fec65e65e", "systemUserOrg": "390367767"}))]
pub struct TokenQuestion {
    /// Client at Maskinporten.
    client_id: String,
    /// Organisation number, with or without `0192:`.
    system_user_org: String,
    /// As it was sent, if it was.
    external_ref: Option<String>,
}

/// Why there is no token.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenExplanation {
    /// Whether a system user is found; then nothing keeps Maskinporten from a token.
    found: bool,
    /// The first cause that fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    cause: Option<MissingTokenCause>,
    /// What to do about it, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

impl TokenQuestion {
    fn bind(bytes: &[u8]) -> ApiResult<Self> {
        let value = body::parse(bytes, BODY)?;
        let mut b = Binder::new(BODY);
        let root = b.root(&value)?;
        let client_id = b.text(&root, "clientId", MemberPresence::Required)?;
        let system_user_org = b.text(&root, "systemUserOrg", MemberPresence::Required)?;
        let external_ref = b.text(&root, "externalRef", MemberPresence::Optional)?;
        b.finish()?;
        Ok(Self {
            client_id: client_id.unwrap_or_default(),
            system_user_org: system_user_org.unwrap_or_default(),
            external_ref,
        })
    }

    fn organization(&self) -> ApiResult<OrgNumber> {
        let text = &self.system_user_org;
        let number = text.strip_prefix("0192:").unwrap_or(text);
        let number = OrgNumber::parse(number);
        Ok(number.map_err(|_| ModelState::not_valid("SystemUserOrg", text))?)
    }
}

/// Says why Maskinporten finds no system user for a client of the vendor and an organisation. Only the
/// vendor's own systems count.
#[utoipa::path(post, operation_id = "explainToken", path = "/systembruker/api/v1/token:explain", tag = "Vendor",
    request_body = TokenQuestion,
    responses((status = 200, body = TokenExplanation), (status = 400, description = "Model state"),
        (status = 401, description = "No valid token, or one without an organisation"), (status = 403, description = "The scope is missing"),
        (status = 415, description = "Not JSON")))]
pub async fn explain(
    State(system_users): State<SystemUsers>,
    vendor: Vendor<RequestRead>,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Json<TokenExplanation>> {
    let question = TokenQuestion::bind(&bytes)?;
    let organization = question.organization()?;
    let vendor = vendor.organization()?;
    let facts = store::token_facts(
        &mut *system_users.db.acquire().await?,
        &question.client_id,
        vendor.as_str(),
        organization.as_str(),
        system_users.config.settings.requests.lifetime_days,
    )
    .await?;
    let cause = cause(
        facts.as_ref(),
        question.external_ref.as_deref(),
        organization.as_str(),
    );
    Ok(Json(TokenExplanation {
        found: cause.is_none(),
        cause,
        hint: cause.map(MissingTokenCause::hint),
    }))
}
