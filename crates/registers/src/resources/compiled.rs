//! A policy ready to evaluate, and how policies are loaded.

use std::sync::{Arc, OnceLock};

use foundation::crypto::sha256;
use serde_json::value::RawValue;

use super::rights::ListingSize;
use xacml::{
    Dialect, Effect, Limits, LoadErrors, LoadOptions, Obligation, Policy, PolicyTree, Program,
    Vocabulary, ids,
};

/// How a stored policy is loaded: with the leniencies that policies in the wild need, and so that
/// one broken rule does not take the others with it.
pub const LOAD: LoadOptions = LoadOptions {
    limits: {
        let mut limits = Limits::DEFAULT;
        limits.policy_bytes = MAX_POLICY_BYTES;
        limits
    },
    dialect: Dialect::TOLERANT,
    lenient: true,
};
/// How a policy is checked before it is stored. What is stored already may be larger in some ways.
pub const UPLOAD: LoadOptions = LoadOptions {
    limits: {
        let mut limits = LOAD.limits;
        limits.policy_depth = 10;
        limits.variable_depth = 10;
        limits.expression_depth = 32;
        limits.rules = 5_000;
        limits
    },
    lenient: false,
    ..LOAD
};

/// Bytes of a policy.
pub const MAX_POLICY_BYTES: usize = 2 * 1024 * 1024;

/// A policy ready to evaluate.
#[derive(Debug)]
pub struct CompiledPolicy {
    /// SHA-256 of its text.
    pub digest: [u8; 32],
    /// As it was written.
    pub policy: Policy,
    /// As it is run.
    pub program: Program,
    /// What goes with a Permit: the policy's own obligations, as far as they are constants.
    pub permit_obligations: Arc<[Obligation]>,
    /// The same as answers tell them, written when they are first told.
    pub told_obligations: OnceLock<Box<RawValue>>,
    /// It asks for packages somewhere.
    pub mentions_packages: bool,
    /// It asks for roles somewhere.
    pub mentions_roles: bool,
    /// What lists of its rules and rights would cost.
    pub listing: ListingSize,
    /// Alternatives in the targets of all of its rules.
    pub alternatives: usize,
    /// About how many bytes its obligations take in an answer.
    pub obligation_bytes: usize,
}

impl CompiledPolicy {
    pub(super) fn read(xml: &[u8], vocabulary: &Arc<Vocabulary>) -> Result<Self, LoadErrors> {
        let (tree, errors) = PolicyTree::read(xml, &LOAD)?;
        let program = Program::compile(&tree, errors, &LOAD, vocabulary)?;
        let PolicyTree::Policy(policy) = tree else {
            return Err(Policy::parse(xml, &LOAD)
                .err()
                .map_or(LoadErrors(Vec::new()), Into::into));
        };
        let mentions = |ids: &[&str]| ids.iter().any(|id| program.mentions(ids::SUBJECT, id));
        let mentions_packages = mentions(&["urn:altinn:accesspackage"]);
        let mentions_roles = mentions(&[
            "urn:altinn:rolecode",
            "urn:altinn:role",
            "urn:altinn:external-role:ccr",
            "urn:altinn:external-role:cra",
        ]);
        let listing = ListingSize::of(&policy);
        let permit_obligations: Arc<[Obligation]> =
            policy.constant_obligations(Effect::Permit).into();
        let of_targets = policy.rules.iter().flat_map(|rule| &rule.target);
        let alternatives = of_targets.map(Vec::len).sum();
        let obligation_bytes = permit_obligations.iter().map(bytes_of).sum();
        Ok(Self {
            digest: sha256(xml),
            policy,
            program,
            permit_obligations,
            told_obligations: OnceLock::new(),
            mentions_packages,
            mentions_roles,
            listing,
            alternatives,
            obligation_bytes,
        })
    }
}

/// About how many bytes an obligation takes in an answer.
fn bytes_of(obligation: &Obligation) -> usize {
    /// Member names and punctuation.
    const BESIDE_TEXTS: usize = 120;
    let assignments = obligation.assignments.iter().map(|a| {
        let category = a.category.as_deref().unwrap_or_default();
        BESIDE_TEXTS
            + a.attribute_id.len()
            + category.len()
            + a.value.text().len()
            + a.value.data_type().uri().len()
    });
    BESIDE_TEXTS + obligation.id.len() + assignments.sum::<usize>()
}
