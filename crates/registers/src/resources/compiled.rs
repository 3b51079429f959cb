//! A policy ready to evaluate, and how policies are loaded.

use std::sync::{Arc, OnceLock};

use foundation::crypto::sha256;
use serde_json::value::RawValue;

use super::rights::ListingSize;
use xacml::{
    Dialect, Effect, Limits, LoadErrors, LoadOptions, Obligation, Policy, PolicyTree, Program,
    Vocabulary, ids,
};

/// How a stored policy is loaded: with the leniencies that policies need which deviate from the
/// standard, and so that one broken rule does not take the others with it.
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
    /// Length of its text.
    pub bytes: usize,
    /// As it was written.
    pub policy: Policy,
    /// As it is run.
    pub program: Program,
    /// What goes with a Permit: the policy's own obligations, as far as they are constants.
    pub permit_obligations: Arc<[Obligation]>,
    /// The same as JSON of answers, serialized at the first use.
    pub serialized_obligations: OnceLock<Box<RawValue>>,
    /// It asks for packages somewhere.
    pub mentions_packages: bool,
    /// It asks for roles somewhere.
    pub mentions_roles: bool,
    /// It asks for access lists of the subject somewhere.
    pub mentions_access_lists: bool,
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
        let mentions_access_lists = mentions(&["urn:altinn:access-list"]);
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
            bytes: xml.len(),
            policy,
            program,
            permit_obligations,
            serialized_obligations: OnceLock::new(),
            mentions_packages,
            mentions_roles,
            mentions_access_lists,
            listing,
            alternatives,
            obligation_bytes,
        })
    }
}

/// About how many bytes an obligation takes in an answer.
fn bytes_of(obligation: &Obligation) -> usize {
    /// Member names and punctuation.
    const WITHOUT_TEXTS: usize = 120;
    let assignments = obligation.assignments.iter().map(|a| {
        let category = a.category.as_deref().unwrap_or_default();
        WITHOUT_TEXTS
            + a.attribute_id.len()
            + category.len()
            + a.value.text().len()
            + a.value.data_type().uri().len()
    });
    WITHOUT_TEXTS + obligation.id.len() + assignments.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const STRING: &str = "http://www.w3.org/2001/XMLSchema#string";
    const BOOLEAN: &str = "http://www.w3.org/2001/XMLSchema#boolean";
    const FUNCTION: &str = "urn:oasis:names:tc:xacml:1.0:function";

    fn policy(inside: &str) -> String {
        format!(
            r#"<Policy xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicyId="p" Version="1.0" RuleCombiningAlgId="urn:oasis:names:tc:xacml:3.0:rule-combining-algorithm:deny-overrides"><Target/>{inside}</Policy>"#
        )
    }

    fn condition(expression: &str) -> String {
        format!(r#"<Rule RuleId="r" Effect="Permit"><Condition>{expression}</Condition></Rule>"#)
    }

    /// Policy sets in each other, with a policy in the innermost: so many in all.
    fn nested(depth: usize) -> String {
        (1..depth).fold(policy(""), |inner, n| {
            format!(
                r#"<PolicySet xmlns="urn:oasis:names:tc:xacml:3.0:core:schema:wd-17" PolicySetId="s{n}" Version="1.0" PolicyCombiningAlgId="urn:oasis:names:tc:xacml:3.0:policy-combining-algorithm:deny-overrides"><Target/>{inner}</PolicySet>"#
            )
        })
    }

    fn rules(count: usize) -> String {
        let rule = |n| format!(r#"<Rule RuleId="r{n}" Effect="Permit"/>"#);
        policy(&(0..count).map(rule).collect::<String>())
    }

    fn applies(depth: usize) -> String {
        let not = format!(r#"<Apply FunctionId="{FUNCTION}:not">"#).repeat(depth);
        let truth = format!(r#"<AttributeValue DataType="{BOOLEAN}">true</AttributeValue>"#);
        policy(&condition(&format!(
            "{not}{truth}{}",
            "</Apply>".repeat(depth)
        )))
    }

    /// Variables of which each but the first refers to the one before it.
    fn variables(count: usize) -> String {
        let first = format!(
            r#"<VariableDefinition VariableId="v0"><AttributeValue DataType="{BOOLEAN}">true</AttributeValue></VariableDefinition>"#
        );
        let rest: String = (1..count)
            .map(|n| {
                format!(
                    r#"<VariableDefinition VariableId="v{n}"><VariableReference VariableId="v{}"/></VariableDefinition>"#,
                    n - 1
                )
            })
            .collect();
        policy(&(first + &rest))
    }

    fn patterns(count: usize) -> String {
        let matches: String = (0..count)
            .map(|n| {
                format!(
                    r#"<AllOf><Match MatchId="{FUNCTION}:string-regexp-match"><AttributeValue DataType="{STRING}">^a{n}$</AttributeValue><AttributeDesignator Category="c" AttributeId="a" DataType="{STRING}" MustBePresent="false"/></Match></AllOf>"#
                )
            })
            .collect();
        policy(&format!(
            r#"<Rule RuleId="r" Effect="Permit"><Target><AnyOf>{matches}</AnyOf></Target></Rule>"#
        ))
    }

    #[rstest]
    #[case::policies(nested(10), nested(11), "policies are nested too deeply")]
    #[case::rules(rules(5_000), rules(5_001), "too many rules")]
    #[case::expressions(applies(32), applies(33), "expressions are nested too deeply")]
    #[case::variables(
        variables(11),
        variables(12),
        "variables refer to each other too deeply"
    )]
    #[case::patterns(patterns(1_000), patterns(1_001), "too many regular expressions")]
    fn an_upload_has_limits(#[case] within: String, #[case] beyond: String, #[case] reason: &str) {
        let load = |xml: &str| Program::load(xml.as_bytes(), &UPLOAD).map(|_| ());
        assert_eq!(load(&within), Ok(()));
        let errors = load(&beyond).unwrap_err().to_string();
        assert!(errors.contains(reason), "{errors}");
    }

    #[test]
    fn what_is_stored_already_loads() {
        for stored in [nested(11), rules(5_001), applies(33), variables(12)] {
            assert!(Program::load(stored.as_bytes(), &LOAD).is_ok());
        }
    }
}
