//! Resources as a graph of public services: CPSV-AP in Turtle
//! (<https://www.w3.org/TR/turtle/>). Pure.

use std::fmt::Write as _;

use serde_json::Value;

const PREFIXES: &[(&str, &str)] = &[
    ("cpsv", "http://purl.org/vocab/cpsv#"),
    ("cv", "http://data.europa.eu/m8g/"),
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dct", "http://purl.org/dc/terms/"),
    ("eli", "http://data.europa.eu/eli/ontology#"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("schema", "http://schema.org/"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
];

/// Where organisations have their names in graphs.
const ORGANIZATIONS: &str =
    "https://organization-catalogue.fellesdatakatalog.digdir.no/organizations/";
/// Code of the owner whose services are for tests.
const TEST_OWNER: &str = "ttd";

/// The graph of these resources; those without an owner and those of the test owner are left out.
#[must_use]
pub fn turtle<'r>(base: &str, documents: impl Iterator<Item = &'r Value>) -> String {
    let mut out = String::new();
    for (name, iri) in PREFIXES {
        let _ = writeln!(out, "@prefix {name}: <{iri}> .");
    }
    for document in documents {
        if let Some(service) = GraphService::of(document) {
            out.push('\n');
            service.write(base, &mut out);
        }
    }
    out
}

struct GraphService<'r> {
    identifier: &'r str,
    organization: &'r str,
    document: &'r Value,
}

impl<'r> GraphService<'r> {
    fn of(document: &'r Value) -> Option<Self> {
        let text = |pointer: &str| {
            document
                .pointer(pointer)
                .and_then(Value::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let code = text("/hasCompetentAuthority/orgcode")?;
        let organization = text("/hasCompetentAuthority/organization")?;
        let identifier = text("/identifier")?;
        (!code.eq_ignore_ascii_case(TEST_OWNER)).then_some(Self {
            identifier,
            organization,
            document,
        })
    }

    fn write(&self, base: &str, out: &mut String) {
        let mut properties = vec![
            "rdf:type cpsv:PublicService".to_owned(),
            format!("dct:identifier {}", literal(self.identifier)),
        ];
        for (member, property) in [("title", "dct:title"), ("description", "dct:description")] {
            let texts = self.document.get(member).and_then(Value::as_object);
            for (language, text) in texts.into_iter().flatten() {
                if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
                    properties.push(format!("{property} {}", tagged(text, language)));
                }
            }
        }
        properties.push(format!(
            "cv:hasCompetentAuthority {}",
            iri(&format!("{ORGANIZATIONS}{}", self.organization))
        ));
        let keywords = self.document.get("keywords").and_then(Value::as_array);
        for keyword in keywords.into_iter().flatten() {
            let word = keyword.get("word").and_then(Value::as_str);
            let language = keyword.get("language").and_then(Value::as_str);
            if let Some(word) = word.filter(|word| !word.is_empty()) {
                let word = tagged(word, language.unwrap_or_default());
                properties.push(format!("dct:keyword {word}"));
            }
        }
        let subject = iri(&format!("{base}/resourceRegistry/{}", self.identifier));
        let _ = writeln!(out, "{subject}\n  {} .", properties.join(" ;\n  "));
    }
}

/// An IRI, with what may not be in one percent-encoded.
fn iri(text: &str) -> String {
    let mut out = String::from("<");
    for c in text.chars() {
        match c {
            '<' | '>' | '"' | '{' | '}' | '|' | '^' | '`' | '\\' | '\0'..=' ' => {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    let _ = write!(out, "%{byte:02X}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('>');
    out
}

fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text in a language; without a tag when that could not be one.
fn tagged(text: &str, language: &str) -> String {
    let is_tag = !language.is_empty()
        && language.split('-').enumerate().all(|(number, part)| {
            let is_fit = |b: u8| b.is_ascii_alphabetic() || number > 0 && b.is_ascii_digit();
            !part.is_empty() && part.bytes().all(is_fit)
        });
    if is_tag {
        format!("{}@{language}", literal(text))
    } else {
        literal(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource(identifier: &str, code: &str) -> Value {
        json!({"identifier": identifier, "title": {"nb": "Fangst \"A\"", "en": "Catch"}, "description": {"nb": "Linje 1\nLinje 2"},
            "hasCompetentAuthority": {"organization": "390028466", "orgcode": code},
            "keywords": [{"word": "torsk", "language": "nb"}, {"word": "sild", "language": "?"}]})
    }

    #[test]
    fn a_service_has_its_texts_by_language() {
        let document = resource("fangst", "sav");
        let graph = turtle("https://sb.example", std::iter::once(&document));
        let service = graph.split("\n\n").nth(1).unwrap();
        assert_eq!(
            service,
            "<https://sb.example/resourceRegistry/fangst>\n  rdf:type cpsv:PublicService ;\n  dct:identifier \"fangst\" ;\n  \
             dct:title \"Fangst \\\"A\\\"\"@nb ;\n  dct:title \"Catch\"@en ;\n  dct:description \"Linje 1\\nLinje 2\"@nb ;\n  \
             cv:hasCompetentAuthority <https://organization-catalogue.fellesdatakatalog.digdir.no/organizations/390028466> ;\n  \
             dct:keyword \"torsk\"@nb ;\n  dct:keyword \"sild\" .\n"
        );
        assert!(graph.starts_with("@prefix cpsv: <http://purl.org/vocab/cpsv#> .\n"));
    }

    #[test]
    fn services_for_tests_and_without_an_owner_are_left_out() {
        let documents = [
            resource("a", "TTD"),
            resource("b", ""),
            json!({"identifier": "c"}),
        ];
        assert!(!turtle("x", documents.iter()).contains("PublicService"));
    }
}
