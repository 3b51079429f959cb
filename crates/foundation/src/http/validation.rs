//! Validation errors inside a `STD-00000` body.

use serde_json::{Map, Value};

macro_rules! validation_codes {
    ($($name:ident = ($code:literal, $title:literal, $path:literal);)*) => {
        /// Every `AUTH.VLD-` and `STD.VLD-` code, with its title and the path it is reported under.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ValidationCode {
            $(#[doc = concat!("`", $code, "`: `", $title, "`")] $name,)*
        }

        impl ValidationCode {
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
        self.at(self.row().2)
    }

    /// An error of this code at a given path.
    #[must_use]
    pub fn at(self, path: &str) -> ValidationError {
        ValidationError {
            code: self,
            path: path.to_owned(),
            extensions: Map::new(),
        }
    }
}

/// One finding of a validation.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationError {
    /// Which one.
    pub code: ValidationCode,
    /// Fixed path text, not a pointer into the caller's document.
    pub path: String,
    /// Further members at the end.
    pub extensions: Map<String, Value>,
}

impl ValidationError {
    /// Adds a member at the end.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(member.to_owned(), value.into());
        self
    }
}
