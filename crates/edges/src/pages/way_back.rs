//! What follows a decision on a page: where the browser goes, and what it is shown on the way.

use super::{
    display,
    layout::Layout,
    receipt::{Receipt, VisitOutcome},
};

/// Where the browser goes after the log-out, and what the page there shows.
pub struct WayBack {
    pub redirect_url: Option<String>,
    pub receipt: Receipt,
}

/// Makes the outcome the heading of a page, and returns the sentences below it.
pub fn put_on(receipt: &Receipt, layout: &mut Layout) -> Vec<String> {
    let mut lines = Vec::new();
    match receipt.outcome.heading() {
        Some(key) => layout.title = layout.fill(key, "system", receipt.system_name()),
        None => lines.push(layout.t("out.closed").to_owned()),
    }
    let number = display::org_number(receipt.org_number.as_deref().unwrap_or_default());
    let at = display::date_time(receipt.at, layout.lang);
    lines.push(super::filled_text(
        layout.lang,
        "out.for_org",
        &[("org", &receipt.org), ("orgno", &number), ("datetime", &at)],
    ));
    match receipt.outcome {
        VisitOutcome::Approved | VisitOutcome::Changed => {
            lines.push(layout.fill("out.next_own", "system", receipt.system_name()));
        }
        VisitOutcome::Rejected | VisitOutcome::Escalated | VisitOutcome::Closed => {}
    }
    lines
}
