//! Reads policies from XML. Errors of form are collected; each breaks the smallest rule or policy
//! around it.

use super::{
    AllOf, AnyOf, Apply, AssignmentExpression, CombinerParameter, Designator, Effect, Expression,
    Literal, Match, ObligationExpression, Policy, PolicyHead, PolicySet, PolicyTree, Reference,
    ReferencedName, Rule, Selector, Target, VariableDefinition, Version, VersionPattern,
    VersionRange,
};
use crate::{
    error::{LoadError, LoadErrorKind},
    limits::{Dialect, Limits, LoadOptions},
    xml::{self, XmlElement},
};

impl PolicyTree {
    /// Reads a policy document and collects its errors of form. A rule, policy or policy set with one
    /// is marked as broken. Types, functions and references are checked by
    /// [`Program::compile`](crate::Program::compile).
    ///
    /// # Errors
    /// Nothing of the document can be used: it is not well-formed, past a limit of the XML reader, or
    /// its root is not a policy or policy set with an identifier.
    pub fn read(xml: &[u8], options: &LoadOptions) -> Result<(Self, Vec<LoadError>), LoadError> {
        let root = xml::read(xml, options.limits.policy_bytes, &options.limits)?;
        let mut counted = DocumentCounts {
            rules: 0,
            matches: 0,
        };
        count(&root, 0, 0, &mut counted, &options.limits)?;
        let mut reader = PolicyReader {
            dialect: options.dialect,
            limits: &options.limits,
            errors: Vec::new(),
        };
        let tree = match &*root.name {
            "Policy" => reader.policy(&root).map(Self::Policy)?,
            "PolicySet" => reader.policy_set(&root).map(Self::PolicySet)?,
            _ => {
                return Err(root.wrong("the document must be a Policy or a PolicySet of XACML 3.0"));
            }
        };
        Ok((tree, reader.errors))
    }
}

impl Policy {
    /// Reads a policy document whose root is a `Policy`, and that has no errors of form.
    ///
    /// # Errors
    /// The first error of form, or that the root is a `PolicySet`.
    pub fn parse(xml: &[u8], options: &LoadOptions) -> Result<Self, LoadError> {
        let (tree, mut errors) = PolicyTree::read(xml, options)?;
        match tree {
            _ if !errors.is_empty() => Err(errors.swap_remove(0)),
            PolicyTree::Policy(policy) => Ok(policy),
            other => Err(LoadError {
                at: other.head().map(|h| h.at).unwrap_or_default(),
                element: "PolicySet".to_owned(),
                reason: "the document must be a Policy".to_owned(),
                kind: LoadErrorKind::Syntax,
            }),
        }
    }
}

type ReadResult<T> = Result<T, LoadError>;

struct PolicyReader<'a> {
    dialect: Dialect,
    limits: &'a Limits,
    errors: Vec<LoadError>,
}

/// Bounds that a document must keep as a whole: past one nothing of it is read.
struct DocumentCounts {
    rules: usize,
    matches: usize,
}

/// Checks the bounds on policies, rules, matches and expressions in an element.
// As deep as the document, which the XML reader bounds.
fn count(
    element: &XmlElement,
    policies: usize,
    applies: usize,
    counted: &mut DocumentCounts,
    limits: &Limits,
) -> ReadResult<()> {
    let (mut policies, mut applies) = (policies, applies);
    match &*element.name {
        "Policy" | "PolicySet" => policies += 1,
        "Rule" => counted.rules += 1,
        "Match" => counted.matches += 1,
        "Apply" => applies += 1,
        _ => {}
    }
    let wrong = if policies > limits.policy_depth {
        "policies are nested too deeply"
    } else if counted.rules > limits.rules {
        "the document has too many rules"
    } else if counted.matches > limits.matches {
        "the document has too many matches"
    } else if applies > limits.expression_depth {
        "expressions are nested too deeply"
    } else {
        return element
            .children
            .iter()
            .try_for_each(|child| count(child, policies, applies, counted, limits));
    };
    Err(element.wrong(wrong))
}

impl PolicyReader<'_> {
    fn policy(&mut self, element: &XmlElement) -> ReadResult<Policy> {
        let mut head = self.head(element, "PolicyId", "RuleCombiningAlgId")?;
        let (mut variables, mut rules) = (Vec::new(), Vec::new());
        let mut order = ChildOrder::default();
        for child in &element.children {
            let read = match &*child.name {
                "Rule" => {
                    let in_order = order.step(child, 4);
                    rules.push(self.rule(child, in_order, &head.id));
                    Ok(())
                }
                "VariableDefinition" => order
                    .step(child, 4)
                    .and_then(|()| self.variable(child))
                    .map(|v| variables.push(v)),
                "CombinerParameters" | "RuleCombinerParameters" => order
                    .step(child, 4)
                    .and_then(|()| self.parameters(child, "RuleIdRef"))
                    .map(|p| head.parameters.extend(p)),
                _ => self.common(child, "PolicyDefaults", &mut head, &mut order),
            };
            self.keep(read, &mut head);
        }
        self.finish(element, &mut head, &order, self.dialect.optional_target);
        Ok(Policy {
            head,
            variables,
            rules,
        })
    }

    fn policy_set(&mut self, element: &XmlElement) -> ReadResult<PolicySet> {
        let mut head = self.head(element, "PolicySetId", "PolicyCombiningAlgId")?;
        let mut children = Vec::new();
        let mut order = ChildOrder::default();
        for child in &element.children {
            let read = match &*child.name {
                "Policy" => order
                    .step(child, 4)
                    .and_then(|()| self.policy(child))
                    .map(|p| children.push(PolicyTree::Policy(p))),
                "PolicySet" => order
                    .step(child, 4)
                    .and_then(|()| self.policy_set(child))
                    .map(|p| children.push(PolicyTree::PolicySet(p))),
                "PolicyIdReference" | "PolicySetIdReference" => order
                    .step(child, 4)
                    .and_then(|()| self.reference(child))
                    .map(|r| children.push(PolicyTree::Reference(r))),
                "CombinerParameters" => order
                    .step(child, 4)
                    .and_then(|()| self.parameters(child, ""))
                    .map(|p| head.parameters.extend(p)),
                "PolicyCombinerParameters" => order
                    .step(child, 4)
                    .and_then(|()| self.parameters(child, "PolicyIdRef"))
                    .map(|p| head.parameters.extend(p)),
                "PolicySetCombinerParameters" => order
                    .step(child, 4)
                    .and_then(|()| self.parameters(child, "PolicySetIdRef"))
                    .map(|p| head.parameters.extend(p)),
                _ => self.common(child, "PolicySetDefaults", &mut head, &mut order),
            };
            self.keep(read, &mut head);
        }
        self.finish(element, &mut head, &order, false);
        Ok(PolicySet { head, children })
    }

    fn head(&mut self, element: &XmlElement, id: &str, combining: &str) -> ReadResult<PolicyHead> {
        let identifier = element.required(id)?;
        let mut head = PolicyHead {
            id: identifier.to_owned(),
            version: Version::default(),
            combining: String::new(),
            target: Vec::new(),
            obligations: Vec::new(),
            advice: Vec::new(),
            xpath_version: None,
            has_issuer: false,
            max_delegation_depth: None,
            parameters: Vec::new(),
            at: element.at,
            broken: None,
        };
        let known = element.only_attributes(&[id, combining, "Version", "MaxDelegationDepth"]);
        self.keep(known, &mut head);
        let checked = self.identifier(element, identifier);
        self.keep(checked.map(|_| ()), &mut head);
        let algorithm = element
            .required(combining)
            .map(|c| c.clone_into(&mut head.combining));
        self.keep(algorithm, &mut head);
        let version = match element.attribute("Version") {
            None if self.dialect.optional_version => Ok(()),
            None => Err(element.wrong("attribute Version is missing")),
            Some(text) => Version::parse(text.trim())
                .map(|v| head.version = v)
                .ok_or_else(|| element.wrong("Version must be numbers with dots between them")),
        };
        self.keep(version, &mut head);
        if let Some(text) = element.attribute("MaxDelegationDepth") {
            let depth = text
                .trim()
                .parse()
                .map(|d| head.max_delegation_depth = Some(d))
                .map_err(|_| element.wrong("MaxDelegationDepth must be a whole number"));
            self.keep(depth, &mut head);
        }
        Ok(head)
    }

    /// What policies and policy sets have in common, in the order of the schema.
    fn common(
        &mut self,
        child: &XmlElement,
        defaults: &str,
        head: &mut PolicyHead,
        order: &mut ChildOrder,
    ) -> ReadResult<()> {
        match &*child.name {
            "Description" => order.once(child, 0),
            "PolicyIssuer" => {
                order.once(child, 1)?;
                head.has_issuer = true;
                Ok(())
            }
            name if name == defaults => {
                order.once(child, 2)?;
                head.xpath_version = xpath_version(child)?;
                Ok(())
            }
            "Target" => {
                order.once(child, 3)?;
                head.target = self.target(child)?;
                Ok(())
            }
            "ObligationExpressions" => {
                order.once(child, 5)?;
                head.obligations =
                    self.obligations(child, "ObligationExpression", "ObligationId", "FulfillOn")?;
                Ok(())
            }
            "AdviceExpressions" => {
                order.once(child, 6)?;
                head.advice =
                    self.obligations(child, "AdviceExpression", "AdviceId", "AppliesTo")?;
                Ok(())
            }
            _ => Err(child.wrong("the element does not belong here")),
        }
    }

    fn finish(
        &mut self,
        element: &XmlElement,
        head: &mut PolicyHead,
        order: &ChildOrder,
        optional_target: bool,
    ) {
        if !order.seen[3] && !optional_target {
            self.keep(Err(element.wrong("the Target is missing")), head);
        }
    }

    /// Records an error, and that it broke the element around it.
    fn keep(&mut self, result: ReadResult<()>, head: &mut PolicyHead) {
        if let Err(mut error) = result {
            error.element = format!("{} of policy {}", error.element, head.id);
            head.broken.get_or_insert_with(|| error.clone());
            self.errors.push(error);
        }
    }

    /// Reads a rule. An error in it breaks this rule alone.
    fn rule(&mut self, element: &XmlElement, in_order: ReadResult<()>, policy: &str) -> Rule {
        let id = element
            .required("RuleId")
            .and_then(|id| self.identifier(element, id));
        let effect = self.effect(element, "Effect");
        let mut rule = Rule {
            id: id.as_deref().unwrap_or_default().to_owned(),
            effect: effect.as_ref().ok().copied(),
            target: Vec::new(),
            condition: None,
            obligations: Vec::new(),
            advice: Vec::new(),
            at: element.at,
            broken: None,
        };
        let read = in_order
            .and(id.map(|_| ()))
            .and(effect.map(|_| ()))
            .and_then(|()| self.rule_body(element, &mut rule));
        if let Err(mut error) = read {
            error.element = if rule.id.is_empty() {
                format!("{} of policy {policy}", error.element)
            } else {
                format!("{} of rule {}", error.element, rule.id)
            };
            rule.broken = Some(error.clone());
            self.errors.push(error);
        }
        rule
    }

    fn rule_body(&mut self, element: &XmlElement, rule: &mut Rule) -> ReadResult<()> {
        element.only_attributes(&["RuleId", "Effect"])?;
        let mut order = ChildOrder::default();
        for child in &element.children {
            match &*child.name {
                "Description" => order.once(child, 0)?,
                "Target" => {
                    order.once(child, 1)?;
                    rule.target = self.target(child)?;
                }
                "Condition" => {
                    order.once(child, 2)?;
                    child.only_attributes(&[])?;
                    rule.condition = Some(self.single(child)?);
                }
                "ObligationExpressions" => {
                    order.once(child, 3)?;
                    rule.obligations = self.obligations(
                        child,
                        "ObligationExpression",
                        "ObligationId",
                        "FulfillOn",
                    )?;
                }
                "AdviceExpressions" => {
                    order.once(child, 4)?;
                    rule.advice =
                        self.obligations(child, "AdviceExpression", "AdviceId", "AppliesTo")?;
                }
                _ => return Err(child.wrong("the element does not belong here")),
            }
        }
        Ok(())
    }

    fn effect(&self, element: &XmlElement, name: &str) -> ReadResult<Effect> {
        let text = element.required(name)?;
        match text {
            "Permit" => Ok(Effect::Permit),
            "Deny" => Ok(Effect::Deny),
            _ if self.dialect.any_effect_case && text.eq_ignore_ascii_case("permit") => {
                Ok(Effect::Permit)
            }
            _ if self.dialect.any_effect_case && text.eq_ignore_ascii_case("deny") => {
                Ok(Effect::Deny)
            }
            _ => Err(element.wrong(format!("{name} must be Permit or Deny"))),
        }
    }

    fn identifier(&self, element: &XmlElement, text: &str) -> ReadResult<String> {
        if text.len() > self.limits.identifier_bytes {
            return Err(element.wrong("an identifier is too long"));
        }
        Ok(text.to_owned())
    }

    fn target(&self, element: &XmlElement) -> ReadResult<Target> {
        element.only_attributes(&[])?;
        element
            .children
            .iter()
            .map(|any| self.any_of(any))
            .collect()
    }

    fn any_of(&self, element: &XmlElement) -> ReadResult<AnyOf> {
        expect(element, "AnyOf")?;
        non_empty(
            element,
            element
                .children
                .iter()
                .map(|all| self.all_of(all))
                .collect::<ReadResult<_>>()?,
        )
    }

    fn all_of(&self, element: &XmlElement) -> ReadResult<AllOf> {
        expect(element, "AllOf")?;
        non_empty(
            element,
            element
                .children
                .iter()
                .map(|m| self.match_(m))
                .collect::<ReadResult<_>>()?,
        )
    }

    fn match_(&self, element: &XmlElement) -> ReadResult<Match> {
        if &*element.name != "Match" {
            return Err(element.wrong("only Match belongs here"));
        }
        element.only_attributes(&["MatchId"])?;
        let function = self.identifier(element, element.required("MatchId")?)?;
        let [value, bag] = element.children.as_slice() else {
            return Err(element.wrong(
                "a Match holds an AttributeValue and one AttributeDesignator or AttributeSelector",
            ));
        };
        if &*value.name != "AttributeValue"
            || !matches!(&*bag.name, "AttributeDesignator" | "AttributeSelector")
        {
            return Err(element.wrong("a Match holds an AttributeValue and then an AttributeDesignator or AttributeSelector"));
        }
        Ok(Match {
            function,
            value: self.literal(value)?,
            bag: self.expression(bag)?,
            at: element.at,
        })
    }

    fn single(&self, element: &XmlElement) -> ReadResult<Expression> {
        match element.children.as_slice() {
            [only] => self.expression(only),
            _ => Err(element.wrong("exactly one expression belongs here")),
        }
    }

    // The recursion is as deep as the document, which the XML reader bounds.
    fn expression(&self, element: &XmlElement) -> ReadResult<Expression> {
        let id = |name: &str| self.identifier(element, element.required(name)?);
        match &*element.name {
            "AttributeValue" => self.literal(element).map(Expression::Literal),
            "AttributeDesignator" => {
                element.only_attributes(&[
                    "Category",
                    "AttributeId",
                    "DataType",
                    "MustBePresent",
                    "Issuer",
                ])?;
                Ok(Expression::Designator(Designator {
                    category: id("Category")?,
                    attribute_id: id("AttributeId")?,
                    data_type: id("DataType")?,
                    must_be_present: element.boolean("MustBePresent")?,
                    issuer: element.attribute("Issuer").map(str::to_owned),
                    at: element.at,
                }))
            }
            "AttributeSelector" => {
                element.only_attributes(&[
                    "Category",
                    "Path",
                    "DataType",
                    "MustBePresent",
                    "ContextSelectorId",
                ])?;
                Ok(Expression::Selector(Selector {
                    category: id("Category")?,
                    path: element.required("Path")?.to_owned(),
                    data_type: id("DataType")?,
                    must_be_present: element.boolean("MustBePresent")?,
                    context_selector_id: element.attribute("ContextSelectorId").map(str::to_owned),
                    namespaces: element.namespaces.clone(),
                    at: element.at,
                }))
            }
            "Apply" => {
                element.only_attributes(&["FunctionId"])?;
                let described = element
                    .children
                    .first()
                    .is_some_and(|c| &*c.name == "Description");
                let arguments = element
                    .children
                    .iter()
                    .skip(usize::from(described))
                    .map(|c| self.expression(c))
                    .collect::<ReadResult<_>>()?;
                Ok(Expression::Apply(Apply {
                    function: id("FunctionId")?,
                    arguments,
                    at: element.at,
                }))
            }
            "VariableReference" => {
                element.only_attributes(&["VariableId"])?;
                Ok(Expression::Variable(ReferencedName {
                    id: id("VariableId")?,
                    at: element.at,
                }))
            }
            "Function" => {
                element.only_attributes(&["FunctionId"])?;
                Ok(Expression::Function(ReferencedName {
                    id: id("FunctionId")?,
                    at: element.at,
                }))
            }
            _ => Err(element.wrong("the element is not an expression")),
        }
    }

    fn literal(&self, element: &XmlElement) -> ReadResult<Literal> {
        let text = element.deep_text();
        if text.len() > self.limits.value_bytes {
            return Err(element.wrong("a value is too long"));
        }
        Ok(Literal {
            data_type: self.identifier(element, element.required("DataType")?)?,
            text,
            xpath_category: element.attribute("XPathCategory").map(str::to_owned),
            namespaces: element.namespaces.clone(),
            at: element.at,
        })
    }

    fn variable(&self, element: &XmlElement) -> ReadResult<VariableDefinition> {
        element.only_attributes(&["VariableId"])?;
        Ok(VariableDefinition {
            id: self.identifier(element, element.required("VariableId")?)?,
            expression: self.single(element)?,
            at: element.at,
        })
    }

    fn obligations(
        &self,
        element: &XmlElement,
        child: &str,
        id: &str,
        effect: &str,
    ) -> ReadResult<Vec<ObligationExpression>> {
        let one = |e: &XmlElement| {
            if *e.name != *child {
                return Err(e.wrong(format!("only {child} belongs here")));
            }
            e.only_attributes(&[id, effect])?;
            Ok(ObligationExpression {
                id: self.identifier(e, e.required(id)?)?,
                effect: self.effect(e, effect)?,
                assignments: e
                    .children
                    .iter()
                    .map(|a| self.assignment(a))
                    .collect::<ReadResult<_>>()?,
            })
        };
        non_empty(
            element,
            element
                .children
                .iter()
                .map(one)
                .collect::<ReadResult<_>>()?,
        )
    }

    fn assignment(&self, element: &XmlElement) -> ReadResult<AssignmentExpression> {
        if &*element.name != "AttributeAssignmentExpression" {
            return Err(element.wrong("only AttributeAssignmentExpression belongs here"));
        }
        element.only_attributes(&["AttributeId", "Category", "Issuer"])?;
        Ok(AssignmentExpression {
            attribute_id: self.identifier(element, element.required("AttributeId")?)?,
            category: element.attribute("Category").map(str::to_owned),
            issuer: element.attribute("Issuer").map(str::to_owned),
            expression: self.single(element)?,
        })
    }

    fn parameters(&self, element: &XmlElement, about: &str) -> ReadResult<Vec<CombinerParameter>> {
        let subject = if &*element.name == "CombinerParameters" {
            None
        } else {
            Some(element.required(about)?.to_owned())
        };
        let one = |e: &XmlElement| {
            e.only_attributes(&["ParameterName"])?;
            match e.children.as_slice() {
                [value] if &*e.name == "CombinerParameter" && &*value.name == "AttributeValue" => {
                    Ok(CombinerParameter {
                        about: subject.clone(),
                        name: e.required("ParameterName")?.to_owned(),
                        value: self.literal(value)?,
                    })
                }
                _ => Err(e.wrong("a parameter has one AttributeValue")),
            }
        };
        element.children.iter().map(one).collect()
    }

    fn reference(&self, element: &XmlElement) -> ReadResult<Reference> {
        element.only_attributes(&["Version", "EarliestVersion", "LatestVersion"])?;
        let pattern = |name: &str| match element.attribute(name) {
            None => Ok(None),
            Some(text) => VersionPattern::parse(text.trim())
                .map(Some)
                .ok_or_else(|| element.wrong(format!("{name} is not a pattern of versions"))),
        };
        let id = element.text.trim();
        if id.is_empty() {
            return Err(element.wrong("the identifier is missing"));
        }
        Ok(Reference {
            to_set: &*element.name == "PolicySetIdReference",
            id: self.identifier(element, id)?,
            versions: VersionRange {
                version: pattern("Version")?,
                earliest: pattern("EarliestVersion")?,
                latest: pattern("LatestVersion")?,
            },
            at: element.at,
        })
    }
}

fn expect(element: &XmlElement, name: &str) -> ReadResult<()> {
    if *element.name != *name {
        return Err(element.wrong(format!("only {name} belongs here")));
    }
    element.only_attributes(&[])
}

fn non_empty<T>(element: &XmlElement, list: Vec<T>) -> ReadResult<Vec<T>> {
    if list.is_empty() {
        Err(element.wrong("the element must not be empty"))
    } else {
        Ok(list)
    }
}

fn xpath_version(element: &XmlElement) -> ReadResult<Option<String>> {
    match element.children.as_slice() {
        [] => Ok(None),
        [only] if &*only.name == "XPathVersion" => Ok(Some(only.text.trim().to_owned())),
        _ => Err(element.wrong("only XPathVersion belongs here")),
    }
}

/// Checks that children are in the order of the schema.
#[derive(Default)]
struct ChildOrder {
    at: usize,
    seen: [bool; 8],
}

impl ChildOrder {
    fn step(&mut self, element: &XmlElement, place: usize) -> ReadResult<()> {
        if place < self.at {
            return Err(element.wrong("the element comes too late"));
        }
        self.at = place;
        self.seen[place] = true;
        Ok(())
    }

    fn once(&mut self, element: &XmlElement, place: usize) -> ReadResult<()> {
        if self.seen[place] {
            return Err(element.wrong("the element is repeated"));
        }
        self.step(element, place)
    }
}
