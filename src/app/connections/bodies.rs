//! Bodies of requests and answers with their clocks.

use std::{
    fmt,
    io::ErrorKind,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
};
use foundation::{
    http::{
        body,
        context::{self, BodyFault},
    },
    limits::Limit,
};
use http::Version;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::{
    runtime::Handle,
    time::{Sleep, sleep},
};

use super::{
    AwaitedBodies, HeldMemory, RunningRequest, StreamProgress, awaited::AwaitedBody,
    held::UNCOUNTED_ANSWER,
};

/// The body of a request. Its client has to send it in time, and not more of it than the request may
/// have. The context of the request learns that it is awaited, and why it was given up.
#[derive(Debug)]
pub struct LimitedRequestBody {
    /// None once all of it was read, or it was given up.
    body: Option<Incoming>,
    version: Version,
    limits: Arc<BodyLimits>,
    /// Bytes so far.
    bytes: usize,
    /// There once something had to be waited for.
    waiting: Option<BodyWait>,
    /// Whether it is there as a whole, and counts as that.
    is_whole: bool,
}

/// What holds for the bodies of a connection.
#[derive(Debug)]
pub struct BodyLimits {
    /// From when a body is first waited for.
    pub timeout: Duration,
    /// The bodies that are awaited.
    pub awaited: Arc<AwaitedBodies>,
}

#[derive(Debug)]
struct BodyWait {
    clock: Pin<Box<Sleep>>,
    place: AwaitedBody,
}

impl LimitedRequestBody {
    /// A body of a request within these limits.
    #[must_use]
    pub const fn new(body: Incoming, version: Version, limits: Arc<BodyLimits>) -> Self {
        Self {
            body: Some(body),
            version,
            limits,
            bytes: 0,
            waiting: None,
            is_whole: false,
        }
    }

    fn fail(&mut self, fault: BodyFault) -> BoxError {
        context::fail_body(fault);
        if fault != BodyFault::TooLarge {
            // The rest is not read.
            self.body = None;
        }
        self.waiting = None;
        BodyError(fault).into()
    }

    /// Nothing of it is awaited any more.
    fn arrived(&mut self) -> Result<(), BoxError> {
        let placed = match self.waiting.take() {
            None => Ok(()),
            Some(_) => context::end_body(),
        };
        let is_new = !std::mem::replace(&mut self.is_whole, true);
        let held = placed.and_then(|()| {
            if is_new {
                context::hold_body(self.bytes)
            } else {
                Ok(())
            }
        });
        held.map_err(|fault| self.fail(fault))
    }

    fn take(&mut self, frame: &Frame<Bytes>) -> Result<(), BoxError> {
        self.bytes += frame.data_ref().map_or(0, Bytes::len);
        if self.bytes > context::max_body_bytes() {
            return Err(self.fail(BodyFault::TooLarge));
        }
        if self.is_end_stream() {
            self.arrived()?;
        }
        Ok(())
    }

    /// Whether an error says that the client is gone, and not that what it sent cannot be read.
    fn is_broken_off(&self, error: &hyper::Error) -> bool {
        if self.version > Version::HTTP_11 {
            // A client that sends what cannot be read loses its connection.
            return true;
        }
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(inner) = source {
            if let Some(error) = inner.downcast_ref::<std::io::Error>() {
                return !matches!(
                    error.kind(),
                    ErrorKind::InvalidData | ErrorKind::InvalidInput
                );
            }
            source = inner.source();
        }
        error.is_incomplete_message() || error.is_closed() || error.is_canceled()
    }

    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<BodyFault> {
        let (limits, bytes) = (&self.limits, self.bytes);
        let waiting = self.waiting.get_or_insert_with(|| BodyWait {
            clock: Box::pin(sleep(limits.timeout)),
            place: limits
                .awaited
                .enter(context::current().and_then(|context| context.address)),
        });
        context::await_body();
        if !waiting.place.wait(bytes, context.waker()) {
            return Poll::Ready(BodyFault::Busy(Limit::AwaitedBodies));
        }
        waiting
            .clock
            .as_mut()
            .poll(context)
            .map(|()| BodyFault::TimedOut)
    }
}

impl Drop for LimitedRequestBody {
    /// An answer that needs no body is there before the body: a connection that is closed under a
    /// client that still writes loses it.
    fn drop(&mut self) {
        if self.waiting.take().is_some() {
            // It was read as far as it is wanted. Where no place is free, the request goes on without.
            let _ = context::end_body();
        }
        let left = self.body.take().filter(|body| !body.is_end_stream());
        if let Some(left) = left
            // HTTP/2 ends the stream, and the answer arrives.
            && self.version <= Version::HTTP_11
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(body::discard(Body::new(left)));
        }
    }
}

impl HttpBody for LimitedRequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        Poll::Ready(match Pin::new(body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => Some(self.take(&frame).map(|()| frame)),
            Poll::Ready(Some(Err(error))) => {
                if self.is_broken_off(&error) {
                    Some(Err(self.fail(BodyFault::BrokeOff)))
                } else {
                    Some(Err(error.into()))
                }
            }
            Poll::Ready(None) => {
                self.body = None;
                self.arrived().err().map(Err)
            }
            Poll::Pending => {
                let fault = ready!(self.poll_wait(context));
                Some(Err(self.fail(fault)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// Why the rest of a body is not read. The answer is made of what the context knows.
#[derive(Debug)]
struct BodyError(BodyFault);

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            BodyFault::TimedOut => "the body did not come in time",
            BodyFault::TooLarge => "the body is too large",
            BodyFault::BrokeOff => "the client went away",
            BodyFault::Busy(_) => "the body was given up for others",
        })
    }
}

impl std::error::Error for BodyError {}

/// Most bytes that are given to a stream of HTTP/2 at once: what is given is kept until the client
/// takes it, however small the window is that it opens.
const MAX_PIECE: usize = 16 * 1024;

/// The body of an answer. While it is there, its request counts as being answered, and its stream of
/// HTTP/2 knows that it is asked for. What is in memory of it counts as held for the client.
#[derive(Debug)]
pub struct AnswerBody {
    body: Body,
    /// What is there of the body and not asked for yet.
    rest: Bytes,
    progress: Option<Arc<StreamProgress>>,
    running: RunningRequest,
    held: Arc<HeldMemory>,
}

impl AnswerBody {
    /// The body of the answer to a request.
    #[must_use]
    pub fn new(body: Body, running: RunningRequest, held: &Arc<HeldMemory>) -> Self {
        let progress = StreamProgress::current();
        if let Some(progress) = &progress {
            progress.note();
        }
        let mut answer = Self {
            body,
            rest: Bytes::new(),
            progress,
            running,
            held: Arc::clone(held),
        };
        answer.take_what_is_there();
        answer
    }

    /// A large body of known size is there as a whole. It counts from now on: a client that opens no
    /// window never asks for it.
    fn take_what_is_there(&mut self) {
        let size = self.body.size_hint().exact().unwrap_or(0);
        if size <= UNCOUNTED_ANSWER as u64 {
            return;
        }
        // What is there needs no task to be woken, and what is not is asked for later.
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut self.body).poll_frame(&mut context)
            && let Ok(data) = frame.into_data()
        {
            self.rest = self.counted(data);
        }
    }

    fn counted(&self, data: Bytes) -> Bytes {
        self.held.answers.count(self.running.connection(), data)
    }

    /// The first piece of some data; the others follow. On HTTP/1.1 it is all of it.
    fn first_piece(&mut self, mut data: Bytes) -> Frame<Bytes> {
        if self.progress.is_some() && data.len() > MAX_PIECE {
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
        if let Some(progress) = &self.progress {
            progress.note();
        }
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.first_piece(rest))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let frame = match frame?.into_data() {
                Ok(data) => {
                    let data = self.counted(data);
                    self.first_piece(data)
                }
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
