//! Reading the body that describes a person.

use foundation::http::{
    ApiResult,
    bind::{Binder, MemberPresence},
    body,
};

use crate::errors::{AccessResult, InvalidCode, InvalidInput, refuse};

/// A person as a caller describes them.
#[derive(Clone)]
pub struct PersonInput {
    /// Identity number.
    pub person_identifier: String,
    /// Last name.
    pub last_name: String,
}

impl std::fmt::Debug for PersonInput {
    /// Without the number and the name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonInput")
    }
}

impl PersonInput {
    /// Refuses blank members.
    ///
    /// # Errors
    /// A finding for each.
    pub(super) fn must_be_complete(&self) -> AccessResult<()> {
        let mut findings = Vec::new();
        if self.person_identifier.trim().is_empty() {
            let text = "personIdentifier is null or empty.";
            let (path, name) = ("/PersonIdentifier", "personIdentifier");
            findings.push(InvalidInput::new(InvalidCode::Required, path, name, text));
        }
        if self.last_name.trim().is_empty() {
            let text = "lastname is either null or empty.";
            findings.push(InvalidInput::new(
                InvalidCode::Required,
                "/LastName",
                "lastName",
                text,
            ));
        }
        refuse(findings)
    }
}

/// Reads the body; none where there is no body, or `null`.
///
/// # Errors
/// Model state.
pub fn bind_person(bytes: &[u8]) -> ApiResult<Option<PersonInput>> {
    const BODY: &str = "personInput";
    if body::without_mark(bytes)
        .iter()
        .all(u8::is_ascii_whitespace)
    {
        return Ok(None);
    }
    let value = body::parse(bytes, BODY)?;
    if value.is_null() {
        return Ok(None);
    }
    let mut binder = Binder::new(BODY);
    let root = binder.root(&value)?;
    let mut text = |name| binder.text(&root, name, MemberPresence::Optional);
    let (person_identifier, last_name) = (text("personIdentifier")?, text("lastName")?);
    binder.finish()?;
    Ok(Some(PersonInput {
        person_identifier: person_identifier.unwrap_or_default(),
        last_name: last_name.unwrap_or_default(),
    }))
}
