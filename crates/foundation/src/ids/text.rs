//! Identifiers that are text with a rule.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{IdError, OrgNumber};

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

text_id! {
    /// Public id of a registered system: `{vendor organisation number}_{name}`, at most 255
    /// characters.
    SystemId
}
text_id! {
    /// The vendor's own reference to a customer, at most 255 characters. Compared byte for byte.
    ExternalRef
}
text_id! {
    /// Identifier of a resource in the registry, such as `mva-melding` or `app_{org}_{app}`.
    ResourceId
}
text_id! {
    /// URN of an access package: `urn:altinn:accesspackage:{code}`.
    PackageUrn
}

/// Whether a character may be in a text that people are shown on one line: it is no control
/// character, does not end a line, and does not change the direction of text.
#[must_use]
pub fn is_displayable_char(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

/// Whether a text that people are shown has such characters alone. Another text could look like
/// something that it is not.
#[must_use]
pub fn is_displayable(text: &str) -> bool {
    text.chars().all(is_displayable_char)
}

impl SystemId {
    /// A system id taken from outside, to be looked up: any text names a system or none.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A new id for a system of `vendor`.
    ///
    /// # Errors
    /// [`IdError::Form`] when the text before the first `_` is not the vendor's number, nothing
    /// follows it, or it is not [displayable](is_displayable).
    pub fn new_for(vendor: OrgNumber, text: &str) -> Result<Self, IdError> {
        match text.split_once('_') {
            Some((owner, name))
                if owner == vendor.as_str() && !name.is_empty() && is_displayable(text) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(IdError::Form),
        }
    }
}

impl ExternalRef {
    /// What the vendor sent; absent, empty or blank means the customer's organisation number.
    #[must_use]
    pub fn or_default(given: Option<&str>, party_org_no: &str) -> Self {
        match given.map(str::trim) {
            Some(text) if !text.is_empty() => Self(text.to_owned()),
            _ => Self(party_org_no.to_owned()),
        }
    }

    /// What was sent in a look-up, byte for byte; absent or empty means the customer's organisation
    /// number.
    #[must_use]
    pub fn exact_or_default(given: Option<&str>, party_org_no: &str) -> Self {
        Self(
            given
                .filter(|text| !text.is_empty())
                .unwrap_or(party_org_no)
                .to_owned(),
        )
    }
}

impl ResourceId {
    /// Takes any text: the registry knows it or not.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl PackageUrn {
    /// Takes any text: the catalogue knows it or not.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The last part, which policies use as value of `urn:altinn:accesspackage`.
    #[must_use]
    pub fn value(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_id_begins_with_its_vendor() {
        let vendor = OrgNumber::parse("390198116").unwrap();
        assert!(SystemId::new_for(vendor, "390198116_fjordlonn").is_ok());
        for wrong in [
            "390198116",
            "390198116_",
            "390198117_fjordlonn",
            "fjordlonn",
            "390198116_a\u{7}",
            "390198116_a\u{202e}b",
        ] {
            assert!(SystemId::new_for(vendor, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_blank_external_ref_is_the_customers_number() {
        for blank in [None, Some(""), Some("  ")] {
            assert_eq!(
                ExternalRef::or_default(blank, "390381492").as_str(),
                "390381492"
            );
        }
        assert_eq!(
            ExternalRef::or_default(Some(" a "), "390381492").as_str(),
            "a"
        );
    }
}
