//! Domain primitives: parsed once at the edge, then trusted.
//!
//! Check digits are verified on import, at the sandbox login and nowhere else: test tokens and real
//! registers carry numbers that fail them, and a number without a party is simply unknown.

mod national_id;
mod org_number;
mod text;

pub use national_id::NationalId;
pub use org_number::{ISO6523_AUTHORITY, OrgNumber};
pub use text::{
    ExternalRef, PackageUrn, ResourceId, SystemId, is_displayable, is_displayable_char,
};

/// Why a text is not the identifier it was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Wrong length, or a character that does not belong.
    #[error("has the wrong form")]
    Form,
    /// The arithmetic of the check digits does not hold.
    #[error("has the wrong check digit")]
    CheckDigit,
}
