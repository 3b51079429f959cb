//! The words of the trail. Each is stored as its text on the wire, which never changes; rows of
//! earlier releases may carry others.

use chrono::{DateTime, Utc};
use uuid::Uuid;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal, $about:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`: ", $about)] $variant,)*
        }

        impl $name {
            /// Every word there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The text that is stored.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// What was done.
    Action {
        SystemCreated = "system.created", "a vendor registered a system.";
        SystemUpdated = "system.updated", "a vendor replaced its system.";
        SystemRightsChanged = "system.rights_changed", "a vendor replaced the rights that its system asks for.";
        SystemPackagesChanged = "system.packages_changed", "a vendor replaced the packages that its system asks for.";
        SystemDeleted = "system.deleted", "a vendor deleted its system.";
        RequestCreated = "request.created", "a vendor asked for a system user.";
        RequestReadByParty = "request.read_by_party", "a person of the customer was shown a request.";
        RequestApproved = "request.approved", "a person approved a request.";
        RequestRejected = "request.rejected", "a person rejected a request.";
        RequestEscalated = "request.escalated", "a person passed a request on to those who may decide.";
        RequestDeleted = "request.deleted", "a vendor took its request back.";
        RequestReplaced = "request.replaced", "a new request replaced one that cannot be answered any more.";
        ChangeRequestCreated = "changerequest.created", "a vendor asked for a change of a system user.";
        ChangeRequestReadByParty = "changerequest.read_by_party", "a person of the customer was shown a change request.";
        ChangeRequestApproved = "changerequest.approved", "a person approved a change.";
        ChangeRequestRejected = "changerequest.rejected", "a person rejected a change.";
        ChangeRequestDeleted = "changerequest.deleted", "a vendor took its change request back.";
        SystemUserCreated = "systemuser.created", "a system user was made.";
        SystemUserUpdated = "systemuser.updated", "a system user got another title.";
        SystemUserDeleted = "systemuser.deleted", "a system user was deleted.";
        DelegationGranted = "delegation.granted", "a system user, an organisation or a person was given rights or packages.";
        DelegationRevoked = "delegation.revoked", "rights or packages were taken from a system user, an organisation or a person.";
        AgentAdded = "agent.added", "a person or a system user may be given an organisation's clients.";
        AgentRemoved = "agent.removed", "a person or a system user is an agent no more, and lost all clients.";
        ClientAdded = "client.added", "an agent was given a client, or more of one.";
        ClientRemoved = "client.removed", "a client, or something of one, was taken from an agent.";
        RightholderAdded = "rightholder.added", "an organisation or a person became a right-holder of another.";
        RightholderRemoved = "rightholder.removed", "an organisation or a person is a right-holder no more, and lost what it was given.";
        PolicyUploaded = "policy.uploaded", "a service owner stored a policy.";
        ResourceChanged = "resource.changed", "a service owner created, replaced or deleted a resource; `detail.change` says which.";
        AccessListCreated = "accesslist.created", "a service owner made an access list.";
        AccessListUpdated = "accesslist.updated", "a service owner gave an access list another name or description.";
        AccessListDeleted = "accesslist.deleted", "a service owner deleted an access list.";
        AccessListMembersChanged = "accesslist.members_changed", "a service owner added members to an access list, or removed some.";
        AccessListConnectionChanged = "accesslist.connection_changed", "a service owner connected an access list to a resource, changed what that opens, or ended it.";
        SessionStarted = "session.started", "a person logged in.";
        SessionEnded = "session.ended", "a session ended before its time; `detail.cause` says why.";
        LoginFailed = "login.failed", "a login led to no session.";
        TokenExchanged = "token.exchanged", "a token was exchanged for one of our own.";
        TokenRefreshed = "token.refreshed", "the token of a session was renewed.";
        LookupByExternalId = "lookup.byexternalid", "Maskinporten looked a system user up: every refusal, and one hit in a hundred.";
        RecoverReplayed = "recover.replayed", "what ended an access was done again, since the database was older than its journal.";
        OperatorImported = "operator.imported", "a file was imported.";
        CatalogueImported = "catalogue.imported", "an operator replaced the stored catalogue of roles and packages.";
        OperatorRowInserted = "operator.row_inserted", "a row was added past the service.";
        OperatorRowUpdated = "operator.row_updated", "a row was changed past the service.";
        OperatorRowDeleted = "operator.row_deleted", "a row was deleted past the service.";
        RetentionDeleted = "retention.deleted", "rows were deleted since their time was over; `detail.rows` says how many, of a partitioned table how many partitions.";
        RetentionArchived = "retention.archived", "deleted requests were moved to the archive.";
        RetentionTombstoned = "retention.tombstoned", "references to persons were taken out of old requests.";
        KeyRotated = "key.rotated", "the service was started with another key, or stored data were brought to it; `detail` says which.";
        OperatorTableTruncated = "operator.table_truncated", "a table was emptied past the service.";
    }
}

words! {
    /// Kind of the thing that something was done to.
    ObjectKind {
        System = "system", "a system of the register; the id is its system id, in rows of the database's own about clients its internal id.";
        Request = "request", "a request for a system user.";
        ChangeRequest = "change_request", "a request for a change.";
        SystemUser = "system_user", "a system user.";
        Delegation = "delegation", "what a party gave to another; the id is the assignment's.";
        Party = "party", "a party that was to receive something or to give it back; the id is its uuid.";
        ClientDelegation = "client_delegation", "a client that an agent was given.";
        Resource = "resource", "a resource of the registry, by its identifier.";
        AccessList = "access_list", "an access list, as its owner's code, a colon and its identifier.";
        Import = "import", "a source and a kind of file.";
        Catalogue = "catalogue", "the catalogue of roles and packages, by its hash.";
        Session = "session", "a session of a browser: the first 16 hexadecimal digits of its id.";
        Recovery = "recovery", "the database as a whole; the id says whether a fail-over or a restore had made it older.";
        Login = "login", "an attempt to log in; it has no id.";
        Key = "key", "a key, by the setting that names it.";
        Retention = "retention", "a class of data that is kept for a limited time, by its name.";
        Token = "token", "a token; the id is the provider's name.";
    }
}

words! {
    /// Kind of an actor.
    ActorKind {
        Vendor = "vendor", "an organisation, as a vendor.";
        Person = "person", "a person.";
        SystemUser = "systemuser", "a system user.";
        ServiceOwner = "serviceowner", "an organisation, as a service owner.";
        Platform = "platform", "a part of the platform.";
        Operator = "operator", "the operator of the installation, at its command line.";
        Job = "job", "a task of our own.";
        Direct = "db_direct", "a user of the database who changed it past the service.";
    }
}

words! {
    /// How an attempt ended.
    Outcome {
        Ok = "ok", "it was done.";
        Denied = "denied", "the caller may not.";
        Failed = "failed", "it could not be done.";
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// The organisation of the token.
    Vendor,
    /// A person, by party uuid.
    Person(Uuid),
    /// A system user with its own token, by its id.
    SystemUser(Uuid),
    /// The organisation of the token, which owns a resource.
    ServiceOwner,
    /// The operator of the installation, at its command line.
    Operator,
    /// A task of our own.
    Job,
}

impl Actor {
    /// Its kind.
    #[must_use]
    pub const fn kind(self) -> ActorKind {
        match self {
            Self::Vendor => ActorKind::Vendor,
            Self::Person(_) => ActorKind::Person,
            Self::SystemUser(_) => ActorKind::SystemUser,
            Self::ServiceOwner => ActorKind::ServiceOwner,
            Self::Operator => ActorKind::Operator,
            Self::Job => ActorKind::Job,
        }
    }

    /// Party uuid, of a person or a system user.
    #[must_use]
    pub const fn person(self) -> Option<Uuid> {
        match self {
            Self::Person(uuid) | Self::SystemUser(uuid) => Some(uuid),
            Self::Vendor | Self::ServiceOwner | Self::Operator | Self::Job => None,
        }
    }
}

/// What was written to a file, as the database knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct WrittenCheckpoints {
    /// Rows of the chain at the first checkpoint.
    pub begun: i64,
    /// Rows of the chain at the newest.
    pub length: i64,
    /// When the newest was written.
    pub at: DateTime<Utc>,
}

/// What the chain is like after a checkpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChainAfterCheckpoint {
    /// The database's time.
    pub now: DateTime<Utc>,
    /// Time of the first row after it; none when there is none.
    pub first: Option<DateTime<Utc>>,
    /// Time of the last row of the chain.
    pub last: Option<DateTime<Utc>>,
}
