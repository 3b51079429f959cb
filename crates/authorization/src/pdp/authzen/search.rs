//! Searches: which questions are tried. Pure.

use serde_json::{Map, Value, json};

use super::question::{AuthzenQuestion, QuestionSources, SearchCandidate, object, text};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchedKind {
    /// Who may do it.
    Subject,
    /// On what.
    Resource,
    /// What may be done.
    Action,
}

impl SearchedKind {
    /// Last part of its address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Resource => "resource",
            Self::Action => "action",
        }
    }
}

/// A search, with what it leaves open.
#[derive(Debug)]
pub struct AuthzenSearch<'a> {
    /// What is looked for.
    pub searched: SearchedKind,
    /// Type of what is looked for; empty for actions.
    pub kind: String,
    members: &'a Map<String, Value>,
}

impl<'a> AuthzenSearch<'a> {
    /// Reads a search: what is looked for needs a type, everything else must be whole.
    ///
    /// # Errors
    /// What is missing or of the wrong type, in words.
    pub fn read(searched: SearchedKind, members: &'a Map<String, Value>) -> Result<Self, String> {
        let kind = match searched {
            SearchedKind::Action => String::new(),
            open => text(
                object(members.get(open.as_str()), open.as_str())?,
                "type",
                open.as_str(),
            )?
            .to_owned(),
        };
        let search = Self {
            searched,
            kind,
            members,
        };
        search.question("candidate")?;
        Ok(search)
    }

    /// The question whether a candidate is a hit.
    ///
    /// # Errors
    /// What is wrong with the rest of it, in words.
    pub fn question<'q>(&'q self, candidate: &'q str) -> Result<AuthzenQuestion<'q>, String> {
        let candidate = match self.searched {
            SearchedKind::Subject => SearchCandidate::Subject(candidate),
            SearchedKind::Resource => SearchCandidate::Resource(candidate),
            SearchedKind::Action => SearchCandidate::Action(candidate),
        };
        AuthzenQuestion::with(self.sources(), Some(candidate))
    }

    /// An id that nothing has, of the form that ids of what is looked for have.
    pub fn placeholder(&self) -> &'static str {
        if self.kind == "party" {
            "000000000"
        } else {
            "00000000-0000-0000-0000-000000000000"
        }
    }

    /// The members that its questions have in common.
    pub fn sources(&self) -> QuestionSources<'_> {
        QuestionSources::of(self.members)
    }

    /// A hit as an answer contains it.
    #[must_use]
    pub fn to_json(&self, candidate: &str) -> Value {
        match self.searched {
            SearchedKind::Action => json!({"name": candidate}),
            _ => json!({"type": self.kind, "id": candidate}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_looked_for_may_be_left_open() {
        let members = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let whole = r#"{"subject":{"type":"systemuser","id":"x"},"action":{"name":"read"},"resource":{"type":"resource","id":"y"}}"#;
        for searched in [
            SearchedKind::Subject,
            SearchedKind::Resource,
            SearchedKind::Action,
        ] {
            assert!(AuthzenSearch::read(searched, &members(whole)).is_ok());
        }
        let open = r#"{"subject":{"type":"systemuser"},"action":{"name":"read"},"resource":{"type":"resource","id":"y"}}"#;
        let open = members(open);
        let search = AuthzenSearch::read(SearchedKind::Subject, &open).unwrap();
        assert_eq!(search.question("z").unwrap().subject.id, "z");
        assert_eq!(
            search.to_json("z"),
            json!({"type": "systemuser", "id": "z"})
        );
        assert_eq!(
            AuthzenSearch::read(SearchedKind::Resource, &open).unwrap_err(),
            "subject.id is required"
        );
        assert_eq!(
            AuthzenSearch::read(
                SearchedKind::Action,
                &members(r#"{"subject":{"type":"a","id":"b"}}"#)
            )
            .unwrap_err(),
            "resource is required"
        );
    }
}
