//! Reading parameters and bodies.

use foundation::http::{
    ApiResult, ModelState,
    bind::{Binder, MemberPresence},
    body,
    query::Query,
};
use uuid::Uuid;

/// Public name of the body.
const BODY: &str = "rightKeys";
/// Rights of one call.
const MAX_RIGHTS: usize = 500;

/// What a list of connections includes.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "parameters of the public endpoint"
)]
pub struct ConnectionParts {
    /// Agents of clients.
    pub client_delegations: bool,
    /// Relations of agents.
    pub agents: bool,
    /// Packages.
    pub packages: bool,
    /// Single resources.
    pub resources: bool,
}

impl ConnectionParts {
    /// Reads the flags.
    ///
    /// # Errors
    /// Model state for a flag that is none.
    pub fn of(query: &Query) -> ApiResult<Self> {
        query.flag("includeInstances")?;
        Ok(Self {
            client_delegations: query.flag_or("includeClientDelegations", true)?,
            agents: query.flag_or("includeAgentConnections", true)?,
            packages: query.flag("includeAccessPackages")?,
            resources: query.flag("includeResources")?,
        })
    }
}

/// A package as a call names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageName {
    /// By its id.
    Id(Uuid),
    /// By its URN or code.
    Text(String),
    /// Not at all.
    Missing,
}

impl PackageName {
    /// Reads it. Of both names the id counts.
    ///
    /// # Errors
    /// Model state for an id that is none.
    pub fn of(query: &Query) -> ApiResult<Self> {
        if let Some(id) = query.uuid("packageId")? {
            return Ok(Self::Id(id));
        }
        Ok(query
            .get("package")
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map_or(Self::Missing, |text| Self::Text(text.to_owned())))
    }
}

/// Reads the keys of rights.
///
/// # Errors
/// Model state for what cannot be read, what is missing, and more than the limit.
pub fn bind_right_keys(bytes: &[u8]) -> ApiResult<Vec<String>> {
    let value = body::parse(bytes, BODY)?;
    let mut binder = Binder::new(BODY);
    let root = binder.root(&value)?;
    let list = binder.list(
        &root,
        "directRightKeys",
        MemberPresence::Optional,
        MAX_RIGHTS,
    )?;
    let Some(list) = list else {
        return Err(ModelState::required("directRightKeys").into());
    };
    let keys = list
        .iter()
        .map(|item| binder.item_text(item))
        .collect::<ApiResult<_>>()?;
    binder.finish()?;
    Ok(keys)
}
