//! Persons and their index values, as they are stored and as they shall be.

/// A person's index values, as stored.
#[derive(Debug)]
pub struct StoredPerson {
    pub key: i32,
    pub hmac: Vec<u8>,
    pub enc: Option<Vec<u8>>,
}

/// An index value besides the person's own.
#[derive(Debug)]
pub struct StoredFormerIndex {
    pub key: i32,
    pub hmac: Vec<u8>,
    pub enc: Option<Vec<u8>>,
}

/// What is to be written for a batch.
#[derive(Debug, Default)]
pub struct RekeyChanges {
    pub persons: Vec<StoredPerson>,
    pub removed: Vec<Vec<u8>>,
    pub added: Vec<StoredFormerIndex>,
}
