//! Taking roles back.

use uuid::Uuid;

use super::{
    manage::{RemovalEnds, removal_ends},
    model::WayRow,
    read::{ListEnds, NO_RIGHTS},
    rules,
};
use crate::{
    AccessManagement,
    callers::AccessManagerCaller,
    errors::{AccessProblem, AccessResult},
};

impl AccessManagement {
    /// Takes a role back. Those of the register end there, and those of Altinn 2 are not given any more:
    /// there is none that can be taken back, and one that is not held is no error.
    ///
    /// # Errors
    /// 400 for ends that are not known or of the wrong kind, for a code that no role has, and for a role that
    /// is not taken back.
    pub async fn remove_role<P>(
        &self,
        caller: &AccessManagerCaller<P>,
        from: Uuid,
        to: Uuid,
        code: &str,
    ) -> AccessResult<()> {
        let mut db = self.db.acquire().await?;
        let RemovalEnds { from, to } = removal_ends(&mut db, from, to).await?;
        let role = self.catalogue.role_by_code(&code.to_lowercase());
        let role = role.ok_or(AccessProblem::UnknownRoleCode)?;
        if !role.is_of_altinn_2() {
            return Err(AccessProblem::RoleNotRevocable.into());
        }
        let ends = ListEnds::between(caller, if caller.is_giver { to } else { from });
        let ways = self.ways(&mut db, &ends, NO_RIGHTS).await?;
        let is_held =
            |way: &WayRow| rules::roles_of(&self.catalogue, way).any(|key| key == role.key);
        if ways.iter().any(is_held) {
            return Err(AccessProblem::RoleNotRevocable.into());
        }
        Ok(())
    }
}
