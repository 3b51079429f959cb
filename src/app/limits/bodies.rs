//! Bodies that are watched while they pass.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
};
use foundation::http::context::{self, BodyReading, RequestContext};
use hyper::body::{Frame, SizeHint};

use super::in_flight::Permit;

/// A body that may have so many bytes. The context of the request learns that it has more.
#[derive(Debug)]
pub(super) struct BoundedBody {
    pub body: Body,
    /// Bytes that may still come.
    pub left: usize,
}

impl HttpBody for BoundedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let size = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => 0,
        };
        let Some(left) = self.left.checked_sub(size) else {
            context::note_body(BodyReading::TooLarge);
            let fault = io::Error::new(io::ErrorKind::FileTooLarge, "the body is too large");
            return Poll::Ready(Some(Err(fault.into())));
        };
        self.left = left;
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer that is written while it is made: until its end the request is one that is
/// being answered, and one of its consumer.
#[derive(Debug)]
pub(super) struct CountedBody {
    pub body: Body,
    pub _permit: Option<Permit>,
    pub _context: Option<Arc<RequestContext>>,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
