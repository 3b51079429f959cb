//! `POST /systembruker/api/v1/enduser/systemuser/clients:batch`: many clients at once, with a
//! result for each.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Clients;
use super::{enduser_api::AgentCall, model::DelegationOutcome};
use authorization::{callers::PersonOrSystemUser, delegation::Administrator, permissions};
use foundation::{
    audit,
    db::repeat_on_conflict,
    http::{
        ApiResult,
        bind::{Binder, MemberPresence},
        body::{self, JsonBytes},
        context,
        describe::AltinnProblem,
        problem_body,
        query::{Query, parse_uuid},
    },
    idempotency::{IdempotentRequest, RepeatableAnswer},
    token::scopes::ClientsWrite,
};

/// Public name of the body.
const BODY: &str = "request";
/// Most clients of one call.
const MOST: usize = 1_000;

/// What is done with each client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientBatchAction {
    /// Delegates it to the agent.
    Add,
    /// Takes it from the agent.
    Remove,
}

/// What happens when one client cannot be delegated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientBatchMode {
    /// The others are.
    Each,
    /// None is.
    All,
}

/// What came of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClientResultKind {
    Added,
    Removed,
    /// It was so already.
    Unchanged,
    /// It cannot be done; the problem says why.
    Refused,
    /// It could be done, and was not, because another one cannot.
    NotDone,
}

/// Result for one client.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientResult {
    /// Party uuid.
    pub client: Uuid,
    pub result: ClientResultKind,
    /// The problem that the single call would be answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AltinnProblem>)]
    pub problem: Option<Map<String, Value>>,
}

/// Results, each client once, in the order in which they were named first.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchResult {
    pub agent: Uuid,
    pub action: ClientBatchAction,
    pub mode: ClientBatchMode,
    /// Whether the changes below were made.
    pub committed: bool,
    pub done: usize,
    pub unchanged: usize,
    pub refused: usize,
    pub results: Vec<ClientResult>,
}

/// Clients for an agent, or to be taken from it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "action": "add",
    "mode": "each",
    "clients": ["a8baac14-c94e-5be8-bd91-30de41d8e1f9", "35e7e180-7518-5692-b145-cbfd99b30d66"]
}))]
pub struct ClientBatchBody {
    /// What is done with each client.
    pub action: ClientBatchAction,
    /// What happens when one cannot be delegated. `each` when left out.
    pub mode: Option<ClientBatchMode>,
    /// Party uuids, at most 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    pub clients: Vec<Uuid>,
}

struct ClientBatch {
    action: ClientBatchAction,
    mode: ClientBatchMode,
    clients: Vec<Uuid>,
}

fn bind(value: &Value) -> ApiResult<ClientBatch> {
    let mut b = Binder::new(BODY);
    let root = b.root(value)?;
    let action = b.word(&root, "action", |word| {
        match word.to_ascii_lowercase().as_str() {
            "add" => Some(ClientBatchAction::Add),
            "remove" => Some(ClientBatchAction::Remove),
            _ => None,
        }
    })?;
    if action.is_none() {
        b.required("Action");
    }
    let mode = b.word(&root, "mode", |word| {
        match word.to_ascii_lowercase().as_str() {
            "each" => Some(ClientBatchMode::Each),
            "all" => Some(ClientBatchMode::All),
            _ => None,
        }
    })?;
    let mut clients = Vec::new();
    let named = b
        .list(&root, "clients", MemberPresence::Required, MOST)?
        .unwrap_or_default();
    if named.is_empty() {
        b.required("Clients");
    }
    for (index, item) in named.iter().enumerate() {
        clients.push(parse_uuid(
            &format!("Clients[{index}]"),
            &b.item_text(item)?,
        )?);
    }
    b.finish()?;
    let mut seen = std::collections::HashSet::new();
    clients.retain(|client| seen.insert(*client));
    Ok(ClientBatch {
        action: action.unwrap_or(ClientBatchAction::Add),
        mode: mode.unwrap_or(ClientBatchMode::Each),
        clients,
    })
}

/// Delegates up to 1,000 clients to an agent, or takes them from it, in one transaction. The body
/// holds `action` (`add` or `remove`), `clients` (party uuids) and `mode`: with `each` (also when
/// it is left out) those that cannot be delegated do not stop the others, with `all` they do. With
/// `Idempotency-Key` a call that may have got lost is sent again without risk.
#[utoipa::path(post, operation_id = "changeClientsBatch", path = "/systembruker/api/v1/enduser/systemuser/clients:batch", tag = "Customer",
    params(("agent" = Uuid, Query)),
    request_body = ClientBatchBody,
    responses((status = 200, body = BatchResult), (status = 400, description = "Model state, STD-00000, AUTH-00063"), (status = 401), (status = 403),
        (status = 404, description = "The owner is unknown, or AUTH-00015: the agent was deleted meanwhile"),
        (status = 422, body = BatchResult, description = "Mode `all`: one cannot be delegated, and nothing was done. Model state: the key was used before")))]
pub async fn batch(
    State(clients): State<Clients>,
    caller: PersonOrSystemUser<ClientsWrite>,
    query: Query,
    once: IdempotentRequest,
    JsonBytes(bytes): JsonBytes,
) -> ApiResult<Response> {
    let batch = bind(&body::parse(&bytes, BODY)?)?;
    context::count_as(batch.clients.len())?;
    let attempted = match batch.action {
        ClientBatchAction::Add => audit::Action::ClientAdded,
        ClientBatchAction::Remove => audit::Action::ClientRemoved,
    };
    let answer = carry_out(&clients, &caller, &query, &once, &bytes, batch).await;
    // The audit trail says what was attempted.
    let mut response = answer.into_response();
    response.extensions_mut().insert(attempted);
    Ok(response)
}

async fn carry_out(
    clients: &Clients,
    user: &PersonOrSystemUser<ClientsWrite>,
    query: &Query,
    once: &IdempotentRequest,
    bytes: &[u8],
    batch: ClientBatch,
) -> ApiResult<Response> {
    let ClientBatch {
        action,
        mode,
        clients: wanted,
    } = batch;
    let call = AgentCall::of(
        clients,
        user,
        query,
        permissions::SystemResourceAction::Write,
    )
    .await?;
    let by = call.administrator()?;
    let caller = match by.by {
        Administrator::Person(person) => format!("person:{}", person.0.uuid),
        Administrator::SystemUser(id) => format!("systemuser:{id}"),
    };
    repeat_on_conflict(|| async {
        let mut tx = clients.db.begin().await?;
        if let Some(before) = once.answered(&mut tx, &caller, bytes).await? {
            return Ok(before);
        }
        let outcomes: Vec<DelegationOutcome> = match action {
            ClientBatchAction::Add => clients
                .add_all(&mut tx, by, call.agent(), &wanted)
                .await?
                .into_iter()
                .map(|(_, outcome)| outcome)
                .collect(),
            ClientBatchAction::Remove => {
                clients
                    .remove_all(&mut tx, by, call.agent(), &wanted)
                    .await?
            }
        };
        let refused = outcomes
            .iter()
            .filter(|o| matches!(o, DelegationOutcome::Refused(_)))
            .count();
        let committed = mode == ClientBatchMode::Each || refused == 0;
        for (client, outcome) in wanted.iter().zip(&outcomes) {
            if let DelegationOutcome::Refused(code) = outcome {
                context::note_refusal(context::RefusalCause {
                    code: code.code(),
                    is_denial: code.is_denial(),
                    object_id: Some(client.to_string()),
                });
            }
        }
        let result = |(client, outcome): (&Uuid, &DelegationOutcome)| {
            let (result, problem) = match (outcome, action) {
                (DelegationOutcome::Done, _) if !committed => (ClientResultKind::NotDone, None),
                (DelegationOutcome::Done, ClientBatchAction::Add) => {
                    (ClientResultKind::Added, None)
                }
                (DelegationOutcome::Done, ClientBatchAction::Remove) => {
                    (ClientResultKind::Removed, None)
                }
                (DelegationOutcome::Unchanged, _) => (ClientResultKind::Unchanged, None),
                (DelegationOutcome::Refused(code), _) => (
                    ClientResultKind::Refused,
                    Some(problem_body((*code).into()).1),
                ),
            };
            ClientResult {
                client: *client,
                result,
                problem,
            }
        };
        let count = |wanted: DelegationOutcome| outcomes.iter().filter(|o| **o == wanted).count();
        let answer = BatchResult {
            agent: call.agent().id,
            action,
            mode,
            committed,
            done: if committed {
                count(DelegationOutcome::Done)
            } else {
                0
            },
            unchanged: count(DelegationOutcome::Unchanged),
            refused,
            results: wanted.iter().zip(&outcomes).map(result).collect(),
        };
        if !committed {
            return Ok(
                RepeatableAnswer::json(StatusCode::UNPROCESSABLE_ENTITY, None, &answer)?
                    .into_response(),
            );
        }
        let answer = RepeatableAnswer::json(StatusCode::OK, None, &answer)?;
        once.keep(&mut tx, &caller, &answer).await?;
        foundation::db::commit(tx).await?;
        Ok(answer.into_response())
    })
    .await
}
