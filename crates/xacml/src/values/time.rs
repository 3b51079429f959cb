//! Times, dates and durations, from the crate `oxsdatatypes`, which is part of this crate's API.
//!
//! They are read by their `FromStr` and printed by their `Display`, in the form of XML Schema. A time
//! or date without a zone takes the [implicit zone](crate::Environment::implicit_zone) when it is
//! compared.

use std::{borrow::Cow, cmp::Ordering, str::FromStr};

pub use oxsdatatypes::{
    Date, DateTime, DayTimeDuration, Decimal, Time, TimezoneOffset, YearMonthDuration,
};

use crate::error::Fault;

/// Digits of a fraction of a second that are kept.
const FRACTION_DIGITS: usize = 9;

/// Times and dates, which are compared as instants.
pub(crate) trait Temporal: Copy + PartialOrd {
    /// The same with a zone.
    #[must_use]
    fn zoned(self, zone: TimezoneOffset) -> Self;
}

macro_rules! temporal {
    ($($t:ty),*) => {$(
        impl Temporal for $t {
            fn zoned(self, zone: TimezoneOffset) -> Self {
                if self.timezone_offset().is_some() { self } else { self.adjust(Some(zone)).unwrap_or(self) }
            }
        }
    )*};
}
temporal!(Time, Date, DateTime);

/// The order of two instants.
pub(crate) fn compare<T: Temporal>(a: T, b: T, zone: TimezoneOffset) -> Option<Ordering> {
    a.zoned(zone).partial_cmp(&b.zoned(zone))
}

/// Reads a time, date or duration; digits of a second past the ninth are cut off.
pub(crate) fn parse<T: FromStr>(text: &str) -> Option<T> {
    cut_fraction(text)?.parse().ok()
}

fn cut_fraction(text: &str) -> Option<Cow<'_, str>> {
    if !text.is_ascii() {
        return None;
    }
    let Some(point) = text.find('.') else {
        return Some(Cow::Borrowed(text));
    };
    let digits = text[point + 1..]
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    if digits == 0 {
        return None;
    }
    if digits <= FRACTION_DIGITS {
        return Some(Cow::Borrowed(text));
    }
    let end = point + 1 + digits;
    Some(Cow::Owned(format!(
        "{}{}",
        &text[..=point + FRACTION_DIGITS],
        &text[end..]
    )))
}

/// An instant in seconds since 1970-01-01T00:00:00Z, in UTC.
pub(crate) fn from_unix(seconds: i64) -> Option<DateTime> {
    DateTime::from_str("1970-01-01T00:00:00Z")
        .ok()?
        .checked_add_day_time_duration(DayTimeDuration::new(seconds))
}

/// Whether a time is between two others, of which an earlier second one is on the next day.
pub(crate) fn in_range(time: Time, from: Time, to: Time, zone: TimezoneOffset) -> bool {
    const DAY: i128 = 86_400 * 1_000_000_000_000_000_000;
    let time = time.zoned(zone);
    let own = time.timezone_offset().unwrap_or(zone);
    let second = |t: Time| {
        let whole = i64::from(t.hour()) * 3_600 + i64::from(t.minute()) * 60;
        let offset = t
            .timezone()
            .map_or(Decimal::from(0), DayTimeDuration::as_seconds);
        let seconds = Decimal::from(whole)
            .checked_add(t.second())
            .and_then(|s| s.checked_sub(offset))
            .unwrap_or_default();
        // The bytes of a decimal are the number of its 10^-18 units.
        i128::from_be_bytes(seconds.to_be_bytes()).rem_euclid(DAY)
    };
    let (time, from, to) = (second(time), second(from.zoned(own)), second(to.zoned(own)));
    (time - from).rem_euclid(DAY) <= (to - from).rem_euclid(DAY)
}

/// The result of an arithmetic operation, which fails for years that the types cannot hold.
pub(crate) fn in_bounds<T>(value: Option<T>) -> Result<T, Fault> {
    value.ok_or(Fault::processing("a date is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc() -> TimezoneOffset {
        TimezoneOffset::new(0).unwrap()
    }

    fn time(text: &str) -> Time {
        parse(text).unwrap()
    }

    #[test]
    fn a_missing_zone_is_the_implicit_one() {
        let order = |a: &str, b: &str| {
            compare(parse::<DateTime>(a).unwrap(), parse(b).unwrap(), utc()).unwrap()
        };
        assert_eq!(
            order("2002-03-22T08:23:47", "2002-03-22T08:23:47Z"),
            Ordering::Equal
        );
        assert_eq!(
            order("2002-03-22T08:23:47-05:00", "2002-03-22T13:23:47Z"),
            Ordering::Equal
        );
        assert_eq!(
            order("2002-03-21T24:00:00Z", "2002-03-22T00:00:00Z"),
            Ordering::Equal
        );
        assert_eq!(
            order(
                "2002-03-22T08:23:47.1234567891Z",
                "2002-03-22T08:23:47.123456789Z"
            ),
            Ordering::Equal
        );
        let times = compare(time("23:00:00-05:00"), time("23:30:00Z"), utc()).unwrap();
        assert_eq!(times, Ordering::Greater, "times do not wrap at midnight");
        let dates = |a: &str, b: &str| {
            compare(parse::<Date>(a).unwrap(), parse(b).unwrap(), utc()).unwrap()
        };
        assert_eq!(dates("2002-03-22", "2002-03-22+01:00"), Ordering::Greater);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let bad = [
            "2002-3-22",
            "2002-02-30",
            "2002-03-22T08:23:47-14:30",
            "2002-03-22T25:00:00",
            "2002-03-22T08:23:47.",
            "２００２-03-22",
            "",
        ];
        assert!(
            bad.iter()
                .all(|t| parse::<DateTime>(t).is_none() && parse::<Date>(t).is_none())
        );
        assert!(
            parse::<Date>("2002-03-22-14:00").is_some() && parse::<Date>("-0044-03-15").is_some()
        );
    }

    #[test]
    fn a_range_may_end_on_the_next_day() {
        let within = |t: &str, a: &str, b: &str| in_range(time(t), time(a), time(b), utc());
        assert!(within("10:00:00", "09:00:00", "17:00:00"));
        assert!(
            within("09:00:00", "09:00:00", "17:00:00")
                && within("17:00:00", "09:00:00", "17:00:00")
        );
        assert!(!within("08:59:59.999", "09:00:00", "17:00:00"));
        assert!(
            within("23:30:00", "22:00:00", "06:00:00")
                && within("05:00:00", "22:00:00", "06:00:00")
        );
        assert!(!within("12:00:00", "22:00:00", "06:00:00"));
        assert!(
            within("10:00:00+02:00", "09:00:00", "11:00:00"),
            "bounds without a zone take that of the time"
        );
    }

    #[test]
    fn the_unix_clock_is_utc() {
        assert_eq!(
            from_unix(1_016_785_427).unwrap().to_string(),
            "2002-03-22T08:23:47Z"
        );
        assert!(from_unix(i64::MAX).is_none_or(|d| d.year() > 9_999));
    }
}
