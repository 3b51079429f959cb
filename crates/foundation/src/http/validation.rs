//! Validation errors inside a `STD-00000` body.

use serde_json::{Map, Value};

macro_rules! validation_codes {
    ($($name:ident = ($code:literal, $title:literal, $path:literal);)*) => {
        /// Every validation code, with its title and the path that it is usually reported under; empty
        /// for none.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ValidationCode {
            $(#[doc = concat!("`", $code, "`: `", $title, "`")] $name,)*
        }

        impl ValidationCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            const fn row(self) -> (&'static str, &'static str, &'static str) {
                match self { $(Self::$name => ($code, $title, $path),)* }
            }
        }
    };
}

validation_codes! {
    VendorIdNotIso6523 = ("AUTH.VLD-00000", "the org number identifier is not valid ISO6523 identifier", "/registersystemrequest/vendor/id");
    SystemIdFormat = ("AUTH.VLD-00001", "The system id does not match the format orgnumber_xxxx...", "/registersystemrequest/systemid");
    SystemIdExists = ("AUTH.VLD-00002", "The system id already exists", "/registersystemrequest/systemid");
    ResourceNotFound = ("AUTH.VLD-00003", "One or more resources specified in rights were not found in Altinn's resource register.", "/registersystemrequest/rights/resource");
    ClientIdTaken = ("AUTH.VLD-00004", "One of the client id is already tagged with an existing system", "/registersystemrequest/clientid");
    RedirectUrlFormat = ("AUTH.VLD-00005", "One or more of the redirect urls format is not valid. The valid format is https://xxx.xx", "/registersystemrequest/allowedredirecturls");
    DuplicateRight = ("AUTH.VLD-00006", "One or more duplicate rights found", "/registersystemrequest/rights/resource");
    DuplicatePackage = ("AUTH.VLD-00007", "One or more duplicate access package(s) found", "/registersystemrequest/accesspackages");
    PackageInvalid = ("AUTH.VLD-00008", "One or all the accesspackage(s) is not found in altinn's access packages or is not delegable", "/registersystemrequest/accesspackages");
    ResourceIdFormat = ("AUTH.VLD-00009", "One or more resource id is in wrong format. The valid format is urn:altinn:resource", "/registersystemrequest/rights/resource");
    DuplicateClientId = ("AUTH.VLD-00011", "Request contains duplicate client ids", "/registersystemrequest/clientid");
    SystemIdMismatch = ("AUTH.VLD-00012", "The system ID in the request body does not match the system ID in the URL", "/registersystemrequest/systemid");
    SystemIdSpaces = ("AUTH.VLD-00013", "System ID cannot have spaces in id (leading, trailing or in between the id)", "/registersystemrequest/systemid");
    AgentMissing = ("AUTH.VLD-00014", "The agent query parameter is missing or invalid", "?agent");
    AgentNotFound = ("AUTH.VLD-00014", "System user not found", "?agent");
    NotAnAgent = ("AUTH.VLD-00015", "SystemUser is not a valid system user of type agent", "?agent");
    ClientMissing = ("AUTH.VLD-00016", "The client query parameter is missing or invalid", "?client");
    ResourceNotDelegable = ("AUTH.VLD-00017", "One or more resources specified in rights is of resource type which is not delegable.", "/registersystemrequest/rights/resource");
    ClientPackageOnVisibleSystem = ("AUTH.VLD-00018", "Access packages meant for system user for client relations can't be used in combination with the flag isVisible: true", "/registersystemrequest/accesspackages");
    TooManyToReplace = ("RR.VLD-00000", "Cannot replace more than 100 members at a time. Use POST and DELETE methods instead.", "/data");
    TooManyToChange = ("RR.VLD-00001", "Cannot add or remove more than 100 members at a time.", "/data");
    ResourceNeeded = ("RR.VLD-00002", "Resource identifier is required when including resource connections.", "");
    PartyNeeded = ("RR.VLD-00003", "At least 1 party must be specified.", "/$QUERY/party");
    PartyUrnInvalid = ("RR.VLD-00004", "Invalid party URN.", "/$QUERY/party");
    ResourceUrnInvalid = ("RR.VLD-00005", "Invalid resource URN.", "/$QUERY/resource");
    SeveralParties = ("RR.VLD-00006", "Multiple parties currently not supported.", "/$QUERY/party");
    SeveralResources = ("RR.VLD-00007", "Multiple resources currently not supported.", "/$QUERY/resource");
    LimitOutOfRange = ("RR.VLD-00008", "Limit must be between 1 and 1000.", "");
    OwnerUnknown = ("RR.VLD-00010", "Access list owner must be a valid and registered org-code.", "/$PATH/owner");
    OutOfRange = ("RR.VLD-00011", "Value outside valid range.", "/$QUERY/limit");
    SubUnitsOfParty = ("REG.VLD-00000", "Cannot request party subunits", "/$QUERY/fields");
    TooManyItems = ("REG.VLD-00001", "Too many items requested", "/data");
    Required = ("STD.VLD-00000", "The field is required.", "");
    TooLong = ("STD.VLD-00005", "The value is too long.", "");
}

impl ValidationCode {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// Fixed text.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().1
    }

    /// An error of this code at its usual path.
    #[must_use]
    pub fn error(self) -> ValidationError {
        match self.row().2 {
            "" => self.at_all(&[]),
            path => self.at(path),
        }
    }

    /// An error of this code at a given path.
    #[must_use]
    pub fn at(self, path: &str) -> ValidationError {
        self.at_all(&[path])
    }

    /// An error of this code at several paths.
    #[must_use]
    pub fn at_all(self, paths: &[&str]) -> ValidationError {
        ValidationError {
            code: self,
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            detail: None,
            extensions: Map::new(),
        }
    }
}

/// One finding of a validation.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationError {
    /// Which one.
    pub code: ValidationCode,
    /// Fixed path texts, not pointers into the caller's document.
    pub paths: Vec<String>,
    /// What is wrong, where the title alone does not say it.
    pub detail: Option<String>,
    /// Further members at the end.
    pub extensions: Map<String, Value>,
}

impl ValidationError {
    /// Says what is wrong.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a member at the end.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }
}
