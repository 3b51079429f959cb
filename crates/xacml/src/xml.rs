//! Reads XML into a bounded tree with positions. Document types are refused, so that there are no
//! entities but the five of XML itself.

use std::{fmt::Write as _, sync::Arc};

use quick_xml::{
    events::{BytesStart, Event},
    name::{NamespaceError, ResolveResult},
    reader::NsReader,
};

use crate::{
    error::{LoadError, LoadErrorKind, Position},
    ids::NAMESPACE,
    limits::Limits,
    values::Namespaces,
};

/// An element. Its name is the local one in the namespace of XACML, else `{namespace}local`.
#[derive(Debug)]
pub struct XmlElement {
    pub name: Box<str>,
    pub at: Position,
    /// Attributes without a prefix, and `xml:id`.
    pub attributes: Vec<(Box<str>, Box<str>)>,
    pub children: Vec<XmlElement>,
    /// The text between its children.
    pub text: String,
    /// Namespace prefixes in scope.
    pub namespaces: Namespaces,
    /// Of a `Content` its one element, as a document of its own.
    pub content: Option<String>,
}

impl XmlElement {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| &**n == name)
            .map(|(_, v)| &**v)
    }

    pub fn required(&self, name: &str) -> Result<&str, LoadError> {
        self.attribute(name)
            .ok_or_else(|| self.wrong(format!("attribute {name} is missing")))
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| &*c.name == name)
    }

    /// An error of form in this element.
    pub fn wrong(&self, reason: impl Into<String>) -> LoadError {
        LoadError {
            at: self.at,
            element: self.name.to_string(),
            reason: reason.into(),
            kind: LoadErrorKind::Syntax,
        }
    }

    /// Refuses attributes that are not among these.
    pub fn only_attributes(&self, known: &[&str]) -> Result<(), LoadError> {
        match self
            .attributes
            .iter()
            .find(|(n, _)| !known.contains(&&**n) && &**n != "xml:id")
        {
            Some((name, _)) => Err(self.wrong(format!("attribute {name} does not belong here"))),
            None => Ok(()),
        }
    }

    /// A boolean attribute.
    pub fn boolean(&self, name: &str) -> Result<bool, LoadError> {
        match self.required(name)?.trim() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(self.wrong(format!("{name} must be true or false"))),
        }
    }

    /// Its text with that of all elements below.
    pub fn deep_text(&self) -> String {
        let mut out = self.text.clone();
        for child in &self.children {
            out.push_str(&child.deep_text());
        }
        out
    }
}

/// Reads a document. Fails when it is not UTF-8, not well-formed, has a document type, or goes past a
/// limit.
pub fn read(xml: &[u8], max_bytes: usize, limits: &Limits) -> Result<XmlElement, LoadError> {
    let refuse = |at: Position, reason: &str| LoadError {
        at,
        element: "document".to_owned(),
        reason: reason.to_owned(),
        kind: LoadErrorKind::Syntax,
    };
    let start = Position { line: 1, column: 1 };
    if xml.len() > max_bytes {
        return Err(refuse(start, "the document is too large"));
    }
    let text = std::str::from_utf8(xml).map_err(|e| {
        refuse(
            position_in(xml, e.valid_up_to()),
            "the document is not UTF-8",
        )
    })?;
    XmlTreeReader::new(text.strip_prefix('\u{feff}').unwrap_or(text), limits).run()
}

fn position_in(text: &[u8], at: usize) -> Position {
    let before = &text[..at.min(text.len())];
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let column = at
        - before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |n| n + 1)
        + 1;
    Position {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    }
}

struct XmlTreeReader<'a> {
    text: &'a str,
    reader: NsReader<&'a [u8]>,
    limits: &'a Limits,
    stack: Vec<XmlElement>,
    root: Option<XmlElement>,
    nodes: usize,
    elements: usize,
    /// Namespace prefixes in scope of elements that declare any.
    namespaces: usize,
    /// Offset at which the current event starts.
    start: usize,
    /// Offset up to which lines have been counted, and the position there.
    counted: (usize, Position),
}

impl<'a> XmlTreeReader<'a> {
    fn new(text: &'a str, limits: &'a Limits) -> Self {
        let mut reader = NsReader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_end_names = true;
        Self {
            text,
            reader,
            limits,
            stack: Vec::new(),
            root: None,
            nodes: 0,
            elements: 0,
            namespaces: 0,
            start: 0,
            counted: (0, Position { line: 1, column: 1 }),
        }
    }

    fn run(mut self) -> Result<XmlElement, LoadError> {
        loop {
            self.start = self.offset();
            // Events borrow the text, not the reader, whose state this loop changes.
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(quick_xml::Error::Namespace(NamespaceError::TooManyBindings(_))) => {
                    return Err(self.refuse("there are too many namespaces"));
                }
                Err(e) => return Err(self.refuse(&e.to_string())),
            };
            match event {
                Event::DocType(_) => return Err(self.refuse("a document type is not allowed")),
                Event::Decl(declaration) => {
                    let utf8 = declaration
                        .encoding()
                        .is_none_or(|e| e.is_ok_and(|e| e.eq_ignore_ascii_case("utf-8")));
                    if !utf8 {
                        return Err(self.refuse("the document is not UTF-8"));
                    }
                }
                Event::Start(start) => self.open(&start)?,
                Event::End(_) => self.close()?,
                Event::Text(content) => {
                    let blank = content.bytes().all(|b| b.is_ascii_whitespace());
                    self.append(&content, blank)?;
                }
                Event::CData(content) => self.append(&content, false)?,
                Event::GeneralRef(reference) => {
                    let resolved = reference
                        .resolve_char_ref()
                        .map_err(|e| self.refuse(&e.to_string()))?;
                    let piece = match (resolved, &*reference) {
                        (Some(c), _) => c,
                        (None, "amp") => '&',
                        (None, "lt") => '<',
                        (None, "gt") => '>',
                        (None, "quot") => '"',
                        (None, "apos") => '\'',
                        _ => return Err(self.refuse("an entity that XML does not define")),
                    };
                    self.append(piece.encode_utf8(&mut [0; 4]), false)?;
                }
                Event::Eof => break,
                Event::Comment(_) | Event::PI(_) | Event::Empty(_) => self.count()?,
            }
        }
        if !self.stack.is_empty() {
            return Err(self.refuse("the document ends inside an element"));
        }
        match self.root.take() {
            Some(root) => Ok(root),
            None => Err(self.refuse("there is no root element")),
        }
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.buffer_position())
            .unwrap_or(usize::MAX)
            .min(self.text.len())
    }

    fn position(&mut self) -> Position {
        let (from, mut at) = self.counted;
        if self.start > from {
            let piece = &self.text.as_bytes()[from..self.start];
            match piece.iter().rposition(|b| *b == b'\n') {
                None => at.column += u32::try_from(piece.len()).unwrap_or(0),
                Some(last) => {
                    at.line +=
                        u32::try_from(memchr::memchr_iter(b'\n', piece).count()).unwrap_or(0);
                    at.column = u32::try_from(piece.len() - last).unwrap_or(0);
                }
            }
            self.counted = (self.start, at);
        }
        at
    }

    fn refuse(&mut self, reason: &str) -> LoadError {
        let at = self.position();
        let element = self.stack.last().map_or("document", |e| &e.name).to_owned();
        LoadError {
            at,
            element,
            reason: reason.to_owned(),
            kind: LoadErrorKind::Syntax,
        }
    }

    fn count(&mut self) -> Result<(), LoadError> {
        self.nodes += 1;
        if self.nodes > self.limits.xml_nodes {
            Err(self.refuse("the document has too many nodes"))
        } else {
            Ok(())
        }
    }

    fn count_element(&mut self) -> Result<(), LoadError> {
        self.count()?;
        self.elements += 1;
        if self.elements > self.limits.xml_elements {
            Err(self.refuse("the document has too many elements"))
        } else {
            Ok(())
        }
    }

    fn append(&mut self, text: &str, blank: bool) -> Result<(), LoadError> {
        self.count()?;
        let max = self.limits.xml_text_bytes;
        match self.stack.last_mut() {
            Some(top) if blank && top.text.len() + text.len() > max => Ok(()),
            Some(top) if top.text.len() + text.len() > max => {
                Err(self.refuse("a text is too long"))
            }
            Some(top) => {
                top.text.push_str(text);
                Ok(())
            }
            None if blank => Ok(()),
            None => Err(self.refuse("text outside the root element")),
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), LoadError> {
        self.count_element()?;
        if self.stack.len() >= self.limits.xml_depth {
            return Err(self.refuse("elements are nested too deeply"));
        }
        if self.root.is_some() {
            return Err(self.refuse("there is more than one root element"));
        }
        let at = self.position();
        let local = start.local_name().as_ref().to_owned();
        let name: Box<str> = match self.reader.resolver().resolve_element(start.name()).0 {
            ResolveResult::Bound(namespace) if namespace.as_ref() == NAMESPACE => local.into(),
            ResolveResult::Bound(namespace) => format!("{{{}}}{local}", namespace.as_ref()).into(),
            ResolveResult::Unbound => format!("{{}}{local}").into(),
            ResolveResult::Unknown(_) => return Err(self.refuse("a prefix that is not bound")),
        };
        let parent = self
            .stack
            .last()
            .map(|e| Arc::clone(&e.namespaces))
            .unwrap_or_default();
        let inherited = Arc::clone(&parent);
        let (attributes, namespaces) =
            attributes(start, parent, self.limits).map_err(|reason| self.refuse(&reason))?;
        if !Arc::ptr_eq(&inherited, &namespaces) {
            self.namespaces += namespaces.len();
        }
        if namespaces.len() > self.limits.xml_namespaces
            || self.namespaces > self.limits.xml_elements
        {
            return Err(self.refuse("there are too many namespaces"));
        }
        let is_content = &*name == "Content";
        self.stack.push(XmlElement {
            name,
            at,
            attributes,
            children: Vec::new(),
            text: String::new(),
            namespaces,
            content: None,
        });
        if is_content {
            self.content()?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), LoadError> {
        let Some(done) = self.stack.pop() else {
            return Err(self.refuse("an end without a start"));
        };
        match self.stack.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }

    /// Takes the element in a `Content` as text, whatever its names.
    fn content(&mut self) -> Result<(), LoadError> {
        let mut depth = 0_usize;
        let mut element = None;
        let mut opened = (0, 0);
        let mut declared: Vec<Box<str>> = Vec::new();
        loop {
            self.start = self.offset();
            self.count()?;
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(e) => return Err(self.refuse(&e.to_string())),
            };
            match event {
                Event::DocType(_) => return Err(self.refuse("a document type is not allowed")),
                Event::Eof => return Err(self.refuse("the document ends inside an element")),
                Event::Start(start) => {
                    self.count_element()?;
                    if depth == 0 {
                        if element.is_some() {
                            return Err(self.refuse("a Content holds exactly one element"));
                        }
                        opened = (self.start, start.name().as_ref().len());
                        let (_, own) = attributes(&start, Namespaces::default(), self.limits)
                            .map_err(|reason| self.refuse(&reason))?;
                        declared = own.iter().map(|(prefix, _)| prefix.clone()).collect();
                    }
                    depth += 1;
                    if depth + self.stack.len() > self.limits.xml_depth {
                        return Err(self.refuse("elements are nested too deeply"));
                    }
                }
                Event::End(_) => {
                    if depth == 0 {
                        break;
                    }
                    depth -= 1;
                    if depth == 0 {
                        element = Some((opened.0, self.offset()));
                    }
                }
                _ => {}
            }
        }
        let Some((from, to)) = element else {
            return Err(self.refuse("a Content holds exactly one element"));
        };
        if to - from > self.limits.content_bytes {
            return Err(self.refuse("the Content is too large"));
        }
        let split = from + 1 + opened.1;
        let Some(mut top) = self.stack.pop() else {
            return Err(self.refuse("a Content without a start"));
        };
        let mut text = self.text[from..split].to_owned();
        for (prefix, uri) in top
            .namespaces
            .iter()
            .filter(|(p, _)| !declared.contains(p) && &**p != "xml")
        {
            let name = if prefix.is_empty() {
                "xmlns".to_owned()
            } else {
                format!("xmlns:{prefix}")
            };
            let _ = write!(text, " {name}=\"{}\"", quick_xml::escape::escape(&**uri));
        }
        text.push_str(&self.text[split..to]);
        top.content = Some(text);
        self.stack.push(top);
        self.close()
    }
}

type XmlAttributes = Vec<(Box<str>, Box<str>)>;

fn attributes(
    start: &BytesStart<'_>,
    inherited: Namespaces,
    limits: &Limits,
) -> Result<(XmlAttributes, Namespaces), String> {
    let mut out = Vec::new();
    let mut declared: XmlAttributes = Vec::new();
    for (n, attribute) in start.attributes().enumerate() {
        if n >= limits.xml_attributes {
            return Err("the element has too many attributes".to_owned());
        }
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|e| e.to_string())?;
        if value.len() > limits.xml_text_bytes {
            return Err("an attribute is too long".to_owned());
        }
        match attribute.key.as_ref().split_once(':') {
            None if attribute.key.as_ref() == "xmlns" => declared.push(("".into(), value.into())),
            None => out.push((attribute.key.as_ref().into(), value.into())),
            Some(("xmlns", prefix)) => declared.push((prefix.into(), value.into())),
            Some(("xml", "id")) => out.push(("xml:id".into(), value.into())),
            Some(_) => {}
        }
    }
    if declared.is_empty() {
        return Ok((out, inherited));
    }
    let kept = inherited
        .iter()
        .filter(|(p, _)| !declared.iter().any(|(d, _)| d == p))
        .cloned();
    let namespaces = kept.chain(declared.iter().cloned()).collect();
    Ok((out, namespaces))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_str(xml: &str) -> Result<XmlElement, LoadError> {
        read(xml.as_bytes(), 1024 * 1024, &Limits::DEFAULT)
    }

    #[test]
    fn positions_count_lines_and_columns() {
        let root = read_str("<Policy xmlns='urn:oasis:names:tc:xacml:3.0:core:schema:wd-17'>\n  <Target/>\n</Policy>").unwrap();
        assert_eq!(
            (root.at, root.children[0].at),
            (
                Position { line: 1, column: 1 },
                Position { line: 2, column: 3 }
            )
        );
        let error = read_str("<?xml version=\"1.0\"?>\n<!DOCTYPE x [<!ENTITY a \"b\">]>\n<x/>")
            .unwrap_err();
        assert_eq!(
            (error.at.line, error.reason.as_str()),
            (2, "a document type is not allowed")
        );
    }

    #[test]
    fn content_is_complete_with_its_namespaces() {
        let xml = "<a:Request xmlns:a='urn:oasis:names:tc:xacml:3.0:core:schema:wd-17' xmlns:m='urn:m' xmlns='urn:d'>\
                   <a:Content> <m:r xmlns:n='urn:n'><x>&lt;</x></m:r> </a:Content></a:Request>";
        let root = read_str(xml).unwrap();
        let content = root.child("Content").unwrap().content.as_deref().unwrap();
        assert!(
            content.starts_with("<m:r")
                && content.contains("xmlns:m=\"urn:m\"")
                && content.contains("xmlns=\"urn:d\""),
            "{content}"
        );
        assert!(content.ends_with("<x>&lt;</x></m:r>"), "{content}");
    }

    #[rstest::rstest]
    #[case("", "no root")]
    #[case("<a>", "inside")]
    #[case("<a/><b/>", "more than one")]
    #[case("text", "outside")]
    #[case("<a>&b;</a>", "entity")]
    #[case("<p:a/>", "prefix")]
    #[case("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "UTF-8")]
    fn what_is_not_well_formed_is_refused(#[case] xml: &str, #[case] reason: &str) {
        let error = read_str(xml).unwrap_err();
        assert!(error.reason.contains(reason), "{error}");
    }

    #[rstest::rstest]
    #[case::depth(nested(64), nested(65), "deeply")]
    #[case::elements(format!("<a>{}</a>", "<b/>".repeat(49_999)), format!("<a>{}</a>", "<b/>".repeat(50_000)), "elements")]
    #[case::attributes(wide("a", 64), wide("a", 65), "attributes")]
    #[case::namespaces(wide("xmlns:a", 32), wide("xmlns:a", 33), "namespaces")]
    #[case::text(format!("<a>{}</a>", "x".repeat(65_536)), format!("<a>{}</a>", "x".repeat(65_537)), "too long")]
    #[case::text_in_pieces(format!("<a>{}<b/>x</a>", "x".repeat(65_535)), format!("<a>{}<b/>x</a>", "x".repeat(65_536)), "too long")]
    #[case::attribute(format!("<a b='{}'/>", "x".repeat(65_536)), format!("<a b='{}'/>", "x".repeat(65_537)), "too long")]
    fn documents_have_limits(#[case] within: String, #[case] beyond: String, #[case] reason: &str) {
        assert!(read_str(&within).is_ok());
        let error = read_str(&beyond).unwrap_err();
        assert!(error.reason.contains(reason), "{error}");
    }

    fn nested(depth: usize) -> String {
        format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth))
    }

    fn wide(name: &str, attributes: usize) -> String {
        let all: String = (0..attributes)
            .map(|n| format!(" {name}{n}='urn:{n}'"))
            .collect();
        format!("<a{all}/>")
    }

    #[test]
    fn namespaces_that_every_element_declares_anew_are_refused() {
        let root = wide("xmlns:a", 31).replace("/>", ">");
        let children = "<b xmlns:x='urn:x'/>".repeat(20_000);
        let error = read_str(&format!("{root}{children}</a>")).unwrap_err();
        assert!(error.reason.contains("namespaces"), "{error}");
    }

    #[test]
    fn hostile_documents_are_refused() {
        assert!(
            read_str(&"<a>".repeat(10_000))
                .unwrap_err()
                .reason
                .contains("deeply")
        );
        assert!(
            read_str(&format!("<a>{}</a>", "<b/>".repeat(100_001)))
                .unwrap_err()
                .reason
                .contains("many")
        );
        let wide: String = (0..100).map(|n| format!(" a{n}=''")).collect();
        assert!(read_str(&format!("<a{wide}/>")).is_err());
        assert!(
            read(b"<a>\xff</a>", 100, &Limits::DEFAULT)
                .unwrap_err()
                .reason
                .contains("UTF-8")
        );
        assert!(
            read(&[b' '; 200], 100, &Limits::DEFAULT)
                .unwrap_err()
                .reason
                .contains("large")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = read(&bytes, 1000, &Limits::DEFAULT);
        }

        #[test]
        fn no_markup_makes_it_panic(text in "[<>/a:='\" &;!?\\[\\]x-]{0,60}") {
            let _ = read_str(&text);
        }
    }
}
