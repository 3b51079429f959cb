//! Answers requests: splits a request into individual decisions, chooses the policy of each, and
//! collects the results (Multiple Decision Profile).

use std::{borrow::Cow, sync::Arc};

use crate::{
    context::{
        Attribute, AttributeValue, Category, Decision, DecisionResult, Request, Response, Status,
        included,
    },
    error::{Code, Fault},
    ids,
    program::{Environment, PreparedRequest, Program, Scratch, TargetMatch},
    values::{Content, Value, XPathExpression},
};

/// The hierarchy of resources, for requests about a resource and those below it: the attribute
/// `scope` with the value `Children` or `Descendants`.
pub trait ResourceTree: Sync {
    /// Identifiers of the resources directly below one, by its `resource-id`. The hierarchy must be
    /// finite; more resources than [`Limits::decisions`](crate::Limits::decisions) are an error.
    fn children(&self, resource: &Value<'_>) -> Vec<Value<'static>>;
}

/// Answers a [`Request`], which may ask for several decisions, by a [`Response`]: what the standard
/// calls a policy decision point (PDP), without its transport.
///
/// A request asks for several decisions by `MultiRequests`, by repeated categories, by a content
/// selector, or by the scope of a resource (Multiple Decision Profile, Hierarchical Resource
/// Profile). A service that makes its requests itself, and asks for one decision at a time, does
/// without this and calls [`PreparedRequest::new`].
#[derive(Clone, Copy)]
pub struct Decider<'d> {
    /// The root policies. A single one decides every request. Of several, the one whose target
    /// matches decides; if more than one matches, the result is Indeterminate.
    pub roots: &'d [Arc<Program>],
    /// What decisions take from outside. Its limits bound the number of decisions.
    pub environment: Environment<'d>,
    /// The hierarchy of resources. Without one, a request for `Children` or `Descendants` is
    /// Indeterminate with `processing-error`.
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

/// The categories of an individual decision, or why it cannot be made.
type IndividualCategories<'r> = Result<Vec<Cow<'r, Category<'r>>>, Fault>;

impl Decider<'_> {
    /// Answers a request: one result for each decision, in the order of the request, of which the
    /// last repeated category varies fastest.
    ///
    /// It does not fail: what is wrong with the request is a result with an error status, of the
    /// decision that it concerns or of all. With `CombinedDecision` there is one result, that of all
    /// if they agree and have neither obligations nor advice, else Indeterminate.
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
        let prepared = PreparedRequest::from_refs(program, categories, self.environment, binding);
        if policies {
            prepared.evaluate_with_policies(work).to_result()
        } else {
            prepared.evaluate(work).to_result()
        }
    }

    /// The only root, or the only one whose target matches. One whose target is Indeterminate counts
    /// only when no other matches.
    fn root(
        &self,
        categories: &[&Category<'_>],
        scratch: &mut Scratch,
    ) -> Result<Option<&Program>, Fault> {
        if let [only] = self.roots {
            return Ok(Some(only));
        }
        let (mut matching, mut fault) = (None, None);
        for root in self.roots {
            match PreparedRequest::from_refs(
                root,
                categories,
                self.environment,
                &mut scratch.binding,
            )
            .target(&mut scratch.work)
            {
                TargetMatch::NoMatch => {}
                TargetMatch::Match if matching.is_some() => {
                    return Err(Fault::processing("more than one policy applies"));
                }
                TargetMatch::Match => matching = Some(&**root),
                TargetMatch::Indeterminate(error) => fault = fault.or(Some(error)),
            }
        }
        match (matching, fault) {
            (None, Some(fault)) => Err(fault),
            (matching, _) => Ok(matching),
        }
    }

    /// The individual decisions that a request asks for; `None` when it asks for one, about all of
    /// its categories.
    fn individuals<'r>(
        &self,
        request: &'r Request<'r>,
    ) -> Result<Option<Vec<IndividualCategories<'r>>>, Fault> {
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

    /// Every combination of one option of each, the last varying fastest.
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

    /// The categories that one is replaced by: itself, or one for each node or resource that it asks
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

/// One result for all (`CombinedDecision`).
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
            "the decisions differ or cannot be combined",
        ),
    }
}
