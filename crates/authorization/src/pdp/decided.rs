//! A decision with what goes with it.

use std::{borrow::Cow, sync::Arc};

use super::{
    DecisionReason, Fault, PartialRequest, RequiredLevel, SubjectKind, level::StatedLevels,
    memory::Pair,
};
use foundation::{db::feed::Fact, ids::OrgNumber};
use registers::resources::{CompiledPolicy, Resource};
use uuid::Uuid;
use xacml::{Code, DataType, Decision, Obligation, Trace};

/// An attribute to be echoed.
#[derive(Debug, Clone)]
pub struct Echo {
    pub category: String,
    pub id: String,
    pub data_type: DataType,
    pub value: String,
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DecidedBy {
    /// A rule of the policy, by its id.
    Rule(String),
    /// A single right, by the id of the assignment that it belongs to.
    SingleRight(Uuid),
}

impl DecidedBy {
    /// As the decision log has it.
    pub(super) fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Rule(id) => Cow::Borrowed(id),
            Self::SingleRight(assignment) => Cow::Owned(assignment.to_string()),
        }
    }
}

/// A decision with what goes with it.
#[derive(Debug)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// Status code.
    pub status: Code,
    /// Why.
    pub reason: DecisionReason,
    /// In words, when Indeterminate or denied by an access list.
    pub message: Option<&'static str>,
    /// Attributes the caller wants back.
    pub echo: Vec<Echo>,
    /// What it is about, when there is such a resource with a policy.
    pub resource: Option<Arc<Resource>>,
    /// What decided; none when the policy did without a rule of its own.
    pub(super) by: Option<DecidedBy>,
    /// What it was decided about, as the log keeps it.
    pub(super) context: Option<String>,
    /// What it was decided on, when it came so far.
    pub(super) pair: Option<Arc<Fact<Pair>>>,
    /// How the policy came to its answer, when that was asked for.
    pub(super) trace: Option<Trace>,
    /// An account of it all, when that was asked for.
    pub explanation: Option<serde_json::Value>,
    /// Whom it is about, as far as it makes a difference for levels.
    pub(super) subject: SubjectKind,
    /// Only with a Permit.
    pub(super) policy: Option<Arc<CompiledPolicy>>,
}

impl Decided {
    pub(super) fn open() -> Self {
        Self {
            decision: Decision::Indeterminate,
            status: Code::Ok,
            reason: DecisionReason::InvalidRequest,
            message: None,
            echo: Vec::new(),
            resource: None,
            by: None,
            context: None,
            pair: None,
            trace: None,
            explanation: None,
            subject: SubjectKind::Other,
            policy: None,
        }
    }

    pub(super) fn faulty(request: &PartialRequest<'_>, fault: &Fault) -> Self {
        let mut out = Self::open();
        out.fail(request, fault);
        out
    }

    pub(super) fn fail(&mut self, request: &PartialRequest<'_>, fault: &Fault) {
        let (status, message) = match fault {
            Fault::Processing(message) if !request.is_internal => (Code::ProcessingError, message),
            Fault::Processing(message) | Fault::Syntax(message) => (Code::SyntaxError, message),
        };
        self.decision = Decision::Indeterminate;
        self.status = status;
        self.message = Some(message);
    }

    /// Whether it is about a resource of this organisation, or about none.
    #[must_use]
    pub fn is_owned_by(&self, org: Option<OrgNumber>) -> bool {
        self.resource
            .as_ref()
            .is_none_or(|resource| org.is_some_and(|org| org.as_str() == resource.owner_org))
    }

    /// What the caller must see to when it acts on a Permit.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        self.policy
            .as_ref()
            .map_or(&[], |policy| &policy.permit_obligations)
    }

    /// The authentication level that the obligations ask of the subject.
    #[must_use]
    pub fn required_level(&self) -> RequiredLevel {
        self.stated_levels().for_subject(self.subject)
    }

    pub(super) fn stated_levels(&self) -> StatedLevels {
        StatedLevels::of(self.obligations())
    }
}
