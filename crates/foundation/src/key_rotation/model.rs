//! What a key is known by.

/// A key, by the setting that names it and by what it is known by. It is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "columns of the table")]
pub struct KeyInUse {
    pub setting: &'static str,
    pub id: String,
}
