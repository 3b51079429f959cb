//! Lists of any length: written in pieces while they are read, so that memory does not grow with
//! them.

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

/// Takes the elements of a list, one after the other.
#[derive(Debug)]
pub struct ListWriter {
    buffer: Vec<u8>,
    is_first: bool,
    sender: mpsc::Sender<Result<Bytes, DbError>>,
}

/// The client does not read the list any more.
#[derive(Debug)]
pub struct Unread;

impl ListWriter {
    /// Writes an element.
    ///
    /// # Errors
    /// The client has gone: there is no use in going on.
    pub async fn put(&mut self, element: &impl Serialize) -> Result<(), Unread> {
        if !std::mem::take(&mut self.is_first) {
            self.buffer.push(b',');
        }
        // Writing to memory does not fail, nor do the members of our answers.
        let _ = serde_json::to_writer(&mut self.buffer, element);
        if self.buffer.len() < PIECE {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.buffer);
        self.sender.send(Ok(piece.into())).await.map_err(|_| Unread)
    }
}

/// Why a list ended early.
#[derive(Debug)]
pub enum Broken {
    /// The database.
    Database(DbError),
    /// The client has gone.
    Unread,
}

impl From<Unread> for Broken {
    fn from(_: Unread) -> Self {
        Self::Unread
    }
}

impl<E: Into<DbError>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

/// Answers with a JSON text that begins and ends so, and the elements that `write` puts between.
///
/// # Errors
/// What `write` fails with before the first piece is ready; a later fault breaks the connection
/// off.
pub async fn respond<W, F>(start: String, end: &'static str, write: W) -> ApiResult<Response>
where
    W: FnOnce(ListWriter) -> F,
    F: Future<Output = Result<ListWriter, Broken>> + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel::<Result<Bytes, DbError>>(4);
    let written = write(ListWriter {
        buffer: start.into_bytes(),
        is_first: true,
        sender: sender.clone(),
    });
    tokio::spawn(async move {
        let last = match written.await {
            Ok(mut writer) => {
                writer.buffer.extend_from_slice(end.as_bytes());
                Ok(writer.buffer.into())
            }
            Err(Broken::Database(error)) => Err(error),
            Err(Broken::Unread) => return,
        };
        let _ = sender.send(last).await;
    });
    let first = receiver.recv().await.transpose()?.unwrap_or_default();
    let rest = stream::unfold(receiver, async |mut receiver| {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let json = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    Ok((
        json,
        Body::from_stream(stream::once(async { Ok(first) }).chain(rest)),
    )
        .into_response())
}
