//! Where the journal of revocations is.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

/// `recovery.journal`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum JournalPlace {
    /// There is none, and that is meant.
    None,
    /// A folder on a disk that is not the database's.
    Folder(PathBuf),
    /// An object store.
    Store(Url),
}

/// Written for [`JournalPlace::None`].
const NONE: &str = "none";
/// Kinds of object stores.
const SCHEMES: [&str; 6] = ["s3", "s3a", "gs", "az", "abfs", "abfss"];

/// A text names no place for a journal.
#[derive(Debug, thiserror::Error)]
#[error(
    "must be a folder, the address of an object store (s3://, gs://, az:// or abfs://), or `none`"
)]
pub struct InvalidJournalPlace;

impl TryFrom<String> for JournalPlace {
    type Error = InvalidJournalPlace;

    fn try_from(text: String) -> Result<Self, InvalidJournalPlace> {
        if text == NONE {
            return Ok(Self::None);
        }
        if !text.contains("://") {
            return if text.trim().is_empty() {
                Err(InvalidJournalPlace)
            } else {
                Ok(Self::Folder(text.into()))
            };
        }
        let address = Url::parse(&text).map_err(|_| InvalidJournalPlace)?;
        let is_plain = address.username().is_empty() && address.password().is_none();
        if SCHEMES.contains(&address.scheme()) && address.has_host() && is_plain {
            Ok(Self::Store(address))
        } else {
            Err(InvalidJournalPlace)
        }
    }
}

impl fmt::Display for JournalPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str(NONE),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Store(address) => write!(f, "{address}"),
        }
    }
}

impl From<JournalPlace> for String {
    fn from(place: JournalPlace) -> Self {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_none_a_folder_or_an_object_store() {
        let read = |text: &str| JournalPlace::try_from(text.to_owned());
        assert_eq!(read("none").unwrap(), JournalPlace::None);
        assert_eq!(
            read("/var/lib/journal").unwrap(),
            JournalPlace::Folder("/var/lib/journal".into())
        );
        assert!(matches!(
            read("s3://bucket/sb").unwrap(),
            JournalPlace::Store(_)
        ));
        for text in [
            "",
            "  ",
            "ftp://host/x",
            "s3://",
            "s3://key:secret@bucket/x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
