//! Reading the person that a body of the portal describes.

use access_management::person_lookup::{PersonInput, bind_person};
use foundation::{
    http::{ApiError, ApiResult},
    ids::NationalId,
};
use http::StatusCode;

/// Refuses with a sentence, as text.
pub fn refused(sentence: impl Into<String>) -> ApiError {
    ApiError::Text(StatusCode::BAD_REQUEST, sentence.into())
}

/// The person of a body, in place of the query parameter `named`.
///
/// # Errors
/// A sentence for a body that is missing, cannot be read or lacks a member, and for an identity number
/// that cannot be one.
pub fn bind_portal_person(bytes: &[u8], named: &str) -> ApiResult<PersonInput> {
    let found = bind_person(bytes).map_err(|_| refused("Failed to read PersonInput."))?;
    let sentence = || refused(format!("Either {named} or personInput must be provided."));
    complete(&found.ok_or_else(sentence)?)
}

/// The person without the quotes and blanks around its members.
///
/// # Errors
/// As [`bind_portal_person`].
pub fn complete(input: &PersonInput) -> ApiResult<PersonInput> {
    let input = cleaned(input);
    if input.person_identifier.is_empty() || input.last_name.is_empty() {
        let sentence = "PersonInput requires both personIdentifier and lastName.";
        return Err(refused(sentence));
    }
    if NationalId::parse(&input.person_identifier).is_err() {
        return Err(refused("Invalid person identifier format"));
    }
    Ok(input)
}

/// The members without quotes, and without blanks at their ends.
pub fn cleaned(input: &PersonInput) -> PersonInput {
    let clean = |text: &str| text.replace('"', "").trim().to_owned();
    PersonInput {
        person_identifier: clean(&input.person_identifier),
        last_name: clean(&input.last_name),
    }
}
