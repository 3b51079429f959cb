//! Scopes: whole strings, case-sensitive, and the policies that name which of them will do.

use std::collections::BTreeSet;

use serde_json::Value;

/// The scopes of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads a scope claim: one text split on spaces, or a list of texts. At most 200 scopes of 256
    /// characters.
    #[must_use]
    pub fn read(claim: Option<&Value>) -> Option<Self> {
        let texts: Vec<&str> = match claim {
            None => Vec::new(),
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().map(Value::as_str).collect::<Option<_>>()?,
            Some(_) => return None,
        };
        let set: BTreeSet<String> = texts
            .iter()
            .flat_map(|t| t.split(' '))
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect();
        (set.len() <= 200 && set.iter().all(|s| s.chars().count() <= 256)).then_some(Self(set))
    }

    /// These scopes.
    #[must_use]
    pub fn of(scopes: &[&str]) -> Self {
        Self(scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    /// Whether this very scope is there.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether one of them is there.
    #[must_use]
    pub fn contains_any(&self, scopes: &[&str]) -> bool {
        scopes.iter().any(|s| self.contains(s))
    }

    /// Each scope, in order of the alphabet.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Which scopes open an endpoint: any one of them does. One list, read by the router, by
/// `WWW-Authenticate` and by the API description.
pub trait ScopePolicy: Send + Sync + 'static {
    /// The scopes; without any, every valid token has enough.
    const ACCEPTED: &'static [&'static str];
    /// The one among them that lifts what is asked of the caller's organisation.
    const ADMIN: Option<&'static str>;
}

macro_rules! policies {
    ($($(#[$meta:meta])* $name:ident = [$($scope:literal),*] $(, admin $admin:ident)?;)*) => {
        $($(#[$meta])* #[derive(Debug, Clone, Copy)] pub struct $name;
          impl ScopePolicy for $name {
              const ACCEPTED: &'static [&'static str] = &[$($scope),*];
              const ADMIN: Option<&'static str> = policies!(@admin $($admin)?);
          })*

        /// Every scope some endpoint accepts.
        pub const ALL: &[&[&str]] = &[$(<$name as ScopePolicy>::ACCEPTED),*];
    };
    (@admin) => { None };
    (@admin $admin:ident) => { Some($admin) };
}

policies! {
    /// Any valid token.
    AnyScope = [];
    /// Vendors write, and read, their systems.
    SystemRegisterWrite = ["altinn:authentication/systemregister.write", "altinn:authentication/systemregister.admin"], admin SYSTEM_REGISTER_ADMIN;
    /// End users, through a portal or an end-user system.
    Portal = ["altinn:portal/enduser"];
    /// Vendors make requests.
    RequestWrite = ["altinn:authentication/systemuser.request.write"];
    /// Vendors read their requests. Writing does not imply it.
    RequestRead = ["altinn:authentication/systemuser.request.read"];
    /// The platform's other parts follow system users.
    SystemUserAdmin = ["altinn:authentication/systemuser.admin"];
    /// Client administrators see clients of agents.
    ClientsRead = ["altinn:clientdelegations.read"];
    /// Client administrators delegate clients to agents.
    ClientsWrite = ["altinn:clientdelegations.write"];
    /// Maskinporten looks system users up.
    SystemUserLookup = ["altinn:maskinporten/systemuser.read"];
    /// Service owners ask for decisions.
    Authorize = ["altinn:authorization/authorize", "altinn:authorization/authorize.admin"], admin AUTHORIZE_ADMIN;
    /// Service owners describe their resources.
    ResourceWrite = ["altinn:resourceregistry/resource.write", "altinn:resourceregistry/resource.admin"], admin RESOURCE_ADMIN;
    /// Service owners read their access lists.
    AccessListRead = ["altinn:resourceregistry/accesslist.read", "altinn:resourceregistry/accesslist.write", "altinn:resourceregistry/resource.admin", "altinn:resourceregistry/pdp:accesslist.read"], admin RESOURCE_ADMIN;
    /// Service owners write their access lists.
    AccessListWrite = ["altinn:resourceregistry/accesslist.write", "altinn:resourceregistry/resource.admin"], admin RESOURCE_ADMIN;
    /// Back ends ask what lists open to a party.
    AccessListInternal = ["altinn:resourceregistry/resource.admin"], admin RESOURCE_ADMIN;
    /// Back ends look parties up.
    PartyLookup = ["altinn:register/partylookup.admin"];
    /// Service owners ask whom a subject may act for.
    AuthorizedPartiesOfOwner = ["altinn:accessmanagement/authorizedparties.resourceowner", "altinn:accessmanagement/authorizedparties.admin"], admin AUTHORIZED_PARTIES_ADMIN;
    /// A caller asks whom it may act for itself.
    AuthorizedParties = ["altinn:accessmanagement/authorizedparties", "altinn:portal/enduser"];
    /// Client administrators see clients, agents and what was delegated.
    ClientDelegationsRead = ["altinn:clientdelegations.read", "altinn:portal/enduser"];
    /// Client administrators delegate clients to agents.
    ClientDelegationsWrite = ["altinn:clientdelegations.write", "altinn:portal/enduser"];
    /// Agents see whose clients they have.
    MyClientsRead = ["altinn:clientdelegations/myclients.read", "altinn:portal/enduser"];
    /// Agents give clients back.
    MyClientsWrite = ["altinn:clientdelegations/myclients.write", "altinn:portal/enduser"];
    /// Access managers see what others gave the party.
    FromOthersRead = ["altinn:accessmanagement/enduser:connections:fromothers.read", "altinn:portal/enduser"];
    /// Access managers see what the party gave others.
    ToOthersRead = ["altinn:accessmanagement/enduser:connections:toothers.read", "altinn:portal/enduser"];
    /// Access managers give back what others gave the party.
    FromOthersWrite = ["altinn:accessmanagement/enduser:connections:fromothers.write", "altinn:portal/enduser"];
    /// Access managers give others access, and take it back.
    ToOthersWrite = ["altinn:accessmanagement/enduser:connections:toothers.write", "altinn:portal/enduser"];
}

/// Scope of a service owner who may set attributes that others may not.
pub const AUTHORIZE_ADMIN: &str = "altinn:authorization/authorize.admin";
/// Scope of a service owner who may write the resources of all.
pub const RESOURCE_ADMIN: &str = "altinn:resourceregistry/resource.admin";
/// Scope of a caller who reads the access lists of every owner, and writes none.
pub const PDP_ACCESS_LIST_READ: &str = "altinn:resourceregistry/pdp:accesslist.read";
/// Scope of a caller who may ask on behalf of every service owner.
pub const AUTHORIZED_PARTIES_ADMIN: &str = "altinn:accessmanagement/authorizedparties.admin";
/// Scope that lifts the ownership check in the system register.
pub const SYSTEM_REGISTER_ADMIN: &str = "altinn:authentication/systemregister.admin";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_and_list_say_the_same() {
        let text = Scopes::read(Some(&json!("a:b  c:d"))).unwrap();
        assert_eq!(Scopes::read(Some(&json!(["a:b", "c:d"]))).unwrap(), text);
        assert!(text.contains("a:b") && !text.contains("a:B") && !text.contains("a"));
        assert!(Scopes::read(Some(&json!(7))).is_none());
    }
}
