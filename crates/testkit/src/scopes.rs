//! Scopes of tokens.

/// A vendor writes systems.
pub const REGISTER_WRITE: &str = "altinn:authentication/systemregister.write";
/// The caller writes the systems of any vendor.
pub const REGISTER_ADMIN: &str = "altinn:authentication/systemregister.admin";
/// A vendor makes requests.
pub const REQUEST_WRITE: &str = "altinn:authentication/systemuser.request.write";
/// A vendor reads requests.
pub const REQUEST_READ: &str = "altinn:authentication/systemuser.request.read";
/// A person uses the portal.
pub const PORTAL: &str = "altinn:portal/enduser";
/// A service owner asks for decisions.
pub const AUTHORIZE: &str = "altinn:authorization/authorize";
/// Maskinporten looks system users up.
pub const LOOKUP: &str = "altinn:maskinporten/systemuser.read";
/// A person's system reads clients of agents.
pub const CLIENTS_READ: &str = "altinn:clientdelegations.read";
/// A person's system gives clients to agents.
pub const CLIENTS_WRITE: &str = "altinn:clientdelegations.write";
/// A service owner asks whom a subject may act for.
pub const AUTHORIZED_PARTIES: &str = "altinn:accessmanagement/authorizedparties.resourceowner";
