//! Attempts that changed nothing: what was refused or failed, and what leaves no other trace.
//!
//! Nothing waits for their rows. They gather in memory and are written within a second, in a
//! transaction of their own, which may be sent again and is stored once. When more come than are kept apart, those of the same action, caller
//! and outcome become one row that carries their number (`detail.attempts`): none is lost, and
//! however many come, memory and the trail grow by a bounded amount each second.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::PgPool;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{
    Action, ActorKind, ObjectKind, Outcome,
    store::{self, AttemptBatch, AttemptRow},
};
use crate::{
    db::{self, DbError},
    http::context::RequestContext,
    telemetry::masked,
    token::TokenShape,
};

/// Attempts that are kept apart until they are written.
const KEPT_APART: usize = 1_000;
/// Callers whose attempts are distinguished beyond that; those of the others are one.
const CALLERS: usize = 1_000;
/// How long attempts gather.
const GATHER: Duration = Duration::from_millis(500);
/// An insert that takes longer is reported. It keeps its connection, and is waited for again.
const TIMEOUT: Duration = Duration::from_secs(5);
/// One hit in so many is recorded of an action that succeeds too often for a row each.
const SAMPLE: u64 = 100;
/// Characters of a caller's text that are kept.
const LONGEST_TEXT: usize = 200;

/// What was attempted, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What.
    pub action: Action,
    /// Kind of the thing.
    pub object_kind: ObjectKind,
    /// Its id as the caller gave it; empty when the call named none.
    pub object_id: String,
    /// Party of the path or of the query, as the caller gave it.
    pub party: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Problem code, reason, or HTTP status.
    pub code: String,
    /// Kind of the callers of the route, when the credential does not say more.
    pub usual_actor: ActorKind,
}

/// Who attempted it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct AttemptActor {
    kind: ActorKind,
    org: Option<String>,
    supplier: Option<String>,
    /// Party uuid of a person or a system user.
    party: Option<Uuid>,
    client_id: Option<String>,
    issuer: Option<String>,
    level: Option<i16>,
    address: Option<String>,
}

impl AttemptActor {
    fn of(context: &RequestContext, usual: ActorKind) -> (Self, Option<String>) {
        let principal = context.caller.get();
        let trace = principal.map(|p| p.trace());
        let person = context.person.get().copied();
        let kind = match principal.map(|p| &p.shape) {
            Some(TokenShape::SystemUser(_)) => ActorKind::SystemUser,
            Some(TokenShape::Person(_) | TokenShape::SelfIdentified(_)) => ActorKind::Person,
            Some(
                TokenShape::Organization(_) | TokenShape::EnterpriseUser(_) | TokenShape::Bare,
            )
            | None => {
                // A browser's session has a person and no token.
                person.map_or(usual, |_| ActorKind::Person)
            }
        };
        let system_user = principal
            .and_then(|principal| principal.system_user())
            .and_then(|token| token.system_user.ids.first().copied());
        let by = Self {
            kind,
            org: trace.as_ref().and_then(|t| t.org.clone()),
            supplier: trace.as_ref().and_then(|t| t.supplier.clone()),
            party: person.or(system_user),
            client_id: trace.as_ref().and_then(|t| t.client_id.clone()),
            issuer: trace.as_ref().map(|t| t.issuer.clone()),
            level: trace.as_ref().map(|t| i16::from(t.auth_level)),
            address: context.address.map(super::cut),
        };
        (by, trace.and_then(|t| t.token_id))
    }

    /// Whether no credential names the caller.
    const fn is_anonymous(&self) -> bool {
        self.issuer.is_none() && self.party.is_none()
    }
}

/// Attempts that are one row.
#[derive(Debug, PartialEq, Eq, Hash)]
struct AttemptKey {
    action: Action,
    outcome: Outcome,
    /// None for all callers beyond those that are distinguished.
    by: Option<AttemptActor>,
}

#[derive(Debug, Default)]
struct WaitingAttempts {
    apart: Vec<AttemptRow>,
    merged: HashMap<AttemptKey, AttemptRow>,
}

impl WaitingAttempts {
    fn take(&mut self, attempt: Attempt, context: &RequestContext) {
        let (by, token_id) = AttemptActor::of(context, attempt.usual_actor);
        // What a caller without a credential names is no evidence.
        if self.apart.len() < KEPT_APART && !by.is_anonymous() {
            self.apart.push(row(attempt, by, token_id, context));
            return;
        }
        let mut key = AttemptKey {
            action: attempt.action,
            outcome: attempt.outcome,
            by: Some(by),
        };
        if self.merged.len() >= CALLERS && !self.merged.contains_key(&key) {
            key.by = None;
        }
        if let Some(row) = self.merged.get_mut(&key) {
            row.attempts += 1;
            return;
        }
        let by = key.by.clone().unwrap_or(AttemptActor {
            kind: attempt.usual_actor,
            org: None,
            supplier: None,
            party: None,
            client_id: None,
            issuer: None,
            level: None,
            address: None,
        });
        self.merged.insert(key, row(attempt, by, None, context));
    }

    fn all(&mut self) -> Vec<AttemptRow> {
        let mut rows = std::mem::take(&mut self.apart);
        rows.extend(std::mem::take(&mut self.merged).into_values());
        rows
    }
}

fn row(
    attempt: Attempt,
    by: AttemptActor,
    token_id: Option<String>,
    context: &RequestContext,
) -> AttemptRow {
    AttemptRow {
        request_id: context.request_id,
        trace_id: context.trace.to_string(),
        action: attempt.action,
        object_kind: attempt.object_kind,
        object_id: shortened(&attempt.object_id),
        outcome: attempt.outcome,
        code: attempt.code,
        party: attempt.party.as_deref().map(shortened),
        actor_kind: by.kind,
        actor_org: by.org,
        actor_supplier: by.supplier,
        actor_party_uuid: by.party,
        client_id: by.client_id,
        token_issuer: by.issuer,
        token_id,
        auth_level: by.level,
        address: by.address,
        attempts: 1,
    }
}

/// A caller's text as the trail may keep it: short, printable, without identity numbers.
fn shortened(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_TEXT)
        .collect();
    masked(text)
}

/// Attempts on their way to the trail. A slice of state; clones are cheap.
#[derive(Debug, Clone)]
pub struct Attempts(Arc<AttemptsInner>);

#[derive(Debug)]
struct AttemptsInner {
    db: PgPool,
    waiting: Mutex<WaitingAttempts>,
    /// Held while rows are written, so that a caller of `flush` waits for rows that others took.
    writing: tokio::sync::Mutex<AttemptWrite>,
    hits: AtomicU64,
}

/// What is on its way to the database.
#[derive(Debug, Default)]
struct AttemptWrite {
    /// The batch that may not be stored yet. It is sent until it is, and grows no more.
    batch: Option<Arc<AttemptBatch>>,
    /// The insert of it that has not ended. Nothing else is begun before that.
    insert: Option<JoinHandle<Option<Result<(), DbError>>>>,
}

impl AttemptWrite {
    /// Waits for the insert of the batch, which is begun unless it is under way.
    async fn insert(&mut self, db: &PgPool, batch: &Arc<AttemptBatch>) -> Result<(), String> {
        let insert = self.insert.get_or_insert_with(|| {
            let (db, batch) = (db.clone(), Arc::clone(batch));
            db::begin_write(async move { store::insert_attempts(&db, &batch).await })
        });
        let Ok(ended) = tokio::time::timeout(TIMEOUT, &mut *insert).await else {
            return Err("time-out".to_owned());
        };
        self.insert = None;
        match ended {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(error))) => Err(error.to_string()),
            Ok(None) => Err("the connection is broken".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Attempts {
    /// Attempts that are written to this database.
    #[must_use]
    pub fn new(db: PgPool) -> Self {
        Self(Arc::new(AttemptsInner {
            db,
            waiting: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            hits: AtomicU64::new(0),
        }))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, WaitingAttempts> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an attempt. Never waits for the database.
    pub fn note(&self, attempt: Attempt, context: &RequestContext) {
        self.waiting().take(attempt, context);
    }

    /// As [`Attempts::note`], for one attempt in a hundred.
    pub fn note_sample(&self, attempt: Attempt, context: &RequestContext) {
        let before = self.0.hits.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(SAMPLE) {
            self.note(attempt, context);
        }
    }

    /// Writes all that was noted before. False when the database does not take it: it is kept for
    /// the next time.
    pub async fn flush(&self) -> bool {
        let mut writing = self.0.writing.lock().await;
        loop {
            let (batch, is_last) = if let Some(batch) = &writing.batch {
                (Arc::clone(batch), false)
            } else {
                let rows = self.waiting().all();
                if rows.is_empty() {
                    return true;
                }
                let id = Uuid::now_v7();
                (Arc::new(AttemptBatch { id, rows }), true)
            };
            writing.batch = Some(Arc::clone(&batch));
            if let Err(error) = writing.insert(&self.0.db, &batch).await {
                let rows = batch.rows.len();
                tracing::warn!(error, rows, "attempts could not be recorded");
                return false;
            }
            writing.batch = None;
            if is_last {
                return true;
            }
        }
    }

    /// Writes what is noted, again and again.
    pub async fn write(self) {
        loop {
            tokio::time::sleep(GATHER).await;
            self.flush().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(object_id: &str) -> Attempt {
        Attempt {
            action: Action::RequestApproved,
            object_kind: ObjectKind::Request,
            object_id: object_id.to_owned(),
            party: None,
            outcome: Outcome::Denied,
            code: "403".to_owned(),
            usual_actor: ActorKind::Person,
        }
    }

    fn context(person: Option<Uuid>) -> RequestContext {
        let context = RequestContext::without_headers();
        if let Some(person) = person {
            context.person.set(person).unwrap();
        }
        context
    }

    #[test]
    fn attempts_are_kept_apart_until_there_are_too_many_and_then_counted() {
        let (mut waiting, context) = (WaitingAttempts::default(), context(Some(Uuid::nil())));
        for n in 0..KEPT_APART + 30 {
            waiting.take(attempt(&n.to_string()), &context);
        }
        let rows = waiting.all();
        let merged: Vec<u64> = rows
            .iter()
            .map(|row| row.attempts)
            .filter(|attempts| *attempts > 1)
            .collect();
        assert_eq!((rows.len(), merged), (KEPT_APART + 1, vec![30]));
    }

    #[test]
    fn a_flood_of_callers_is_counted_in_bounded_memory() {
        let mut waiting = WaitingAttempts::default();
        for n in 0..KEPT_APART + 2 * CALLERS {
            waiting.take(attempt("x"), &context(Some(Uuid::from_u128(n as u128))));
        }
        let rows = waiting.all();
        assert_eq!(rows.len(), KEPT_APART + CALLERS + 1);
        let attempts: u64 = rows.iter().map(|row| row.attempts).sum();
        assert_eq!(attempts, (KEPT_APART + 2 * CALLERS) as u64);
    }

    #[test]
    fn attempts_without_a_credential_are_one_row() {
        let mut waiting = WaitingAttempts::default();
        for n in 0..5 {
            waiting.take(attempt(&n.to_string()), &context(None));
        }
        let rows = waiting.all();
        assert_eq!((rows.len(), rows[0].attempts), (1, 5));
    }

    #[test]
    fn a_text_of_a_caller_is_kept_short_and_without_identity_numbers() {
        assert_eq!(shortened("x\u{7}11859024884"), "x***********");
        assert_eq!(shortened(&"å".repeat(500)).chars().count(), LONGEST_TEXT);
    }
}
