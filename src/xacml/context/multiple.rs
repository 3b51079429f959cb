//! From a request to its response: the decisions that it asks for, one by one.

use std::{borrow::Cow, sync::Arc};

use super::{
    Attribute, AttributeValue, Category, Decision, DecisionResult, Request, Response, Status,
    included,
};
use crate::xacml::{
    error::{Code, Fault},
    ids,
    program::{Environment, Prepared, Program, Scratch, TargetMatch},
    values::{Content, Value, XPathExpression},
};

/// What lies below a resource.
pub trait ResourceTree: Sync {
    /// Identifiers of what lies directly below.
    fn children(&self, resource: &Value<'_>) -> Vec<Value<'static>>;
}

/// Answers requests.
#[derive(Clone, Copy)]
pub struct Decider<'d> {
    /// Candidates for the policy that decides: the one whose target fits.
    pub roots: &'d [Arc<Program>],
    /// What decisions take from their surroundings.
    pub environment: Environment<'d>,
    /// For requests about resources and what lies below them.
    pub tree: Option<&'d dyn ResourceTree>,
}

impl std::fmt::Debug for Decider<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decider")
            .field("roots", &self.roots.len())
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

/// A request for one decision, or why there can be none.
type Individual<'r> = Result<Vec<Cow<'r, Category<'r>>>, Fault>;

impl Decider<'_> {
    /// Answers a request.
    pub fn decide(&self, request: &Request<'_>, scratch: &mut Scratch) -> Response {
        let results = match self.individuals(request) {
            Ok(None) => vec![self.one(
                &request.categories.iter().collect::<Vec<_>>(),
                request.return_policy_ids,
                scratch,
            )],
            Ok(Some(individuals)) => individuals
                .iter()
                .map(|individual| match individual {
                    Ok(categories) => self.one(
                        &categories.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
                        request.return_policy_ids,
                        scratch,
                    ),
                    Err(fault) => DecisionResult::from(*fault),
                })
                .collect(),
            Err(fault) => return DecisionResult::from(fault).into(),
        };
        if request.combined_decision {
            combined(&results).into()
        } else {
            Response { results }
        }
    }

    fn one(
        &self,
        categories: &[&Category<'_>],
        policies: bool,
        scratch: &mut Scratch,
    ) -> DecisionResult {
        let program = match self.root(categories, scratch) {
            Ok(Some(program)) => program,
            Ok(None) => {
                return DecisionResult {
                    attributes: included(categories.iter().copied()),
                    ..DecisionResult::plain(Decision::NotApplicable, Status::ok())
                };
            }
            Err(fault) => {
                return DecisionResult {
                    attributes: included(categories.iter().copied()),
                    ..DecisionResult::from(fault)
                };
            }
        };
        let Scratch { binding, work } = scratch;
        let prepared = Prepared::of(program, categories, self.environment, binding);
        if policies {
            prepared.evaluate_with_policies(work).to_result()
        } else {
            prepared.evaluate(work).to_result()
        }
    }

    /// The only root there is, or the only one whose target fits. One that errs counts only when no
    /// other fits.
    fn root(
        &self,
        categories: &[&Category<'_>],
        scratch: &mut Scratch,
    ) -> Result<Option<&Program>, Fault> {
        if let [only] = self.roots {
            return Ok(Some(only));
        }
        let (mut fitting, mut fault) = (None, None);
        for root in self.roots {
            match Prepared::of(root, categories, self.environment, &mut scratch.binding)
                .target(&mut scratch.work)
            {
                TargetMatch::NoMatch => {}
                TargetMatch::Match if fitting.is_some() => {
                    return Err(Fault::processing("more than one policy applies"));
                }
                TargetMatch::Match => fitting = Some(&**root),
                TargetMatch::Indeterminate(error) => fault = fault.or(Some(error)),
            }
        }
        match (fitting, fault) {
            (None, Some(fault)) => Err(fault),
            (fitting, _) => Ok(fitting),
        }
    }

    /// The decisions that a request asks for; none when it asks for one, about all of its
    /// categories.
    fn individuals<'r>(
        &self,
        request: &'r Request<'r>,
    ) -> Result<Option<Vec<Individual<'r>>>, Fault> {
        if let Some(references) = &request.references {
            let mut out = Vec::with_capacity(references.len());
            for reference in references {
                let entries: Option<Vec<&Category<'_>>> = reference
                    .iter()
                    .map(|id| {
                        request
                            .categories
                            .iter()
                            .find(|c| c.id.as_ref() == Some(id))
                    })
                    .collect();
                match entries {
                    None => out.push(Err(Fault::syntax(
                        "a reference names no category of the request",
                    ))),
                    Some(entries) => {
                        let options: Vec<Vec<Cow<'_, Category<'_>>>> = entries
                            .into_iter()
                            .map(|c| self.options(c))
                            .collect::<Result<_, _>>()?;
                        out.extend(self.product(&options, out.len())?.into_iter().map(Ok));
                    }
                }
                if out.len() > self.environment.limits.decisions {
                    return Err(TOO_MANY);
                }
            }
            return Ok(Some(out));
        }
        let repeated = request.categories.iter().enumerate().any(|(n, c)| {
            request
                .categories
                .iter()
                .take(n)
                .any(|d| d.category == c.category)
        });
        if !repeated && !request.categories.iter().any(asks_for_several) {
            return Ok(None);
        }
        let mut names: Vec<&str> = Vec::new();
        let mut options: Vec<Vec<Cow<'_, Category<'_>>>> = Vec::new();
        for category in &request.categories {
            let own = self.options(category)?;
            if let Some(n) = names.iter().position(|n| *n == category.category) {
                options[n].extend(own);
            } else {
                names.push(&category.category);
                options.push(own);
            }
        }
        Ok(Some(
            self.product(&options, 0)?.into_iter().map(Ok).collect(),
        ))
    }

    /// One of each, the last varying fastest.
    fn product<'r>(
        &self,
        options: &[Vec<Cow<'r, Category<'r>>>],
        before: usize,
    ) -> Result<Vec<Vec<Cow<'r, Category<'r>>>>, Fault> {
        let many = options
            .iter()
            .try_fold(1_usize, |n, o| n.checked_mul(o.len()))
            .and_then(|n| n.checked_add(before));
        if many.is_none_or(|n| n > self.environment.limits.decisions) {
            return Err(TOO_MANY);
        }
        let mut out = vec![Vec::with_capacity(options.len())];
        for list in options {
            out = out
                .iter()
                .flat_map(|start: &Vec<_>| {
                    list.iter()
                        .map(|option| start.iter().chain([option]).cloned().collect())
                })
                .collect();
        }
        Ok(out)
    }

    /// The categories that one stands for: itself, or one for each node or resource that it asks
    /// about.
    fn options<'r>(&self, category: &'r Category<'r>) -> Result<Vec<Cow<'r, Category<'r>>>, Fault> {
        if let Some((at, expression)) = content_selector(category) {
            return split_by_nodes(category, at, expression);
        }
        match scope(category) {
            None | Some("Immediate") => Ok(vec![Cow::Borrowed(category)]),
            Some(scope @ ("Children" | "Descendants")) => {
                self.split_by_tree(category, scope == "Descendants")
            }
            Some(_) => Err(Fault::syntax(
                "the scope of a resource is Immediate, Children or Descendants",
            )),
        }
    }

    fn split_by_tree<'r>(
        &self,
        category: &'r Category<'r>,
        deep: bool,
    ) -> Result<Vec<Cow<'r, Category<'r>>>, Fault> {
        let tree = self
            .tree
            .ok_or(Fault::processing("there is no tree of resources"))?;
        let top = category
            .first(ids::RESOURCE_ID)
            .ok_or(Fault::processing("the resource has no identifier"))?;
        let mut found = vec![top.clone().into_owned()];
        let mut level = tree.children(top);
        loop {
            found.append(&mut level.clone());
            if found.len() > self.environment.limits.decisions {
                return Err(TOO_MANY);
            }
            if !deep || level.is_empty() {
                break;
            }
            level = level
                .iter()
                .flat_map(|resource| tree.children(resource))
                .collect();
        }
        let about = |resource: Value<'static>| {
            let mut own = category.clone();
            for attribute in own
                .attributes
                .iter_mut()
                .filter(|a| a.id == ids::RESOURCE_ID)
            {
                attribute.values =
                    std::iter::once(AttributeValue::from(resource.clone())).collect();
            }
            Cow::Owned(own)
        };
        Ok(found.into_iter().map(about).collect())
    }
}

const TOO_MANY: Fault = Fault::syntax("the request asks for too many decisions");

fn asks_for_several(category: &Category<'_>) -> bool {
    content_selector(category).is_some() || scope(category).is_some_and(|s| s != "Immediate")
}

fn content_selector<'c>(category: &'c Category<'_>) -> Option<(usize, &'c XPathExpression)> {
    category
        .attributes
        .iter()
        .enumerate()
        .filter(|(_, a)| ids::MULTIPLE_CONTENT_SELECTOR.contains(&&*a.id))
        .find_map(|(n, a)| match a.values.first().map(|v| &v.value) {
            Some(Value::XPathExpression(expression)) => Some((n, &**expression)),
            _ => None,
        })
}

fn scope<'c>(category: &'c Category<'_>) -> Option<&'c str> {
    match category.first(ids::RESOURCE_SCOPE) {
        Some(Value::String(scope)) if category.category == ids::RESOURCE => Some(scope),
        _ => None,
    }
}

fn split_by_nodes<'r>(
    category: &'r Category<'r>,
    at: usize,
    expression: &XPathExpression,
) -> Result<Vec<Cow<'r, Category<'r>>>, Fault> {
    let content: &Content = category
        .content
        .as_deref()
        .ok_or(Fault::syntax("a content selector without content"))?;
    let nodes = content.select(None, &expression.path, &expression.namespaces)?;
    let mut out = Vec::with_capacity(nodes.len());
    for (n, node) in nodes.iter().enumerate() {
        let short = format!("{}[{}]", expression.path, n + 1);
        let exact = content
            .select(None, &short, &expression.namespaces)
            .is_ok_and(|found| found == [*node]);
        let path = if exact { short } else { content.path_of(*node) };
        let selector = XPathExpression {
            path: path.into(),
            category: expression.category.clone(),
            namespaces: expression.namespaces.clone(),
        };
        let mut own = category.clone();
        if let Some(attribute) = own.attributes.get_mut(at) {
            *attribute = Attribute {
                id: Cow::Borrowed(ids::CONTENT_SELECTOR),
                issuer: attribute.issuer.take(),
                include_in_result: attribute.include_in_result,
                values: std::iter::once(AttributeValue::from(Value::XPathExpression(Arc::new(
                    selector,
                ))))
                .collect(),
            };
        }
        out.push(Cow::Owned(own));
    }
    Ok(out)
}

/// One result for all: theirs, when they agree and carry nothing along.
fn combined(results: &[DecisionResult]) -> DecisionResult {
    let first = results.first().map(|r| r.decision);
    let plain = |r: &DecisionResult| {
        r.decision != Decision::Indeterminate && r.obligations.is_empty() && r.advice.is_empty()
    };
    match first {
        Some(decision)
            if results
                .iter()
                .all(|r| Some(r.decision) == first && plain(r)) =>
        {
            DecisionResult::plain(decision, Status::ok())
        }
        _ => DecisionResult::indeterminate(
            Code::ProcessingError,
            "the decisions differ, or one cannot stand for all",
        ),
    }
}
