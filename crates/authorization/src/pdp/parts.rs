//! The decisions that a request asks for, each different one once.

use std::collections::HashMap;

use super::{
    budget::{ExceededBound, MAX_ATTRIBUTES, MAX_REFERENCES},
    request::{DecisionRequest, RequestCategory, RequestFault},
};
use xacml::ids;

/// What decisions are asked for.
#[derive(Debug)]
pub struct DecisionParts<'r> {
    /// The entries of each different decision, or why it cannot be made.
    pub different: Vec<Result<Vec<&'r RequestCategory<'r>>, RequestFault>>,
    /// For each decision asked for its place among the different ones; none when each is asked for
    /// once, in order.
    pub places: Option<Vec<usize>>,
    /// Values of attributes over all decisions asked for.
    pub attributes: usize,
}

impl<'r> DecisionParts<'r> {
    /// The parts of a request. Those that refer to the same entries are the same decision; an entry
    /// that a reference names several times counts once.
    ///
    /// # Errors
    /// The bound that the request is beyond.
    pub fn of(
        request: &'r DecisionRequest<'r>,
        max_decisions: usize,
    ) -> Result<Self, ExceededBound> {
        let single = |part| Self {
            different: vec![part],
            places: None,
            attributes: 0,
        };
        if let Some(fault) = &request.fault {
            return Ok(single(Err(fault.clone())));
        }
        if request.references.len() > max_decisions {
            return Err(ExceededBound::Decisions);
        }
        let references: usize = request.references.iter().map(Vec::len).sum();
        if references > MAX_REFERENCES {
            return Err(ExceededBound::References);
        }
        let attributes = |entries: &[&RequestCategory<'_>]| -> usize {
            // An entry without any takes a little space too.
            let of = |entry: &&RequestCategory<'_>| -> usize {
                let values = entry.attributes.iter().map(|a| a.values.len());
                values.sum::<usize>().max(1)
            };
            entries.iter().map(of).sum()
        };
        if request.references.is_empty() {
            let all: Vec<&RequestCategory<'_>> = request.entries.iter().collect();
            let attributes = attributes(&all);
            if attributes > MAX_ATTRIBUTES {
                return Err(ExceededBound::Attributes);
            }
            return Ok(Self {
                attributes,
                ..single(Ok(all))
            });
        }
        let has = |category: &str| request.entries.iter().any(|e| e.category == category);
        if ![ids::SUBJECT, ids::ACTION, ids::RESOURCE]
            .iter()
            .all(|c| has(c))
        {
            return Ok(single(Err(RequestFault::Processing(
                "a multi-request needs subjects, actions and resources",
            ))));
        }
        // By their ids, of which several entries may have one.
        let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
        for (n, entry) in request.entries.iter().enumerate() {
            let Some(id) = &entry.id else {
                return Ok(single(Err(RequestFault::Processing(
                    "in a multi-request every entry needs an Id",
                ))));
            };
            by_id.entry(id).or_default().push(n);
        }
        let mut out = Self {
            different: Vec::new(),
            places: None,
            attributes: 0,
        };
        let mut places = Vec::with_capacity(request.references.len());
        // Its place and its attributes, by the numbers of its entries.
        let mut known: HashMap<Vec<usize>, (usize, usize)> = HashMap::new();
        for ids in &request.references {
            let mut distinct: Vec<&str> = ids.iter().map(String::as_str).collect();
            distinct.sort_unstable();
            distinct.dedup();
            let mut named = Vec::new();
            for id in distinct {
                named.extend_from_slice(by_id.get(id).map(Vec::as_slice).unwrap_or_default());
                if named.len() > MAX_ATTRIBUTES {
                    return Err(ExceededBound::Attributes);
                }
            }
            named.sort_unstable();
            let (place, its_attributes) = *known.entry(named).or_insert_with_key(|named| {
                let entries: Vec<&RequestCategory<'_>> =
                    named.iter().map(|n| &request.entries[*n]).collect();
                let its_attributes = attributes(&entries);
                out.different.push(Ok(entries));
                (out.different.len() - 1, its_attributes)
            });
            places.push(place);
            out.attributes += its_attributes;
            if out.attributes > MAX_ATTRIBUTES {
                return Err(ExceededBound::Attributes);
            }
        }
        if out.different.len() < places.len() {
            out.places = Some(places);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pdp::request;

    fn entry(id: &str, attributes: usize) -> Value {
        let attribute = json!({"AttributeId": "urn:a", "Value": "1"});
        json!({"Id": id, "Attribute": vec![attribute; attributes]})
    }

    /// A request of a subject with so many attributes, an action, two resources, and these references.
    fn with(attributes: usize, references: &[&[&str]]) -> String {
        let references: Vec<Value> = references
            .iter()
            .map(|ids| json!({"ReferenceId": ids}))
            .collect();
        json!({"Request": {"AccessSubject": [entry("s", attributes)], "Action": [entry("a", 1)],
            "Resource": [entry("r", 1), entry("q", 1)], "MultiRequests": {"RequestReference": references}}})
        .to_string()
    }

    fn parts(text: &str) -> Result<(usize, Option<Vec<usize>>, usize), ExceededBound> {
        let request = request::read(text.as_bytes()).unwrap();
        DecisionParts::of(&request, 1_000).map(|p| (p.different.len(), p.places, p.attributes))
    }

    #[test]
    fn references_to_the_same_entries_are_one_decision() {
        let found = parts(&with(
            2,
            &[
                &["s", "a", "r"],
                &["s", "a", "q"],
                &["r", "s", "a", "s", "unknown"],
            ],
        ));
        assert_eq!(found, Ok((2, Some(vec![0, 1, 0]), 12)));
        let found = parts(&with(2, &[&["s", "a", "r"], &["s", "a", "q"]]));
        assert_eq!(found, Ok((2, None, 8)));
    }

    #[test]
    fn attributes_count_for_each_decision() {
        let reference: &[&str] = &["s", "a", "r"];
        assert_eq!(
            parts(&with(498, &[reference; 100])),
            Ok((1, Some(vec![0; 100]), 50_000))
        );
        assert_eq!(
            parts(&with(499, &[reference; 100])),
            Err(ExceededBound::Attributes)
        );
    }

    #[test]
    fn references_are_bounded() {
        let ten: &[&str] = &["s", "a", "r", "q", "1", "2", "3", "4", "5", "6"];
        let eleven: &[&str] = &["s", "a", "r", "q", "1", "2", "3", "4", "5", "6", "7"];
        assert!(parts(&with(1, &[ten; 1_000])).is_ok());
        let mut references = vec![ten; 999];
        references.push(eleven);
        assert_eq!(parts(&with(1, &references)), Err(ExceededBound::References));
    }
}
