//! The combining algorithms (appendix C of the standard).

use crate::{error::Fault, policy::Effect};

/// A combining algorithm. The ordered forms are the same as the others, since all evaluate in
/// document order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CombiningAlgorithm {
    DenyOverrides,
    PermitOverrides,
    DenyUnlessPermit,
    PermitUnlessDeny,
    FirstApplicable,
    OnlyOneApplicable,
    /// The deprecated algorithm of versions 1.0 and 1.1 for rules, in which this effect overrides.
    LegacyRules(Effect),
    /// The deprecated algorithm of versions 1.0 and 1.1 for policies, in which this effect overrides.
    LegacyPolicies(Effect),
}

impl CombiningAlgorithm {
    /// All of them; programs name one by its index.
    pub const ALL: [Self; 10] = [
        Self::DenyOverrides,
        Self::PermitOverrides,
        Self::DenyUnlessPermit,
        Self::PermitUnlessDeny,
        Self::FirstApplicable,
        Self::OnlyOneApplicable,
        Self::LegacyRules(Effect::Permit),
        Self::LegacyRules(Effect::Deny),
        Self::LegacyPolicies(Effect::Permit),
        Self::LegacyPolicies(Effect::Deny),
    ];

    /// The algorithm of an identifier, and whether the identifier is the form for rules.
    pub fn find(id: &str) -> Option<(Self, bool)> {
        let rest = id.strip_prefix("urn:oasis:names:tc:xacml:")?;
        let (version, rest) = rest.split_once(':')?;
        let (form, name) = rest.split_once(':')?;
        let for_rules = match form {
            "rule-combining-algorithm" => true,
            "policy-combining-algorithm" => false,
            _ => return None,
        };
        let legacy = |effect| {
            if for_rules {
                Self::LegacyRules(effect)
            } else {
                Self::LegacyPolicies(effect)
            }
        };
        let algorithm = match (version, name) {
            ("3.0", "deny-overrides" | "ordered-deny-overrides") => Self::DenyOverrides,
            ("3.0", "permit-overrides" | "ordered-permit-overrides") => Self::PermitOverrides,
            ("3.0", "deny-unless-permit") => Self::DenyUnlessPermit,
            ("3.0", "permit-unless-deny") => Self::PermitUnlessDeny,
            ("1.0", "first-applicable") => Self::FirstApplicable,
            ("1.0", "only-one-applicable") if !for_rules => Self::OnlyOneApplicable,
            ("1.0", "deny-overrides") | ("1.1", "ordered-deny-overrides") => legacy(Effect::Deny),
            ("1.0", "permit-overrides") | ("1.1", "ordered-permit-overrides") => {
                legacy(Effect::Permit)
            }
            _ => return None,
        };
        Some((algorithm, for_rules))
    }

    /// Whether the standard deprecates it.
    pub const fn is_legacy(self) -> bool {
        matches!(self, Self::LegacyRules(_) | Self::LegacyPolicies(_))
    }
}

/// Which decisions were possible but for the error: the extended Indeterminate values (section 7.10
/// of the standard).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndeterminateExtent {
    /// Indeterminate{P}
    Permit,
    /// Indeterminate{D}
    Deny,
    /// Indeterminate{DP}
    Both,
}

impl From<Effect> for IndeterminateExtent {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Permit => Self::Permit,
            Effect::Deny => Self::Deny,
        }
    }
}

/// Value of a rule, a policy or a policy set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementValue {
    NotApplicable,
    Decided(Effect),
    Indeterminate(IndeterminateExtent, Fault),
}

/// Combines the values of children one by one.
#[derive(Debug)]
pub struct Combiner {
    algorithm: CombiningAlgorithm,
    permit: bool,
    deny: bool,
    maybe_permit: Option<Fault>,
    maybe_deny: Option<Fault>,
    maybe_both: Option<Fault>,
    /// First error of any kind.
    first_fault: Option<Fault>,
    decided: Option<ElementValue>,
}

impl Combiner {
    pub const fn new(algorithm: CombiningAlgorithm) -> Self {
        Self {
            algorithm,
            permit: false,
            deny: false,
            maybe_permit: None,
            maybe_deny: None,
            maybe_both: None,
            first_fault: None,
            decided: None,
        }
    }

    /// Whether a rule of this effect and without obligations can still make a difference.
    pub const fn needs(&self, effect: Effect) -> bool {
        match (self.algorithm, effect) {
            (CombiningAlgorithm::DenyOverrides, Effect::Permit) => !self.permit,
            (CombiningAlgorithm::PermitOverrides, Effect::Deny) => !self.deny,
            _ => true,
        }
    }

    /// Adds a child; true when the outcome is final, whatever further children are.
    pub fn add(&mut self, child: ElementValue) -> bool {
        match child {
            ElementValue::NotApplicable => return false,
            ElementValue::Decided(Effect::Permit) => self.permit = true,
            ElementValue::Decided(Effect::Deny) => self.deny = true,
            ElementValue::Indeterminate(extent, fault) => {
                let slot = match extent {
                    IndeterminateExtent::Permit => &mut self.maybe_permit,
                    IndeterminateExtent::Deny => &mut self.maybe_deny,
                    IndeterminateExtent::Both => &mut self.maybe_both,
                };
                slot.get_or_insert(fault);
                self.first_fault.get_or_insert(fault);
            }
        }
        self.decided = match (self.algorithm, child) {
            (CombiningAlgorithm::FirstApplicable, verdict) => Some(verdict),
            (
                CombiningAlgorithm::DenyOverrides
                | CombiningAlgorithm::PermitUnlessDeny
                | CombiningAlgorithm::LegacyRules(Effect::Deny)
                | CombiningAlgorithm::LegacyPolicies(Effect::Deny),
                ElementValue::Decided(Effect::Deny),
            )
            | (
                CombiningAlgorithm::PermitOverrides
                | CombiningAlgorithm::DenyUnlessPermit
                | CombiningAlgorithm::LegacyRules(Effect::Permit)
                | CombiningAlgorithm::LegacyPolicies(Effect::Permit),
                ElementValue::Decided(Effect::Permit),
            ) => Some(child),
            // The deprecated form for policies turns an error into Deny.
            (CombiningAlgorithm::LegacyPolicies(Effect::Deny), ElementValue::Indeterminate(..)) => {
                Some(ElementValue::Decided(Effect::Deny))
            }
            _ => None,
        };
        self.decided.is_some()
    }

    /// The outcome.
    pub fn verdict(&self) -> ElementValue {
        if let Some(decided) = self.decided {
            return decided;
        }
        match self.algorithm {
            CombiningAlgorithm::DenyOverrides => self.overriding(Effect::Deny),
            CombiningAlgorithm::PermitOverrides => self.overriding(Effect::Permit),
            CombiningAlgorithm::DenyUnlessPermit => ElementValue::Decided(Effect::Deny),
            CombiningAlgorithm::PermitUnlessDeny => ElementValue::Decided(Effect::Permit),
            CombiningAlgorithm::FirstApplicable | CombiningAlgorithm::OnlyOneApplicable => {
                ElementValue::NotApplicable
            }
            CombiningAlgorithm::LegacyRules(winner) => self.legacy_rules(winner),
            CombiningAlgorithm::LegacyPolicies(Effect::Deny) if self.permit => {
                ElementValue::Decided(Effect::Permit)
            }
            CombiningAlgorithm::LegacyPolicies(Effect::Permit) if self.deny => {
                ElementValue::Decided(Effect::Deny)
            }
            CombiningAlgorithm::LegacyPolicies(_) => self
                .first_fault
                .map_or(ElementValue::NotApplicable, |fault| {
                    ElementValue::Indeterminate(IndeterminateExtent::Both, fault)
                }),
        }
    }

    /// Possibly the effect that overrides, the other effect, and possibly the other effect.
    const fn sides(&self, winner: Effect) -> (Option<Fault>, bool, Option<Fault>) {
        match winner {
            Effect::Deny => (self.maybe_deny, self.permit, self.maybe_permit),
            Effect::Permit => (self.maybe_permit, self.deny, self.maybe_deny),
        }
    }

    fn overriding(&self, winner: Effect) -> ElementValue {
        let (maybe_winner, other, maybe_other) = self.sides(winner);
        let loser = opposite(winner);
        if let Some(fault) = self.maybe_both {
            return ElementValue::Indeterminate(IndeterminateExtent::Both, fault);
        }
        match (maybe_winner, other, maybe_other) {
            (Some(fault), true, _) | (Some(fault), false, Some(_)) => {
                ElementValue::Indeterminate(IndeterminateExtent::Both, fault)
            }
            (Some(fault), false, None) => ElementValue::Indeterminate(winner.into(), fault),
            (None, true, _) => ElementValue::Decided(loser),
            (None, false, Some(fault)) => ElementValue::Indeterminate(loser.into(), fault),
            (None, false, None) => ElementValue::NotApplicable,
        }
    }

    fn legacy_rules(&self, winner: Effect) -> ElementValue {
        let (maybe_winner, other, maybe_other) = self.sides(winner);
        let both = |fault| ElementValue::Indeterminate(IndeterminateExtent::Both, fault);
        match (maybe_winner.or(self.maybe_both), other, maybe_other) {
            (Some(fault), _, _) | (None, false, Some(fault)) => both(fault),
            (None, true, _) => ElementValue::Decided(opposite(winner)),
            (None, false, None) => ElementValue::NotApplicable,
        }
    }
}

const fn opposite(effect: Effect) -> Effect {
    match effect {
        Effect::Permit => Effect::Deny,
        Effect::Deny => Effect::Permit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: ElementValue = ElementValue::Decided(Effect::Deny);
    const P: ElementValue = ElementValue::Decided(Effect::Permit);
    const N: ElementValue = ElementValue::NotApplicable;
    const ID: ElementValue =
        ElementValue::Indeterminate(IndeterminateExtent::Deny, Fault::processing("d"));
    const IP: ElementValue =
        ElementValue::Indeterminate(IndeterminateExtent::Permit, Fault::processing("p"));
    const IB: ElementValue =
        ElementValue::Indeterminate(IndeterminateExtent::Both, Fault::processing("b"));
    const DP_FROM_D: ElementValue =
        ElementValue::Indeterminate(IndeterminateExtent::Both, Fault::processing("d"));
    const DP_FROM_P: ElementValue =
        ElementValue::Indeterminate(IndeterminateExtent::Both, Fault::processing("p"));

    #[rstest::rstest]
    #[case("3.0:rule-combining-algorithm:deny-overrides", &[P, ID, D], D)]
    #[case("3.0:rule-combining-algorithm:deny-overrides", &[P, ID], DP_FROM_D)]
    #[case("3.0:rule-combining-algorithm:deny-overrides", &[ID, IP], DP_FROM_D)]
    #[case("3.0:rule-combining-algorithm:deny-overrides", &[ID, IB, P], IB)]
    #[case("3.0:rule-combining-algorithm:deny-overrides", &[ID, N], ID)]
    #[case("3.0:rule-combining-algorithm:deny-overrides", &[IP, P], P)]
    #[case("3.0:rule-combining-algorithm:deny-overrides", &[IP, N], IP)]
    #[case("3.0:policy-combining-algorithm:ordered-deny-overrides", &[N, N], N)]
    #[case("3.0:rule-combining-algorithm:permit-overrides", &[D, IP, P], P)]
    #[case("3.0:rule-combining-algorithm:permit-overrides", &[D, IP], DP_FROM_P)]
    #[case("3.0:rule-combining-algorithm:permit-overrides", &[D, ID], D)]
    #[case("3.0:rule-combining-algorithm:permit-overrides", &[IP], IP)]
    #[case("3.0:policy-combining-algorithm:ordered-permit-overrides", &[IB, D], IB)]
    #[case("3.0:rule-combining-algorithm:deny-unless-permit", &[IP, N], D)]
    #[case("3.0:rule-combining-algorithm:deny-unless-permit", &[], D)]
    #[case("3.0:policy-combining-algorithm:permit-unless-deny", &[ID, N], P)]
    #[case("3.0:policy-combining-algorithm:permit-unless-deny", &[P, D], D)]
    #[case("1.0:rule-combining-algorithm:first-applicable", &[N, ID, P], ID)]
    #[case("1.0:policy-combining-algorithm:first-applicable", &[N, P, D], P)]
    #[case("1.0:rule-combining-algorithm:deny-overrides", &[P, ID], DP_FROM_D)]
    #[case("1.0:rule-combining-algorithm:deny-overrides", &[P, IP], P)]
    #[case("1.1:rule-combining-algorithm:ordered-deny-overrides", &[IP, N], DP_FROM_P)]
    #[case("1.0:policy-combining-algorithm:deny-overrides", &[P, IP], D)]
    #[case("1.1:policy-combining-algorithm:ordered-deny-overrides", &[P, N], P)]
    #[case("1.0:rule-combining-algorithm:permit-overrides", &[D, IP], DP_FROM_P)]
    #[case("1.0:rule-combining-algorithm:permit-overrides", &[D, ID], D)]
    #[case("1.0:policy-combining-algorithm:permit-overrides", &[IB, D], D)]
    #[case("1.1:policy-combining-algorithm:ordered-permit-overrides", &[ID, N], DP_FROM_D)]
    fn tables(#[case] id: &str, #[case] children: &[ElementValue], #[case] expected: ElementValue) {
        let (algorithm, _) =
            CombiningAlgorithm::find(&format!("urn:oasis:names:tc:xacml:{id}")).unwrap();
        let mut combiner = Combiner::new(algorithm);
        for child in children {
            if combiner.add(*child) {
                break;
            }
        }
        assert_eq!(combiner.verdict(), expected);
    }

    #[test]
    fn unknown_algorithms_are_none() {
        for id in [
            "1.0:rule-combining-algorithm:only-one-applicable",
            "3.0:rule-combining-algorithm:first-applicable",
            "3.0:x:deny-overrides",
        ] {
            assert!(CombiningAlgorithm::find(&format!("urn:oasis:names:tc:xacml:{id}")).is_none());
        }
        assert!(CombiningAlgorithm::find("deny-overrides").is_none());
    }
}
