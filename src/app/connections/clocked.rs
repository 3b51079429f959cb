//! The byte stream of a connection with the clocks of its client: for the first byte, the head of a
//! request, the time between requests, and taking the answer.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use foundation::{config::LimitSettings, limits::Limit};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep_until},
};

use super::{
    CloseCause, ConnectionState, HeldMemory,
    frames::FrameCounter,
    held::{HeldPiece, UNCOUNTED_HEAD},
    unparsed::UnparsedAnswer,
    unread::{Begun, Unread},
};

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct ClientTimeouts {
    first_byte: Duration,
    /// For the head of a request, and for the handshake of TLS.
    pub header: Duration,
    keep_alive: Duration,
    /// For the body of a request.
    pub body: Duration,
    write: Duration,
}

impl ClientTimeouts {
    /// Those of the settings.
    #[must_use]
    pub const fn of(limits: &LimitSettings) -> Self {
        Self {
            first_byte: limits.first_byte_timeout(),
            header: limits.header_timeout(),
            keep_alive: limits.keep_alive(),
            body: limits.body_timeout(),
            write: limits.write_timeout(),
        }
    }
}

/// Greatest head of a request that is read at all.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// For how long an idle connection that was asked to close may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A stream that fails with `TimedOut` when its client takes too long.
///
/// Its timers are moved only when they fire: a connection has a new deadline with every request, and
/// reaches hardly any of them.
#[derive(Debug)]
pub struct TimedStream<S> {
    stream: S,
    connection: Arc<ConnectionState>,
    clocks: ClientTimeouts,
    read: Pin<Box<Sleep>>,
    /// Whether that was set since the first request.
    is_set: bool,
    /// Requests of the connection when the head was last waited for.
    requests: u64,
    /// Whether bytes came after the last request.
    has_bytes: bool,
    /// When the first of them was noticed.
    head_began: Option<Instant>,
    write: Option<Pin<Box<Sleep>>>,
    /// Since when the client takes nothing.
    blocked: Option<Instant>,
    frames: FrameCounter,
    held: Arc<HeldMemory>,
    /// What was not taken yet, on HTTP/1.1.
    unread: Unread,
    /// Requests of the connection when that was counted from the beginning.
    unread_since: u64,
    /// Requests of the connection when what is kept was last counted.
    counted: u64,
    /// There while what is kept of a head is not small.
    head: Option<HeldPiece>,
    /// There once the server library answered by itself.
    unparsed: Option<UnparsedAnswer>,
}

impl<S> TimedStream<S> {
    /// A stream of a connection that was just accepted.
    pub fn new(
        stream: S,
        connection: Arc<ConnectionState>,
        clocks: ClientTimeouts,
        held: Arc<HeldMemory>,
    ) -> Self {
        let first = connection.opened() + clocks.first_byte;
        Self {
            stream,
            connection,
            clocks,
            read: Box::pin(sleep_until(first.into())),
            is_set: false,
            requests: 0,
            has_bytes: false,
            head_began: None,
            write: None,
            blocked: None,
            frames: FrameCounter::new(),
            held,
            unread: Unread::default(),
            unread_since: 0,
            counted: 0,
            head: None,
            unparsed: None,
        }
    }

    /// The requests that began since what was not taken is counted.
    fn begun(&self) -> Begun {
        match self.connection.requests() - self.unread_since {
            0 => Begun::None,
            1 => Begun::One(self.connection.last_body()),
            _ => Begun::More,
        }
    }

    /// Counts what is kept of a head that is not whole, after some bytes came.
    fn count_came(&mut self, bytes: &[u8]) {
        if let Some(kept) = self.frames.unfinished() {
            self.hold_head(kept, None);
            return;
        }
        self.count_left();
        if self.connection.requests() > self.unread_since {
            self.unread.end_here();
        }
        self.unread.add(bytes);
        self.hold_unread();
    }

    /// Counts what is kept behind requests that began meanwhile. While the last of them is answered, it
    /// stays behind that; then it is the begin of the next head.
    fn count_left(&mut self) {
        let requests = self.connection.requests();
        if requests == self.unread_since || self.frames.unfinished().is_some() {
            return;
        }
        if requests > self.counted {
            self.counted = requests;
            self.hold_unread();
        }
        if self.connection.in_flight() == 0 {
            self.unread = Unread::of_head(self.unread.kept(self.begun()));
            self.unread_since = requests;
        }
    }

    fn hold_unread(&mut self) {
        // The parser keeps no more.
        let kept = self.unread.kept(self.begun()).min(MAX_HEAD_BYTES);
        self.hold_head(kept, Some(self.connection.requests()));
    }

    fn hold_head(&mut self, kept: usize, until: Option<u64>) {
        match &self.head {
            _ if kept < UNCOUNTED_HEAD => self.head = None,
            Some(head) => head.resize(kept, until),
            None => self.head = Some(self.held.heads.hold(&self.connection, kept, until)),
        }
    }

    /// Whether what is to be written is an answer that the server library made by itself. Another one is
    /// written in its place.
    fn is_answered_unparsed(&mut self, bytes: &[u8]) -> bool {
        if self.connection.in_flight() > 0 || self.unparsed.is_some() {
            return false;
        }
        self.unparsed = UnparsedAnswer::instead_of(bytes, self.unread.is_one_line());
        self.unparsed.is_some()
    }

    /// Until when the client has to send something; none while its requests are being answered.
    fn read_deadline(&mut self, now: Instant) -> Option<Instant> {
        let connection = &self.connection;
        if connection.in_flight() > 0 {
            return None;
        }
        let has_asked = connection.requests() > 0;
        // On HTTP/2, bytes between requests are pings and the like.
        if self.has_bytes && !(has_asked && connection.is_http2()) {
            let began = *self.head_began.get_or_insert(now);
            return Some(began + self.clocks.header);
        }
        if !has_asked {
            return Some(connection.opened() + self.clocks.first_byte);
        }
        let goodbye = match connection.cause() {
            CloseCause::None => Duration::ZERO,
            CloseCause::Evicted | CloseCause::Idle | CloseCause::Stopping => GOODBYE,
        };
        Some(connection.idle_since() + self.clocks.keep_alive + goodbye)
    }

    /// Called when there is nothing to read.
    fn poll_read_clock(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let requests = self.connection.requests();
        if requests != self.requests {
            self.requests = requests;
            // What is left behind the request is the begin of the next one.
            self.count_left();
            (self.has_bytes, self.head_began) = (self.head.is_some(), None);
        }
        // Once the timer was set after a request, only the first bytes of a head bring the deadline
        // forward.
        let begins = self.has_bytes && self.head_began.is_none();
        if self.is_set && !begins && self.read.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.is_set = requests > 0;
        loop {
            let now = Instant::now();
            let deadline = self.read_deadline(now);
            // While a request is being answered, the clock only looks again now and then: nothing is
            // read when the answer ends.
            let wake = deadline.unwrap_or(now + self.clocks.header.min(self.clocks.keep_alive));
            if deadline.is_some_and(|deadline| deadline <= now) {
                if !self.may_say_goodbye() {
                    return Poll::Ready(io::ErrorKind::TimedOut.into());
                }
                self.connection.close(CloseCause::Idle);
                continue;
            }
            let is_late = wake < self.read.deadline().into_std();
            if is_late || self.read.is_elapsed() {
                self.read.as_mut().reset(wake.into());
            }
            ready!(self.read.as_mut().poll(context));
        }
    }

    /// Whether the connection is idle between requests and was not asked to close: it is, so that an
    /// HTTP/2 client learns that it may not use it any more.
    fn may_say_goodbye(&self) -> bool {
        let is_between_requests =
            self.connection.requests() > 0 && (!self.has_bytes || self.connection.is_http2());
        is_between_requests && self.connection.cause() == CloseCause::None
    }

    /// Called when the client takes nothing.
    fn poll_write_clock(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let since = *self.blocked.get_or_insert_with(Instant::now);
        let deadline = since + self.clocks.write;
        let timer = self
            .write
            .get_or_insert_with(|| Box::pin(sleep_until(deadline.into())));
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline().into_std() >= deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(deadline.into());
        }
    }

    fn written<T>(
        &mut self,
        result: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            if self.blocked.take().is_some() {
                self.connection.set_blocked(false);
            }
            return result;
        }
        if self.blocked.is_none() {
            self.connection.set_blocked(true);
        }
        self.poll_write_clock(context).map(Err)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                self.has_bytes |= buffer.filled().len() > before;
                if self.frames.read(&buffer.filled()[before..]).is_err() {
                    Limit::Http2Frames.count();
                    return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                }
                self.count_came(&buffer.filled()[before..]);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_read_clock(context).map(Err),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.count_left();
        if self.is_answered_unparsed(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.count_left();
        if let Some((first, rest)) = slices.split_first()
            && rest.iter().all(|slice| slice.is_empty())
            && self.is_answered_unparsed(first)
        {
            return Poll::Ready(Ok(first.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let result = match &mut this.unparsed {
            None => Pin::new(&mut this.stream).poll_flush(context),
            Some(answer) => match answer.poll_write(&mut this.stream, context) {
                Poll::Ready(Ok(())) => Pin::new(&mut this.stream).poll_flush(context),
                unfinished => unfinished,
            },
        };
        self.written(result, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unparsed.as_ref().is_none_or(UnparsedAnswer::is_open) {
            let result = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.written(result, context))?;
        }
        let this = &mut *self;
        if let Some(answer) = &mut this.unparsed {
            ready!(answer.poll_discard(&mut this.stream, context));
        }
        Poll::Ready(Ok(()))
    }
}
