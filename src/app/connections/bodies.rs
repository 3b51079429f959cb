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
use foundation::http::{
    body,
    context::{self, BodyReading},
};
use http::Version;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::{
    runtime::Handle,
    time::{Sleep, sleep},
};

use super::{Running, StreamProgress};

/// The body of a request, which its client has to send in time. The context of the request learns
/// that it is awaited, and that it came too late.
#[derive(Debug)]
pub struct TimedBody {
    /// None once all of it was read, or it came too late.
    body: Option<Incoming>,
    timeout: Duration,
    /// Whether what nobody reads is read all the same.
    is_drained: bool,
    /// There once something had to be waited for.
    clock: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    /// A body that may take so long from when it is first waited for.
    #[must_use]
    pub fn new(body: Incoming, timeout: Duration, version: Version) -> Self {
        Self {
            body: Some(body),
            timeout,
            // HTTP/2 ends the stream, and the answer arrives.
            is_drained: version <= Version::HTTP_11,
            clock: None,
        }
    }
}

impl Drop for TimedBody {
    /// An answer that needs no body is there before the body: a connection that is closed under a
    /// client that still writes loses it.
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        if let Some(left) = left
            && self.is_drained
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(body::discard(Body::new(left)));
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
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            if self.clock.is_some() {
                context::note_body(BodyReading::Idle);
            }
            if frame.is_none() {
                self.body = None;
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
        self.body = None;
        let late = io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
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
