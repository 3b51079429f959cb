//! The one list of problem codes: number, status and title never vary, clients match on them.

use http::StatusCode;
use serde_json::{Map, Value};

macro_rules! problem_codes {
    ($($name:ident = ($number:literal, $status:literal, $title:literal);)*) => {
        /// Every `AUTH-000NN` code, with its fixed status and title.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemCode {
            $(#[doc = concat!("`AUTH-", stringify!($number), "`, ", stringify!($status), ": ", $title)] $name,)*
        }

        impl ProblemCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            const fn row(self) -> (u16, u16, &'static str) {
                match self { $(Self::$name => ($number, $status, $title),)* }
            }
        }
    };
}

problem_codes! {
    OrganizationNotFound = (0, 400, "Can't resolve the Organisation Number from the logged in Reportee PartyId.");
    RightsNotFoundOrNotDelegable = (1, 400, "One or more Right not found or not delegable.");
    DelegationFailed = (2, 400, "The Delegation failed.");
    SystemUserNotCreated = (3, 400, "Failed to create the SystemUser.");
    SystemUserExists = (4, 400, "Failed to create new SystemUser, existing SystemUser tied to the given System-Id.");
    DefaultError = (5, 400, "Default error at the end of logic chain. Not supposed to appear.");
    RequestAccepted = (6, 400, "The combination of External Ids refer to an already Accepted SystemUser.");
    RequestPending = (7, 400, "The combination of External Ids refer to a Pending Request, please reuse or delete.");
    RequestDenied = (8, 400, "The combination of External Ids refer to a Denied Request, please delete and renew the Request.");
    RequestRejected = (9, 400, "The combination of External Ids refer to a Rejected Request, please delete and renew the Request.");
    RequestNotFound = (10, 404, "The Id does not refer to a Request in our system.");
    SystemNotFound = (11, 404, "The Id does not refer to a Registered System.");
    RequestNotStored = (12, 404, "An error occured when storing the Request.");
    RequestNotNew = (13, 409, "The Status of the Request is not New.");
    DelegationCheckUnknown = (14, 403, "DelegationCheck failed with unknown error.");
    SystemUserNotFound = (15, 404, "The SystemUser was not found.");
    MissingRoleAccess = (16, 403, "DelegationCheck failed with error: Has not access by a delegation of role in ER or Altinn.");
    SystemNameNotFound = (17, 404, "The SystemName was not found.");
    MissingDelegationAccess = (18, 403, "DelegationCheck failed with error: Has not access by direct delegation.");
    MissingSrrRightAccess = (19, 403, "DelegationCheck failed with error: The service requires explicit access in SRR and the reportee is missing this.");
    InsufficientAuthenticationLevel = (20, 403, "DelegationCheck failed with error: The service requires explicit authentication level and the reportee is missing this.");
    RedirectUrlNotValid = (21, 400, "The RedirectUri was not found or not valid.");
    RightsNotRevoked = (22, 400, "The operation to revoke rights failed.");
    VendorNotInToken = (23, 401, "Can't resolve the Organisation Number for the Vendor from the Token.");
    NotYourSystemUser = (24, 403, "you don't have rights to delete this systemuser");
    NotAnAgentRequest = (25, 400, "The request id is valid but its not a valid request for creating an agent system user");
    NoRedirectUrls = (26, 400, "No redirect uris are set for the system");
    PackageWithoutRole = (27, 400, "The accesspackage provided in the request can't be mapped to a valid role.");
    CustomerIdInvalid = (28, 400, "The customer id was not provided or did not validate.");
    AgentRequestNotFound = (30, 404, "The Id does not refer to an AgentRequest in our system.");
    ClientNotRemoved = (31, 400, "Party does not match delegation facilitator.");
    AssignmentNotFound = (32, 400, "Assignment not found.");
    AgentNotDeleted = (33, 400, "Failed to delete the agent system user");
    NotAnAgent = (34, 400, "The system user type of the provided system user GUID is not an agent.");
    AgentHasClients = (35, 400, "The system user has delegations from customer. Remove the delegations before deleting the system user");
    NotStandard = (36, 400, "The system user type of the provided system user GUID is not standard.");
    TooManyAssignments = (37, 400, "To many assignment found");
    DelegationNotFound = (38, 400, "Delegation not found");
    FacilitatorMismatch = (39, 400, "Party does not match delegation facilitator");
    AssignmentMismatch = (40, 400, "Party does not match delegation assignments");
    PartyMismatch = (41, 403, "Party does not match request's orgno");
    AgentPartyMismatch = (42, 403, "Party does not match agent request's orgno");
    ClientsUnauthorized = (43, 401, "Unauthorized");
    ClientsForbidden = (44, 403, "Forbidden");
    ClientsFailed = (45, 400, "Failed to get clients");
    DelegatedPackagesFailed = (46, 400, "Failed to get list of accesspackages delegated");
    RightHolderNotAdded = (47, 400, "Unable to add system user as right holder to the organisation");
    PartyNotPushed = (48, 400, "Unable to push system user information to access management");
    PartyWithoutUuid = (49, 400, "The party is missing its uuid.");
    PackageCheckFailed = (50, 400, "The delegation check failed for access packages");
    PackageDelegationFailed = (51, 400, "The delegation of access package to the system user failed");
    PackagesInvalid = (52, 400, "One or more access packages are invalid");
    MissingPackagesToDelegate = (53, 400, "The user does not have enough access to delegate the requested access packages");
    RightHolderNotRemoved = (54, 400, "Unable to remove system user as right holder from the organisation");
    DelegatedPackagesUnreadable = (55, 500, "Failed to get delegated access packages");
    SystemUserNotDeleted = (56, 400, "Failed to delete system user");
    PackageNotRevoked = (57, 400, "Failed to delete access package delegation for system user");
    AgentWithoutPackages = (58, 400, "No AccessPackages found, an Agent SystemUser must have at least one");
    NoRightsOrPackages = (59, 400, "No AccessPackages or Single Rights found, a SystemUser must have at least one");
    RequestNotUpdated = (60, 404, "An error occured when Updating the Request.");
    CorrelationIdUsed = (61, 409, "The Status of the Request is not New. Please generate a new CorrellationId for a new Change Request");
    DelegatedRightsUnreadable = (62, 500, "Failed to get delegated rights");
    PackageNotInSystem = (63, 400, "One or more accesspackage is not found in the referenced system in the System Register.");
    PackageNotAssignable = (64, 400, "One or more access packages cannot be delegated. Either they are intended for clients or they cannot be delegated further.");
    PackageNotForClients = (65, 400, "One or more access packages cannot be delegated because they are not intended for client relationships");
    NotAccessManager = (66, 403, "The request requires logged in user to have accessmanager write.");
    AgentNotRemoved = (67, 400, "Unable to add system user as agent for the organisation");
    MissingPackageAccess = (68, 403, "DelegationCheck failed with error: Has not access by a delegation of package in Altinn.");
    AccessListValidationFail = (69, 403, "DelegationCheck failed with error: The receiver does not have the right based on Access List delegation.");
    ResourceNotDelegable = (70, 403, "DelegationCheck failed with error: The resource cannot be delegated to another user or entity.");
    ResourceIsMaskinportenSchema = (71, 403, "DelegationCheck failed with error: The resource is not delegable because it is a Maskinporten schema resource.");
    InvalidCredentials = (72, 401, "Invalid credentials.");
    AccountLocked = (73, 429, "Account is temporarily locked.");
    NotSelfIdentified = (74, 403, "User is not a self identified user.");
    UserWithoutPartyUuid = (75, 400, "Authenticated user has no party UUID.");
    LinkTokenInvalid = (76, 401, "Invalid or expired link token.");
    LinkTokenForeign = (77, 403, "Link token does not belong to the authenticated user.");
    ConnectionNotCreated = (78, 502, "Failed to create the self-identified user connection.");
    ClientNotFound = (79, 400, "Client not found.");
    ClientLacksPackages = (80, 400, "Client does not have the accesspackages the agent system user requires");
}

/// A problem with a code of another family than `AUTH`, as it is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyProblem {
    /// Its code, such as `REG-00006`.
    pub code: &'static str,
    /// Fixed text.
    pub title: &'static str,
    /// HTTP status.
    pub status: StatusCode,
    /// Further members at the end of the body.
    pub extensions: Map<String, Value>,
}

impl FamilyProblem {
    /// Adds a member at the end of the body.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }

    /// Whether it says that the caller may not.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
    }
}

macro_rules! family {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = ($code:literal, $status:ident, $title:literal);)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = concat!("`", $code, "`: ", $title)] $variant,)*
        }

        impl $name {
            /// Every code of the family.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The problem, without further members.
            #[must_use]
            pub fn problem(self) -> FamilyProblem {
                let (code, status, title) = match self {
                    $(Self::$variant => ($code, StatusCode::$status, $title),)*
                };
                FamilyProblem { code, title, status, extensions: Map::new() }
            }
        }
    };
}

family! {
    /// Problems of the register's own endpoints.
    RegisterProblem {
        PartyUnknown = ("REG-00003", BAD_REQUEST, "Party not found");
        OrganizationNotFound = ("REG-00006", NOT_FOUND, "Organization not found");
        PartyNotFound = ("REG-00007", NOT_FOUND, "Party not found");
    }
}

family! {
    /// Problems of the resource registry.
    RegistryProblem {
        MembersNotIncluded = ("RR-00000", NOT_IMPLEMENTED, "Members are not supported yet as an include option for this endpoint.");
        PartiesNotFound = ("RR-00001", BAD_REQUEST, "One or more party references not found.");
        ResourcesNotFound = ("RR-00002", BAD_REQUEST, "One or more resource references not found.");
        ForeignResource = ("RR-00004", FORBIDDEN, "Cannot create a access-list connection to a resource not owned by the same service-owner as the access-list.");
    }
}

impl ProblemCode {
    /// `AUTH-` and five digits.
    #[must_use]
    pub fn code(self) -> String {
        format!("AUTH-{:05}", self.row().0)
    }

    /// The number alone.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.row().0
    }

    /// HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// Fixed text.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// Whether it says that the caller may not, whatever its status.
    #[must_use]
    pub const fn is_denial(self) -> bool {
        matches!(self.status(), 401 | 403)
            || matches!(
                self,
                Self::MissingPackagesToDelegate
                    | Self::PackageDelegationFailed
                    | Self::ClientNotRemoved
                    | Self::FacilitatorMismatch
                    | Self::AssignmentMismatch
            )
    }

    /// A problem with one further member.
    #[must_use]
    pub fn with(self, member: &str, value: impl Into<Value>) -> Problem {
        Problem::from(self).with(member, value)
    }
}

/// The content of a problem: a code, and the members that some codes add.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Which one.
    pub code: ProblemCode,
    /// Further members at the end of the body.
    pub extensions: Map<String, Value>,
}

impl Problem {
    /// Adds a member at the end of the body.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self {
            code,
            extensions: Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_in_order() {
        let numbers: Vec<u16> = ProblemCode::ALL.iter().map(|c| c.number()).collect();
        assert!(numbers.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(ProblemCode::RequestNotNew.code(), "AUTH-00013");
        assert_eq!(ProblemCode::RequestNotNew.status(), 409);
    }
}
