//! Frames of an HTTP/2 connection that ask for nothing: pings, settings, resets, priorities and empty
//! pieces of bodies. Each makes the server work, and a client needs few of them.

use std::time::Instant;

/// What a client of HTTP/2 sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of the head of a frame: length of the rest (3), type, flags, stream (4).
const HEAD: usize = 9;
/// A flag of a frame: the last one of its body.
const END_STREAM: u8 = 1;
/// Kinds of frames: the head of a request, and more of it.
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
/// A flag of both: the last one of the head.
const END_HEADERS: u8 = 4;
/// Such frames that may come at once.
const BURST: u32 = 500;
/// Such frames that may come each second after that.
const PER_SECOND: u32 = 50;

/// Counts such frames of one connection.
#[derive(Debug)]
pub struct FrameCounter {
    state: FrameState,
    left: u32,
    counted: Instant,
    /// Bytes of a head of which further frames are to come.
    head: usize,
    /// Bytes of the frame that has not come as a whole.
    length: usize,
}

#[derive(Debug)]
enum FrameState {
    /// So many bytes of the preface came.
    Preface(usize),
    /// Another protocol.
    Other,
    /// Within the head of a frame.
    Head { bytes: [u8; HEAD], filled: usize },
    /// So many bytes of a frame are still to come.
    Rest(usize),
}

/// More frames came than a client needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameFlood;

impl FrameCounter {
    /// Of a connection that was just accepted.
    pub fn new() -> Self {
        Self {
            state: FrameState::Preface(0),
            left: BURST,
            counted: Instant::now(),
            head: 0,
            length: 0,
        }
    }

    /// Bytes that are kept since more is to come: of a frame, and of a head in several frames. None
    /// of another protocol.
    pub const fn unfinished(&self) -> Option<usize> {
        match &self.state {
            FrameState::Other => None,
            FrameState::Preface(_) | FrameState::Head { .. } => Some(self.head),
            // The bytes of a head count from the beginning of their frame.
            FrameState::Rest(_) if self.head > 0 => Some(self.head),
            FrameState::Rest(left) => Some(self.length - *left),
        }
    }

    /// Looks at bytes that a client sent.
    ///
    /// # Errors
    /// Too many frames that ask for nothing.
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<(), FrameFlood> {
        while !bytes.is_empty() {
            match &mut self.state {
                FrameState::Other => return Ok(()),
                FrameState::Preface(seen) => {
                    let expected = &PREFACE[*seen..];
                    let count = expected.len().min(bytes.len());
                    if expected[..count] != bytes[..count] {
                        self.state = FrameState::Other;
                        return Ok(());
                    }
                    bytes = &bytes[count..];
                    *seen += count;
                    if *seen == PREFACE.len() {
                        self.state = HEAD_BEGINS;
                    }
                }
                FrameState::Head {
                    bytes: head,
                    filled,
                } => {
                    let count = (HEAD - *filled).min(bytes.len());
                    head[*filled..*filled + count].copy_from_slice(&bytes[..count]);
                    bytes = &bytes[count..];
                    *filled += count;
                    if *filled == HEAD {
                        let head = *head;
                        self.frame(head)?;
                    }
                }
                FrameState::Rest(left) => {
                    let count = (*left).min(bytes.len());
                    bytes = &bytes[count..];
                    *left -= count;
                    if *left == 0 {
                        self.state = HEAD_BEGINS;
                    }
                }
            }
        }
        Ok(())
    }

    fn frame(
        &mut self,
        [high, middle, low, kind, flags, ..]: [u8; HEAD],
    ) -> Result<(), FrameFlood> {
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        self.state = match length {
            0 => HEAD_BEGINS,
            length => FrameState::Rest(length),
        };
        self.length = length;
        if matches!(kind, HEADERS | CONTINUATION) {
            let is_whole = flags & END_HEADERS != 0;
            self.head = if is_whole { 0 } else { self.head + length };
        }
        let asks_for_nothing = match kind {
            // Data: empty, and not the end.
            0 => length == 0 && flags & END_STREAM == 0,
            // Priority, reset, settings, ping.
            2 | 3 | 4 | 6 => true,
            _ => false,
        };
        if !asks_for_nothing {
            return Ok(());
        }
        if self.left == 0 {
            self.refill();
        }
        self.left = self.left.checked_sub(1).ok_or(FrameFlood)?;
        Ok(())
    }

    fn refill(&mut self) {
        let seconds = self.counted.elapsed().as_secs();
        if seconds > 0 {
            let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
            self.left = seconds.saturating_mul(PER_SECOND).min(BURST);
            self.counted = Instant::now();
        }
    }
}

const HEAD_BEGINS: FrameState = FrameState::Head {
    bytes: [0; HEAD],
    filled: 0,
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let [_, high, middle, low] = u32::try_from(length).unwrap().to_be_bytes();
        let mut frame = vec![high, middle, low, kind, flags, 0, 0, 0, 1];
        frame.resize(HEAD + length, 0xff);
        frame
    }

    fn sent(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frames.into_iter().flatten());
        bytes
    }

    #[rstest::rstest]
    #[case::pings(6, 0, 8)]
    #[case::settings(4, 0, 0)]
    #[case::resets(3, 0, 4)]
    #[case::priorities(2, 0, 5)]
    #[case::empty_data(0, 0, 0)]
    fn more_frames_than_a_client_needs_are_a_flood(
        #[case] kind: u8,
        #[case] flags: u8,
        #[case] length: usize,
    ) {
        let many = |count| sent((0..count).map(|_| frame(kind, flags, length)));
        assert_eq!(FrameCounter::new().read(&many(BURST)), Ok(()));
        assert_eq!(FrameCounter::new().read(&many(BURST + 1)), Err(FrameFlood));
    }

    #[test]
    fn requests_and_bodies_are_none() {
        let requests = (0..5_000).flat_map(|_| [frame(1, 4, 40), frame(0, 0, 100), frame(0, 1, 0)]);
        assert_eq!(FrameCounter::new().read(&sent(requests)), Ok(()));
    }

    #[test]
    fn another_protocol_is_not_looked_at() {
        let pings = (0..5_000).flat_map(|_| frame(6, 0, 8)).collect::<Vec<u8>>();
        let mut frames = FrameCounter::new();
        assert_eq!(frames.read(b"POST / HTTP/1.1\r\n\r\n"), Ok(()));
        assert_eq!(frames.read(&pings), Ok(()));
    }

    #[rstest::rstest]
    #[case::nothing(sent([]), Some(0))]
    #[case::another_protocol(b"GET / HTTP/1.1".to_vec(), None)]
    #[case::whole_head(sent([frame(HEADERS, END_HEADERS, 100)]), Some(0))]
    #[case::half_head(sent([frame(HEADERS, 0, 100), frame(CONTINUATION, 0, 50)]), Some(150))]
    #[case::finished_head(sent([frame(HEADERS, 0, 100), frame(CONTINUATION, END_HEADERS, 50)]), Some(0))]
    #[case::half_frame(sent([frame(0, 0, 100)[..HEAD + 60].to_vec()]), Some(60))]
    fn what_is_kept_until_more_comes(#[case] bytes: Vec<u8>, #[case] expected: Option<usize>) {
        let mut frames = FrameCounter::new();
        assert_eq!(frames.read(&bytes), Ok(()));
        assert_eq!(frames.unfinished(), expected);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_makes_no_difference(
            kinds in proptest::collection::vec((0_u8..10, 0_usize..40), 0..40),
            cuts in proptest::collection::vec(1_usize..50, 1..400),
        ) {
            let bytes = sent(kinds.iter().map(|(kind, length)| frame(*kind, 0, *length)));
            let (mut whole, mut cut) = (FrameCounter::new(), FrameCounter::new());
            prop_assert_eq!(whole.read(&bytes), Ok(()));
            let mut rest = &bytes[..];
            for size in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                prop_assert_eq!(cut.read(piece), Ok(()));
                rest = after;
            }
            prop_assert_eq!(whole.left, cut.left);
        }

        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let mut frames = FrameCounter::new();
            let _ = frames.read(PREFACE);
            let _ = frames.read(&bytes);
        }
    }
}
