//! For whom look-ups of persons count.

use system_users::users::SystemUser;

/// The organisations behind a system user that looks persons up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Organizations<'u> {
    /// Number of its owner.
    pub(super) owner: &'u str,
    /// Number of the vendor of its system.
    pub(super) vendor: &'u str,
}

impl<'u> Organizations<'u> {
    pub(super) fn of(user: &'u SystemUser) -> Self {
        Self {
            owner: &user.reportee_org_no,
            vendor: &user.vendor_org,
        }
    }
}
