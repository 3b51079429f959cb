//! Starting and stopping: listeners, background tasks, an orderly end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower::{Service, ServiceExt as _};

use super::{AppState, timer::ConnectionTimer};
use foundation::{telemetry::metrics::TASK_FAILURES, token::KeySource};

/// Tells everybody who listens that the end has come.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// A switch and its listener.
    #[must_use]
    pub fn channel() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Resolves when the switch was thrown, or is gone.
    pub async fn wait(mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Binds an address.
///
/// # Errors
/// It is taken; the text says by which setting another can be chosen.
pub async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on; choose another with {setting}"))
}

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// Serves connections until the end, then lets running requests finish.
pub async fn run<S>(listener: TcpListener, service: S, shutdown: Shutdown)
where
    S: Service<Request, Response = Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    run_each(
        listener,
        move |stream| std::future::ready(Some((stream, service.clone()))),
        shutdown,
    )
    .await;
}

/// As [`run`], where it is seen for each connection how it speaks, and with what service.
pub async fn run_each<A, F, I, S>(listener: TcpListener, accept: A, shutdown: Shutdown)
where
    A: Fn(TcpStream) -> F,
    F: Future<Output = Option<(I, S)>> + Send + 'static,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request, Response = Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let graceful = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024);
    builder
        .http2()
        .max_concurrent_streams(128)
        .max_pending_accept_reset_streams(Some(20));
    let mut stopped = std::pin::pin!(shutdown.wait());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: others must end first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stopped => break,
        };
        let _ = stream.set_nodelay(true);
        let (accepted, watcher, mut builder) =
            (accept(stream), graceful.watcher(), builder.clone());
        let timer = ConnectionTimer::default();
        builder.http1().timer(timer.clone());
        builder.http2().timer(timer);
        tokio::spawn(async move {
            let Ok(Some((stream, service))) = tokio::time::timeout(HEADER_TIMEOUT, accepted).await
            else {
                return;
            };
            let hyper_service =
                hyper::service::service_fn(move |request: http::Request<Incoming>| {
                    let mut request = request.map(axum::body::Body::new);
                    request.extensions_mut().insert(ConnectInfo(peer));
                    service.clone().oneshot(request)
                });
            let connection = watcher.watch(
                builder
                    .serve_connection(TokioIo::new(stream), hyper_service)
                    .into_owned(),
            );
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time");
    }
}

/// Starts what runs beside the listeners: key sets are kept fresh, partitions are there in time.
pub fn spawn_background(state: &AppState, shutdown: &Shutdown) {
    super::metrics::register_instance(state);
    for issuer in &state.verifier.issuers {
        if let KeySource::Published(client) = &issuer.keys {
            spawn_until(shutdown, Arc::clone(client).keep_fresh());
        }
    }
    let db = &state.db;
    spawn_until(
        shutdown,
        foundation::db::feed::follow(Arc::clone(&state.feed), state.background_db.clone()),
    );
    spawn_until(
        shutdown,
        foundation::db::feed::listen(Arc::clone(&state.feed), state.background_db.clone()),
    );
    spawn_until(shutdown, state.attempts.clone().write());
    let (resources, pool) = (Arc::clone(&state.resources), db.clone());
    spawn_until(shutdown, async move {
        // Until they are read, and if they cannot be, each is read when it is asked for.
        if let Err(error) = resources.load(&pool).await {
            tracing::warn!(%error, "the resources could not be read ahead");
        }
    });
    every(shutdown, 600, "change feed", db, async |pool| {
        Ok(foundation::db::feed::forget_old(&pool).await?)
    });
    let months = state.config.settings.audit.decision_retention_months;
    every(
        shutdown,
        3600,
        "expired decisions",
        db,
        move |pool| async move { Ok(foundation::db::drop_expired_decisions(&pool, months).await?) },
    );
    spawn_until(shutdown, super::metrics::keep_up(state.clone()));
    spawn_until(shutdown, Arc::clone(&state.monitor).watch());
    every(shutdown, 12 * 3600, "partitions", db, async |pool| {
        Ok(foundation::db::make_partitions(&pool).await?)
    });
    every(shutdown, 600, "ended sessions", db, async |pool| {
        foundation::sessions::forget_expired(&pool).await?;
        Ok(edges::pages::forget_expired(&pool).await?)
    });
    every(shutdown, 3600, "idempotency keys", db, async |pool| {
        Ok(foundation::idempotency::forget_old(&pool).await?)
    });
    let (checkpoints, clock) = (state.checkpoints.clone(), state.clock.clone());
    every(shutdown, 2, "audit chain", db, move |pool| {
        let (checkpoints, now) = (checkpoints.clone(), clock.now());
        async move { foundation::audit::seal(&pool, checkpoints.as_deref(), now).await }
    });
    let lifetime = state.config.settings.requests.lifetime_days;
    every(shutdown, 60, "time-outs", db, move |pool| async move {
        Ok(system_users::requests::timeouts::announce(&pool, lifetime)
            .await
            .map(drop)?)
    });
}

/// Does a task every so many seconds, until the end.
fn every<T>(
    shutdown: &Shutdown,
    seconds: u64,
    name: &'static str,
    pool: &sqlx::PgPool,
    task: impl Fn(sqlx::PgPool) -> T + Send + 'static,
) where
    T: Future<Output = anyhow::Result<()>> + Send,
{
    let pool = pool.clone();
    let failures = metrics::counter!(TASK_FAILURES.name, "task" => name);
    failures.increment(0);
    spawn_until(shutdown, async move {
        loop {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            if let Err(error) = task(pool.clone()).await {
                failures.increment(1);
                tracing::warn!(
                    task = name,
                    error = format!("{error:#}"),
                    "a background task failed; it is tried again later"
                );
            }
        }
    });
}

/// Starts a task that ends with the program.
pub fn spawn_until(shutdown: &Shutdown, task: impl Future<Output = ()> + Send + 'static) {
    let stopped = shutdown.clone().wait();
    tokio::spawn(async move {
        tokio::select! {
            () = task => {}
            () = stopped => {}
        }
    });
}

/// Resolves at the first Ctrl-C or SIGTERM. A second one ends the process at once.
///
/// # Errors
/// Signals cannot be listened to.
pub async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}
