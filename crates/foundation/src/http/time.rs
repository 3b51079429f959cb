//! Instants on the wire: UTC with `Z`, at most seven fraction digits, trailing zeros dropped.

use chrono::{DateTime, Utc};
use serde::Serializer;

/// The text form.
#[must_use]
pub fn format(instant: DateTime<Utc>) -> String {
    let whole = instant.format("%Y-%m-%dT%H:%M:%S").to_string();
    let ticks = instant.timestamp_subsec_nanos() / 100;
    if ticks == 0 {
        return format!("{whole}Z");
    }
    let fraction = format!("{ticks:07}");
    format!("{whole}.{}Z", fraction.trim_end_matches('0'))
}

/// The same with an offset, as the change log of the public system writes it: at most six fraction
/// digits.
#[must_use]
pub fn format_with_offset(instant: DateTime<Utc>) -> String {
    let whole = instant.format("%Y-%m-%dT%H:%M:%S").to_string();
    let fraction = format!(".{:06}", instant.timestamp_subsec_micros());
    format!(
        "{whole}{}+00:00",
        fraction.trim_end_matches('0').trim_end_matches('.')
    )
}

/// For serde.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_as_short_as_they_can_be() {
        for (given, shown) in [
            ("2026-01-09T08:15:30.401200Z", "2026-01-09T08:15:30.4012Z"),
            ("2026-01-09T08:15:30Z", "2026-01-09T08:15:30Z"),
            ("2026-01-09T08:15:30.481275Z", "2026-01-09T08:15:30.481275Z"),
        ] {
            assert_eq!(format(given.parse().unwrap()), shown);
            assert_eq!(
                format_with_offset(given.parse().unwrap()),
                shown.replace('Z', "+00:00")
            );
        }
    }
}
