//! Which history of the database the feed belongs to, and positions in it.

use std::{fmt, str::FromStr};

use http::{HeaderMap, HeaderName, HeaderValue};
use sqlx::PgConnection;

use crate::db::DbError;

/// A history of the database. Numbers of the feed mean something within one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(u64);

impl Epoch {
    /// That of positions which do not say theirs. No feed has it.
    pub const UNKNOWN: Self = Self(0);

    pub(super) const fn of_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Reads 16 hexadecimal digits.
    fn read(text: &str) -> Option<Self> {
        let is_whole = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let bits = u64::from_str_radix(text, 16).ok().filter(|_| is_whole);
        bits.map(Self)
    }

    pub(super) fn from_stored(text: &str) -> Option<Self> {
        Self::read(text).filter(|epoch| *epoch != Self::UNKNOWN)
    }
}

/// A place in the feed: `<epoch>.<number>`, the epoch as 16 hexadecimal digits. Clients take it as
/// one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition {
    /// In which history.
    pub epoch: Epoch,
    /// Place of the entry among all.
    pub number: i64,
}

impl fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.{}", self.epoch.0, self.number)
    }
}

/// Header with a position.
const POSITION: HeaderName = HeaderName::from_static("systembruker-position");

impl FeedPosition {
    /// Puts it into the headers of an answer.
    pub fn answer(self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::try_from(self.to_string()) {
            headers.insert(POSITION, value);
        }
    }
}

/// A text is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPosition;

impl FromStr for FeedPosition {
    type Err = InvalidPosition;

    /// A number alone, as earlier versions gave it, is of another epoch.
    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (epoch, number) = match text.split_once('.') {
            Some((epoch, number)) => (Epoch::read(epoch).ok_or(InvalidPosition)?, number),
            None => (Epoch::UNKNOWN, text),
        };
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let number = number.parse().ok().filter(|_| is_number);
        number
            .map(|number| Self { epoch, number })
            .ok_or(InvalidPosition)
    }
}

/// What a connection says of the history that it reads.
#[derive(Debug)]
pub(super) struct FeedHistory {
    pub(super) epoch: Epoch,
    /// The last position that was given.
    pub(super) last: i64,
}

/// Reads which history a connection reads. A history that is new gets its epoch.
///
/// # Errors
/// The database fails, is a standby, or cannot store the epoch of a new history.
pub(super) async fn history(db: &mut PgConnection) -> Result<FeedHistory, DbError> {
    loop {
        let found = sqlx::query!(
            r#"select o.origin as "origin!", e.epoch as "epoch?",
                 (select position from change_feed_end) as "last!"
               from (select feed_origin() as origin) o left join feed_epoch e on e.origin = o.origin"#
        )
        .fetch_one(&mut *db)
        .await?;
        match found.epoch.as_deref().map(Epoch::from_stored) {
            Some(Some(epoch)) => {
                return Ok(FeedHistory {
                    epoch,
                    last: found.last,
                });
            }
            Some(None) => renew(db, found.epoch.as_deref().unwrap_or_default()).await?,
            None => {
                sqlx::query!(
                    "insert into feed_epoch (origin) select $1 from set_config('synchronous_commit', 'local', true) on conflict (origin) do nothing",
                    found.origin
                )
                .execute(&mut *db)
                .await?;
            }
        }
    }
}

/// Begins another epoch of the same origin: its numbers went back. An instance that saw so as well
/// may have done it already.
pub(super) async fn begin_another(db: &mut PgConnection, epoch: Epoch) -> Result<(), DbError> {
    renew(db, &format!("{:016x}", epoch.0)).await
}

/// Epoch of the history that a connection reads.
///
/// # Errors
/// The database fails, is a standby, or cannot store the epoch of a new history.
pub async fn epoch_of(db: &mut PgConnection) -> Result<Epoch, DbError> {
    Ok(history(db).await?.epoch)
}

/// Begins another epoch, so that every instance invalidates its cached facts.
///
/// # Errors
/// The database fails.
pub async fn begin_another_epoch(db: &mut PgConnection) -> Result<(), DbError> {
    let present = epoch_of(db).await?;
    begin_another(db, present).await
}

async fn renew(db: &mut PgConnection, epoch: &str) -> Result<(), DbError> {
    sqlx::query!(
        "update feed_epoch set epoch = left(replace(gen_random_uuid()::text, '-', ''), 16), since = service_now()
         where origin = feed_origin() and epoch = $1",
        epoch
    )
    .execute(db)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let position = FeedPosition {
            epoch: Epoch(0x0123_4567_89ab_cdef),
            number: 42,
        };
        assert_eq!(position.to_string(), "0123456789abcdef.42");
        assert_eq!("0123456789abcdef.42".parse(), Ok(position));
    }

    #[test]
    fn a_number_alone_is_of_no_known_epoch() {
        let position: FeedPosition = "42".parse().unwrap();
        assert_eq!((position.epoch, position.number), (Epoch::UNKNOWN, 42));
    }

    #[test]
    fn other_texts_are_no_positions() {
        for text in [
            "",
            "x",
            "-1",
            "+1",
            ".1",
            "1.",
            "1.1",
            "0123456789abcdef.",
            "0123456789abcdef.-1",
            "0123456789abcdeg.1",
            "+123456789abcdef.1",
            "99999999999999999999",
            "0123456789abcdef.1.1",
        ] {
            assert_eq!(text.parse::<FeedPosition>(), Err(InvalidPosition), "{text}");
        }
    }
}
