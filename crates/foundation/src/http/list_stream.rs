//! Lists of any length: written in pieces while they are read, so that memory does not grow with
//! them.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use tokio::sync::mpsc;

use super::ApiResult;
use crate::db::DbError;

/// Bytes that are sent at once.
const PIECE: usize = 16 * 1024;
/// How long an answer waits for its first elements. A list that takes longer begins without them, so
/// that no proxy ends the call as unanswered.
const BEGIN_WITHIN: Duration = Duration::from_millis(100);

/// Takes the elements of a list, one after the other.
#[derive(Debug)]
pub struct ListWriter {
    buffer: Vec<u8>,
    is_first: bool,
    sender: mpsc::Sender<Result<Bytes, DbError>>,
}

/// The client does not read the list any more.
#[derive(Debug)]
pub struct ListUnread;

impl ListWriter {
    /// Writes an element.
    ///
    /// # Errors
    /// The client has gone: there is no use in going on.
    pub async fn put(&mut self, element: &impl Serialize) -> Result<(), ListUnread> {
        self.append(element);
        if self.buffer.len() < PIECE {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.buffer);
        self.sender
            .send(Ok(piece.into()))
            .await
            .map_err(|_| ListUnread)
    }

    /// Begins an element that is this object, which has members, with one more that is a list: what is written from
    /// here to [`Self::close`] are elements of that.
    pub fn open(&mut self, object: &impl Serialize, member: &'static str) {
        self.append(object);
        // The end of the object comes behind the list.
        let _ = self.buffer.pop();
        self.buffer.extend_from_slice(b",\"");
        self.buffer.extend_from_slice(member.as_bytes());
        self.buffer.extend_from_slice(b"\":[");
        self.is_first = true;
    }

    /// Begins a member of an object, that is a list: what is written from here to [`Self::close_member`] are
    /// elements of that. The answer begins and ends as an object.
    pub fn open_member(&mut self, name: &str) {
        self.append(&name);
        self.buffer.extend_from_slice(b":[");
        self.is_first = true;
    }

    /// Ends what [`Self::open_member`] began.
    pub fn close_member(&mut self) {
        self.buffer.push(b']');
        self.is_first = false;
    }

    /// Ends what [`Self::open`] began.
    pub fn close(&mut self) {
        self.buffer.extend_from_slice(b"]}");
        self.is_first = false;
    }

    fn append(&mut self, element: &impl Serialize) {
        if !std::mem::take(&mut self.is_first) {
            self.buffer.push(b',');
        }
        // Writing to memory does not fail, nor do the members of our answers.
        let _ = serde_json::to_writer(&mut self.buffer, element);
    }
}

/// Why a list ended early.
#[derive(Debug)]
pub enum ListError {
    /// The database.
    Database(DbError),
    /// The client has gone.
    Unread,
}

impl From<ListUnread> for ListError {
    fn from(_: ListUnread) -> Self {
        Self::Unread
    }
}

impl<E: Into<DbError>> From<E> for ListError {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

/// Answers with a JSON text that begins and ends so, and the elements that `write` puts between.
///
/// # Errors
/// What `write` fails with before the answer begins: when the first piece is ready, or after a tenth of a
/// second. A later fault breaks the connection off.
pub async fn respond<W, F>(start: String, end: &'static str, write: W) -> ApiResult<Response>
where
    W: FnOnce(ListWriter) -> F,
    F: Future<Output = Result<ListWriter, ListError>> + Send + 'static,
{
    respond_within(BEGIN_WITHIN, start, end, write).await
}

async fn respond_within<W, F>(
    begin_within: Duration,
    start: String,
    end: &'static str,
    write: W,
) -> ApiResult<Response>
where
    W: FnOnce(ListWriter) -> F,
    F: Future<Output = Result<ListWriter, ListError>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel::<Result<Bytes, DbError>>(4);
    let written = write(ListWriter {
        buffer: Vec::new(),
        is_first: true,
        sender: sender.clone(),
    });
    tokio::spawn(async move {
        let last = match written.await {
            Ok(mut writer) => {
                writer.buffer.extend_from_slice(end.as_bytes());
                Ok(writer.buffer.into())
            }
            Err(ListError::Database(error)) => Err(error),
            Err(ListError::Unread) => return,
        };
        let _ = sender.send(last).await;
    });
    let mut begun = start.into_bytes();
    if let Ok(first) = tokio::time::timeout(begin_within, receiver.recv()).await {
        begun.extend_from_slice(&first.transpose()?.unwrap_or_default());
    }
    let rest = stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let json = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    Ok((
        json,
        Body::from_stream(stream::once(async { Ok(begun.into()) }).chain(rest)),
    )
        .into_response())
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};
    use tokio::sync::oneshot;

    use super::*;

    async fn read(response: Response) -> Value {
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_list_whose_first_element_is_late_begins_without_it() {
        let (ready, waiting) = oneshot::channel::<()>();
        let at_once = Duration::ZERO;
        let answer = respond_within(at_once, "[".to_owned(), "]", |mut writer| async move {
            let _ = waiting.await;
            writer.put(&1).await?;
            Ok(writer)
        });
        let mut parts = answer.await.unwrap().into_body().into_data_stream();
        assert_eq!(parts.next().await.unwrap().unwrap(), "[");
        ready.send(()).unwrap();
        assert_eq!(parts.next().await.unwrap().unwrap(), "1]");
    }

    #[tokio::test]
    async fn lists_are_members_of_an_object() {
        let answer = respond("{".to_owned(), "}", |mut writer| async move {
            for (name, inner) in [("a\"", vec![1, 2]), ("b", vec![])] {
                writer.open_member(name);
                for one in inner {
                    writer.put(&one).await?;
                }
                writer.close_member();
            }
            Ok(writer)
        });
        let expected = json!({"a\"": [1, 2], "b": []});
        assert_eq!(read(answer.await.unwrap()).await, expected);
    }

    #[tokio::test]
    async fn a_list_is_written_in_an_element_of_a_list() {
        let answer = respond("[".to_owned(), "]", |mut writer| async move {
            for (name, inner) in [("a", vec![1, 2]), ("b", vec![])] {
                writer.open(&json!({ "name": name }), "inner");
                for one in inner {
                    writer.put(&one).await?;
                }
                writer.close();
            }
            Ok(writer)
        });
        let expected = json!([{"name": "a", "inner": [1, 2]}, {"name": "b", "inner": []}]);
        assert_eq!(read(answer.await.unwrap()).await, expected);
    }
}
