//! What can be wrong with a key file.

use std::{fmt, io};

/// Something wrong with the file of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFileFinding {
    /// The setting, such as `keys.person_id` or `tokens.signing_keys, file 2`.
    pub setting: String,
    /// What is wrong.
    pub fault: KeyFault,
}

impl fmt::Display for KeyFileFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.fault)
    }
}

/// What is wrong with a key file, and what helps. The text contains neither a path nor a part of a
/// key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Nothing is there.
    #[error("the file that it names does not exist")]
    Missing,
    /// It is there, and could not be looked at.
    #[error(
        "the file that it names cannot be read by this user ({0}); run as the user of the service"
    )]
    Unread(io::ErrorKind),
    /// A folder, a device.
    #[error("it names no regular file")]
    NotAFile,
    /// No key is that large.
    #[error("the file that it names is larger than a key")]
    TooLarge,
    /// Not text.
    #[error("the file that it names is not text")]
    NotText,
    /// Group or others have a right.
    #[error("others than the owner can read or write the file (mode {mode:04o}); use `chmod 600`")]
    Exposed {
        /// Rights of the file, as `chmod` takes them.
        mode: u32,
    },
    /// Group or others can put a key of their own there.
    #[error("others than the owner can write the file (mode {mode:04o}); use `chmod go-w`")]
    Writable {
        /// Rights of the file, as `chmod` takes them.
        mode: u32,
    },
    /// Made by `systembruker sandbox`, whatever the file is called now.
    #[error("the key was made by a sandbox; make one for this installation alone")]
    OfSandbox,
    /// Known from a standard or a documentation.
    #[error("the key is printed in public examples; make one of your own")]
    Sample,
    /// Cannot be parsed as what the setting wants.
    #[error(
        "the file is no RSA key in PKCS#8 PEM; make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`"
    )]
    NotRsa,
    /// RSA of fewer than 2048 bits.
    #[error(
        "the RSA key has {bits} bits, and 2048 are the least; make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`"
    )]
    ShortRsa {
        /// Length of the modulus.
        bits: usize,
    },
    /// Neither hex nor base64.
    #[error("the file holds neither hex nor base64; make one with `openssl rand -hex 32`")]
    NotEncoded,
    /// Fewer than 32 bytes.
    #[error(
        "the key has {bytes} bytes, and 32 are the least; make one with `openssl rand -hex 32`"
    )]
    Short {
        /// Bytes of the key.
        bytes: usize,
    },
    /// Could be guessed.
    #[error("the key is not random: {0}; make one with `openssl rand -hex 32`")]
    NotRandom(KeyPattern),
    /// No key set, or none whose keys can be used.
    #[error("the file is no key set (JWKS) with a usable key")]
    NoKeySet,
    /// Another setting has the same key.
    #[error("the key is the same as that of {other}; each purpose needs a key of its own")]
    Shared {
        /// The setting that came first.
        other: String,
    },
}

/// How a key shows that it was not drawn at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPattern {
    /// The same bytes again and again, all of them zero among others.
    Repetition,
    /// Each byte is the one before and a constant.
    Counting,
    /// Few different bytes.
    FewBytes,
    /// Letters, digits and the like: something that was typed.
    Text,
    /// A well-known word.
    Word,
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repetition => "it repeats itself",
            Self::Counting => "it counts",
            Self::FewBytes => "it has few different bytes",
            Self::Text => "it is a text",
            Self::Word => "it holds a well-known word",
        })
    }
}

impl KeyFault {
    /// Whether nothing is known about the key, since this user may not read it.
    #[must_use]
    pub const fn is_unread(&self) -> bool {
        matches!(self, Self::Unread(_))
    }
}
