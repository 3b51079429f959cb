//! XPath 1.0 over the content of a category.

use std::sync::Arc;

#[cfg(feature = "xpath")]
use uppsala::{Document, NodeId, NodeKind, XPathEvaluator, XPathValue, parser::Parser};

use crate::error::Fault;

/// Characters of an XPath.
const MAX_EXPRESSION: usize = 1_024;
/// Nodes that one evaluation of an XPath may visit.
const MAX_VISITS: usize = 100_000;
/// The same for a small content, with so many for each node in addition.
const MIN_VISITS: usize = 1_000;
const VISITS_PER_NODE: usize = 64;
/// Nodes that are visited in the time of one step.
const VISITS_PER_STEP: usize = 4;
#[cfg(feature = "xpath")]
const MAX_DEPTH: u32 = 64;

/// Namespace prefixes with the URIs that they are bound to. The empty prefix is the default namespace,
/// which XPath 1.0 does not use.
pub type Namespaces = Arc<[(Box<str>, Box<str>)]>;

/// A value of data type `xpathExpression`.
#[derive(Debug, Clone)]
pub struct XPathExpression {
    /// The XPath.
    pub path: Box<str>,
    /// `XPathCategory`: URI of the category whose content it is evaluated on.
    pub category: Box<str>,
    /// Namespace prefixes in scope where it was written.
    pub namespaces: Namespaces,
}

/// The content of a category: one XML element, which is the root of a document of its own (section
/// 5.45 of the standard).
///
/// Built without the feature `xpath` it is not read, and every selection fails.
#[derive(Debug)]
pub struct Content {
    #[cfg(feature = "xpath")]
    document: Document<'static>,
    /// Nodes that one evaluation of an XPath may visit.
    max_visits: usize,
}

/// A node of a [`Content`].
#[cfg(feature = "xpath")]
pub type ContentNode = NodeId;
/// A node of a [`Content`].
#[cfg(not(feature = "xpath"))]
pub type ContentNode = usize;

const AVAILABLE: bool = cfg!(feature = "xpath");

/// Checks an XPath and its prefixes. The error is an English phrase.
pub fn check(path: &str, namespaces: &Namespaces) -> Result<(), String> {
    if !AVAILABLE {
        return Err("this build has no XPath".to_owned());
    }
    if path.chars().count() > MAX_EXPRESSION {
        return Err("the XPath is too long".to_owned());
    }
    if let Some(prefix) =
        prefixes(path).find(|p| *p != "xml" && !namespaces.iter().any(|(known, _)| **known == **p))
    {
        return Err(format!(
            "the XPath uses prefix {prefix}, which is not bound"
        ));
    }
    #[cfg(feature = "xpath")]
    {
        // The evaluator parses as it evaluates, so that an evaluation on an empty document shows what
        // is wrong with the XPath.
        let empty = Content::parse("<empty/>").map_err(str::to_owned)?;
        let evaluator = XPathEvaluator::new()
            .with_max_depth(MAX_DEPTH)
            .with_max_node_visits(MAX_VISITS);
        evaluator
            .evaluate(&empty.document, empty.document.root(), path)
            .map_err(|_| "the XPath is not valid".to_owned())?;
    }
    Ok(())
}

/// The prefixes of the names in a path. What is quoted is no name, and two colons end an axis.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let mut outside = path.split(['"', '\'']).step_by(2);
    let mut piece = outside.next().unwrap_or_default();
    std::iter::from_fn(move || {
        loop {
            let Some(at) = piece.find(':') else {
                piece = outside.next()?;
                continue;
            };
            let before = &piece[..at];
            let is_axis = piece[at + 1..].starts_with(':');
            piece = &piece[at + 1 + usize::from(is_axis)..];
            let start = before
                .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
                .map_or(0, |n| {
                    n + before[n..].chars().next().map_or(1, char::len_utf8)
                });
            if !is_axis && start < before.len() {
                return Some(&before[start..]);
            }
        }
    })
}

#[cfg(not(feature = "xpath"))]
const UNAVAILABLE: Fault = Fault::processing("this build has no XPath");

impl Content {
    /// Reads one XML element, without a document type.
    ///
    /// # Errors
    /// The text is not one well-formed element, or has a document type, or its elements are nested more
    /// than 64 deep. Never without the feature `xpath`.
    pub fn parse(xml: &str) -> Result<Self, &'static str> {
        #[cfg(not(feature = "xpath"))]
        {
            Ok(Self {
                max_visits: max_visits(xml),
            })
        }
        #[cfg(feature = "xpath")]
        {
            let mut document = Parser::new()
                .with_forbid_dtd(true)
                .with_forbid_entities(true)
                .with_max_depth(MAX_DEPTH)
                .parse(xml)
                .map_err(|_| "the content is not one well-formed XML element")?
                .into_static();
            document.prepare_xpath();
            Ok(Self {
                document,
                max_visits: max_visits(xml),
            })
        }
    }
}

/// Nodes that one evaluation of an XPath may visit in a content.
fn max_visits(xml: &str) -> usize {
    let nodes = xml.bytes().filter(|b| matches!(b, b'<' | b'=')).count();
    (MIN_VISITS + nodes.saturating_mul(VISITS_PER_NODE)).min(MAX_VISITS)
}

impl Content {
    /// Steps that one evaluation of an XPath takes at most.
    pub(crate) const fn steps_to_select(&self) -> usize {
        self.max_visits / VISITS_PER_STEP
    }
}

#[cfg(not(feature = "xpath"))]
#[expect(
    clippy::unused_self,
    reason = "the interface is the same with the feature"
)]
impl Content {
    pub(crate) fn select(
        &self,
        _context: Option<ContentNode>,
        _path: &str,
        _namespaces: &Namespaces,
    ) -> Result<Vec<ContentNode>, Fault> {
        Err(UNAVAILABLE)
    }

    pub(crate) fn text(&self, _node: ContentNode) -> Result<String, Fault> {
        Err(UNAVAILABLE)
    }

    pub(crate) fn contains(&self, outer: ContentNode, inner: ContentNode) -> bool {
        outer == inner
    }

    pub(crate) fn path_of(&self, _node: ContentNode) -> String {
        String::new()
    }
}

#[cfg(feature = "xpath")]
impl Content {
    /// The nodes that a path selects, in document order. Fails when the path cannot be evaluated, or
    /// yields another kind of value than nodes.
    pub(crate) fn select(
        &self,
        context: Option<ContentNode>,
        path: &str,
        namespaces: &Namespaces,
    ) -> Result<Vec<ContentNode>, Fault> {
        let mut evaluator = XPathEvaluator::new()
            .with_max_depth(MAX_DEPTH)
            .with_max_node_visits(self.max_visits);
        for (prefix, uri) in namespaces.iter().filter(|(prefix, _)| !prefix.is_empty()) {
            evaluator.add_namespace(&**prefix, &**uri);
        }
        match evaluator.evaluate(
            &self.document,
            context.unwrap_or_else(|| self.document.root()),
            path.trim(),
        ) {
            Ok(XPathValue::NodeSet(nodes)) => Ok(nodes),
            Ok(_) => Err(Fault::syntax("an XPath does not select nodes")),
            Err(_) => Err(Fault::processing("an XPath cannot be evaluated")),
        }
    }

    /// The text of a node. Fails for elements and the document.
    pub(crate) fn text(&self, node: ContentNode) -> Result<String, Fault> {
        match self.document.node_kind(node) {
            Some(
                NodeKind::Text(text)
                | NodeKind::CData(text)
                | NodeKind::Comment(text)
                | NodeKind::Attribute(_, text),
            ) => Ok(text.to_string()),
            Some(NodeKind::ProcessingInstruction(pi)) => {
                Ok(pi.data.as_deref().unwrap_or_default().to_owned())
            }
            _ => Err(Fault::syntax(
                "an XPath selects an element where a value is needed",
            )),
        }
    }

    /// Whether the inner node is the outer one or one below it.
    pub(crate) fn contains(&self, outer: ContentNode, inner: ContentNode) -> bool {
        let mut at = Some(inner);
        while let Some(node) = at {
            if node == outer {
                return true;
            }
            at = self.document.parent(node);
        }
        false
    }

    /// An absolute path that selects this node and no other.
    pub(crate) fn path_of(&self, node: ContentNode) -> String {
        let Some(parent) = self.document.parent(node) else {
            return "/".to_owned();
        };
        let place = |same: &dyn Fn(&NodeKind<'_>) -> bool| {
            let before = self
                .document
                .children(parent)
                .into_iter()
                .take_while(|c| *c != node);
            before
                .filter(|c| self.document.node_kind(*c).is_some_and(same))
                .count()
                + 1
        };
        let step = match self.document.node_kind(node) {
            Some(NodeKind::Element(_)) => {
                format!("*[{}]", place(&|k| matches!(k, NodeKind::Element(_))))
            }
            Some(NodeKind::Comment(_)) => format!(
                "comment()[{}]",
                place(&|k| matches!(k, NodeKind::Comment(_)))
            ),
            Some(NodeKind::Attribute(name, _)) => {
                format!(
                    "@*[local-name()='{}' and namespace-uri()='{}']",
                    name.local_name,
                    name.namespace_uri.as_deref().unwrap_or_default()
                )
            }
            Some(NodeKind::ProcessingInstruction(_)) => {
                format!(
                    "processing-instruction()[{}]",
                    place(&|k| matches!(k, NodeKind::ProcessingInstruction(_)))
                )
            }
            _ => format!(
                "text()[{}]",
                place(&|k| matches!(k, NodeKind::Text(_) | NodeKind::CData(_)))
            ),
        };
        let above = self.path_of(parent);
        if above == "/" {
            format!("/{step}")
        } else {
            format!("{above}/{step}")
        }
    }
}

#[cfg(all(test, feature = "xpath"))]
mod tests {
    use super::*;

    const RECORD: &str = r#"<r xmlns:a="urn:a"><a:x k="1">one</a:x><a:x k="2"><y>two</y></a:x><?p q?>three<!--four--></r>"#;

    fn namespaces() -> Namespaces {
        Arc::new([("b".into(), "urn:a".into())])
    }

    #[test]
    fn paths_select_by_namespace_not_by_prefix() {
        let content = Content::parse(RECORD).unwrap();
        let count = |path: &str| content.select(None, path, &namespaces()).map(|n| n.len());
        assert_eq!(count("//b:x"), Ok(2));
        assert_eq!(count("/r/b:x[y/text()='two']/@k"), Ok(1));
        assert_eq!(count("//y | //b:x"), Ok(3));
        assert_eq!(count("//x"), Ok(0));
        assert!(count("count(//y)").is_err());
    }

    #[test]
    fn every_node_has_a_path_of_its_own() {
        let content = Content::parse(RECORD).unwrap();
        for path in [
            "//b:x",
            "//@k",
            "//text()",
            "//comment()",
            "//processing-instruction()",
        ] {
            for node in content.select(None, path, &namespaces()).unwrap() {
                assert_eq!(
                    content
                        .select(None, &content.path_of(node), &namespaces())
                        .unwrap(),
                    [node],
                    "{}",
                    content.path_of(node)
                );
                let root = content.select(None, "/r", &namespaces()).unwrap()[0];
                assert!(content.contains(root, node) && !content.contains(node, root));
            }
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let check = |path: &str| check(path, &namespaces());
        assert!(check("//a[").is_err() && check("").is_err() && check(&"a/".repeat(600)).is_err());
        assert!(check(&"(".repeat(500)).is_err());
        assert!(
            check("//b:a").is_ok()
                && check("a/b/text()").is_ok()
                && check("child::b:a['c:d']/@xml:id").is_ok()
        );
        assert_eq!(
            check("//b:a/c:d").unwrap_err(),
            "the XPath uses prefix c, which is not bound"
        );
        assert!(Content::parse("<a>").is_err() && Content::parse("<!DOCTYPE a><a/>").is_err());
        assert!(Content::parse(&"<a>".repeat(10_000)).is_err());
    }
}
