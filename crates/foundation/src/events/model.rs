//! The words of the outbox. Each is stored as its text on the wire, which never changes.

use serde_json::Value;
use uuid::Uuid;

macro_rules! events {
    ($($variant:ident = $word:literal of $subject:ident, $about:literal;)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $(#[doc = concat!("`", $word, "`: ", $about)] $variant,)*
        }

        impl EventKind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The text that is stored.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The kind of a stored text.
            #[must_use]
            pub fn from_wire(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.wire() == text)
            }

            /// What it is about.
            #[must_use]
            pub const fn subject(self) -> EventSubjectKind {
                match self { $(Self::$variant => EventSubjectKind::$subject,)* }
            }
        }
    };
}

events! {
    RequestCreated = "systemuser_request_created" of Request, "a vendor asked for a system user.";
    RequestAnswered = "systemuser_request_answered" of Request, "a person approved or rejected a request; `status` in the payload says which.";
    RequestEscalated = "systemuser_request_escalated" of Request, "a person passed a request on to those who may decide.";
    RequestTimedOut = "systemuser_request_timedout" of Request, "a request was not answered in time.";
    ChangeRequestCreated = "systemuser_changerequest_created" of ChangeRequest, "a vendor asked for a change.";
    ChangeRequestAnswered = "systemuser_changerequest_answered" of ChangeRequest, "a person approved or rejected a change; `status` in the payload says which.";
    ChangeRequestTimedOut = "systemuser_changerequest_timedout" of ChangeRequest, "a change was not answered in time.";
    SystemUserCreated = "systemuser_created" of SystemUser, "a system user was made.";
    SystemUserChanged = "systemuser_changed" of SystemUserChange, "a system user has another title, or holds more or less.";
    SystemUserDeleted = "systemuser_deleted" of SystemUser, "a system user was deleted.";
    ClientAdded = "systemuser_client_added" of ClientChange, "an agent was given a client.";
    ClientRemoved = "systemuser_client_removed" of ClientChange, "an agent lost a client.";
}

/// What a message is about: there is one message per event and subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSubjectKind {
    /// A request, by its id.
    Request,
    /// A change request, by its id.
    ChangeRequest,
    /// A system user, by its id: it is made and deleted once.
    SystemUser,
    /// One change of a system user, by an id of its own. `systemUserId` in the payload names the
    /// system user.
    SystemUserChange,
    /// One client that came or went, by an id of its own. `systemUserId` in the payload names the
    /// agent.
    ClientChange,
}

impl EventSubjectKind {
    /// The text that is stored.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::ChangeRequest => "change_request",
            Self::SystemUser => "system_user",
            Self::SystemUserChange => "system_user_change",
            Self::ClientChange => "client_change",
        }
    }
}

/// A message for the outbox.
#[derive(Debug)]
pub struct OutboxMessage<'a> {
    /// What happened.
    pub event: EventKind,
    /// Id of the subject, as [`EventKind::subject`] says.
    pub subject_id: Uuid,
    /// Customer organisation.
    pub party_org: &'a str,
    /// Vendor organisation.
    pub vendor_org: &'a str,
    /// Facts for the reader; no identity numbers.
    pub payload: Value,
}
