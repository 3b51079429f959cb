//! Why Maskinporten finds no system user for a client and a customer. Pure.

macro_rules! causes {
    ($($name:ident = ($word:literal, $hint:literal);)*) => {
        /// Why there is no token.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        pub enum MissingTokenCause {
            $(#[doc = concat!("`", $word, "`: ", $hint)] #[serde(rename = $word)] $name,)*
        }

        impl MissingTokenCause {
            /// As on the wire.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What to do about it, in English.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }

            /// Word and hint, for the description of an error.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($word, ": ", $hint),)* }
            }
        }
    };
}

causes! {
    ClientUnknown = ("client_unknown", "No system of yours has the client id: register it on the system.");
    SystemDeleted = ("system_deleted", "The system that has the client id is deleted: register another one.");
    ExternalReferenceMissing = ("external_reference_missing", "The organisation has a system user under an external reference: send it as externalRef.");
    ExternalReferenceDiffers = ("external_reference_differs", "The organisation has a system user, but not under this external reference: send the one of the request, letter by letter.");
    OrganizationIsAClient = ("organization_is_a_client", "The organisation is a client: the system user belongs to its facilitator, whose number is to be sent.");
    SystemUserDeleted = ("system_user_deleted", "The system user was deleted: send a new request.");
    RequestOpen = ("request_open", "The request is not answered yet: the organisation has to approve it.");
    RequestRejected = ("request_rejected", "The organisation rejected the request: agree with it, then send a new one.");
    NeverRequested = ("never_requested", "The organisation was never asked: send a request.");
}

/// What is known of a system and an organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MissingTokenFacts {
    /// The system is deleted.
    pub is_system_deleted: bool,
    /// External references of the system users that there are.
    pub active: Vec<String>,
    /// A system user was deleted.
    pub has_deleted: bool,
    /// A request waits for an answer.
    pub has_open_request: bool,
    /// A request was answered with no.
    pub has_rejected_request: bool,
    /// The organisation is a client of a system user of the system.
    pub is_client: bool,
}

/// Why no system user is found: the first cause that fits. None when one is found. `facts` are none
/// when the client id is on no system of the vendor.
#[must_use]
pub fn cause(
    facts: Option<&MissingTokenFacts>,
    external_ref: Option<&str>,
    organization: &str,
) -> Option<MissingTokenCause> {
    let Some(facts) = facts else {
        return Some(MissingTokenCause::ClientUnknown);
    };
    let wanted = external_ref.unwrap_or(organization);
    if facts.is_system_deleted {
        Some(MissingTokenCause::SystemDeleted)
    } else if facts.active.iter().any(|active| active == wanted) {
        None
    } else if !facts.active.is_empty() {
        Some(if external_ref.is_none() {
            MissingTokenCause::ExternalReferenceMissing
        } else {
            MissingTokenCause::ExternalReferenceDiffers
        })
    } else if facts.is_client {
        Some(MissingTokenCause::OrganizationIsAClient)
    } else if facts.has_deleted {
        Some(MissingTokenCause::SystemUserDeleted)
    } else if facts.has_open_request {
        Some(MissingTokenCause::RequestOpen)
    } else if facts.has_rejected_request {
        Some(MissingTokenCause::RequestRejected)
    } else {
        Some(MissingTokenCause::NeverRequested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORGANIZATION: &str = "390381492";

    fn facts(change: impl FnOnce(&mut MissingTokenFacts)) -> MissingTokenFacts {
        let mut facts = MissingTokenFacts::default();
        change(&mut facts);
        facts
    }

    #[rstest::rstest]
    #[case::nothing(facts(|_| {}), None, MissingTokenCause::NeverRequested)]
    #[case::deleted_system(facts(|f| { f.is_system_deleted = true; f.active = vec![ORGANIZATION.into()]; }), None, MissingTokenCause::SystemDeleted)]
    #[case::not_sent(facts(|f| f.active = vec!["avd-1".into()]), None, MissingTokenCause::ExternalReferenceMissing)]
    #[case::another(facts(|f| f.active = vec!["avd-1".into()]), Some("Avd-1"), MissingTokenCause::ExternalReferenceDiffers)]
    #[case::client(facts(|f| { f.is_client = true; f.has_deleted = true; }), None, MissingTokenCause::OrganizationIsAClient)]
    #[case::deleted(facts(|f| { f.has_deleted = true; f.has_open_request = true; }), None, MissingTokenCause::SystemUserDeleted)]
    #[case::open(facts(|f| { f.has_open_request = true; f.has_rejected_request = true; }), None, MissingTokenCause::RequestOpen)]
    #[case::rejected(facts(|f| f.has_rejected_request = true), None, MissingTokenCause::RequestRejected)]
    fn the_first_cause_that_fits(
        #[case] facts: MissingTokenFacts,
        #[case] external_ref: Option<&str>,
        #[case] expected: MissingTokenCause,
    ) {
        assert_eq!(
            cause(Some(&facts), external_ref, ORGANIZATION),
            Some(expected)
        );
    }

    #[test]
    fn a_system_user_under_the_number_or_the_reference_is_found() {
        let by_number = facts(|f| f.active = vec![ORGANIZATION.into()]);
        assert_eq!(cause(Some(&by_number), None, ORGANIZATION), None);
        let by_reference = facts(|f| f.active = vec!["avd-1".into()]);
        assert_eq!(
            cause(Some(&by_reference), Some("avd-1"), ORGANIZATION),
            None
        );
    }

    #[test]
    fn a_client_of_no_system_is_unknown() {
        assert_eq!(
            cause(None, None, ORGANIZATION),
            Some(MissingTokenCause::ClientUnknown)
        );
    }
}
