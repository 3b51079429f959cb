//! Whether a change request can be approved, and why not.

use authorization::delegation::{Approver, Held};
use foundation::db::DbError;
use sqlx::PgConnection;

use super::{
    model::{ChangeRequest, Difference},
    rules,
};
use crate::{
    requests::{
        Requests,
        review::{Obstacle, Review, open},
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
        (system, user, held): (Option<&System>, Option<&SystemUser>, &Held),
    ) -> Result<Review, DbError> {
        let system = match open(change.is_open(), system) {
            Ok(system) => system,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        if user.is_none() {
            return Ok(Err(Obstacle::SystemUserGone));
        }
        if approver.party.is_gone() {
            return Ok(Err(Obstacle::PartyGone));
        }
        let difference = Difference::of(&change.sets, &held.packages);
        if let Err(problem) = rules::check_still_fits(change, &difference, system) {
            return Ok(Err(Obstacle::Unfit(problem)));
        }
        let report = self
            .change_report(db, approver, &change.sets, &difference)
            .await?;
        Ok(match rules::problem_of(&report) {
            Some(problem) => Err(Obstacle::NotDelegable(report, problem)),
            None => Ok(report),
        })
    }
}
