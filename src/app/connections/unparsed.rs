//! The answer to bytes that are no request of HTTP/1.1, or one whose head is too large to be read.
//!
//! The server library answers these by itself, with nothing but a status. Its answer is recognized where
//! it is written, and gets the body of a problem.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Bytes;
use foundation::{http::unread_problem, limits::Limit};
use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// No answer of the library is longer.
const MAX_AUTOMATIC_BYTES: usize = 256;
/// How much is read of what the client still sends, and for how long: a connection that is closed under
/// a client that writes loses the answer.
const MAX_DISCARDED: usize = 8 * 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// An answer in place of the library's.
#[derive(Debug)]
pub struct UnparsedAnswer {
    rest: Bytes,
    discarded: usize,
    clock: Option<Pin<Box<Sleep>>>,
}

impl UnparsedAnswer {
    /// In place of what is to be written, if that is an answer of the library. To a head of one line
    /// that is too large, the answer is that about a target.
    pub fn instead_of(written: &[u8], is_one_line: bool) -> Option<Self> {
        let (automatic, date) = automatic(written)?;
        let status = match automatic {
            Automatic::Unreadable => StatusCode::BAD_REQUEST,
            Automatic::TooLarge if is_one_line => {
                Limit::Target.count();
                StatusCode::URI_TOO_LONG
            }
            Automatic::TooLarge => {
                Limit::Headers.count();
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
        };
        let (trace, body) = unread_problem(status);
        tracing::debug!(status = status.as_u16(), %trace, "what came could not be read as a request");
        let date = date.map_or_else(String::new, |date| format!("date: {date}\r\n"));
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/problem+json; charset=utf-8\r\n\
             x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: {}\r\n{date}\r\n{body}",
            body.len(),
        );
        Some(Self {
            rest: answer.into(),
            discarded: 0,
            clock: None,
        })
    }

    /// Writes the rest of it.
    pub fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let written = ready!(Pin::new(&mut *stream).poll_write(context, &self.rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let _ = self.rest.split_to(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether nothing was read after it.
    pub fn is_open(&self) -> bool {
        self.clock.is_none()
    }

    /// Reads what the client sends until it has read the answer and ends, within reason.
    pub fn poll_discard<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let clock = self
            .clock
            .get_or_insert_with(|| Box::pin(sleep(DISCARD_TIMEOUT)));
        let mut bytes = [0; 4 * 1024];
        while clock.as_mut().poll(context).is_pending() && self.discarded < MAX_DISCARDED {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            self.discarded += buffer.filled().len();
        }
        Poll::Ready(())
    }
}

/// What the library answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Automatic {
    Unreadable,
    /// Beyond what the library reads, in bytes, in headers or in the target.
    TooLarge,
}

/// Kind and date of an answer that the library made by itself. Our own have other headers.
fn automatic(written: &[u8]) -> Option<(Automatic, Option<&str>)> {
    if written.len() > MAX_AUTOMATIC_BYTES || !written.starts_with(b"HTTP/1.") {
        return None;
    }
    let head = str::from_utf8(written).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let kind = match lines.next()?.split(' ').nth(1)? {
        "400" => Automatic::Unreadable,
        "414" | "431" => Automatic::TooLarge,
        _ => return None,
    };
    let mut date = None;
    for line in lines {
        match line.split_once(": ")? {
            ("connection", "close") | ("content-length", "0") => {}
            ("date", value) => date = Some(value),
            _ => return None,
        }
    }
    Some((kind, date))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "date: Sat, 28 Nov 2026 17:50:48 GMT\r\n";

    #[rstest::rstest]
    #[case(
        "431 Request Header Fields Too Large",
        false,
        "431 Request Header Fields Too Large"
    )]
    #[case("431 Request Header Fields Too Large", true, "414 URI Too Long")]
    #[case("400 Bad Request", true, "400 Bad Request")]
    fn an_answer_of_the_library_gets_a_problem(
        #[case] automatic: &str,
        #[case] is_one_line: bool,
        #[case] status: &str,
    ) {
        let written =
            format!("HTTP/1.1 {automatic}\r\nconnection: close\r\ncontent-length: 0\r\n{DATE}\r\n");
        let answer = UnparsedAnswer::instead_of(written.as_bytes(), is_one_line)
            .expect("it is the library's");
        let text = String::from_utf8(answer.rest.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{head}"
        );
        assert!(head.contains("\r\nconnection: close\r\n") && head.ends_with(DATE.trim_end()));
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())));
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"].to_string(), status[..3]);
        assert_eq!(problem["title"], status[4..]);
        assert_eq!(problem["traceId"].as_str().unwrap().len(), 55);
    }

    #[rstest::rstest]
    #[case::ours(
        "HTTP/1.1 400 Bad Request\r\nx-content-type-options: nosniff\r\ncontent-length: 0\r\n\r\n"
    )]
    #[case::another_status("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]
    #[case::with_a_body("HTTP/1.1 400 Bad Request\r\ncontent-length: 1\r\n\r\na")]
    #[case::a_part("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n")]
    fn other_answers_stay(#[case] written: &str) {
        assert!(UnparsedAnswer::instead_of(written.as_bytes(), false).is_none());
    }
}
