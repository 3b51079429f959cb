//! Whether a change request can be approved, and why not.

use authorization::delegation::{Approver, SystemUserGrants};
use foundation::db::DbError;
use sqlx::PgConnection;

use super::{
    model::{ChangeRequest, GrantDifference},
    rules,
};
use crate::{
    requests::{
        Requests,
        review::{ApprovalObstacle, RequestReview, open},
    },
    systems::System,
    users::SystemUser,
};

impl Requests {
    /// Whether the approver can approve the change. The last argument is the system that it names, the system user
    /// that it is about, and what that holds.
    ///
    /// # Errors
    /// The database fails.
    pub async fn review_change(
        &self,
        db: &mut PgConnection,
        approver: Approver<'_>,
        change: &ChangeRequest,
        (system, user, held): (Option<&System>, Option<&SystemUser>, &SystemUserGrants),
    ) -> Result<RequestReview, DbError> {
        let system = match open(change.is_open(), system) {
            Ok(system) => system,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        if user.is_none() {
            return Ok(Err(ApprovalObstacle::SystemUserGone));
        }
        if approver.party.is_gone() {
            return Ok(Err(ApprovalObstacle::PartyGone));
        }
        let difference = GrantDifference::of(&change.sets, &held.packages);
        if let Err(problem) = rules::check_still_fits(change, &difference, system) {
            return Ok(Err(ApprovalObstacle::Unfit(problem)));
        }
        let report = self
            .change_report(db, approver, &change.sets, &difference)
            .await?;
        Ok(match rules::problem_of(&report) {
            Some(problem) => Err(ApprovalObstacle::NotDelegable(report, problem)),
            None => Ok(report),
        })
    }
}
