//! A policy ready to evaluate, and how policies are loaded.

use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;

use super::rights::ListingSize;
use xacml::{
    Dialect, Effect, Limits, LoadErrors, LoadOptions, Obligation, Policy, PolicyTree, Program,
    Vocabulary, ids,
};

/// How a stored policy is loaded: with the leniencies that policies in the wild need, and so that
/// one broken rule does not take the others with it.
pub const LOAD: LoadOptions = LoadOptions {
    limits: Limits::DEFAULT,
    dialect: Dialect::TOLERANT,
    lenient: true,
};
/// How a policy is checked before it is stored.
pub const UPLOAD: LoadOptions = LoadOptions {
    lenient: false,
    ..LOAD
};

/// A policy ready to evaluate.
#[derive(Debug)]
pub struct CompiledPolicy {
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
        let permit_obligations = policy.constant_obligations(Effect::Permit).into();
        Ok(Self {
            policy,
            program,
            permit_obligations,
            told_obligations: OnceLock::new(),
            mentions_packages,
            mentions_roles,
            listing,
        })
    }
}
