//! Bodies of requests and answers with their clocks.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
};
use foundation::http::context::{self, BodyReading};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::{Running, StreamProgress};

/// The body of a request, which its client has to send in time. The context of the request learns
/// that it is awaited, and that it came too late.
#[derive(Debug)]
pub struct TimedBody {
    body: Incoming,
    timeout: Duration,
    /// There once something had to be waited for.
    clock: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    /// A body that may take so long from when it is first waited for.
    #[must_use]
    pub const fn new(body: Incoming, timeout: Duration) -> Self {
        Self {
            body,
            timeout,
            clock: None,
        }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if self.clock.is_some() {
                context::note_body(BodyReading::Idle);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let timeout = self.timeout;
        let clock = self.clock.get_or_insert_with(|| Box::pin(sleep(timeout)));
        if clock.as_mut().poll(context).is_pending() {
            context::note_body(BodyReading::Awaited);
            return Poll::Pending;
        }
        context::note_body(BodyReading::TimedOut);
        let late = io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Most bytes that are given to a stream of HTTP/2 at once: what is given is kept until the client
/// takes it, however small the window is that it opens.
const MAX_PIECE: usize = 16 * 1024;

/// The body of an answer. While it is there, its request counts as being answered, and its stream of
/// HTTP/2 knows that it is asked for.
#[derive(Debug)]
pub struct AnswerBody {
    body: Body,
    /// What is there of the body and not asked for yet; nothing on HTTP/1.1.
    rest: Bytes,
    progress: Option<Arc<StreamProgress>>,
    _running: Running,
}

impl AnswerBody {
    /// The body of the answer to a request.
    #[must_use]
    pub fn new(body: Body, running: Running) -> Self {
        let progress = StreamProgress::current();
        if let Some(progress) = &progress {
            progress.note();
        }
        Self {
            body,
            rest: Bytes::new(),
            progress,
            _running: running,
        }
    }

    /// The first piece of some data; the others follow.
    fn first_piece(&mut self, mut data: Bytes) -> Frame<Bytes> {
        if data.len() > MAX_PIECE {
            self.rest = data.split_off(MAX_PIECE);
        }
        Frame::data(data)
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(progress) = &self.progress else {
            return Pin::new(&mut self.body).poll_frame(context);
        };
        progress.note();
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.first_piece(rest))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let frame = match frame?.into_data() {
                Ok(data) => self.first_piece(data),
                Err(trailers) => trailers,
            };
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut all = SizeHint::new();
        // The upper bound is never below the lower one.
        if let Some(upper) = hint.upper() {
            all.set_upper(upper.saturating_add(rest));
        }
        all.set_lower(hint.lower().saturating_add(rest));
        all
    }
}
