//! Bytes of a connection of HTTP/1.1 that came and are not taken yet: the begin of a head, also of one
//! behind a whole request that came with it.

use memchr::{memchr, memmem};

/// Pieces are not searched for the end of a head while no more than this may be left behind it.
const SEARCHED: usize = super::held::UNCOUNTED_HEAD;

/// What is known of the bytes since a request began, or since the connection did.
#[derive(Debug, Default)]
pub struct Unread {
    bytes: usize,
    /// Whether a line ended among them.
    has_line: bool,
    /// Once a head ended among them.
    ended: Option<Ended>,
    /// The last bytes, among which an end of a head may have begun.
    last: [u8; 2],
}

/// Bytes after the ends of heads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ended {
    after_first: usize,
    /// A body may hold what looks like an end. After the last of these there is nothing but a part of a
    /// body, or of a head.
    after_last: usize,
}

/// The requests that began since the bytes were counted from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// None: all bytes are of a head.
    None,
    /// One, with a body of so many bytes; none where that is not said.
    One(Option<u64>),
    /// Several.
    More,
}

impl Unread {
    /// So many bytes are of a head that is not whole, and nothing else came.
    pub fn of_head(bytes: usize) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }

    /// A request began, and it is not known where its head ended: with the last bytes, or so.
    pub fn end_here(&mut self) {
        self.ended.get_or_insert_default();
    }

    /// More bytes came.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.has_line = self.has_line || memchr(b'\n', bytes).is_some();
        let behind = self.ended.map_or(0, |ended| ended.after_last);
        let is_searched = behind.saturating_add(bytes.len()) >= SEARCHED;
        let found = is_searched.then(|| self.find_ends(bytes));
        if let Some(ended) = &mut self.ended {
            ended.after_first = ended.after_first.saturating_add(bytes.len());
            ended.after_last = ended.after_last.saturating_add(bytes.len());
        }
        if let Some(found) = found.flatten() {
            let ended = self.ended.get_or_insert(found);
            ended.after_last = found.after_last;
        }
        match bytes {
            [.., before, last] => self.last = [*before, *last],
            [last] => self.last = [self.last[1], *last],
            [] => {}
        }
    }

    /// Whether all of it is the first line of a request, or a part of that.
    pub const fn is_one_line(&self) -> bool {
        !self.has_line
    }

    /// Bytes that are kept now.
    pub fn kept(&self, begun: Begun) -> usize {
        let ended = self.ended.unwrap_or_default();
        match begun {
            Begun::None => self.bytes,
            Begun::One(Some(body)) => ended
                .after_first
                .saturating_sub(usize::try_from(body).unwrap_or(usize::MAX)),
            // The end of a body in chunks looks as the end of a head.
            Begun::One(None) | Begun::More => ended.after_last,
        }
    }

    /// The ends of heads in bytes: empty lines, of which the carriage returns may be missing.
    fn find_ends(&self, bytes: &[u8]) -> Option<Ended> {
        const WITH_RETURN: &[u8] = b"\n\r\n";
        const WITHOUT: &[u8] = b"\n\n";
        let across = self.end_across(bytes);
        let first = [WITH_RETURN, WITHOUT]
            .into_iter()
            .filter_map(|end| Some(memmem::find(bytes, end)? + end.len()))
            .min();
        let last = [WITH_RETURN, WITHOUT]
            .into_iter()
            .filter_map(|end| Some(memmem::rfind(bytes, end)? + end.len()))
            .max();
        Some(Ended {
            after_first: bytes.len() - across.or(first)?,
            after_last: bytes.len() - last.or(across)?,
        })
    }

    /// Where an end stops that began in the bytes before.
    fn end_across(&self, bytes: &[u8]) -> Option<usize> {
        match (self.last, bytes) {
            ([b'\n', b'\r'] | [_, b'\n'], [b'\n', ..]) => Some(1),
            ([_, b'\n'], [b'\r', b'\n', ..]) => Some(2),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    /// What is kept after bytes came in pieces, and so many requests began.
    fn kept(pieces: &[&[u8]], begun: Begun) -> usize {
        let mut unread = Unread::default();
        for piece in pieces {
            unread.add(piece);
        }
        unread.kept(begun)
    }

    fn half_head(bytes: usize) -> String {
        let begin = "GET / HTTP/1.1\r\nX: ";
        format!("{begin}{}", "a".repeat(bytes - begin.len()))
    }

    #[rstest::rstest]
    #[case::alone("", Begun::None, 20_000)]
    #[case::behind_a_request(HEAD, Begun::One(Some(0)), 20_000)]
    #[case::behind_a_request_without_returns("GET / HTTP/1.1\n\n", Begun::One(Some(0)), 20_000)]
    #[case::behind_a_body("GET / HTTP/1.1\r\n\r\n12345", Begun::One(Some(5)), 20_000)]
    #[case::behind_a_body_with_an_empty_line(
        "GET / HTTP/1.1\r\n\r\n1\r\n\r\n",
        Begun::One(Some(5)),
        20_000
    )]
    #[case::behind_chunks("GET / HTTP/1.1\r\n\r\n1\r\na\r\n0\r\n\r\n", Begun::One(None), 20_000)]
    #[case::behind_two("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", Begun::More, 20_000)]
    fn half_a_head_is_kept(#[case] before: &str, #[case] begun: Begun, #[case] expected: usize) {
        let bytes = format!("{before}{}", half_head(20_000));
        assert_eq!(kept(&[bytes.as_bytes()], begun), expected);
    }

    #[rstest::rstest]
    #[case::nothing(0)]
    #[case::a_small_body(100)]
    #[case::a_large_body(60_000)]
    fn nothing_is_kept_of_a_whole_request(#[case] body: usize) {
        let bytes = format!("{HEAD}{}", "b".repeat(body));
        let begun = Begun::One(Some(body as u64));
        assert_eq!(kept(&[bytes.as_bytes()], begun), 0);
        let mut in_two = Unread::default();
        in_two.add(HEAD.as_bytes());
        in_two.end_here();
        in_two.add(&bytes.as_bytes()[HEAD.len()..]);
        assert_eq!(in_two.kept(begun), 0);
    }

    #[test]
    fn what_is_left_is_the_begin_of_the_next_head() {
        let mut unread = Unread::of_head(20_000);
        unread.add(b"aaaa");
        assert_eq!(unread.kept(Begun::None), 20_004);
    }

    proptest! {
        #[test]
        fn an_end_that_comes_in_two_pieces_is_found(cut in 0_usize..HEAD.len() + 1) {
            // Both pieces are large enough to be searched.
            let long = format!("POST / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(20_000));
            let bytes = format!("{long}{}", half_head(20_000));
            let at = long.len() - 5 + cut.min(10);
            let pieces = [&bytes.as_bytes()[..at], &bytes.as_bytes()[at..]];
            prop_assert_eq!(kept(&pieces, Begun::One(Some(0))), 20_000);
        }

        #[test]
        fn no_bytes_are_a_panic(pieces in proptest::collection::vec(
            (proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a')], 0..4), 0_usize..3), 0..8
        )) {
            let mut unread = Unread::default();
            for (piece, times) in &pieces {
                let piece = piece.repeat(times * SEARCHED);
                unread.add(&piece);
                for begun in [Begun::None, Begun::One(None), Begun::One(Some(3)), Begun::More] {
                    prop_assert!(unread.kept(begun) <= unread.bytes);
                }
            }
        }
    }
}
