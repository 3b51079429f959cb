//! A decision with what goes with it.

use std::{borrow::Cow, sync::Arc};

use super::{
    DecisionReason, LevelSubject, PartialRequest, RequestFault, RequiredLevel, level::StatedLevels,
    memory::PairFacts, policy_findings::PolicyFindings,
};
use foundation::{db::feed::Fact, ids::OrgNumber};
use registers::{
    packages::{PackageKey, RoleKey},
    parties::PartyKind,
    resources::{CompiledPolicy, Resource},
};
use serde_json::value::RawValue;
use uuid::Uuid;
use xacml::{Code, DataType, Decision, Obligation};

/// An attribute to be echoed.
#[derive(Debug, Clone)]
pub struct EchoedAttribute {
    pub category: String,
    pub id: String,
    pub data_type: DataType,
    pub value: String,
}

/// Bytes of a result with nothing in it.
const BYTES_OF_RESULT: usize = 300;
/// Bytes of an echoed attribute without its texts.
const BYTES_OF_ECHO: usize = 160;

impl EchoedAttribute {
    fn answer_bytes(&self) -> usize {
        echo_bytes(&self.id, &self.value)
    }
}

/// About how many bytes an echoed value takes in an answer.
pub(super) fn echo_bytes(id: &str, value: &str) -> usize {
    BYTES_OF_ECHO + id.len() + value.len()
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DecisionBasis {
    /// A rule of the policy.
    Rule {
        /// Its id; ids may repeat.
        id: String,
        /// Its number among the rules of the policy, from 1.
        number: u32,
    },
    /// A single right.
    SingleRight {
        /// Id of the assignment that it belongs to.
        assignment: Uuid,
        /// The key role that it reaches the subject by, when it was not given to the subject.
        key_role: Option<RoleKey>,
    },
}

impl DecisionBasis {
    /// As the decision log has it.
    pub(super) fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Rule { id, .. } => Cow::Borrowed(id),
            Self::SingleRight { assignment, .. } => Cow::Owned(assignment.to_string()),
        }
    }
}

/// A decision with what goes with it.
#[derive(Debug)]
pub struct DecisionDetails {
    /// The decision.
    pub decision: Decision,
    /// Status code.
    pub status: Code,
    /// Why.
    pub reason: DecisionReason,
    /// In words, when Indeterminate or denied by an access list.
    pub message: Option<&'static str>,
    /// Attributes the caller wants back.
    pub echo: Vec<EchoedAttribute>,
    /// What it is about, when there is such a resource with a policy.
    pub resource: Option<Arc<Resource>>,
    /// What decided; none when the policy did without a rule of its own.
    pub(super) by: Option<DecisionBasis>,
    /// What it was decided about, as the log keeps it.
    pub(super) context: Option<String>,
    /// What it was decided on, when it came so far.
    pub(super) pair: Option<Arc<Fact<PairFacts>>>,
    /// How the policy came to its answer, when that was asked for.
    pub(super) findings: Option<PolicyFindings>,
    /// Packages that the subject holds and the rule that permitted asks for, when that was asked for.
    pub(super) packages: Vec<PackageKey>,
    /// The explanation in JSON, when it was asked for.
    pub explanation: Option<Arc<RawValue>>,
    /// Whom it is about, as far as it makes a difference for levels.
    pub(super) subject: LevelSubject,
    /// Nothing decided so far, and rights of sub-units might.
    pub(super) looks_in_sub_units: bool,
    /// Only with a Permit.
    pub(super) policy: Option<Arc<CompiledPolicy>>,
}

impl DecisionDetails {
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
            findings: None,
            packages: Vec::new(),
            explanation: None,
            subject: LevelSubject::Other,
            looks_in_sub_units: false,
            policy: None,
        }
    }

    pub(super) fn faulty(request: &PartialRequest<'_>, fault: &RequestFault) -> Self {
        let mut out = Self::open();
        out.fail(request, fault);
        out
    }

    pub(super) fn fail(&mut self, request: &PartialRequest<'_>, fault: &RequestFault) {
        let (status, message) = match fault {
            RequestFault::Processing(message) if !request.is_internal => {
                (Code::ProcessingError, message)
            }
            RequestFault::Processing(message) | RequestFault::Syntax(message) => {
                (Code::SyntaxError, message)
            }
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

    /// About how many bytes it takes in an answer.
    pub(super) fn answer_bytes(&self) -> usize {
        let echo: usize = self.echo.iter().map(EchoedAttribute::answer_bytes).sum();
        let explanation = self.explanation.as_ref().map_or(0, |json| json.get().len());
        let obligations = self.policy.as_ref().map_or(0, |p| p.obligation_bytes);
        BYTES_OF_RESULT + echo + explanation + obligations
    }

    /// The authentication level that the obligations ask of the subject.
    #[must_use]
    pub fn required_level(&self) -> RequiredLevel {
        self.stated_levels().for_subject(self.subject)
    }

    pub(super) fn stated_levels(&self) -> StatedLevels {
        StatedLevels::of(self.obligations())
    }

    /// Completes a Permit: the policy's obligations go with it, unless the resource is open to
    /// parties on its access lists alone and the reportee is on none of them.
    pub(super) fn finish_permit(&mut self, resource: &Resource, pair: &PairFacts, action: &str) {
        if !resource.access_list_enabled || is_listed(pair, resource, action) {
            self.policy.clone_from(&resource.policy);
        } else {
            self.decision = Decision::Deny;
            self.reason = DecisionReason::AccessListRequired;
            self.message = Some(
                "The reportee must be on an access list of this resource, which the service owner keeps.",
            );
        }
    }
}

/// Lists name organisations. One without actions admits all.
fn is_listed(pair: &PairFacts, resource: &Resource, action: &str) -> bool {
    let reportee = pair.reportee.as_ref().map(|known| &known.party);
    reportee.is_some_and(|party| party.kind == PartyKind::Organization)
        && pair.listings.iter().any(|l| {
            l.resource == resource.identifier
                && (l.actions.is_empty() || l.actions.iter().any(|a| a == action))
        })
}
