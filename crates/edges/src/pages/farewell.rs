//! What follows a decision on a page.

use registers::parties::Party;

/// Where the browser goes after the log-out, and what the page there shows.
pub(super) struct Farewell {
    pub redirect_url: Option<String>,
    pub system_id: String,
    pub party: Party,
}
