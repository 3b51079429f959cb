//! Starting and stopping: listeners, background tasks, an orderly end.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{
    body::{Body, HttpBody as _},
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};
use tower::Service;

use super::{
    AppState,
    connections::{
        AnswerBody, AwaitedBodies, BodyLimits, ClientTimeouts, CloseCause, ConnectionLimits,
        ConnectionRegistry, HeldMemory, LimitedRequestBody, MAX_HEAD_BYTES, OpenConnection,
        StreamExecutor, TimedStream,
    },
};
use foundation::{
    clock::Clock,
    config::{LimitSettings, Settings},
    telemetry::metrics::{TASK_FAILURES, TASK_SUCCESS},
    token::KeySource,
};

/// Notifies all tasks that wait for it that the process is to stop.
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
pub fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    listen(address)
        .with_context(|| format!("{address} cannot be listened on; choose another with {setting}"))
}

/// Connections that wait to be accepted. The usual 128 are too few when many come at once: the rest
/// try again after a second.
const BACKLOG: u32 = 1024;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// How long running requests may take after the last one was accepted.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long nothing is accepted after a failure: others must end first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How the connections of a listener are served.
#[derive(Debug, Clone)]
pub struct ServeSettings {
    /// The connections that are open, of all listeners that share them.
    pub connections: Arc<ConnectionRegistry>,
    /// The bodies that are awaited, of all listeners that share them.
    pub awaited: Arc<AwaitedBodies>,
    /// What is held for the clients of all listeners that share it.
    pub held: Arc<HeldMemory>,
    /// Clocks and limits of each connection.
    pub limits: Arc<LimitSettings>,
}

impl ServeSettings {
    /// As the settings say. What it is used for shares the limit of connections.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            connections: ConnectionRegistry::new(ConnectionLimits::of(settings)),
            awaited: AwaitedBodies::new(settings),
            held: Arc::default(),
            limits: Arc::from(settings.limits.clone()),
        }
    }

    /// The same for the internal listener, which has connections of its own.
    #[must_use]
    pub fn internal(&self) -> Self {
        Self {
            connections: ConnectionRegistry::new(ConnectionLimits::internal()),
            awaited: Arc::clone(&self.awaited),
            held: Arc::clone(&self.held),
            limits: Arc::clone(&self.limits),
        }
    }

    fn builder(&self) -> auto::Builder<StreamExecutor> {
        let limits = &self.limits;
        let mut builder = auto::Builder::new(StreamExecutor::new(limits.write_timeout()));
        // The clock of the head is in the stream, where it does not run between two requests. Smaller
        // limits of a head are checked later, with an answer.
        builder
            .http1()
            .header_read_timeout(None)
            .max_buf_size(MAX_HEAD_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.http2_ping())
            .keep_alive_timeout(limits.http2_ping())
            .max_header_list_size(MAX_HEAD_BYTES as u32)
            .max_concurrent_streams(limits.http2_max_streams)
            .max_pending_accept_reset_streams(Some(limits.http2_max_pending_resets))
            // Streams that we reset since the client broke the protocol.
            .max_local_error_reset_streams(Some(limits.http2_max_pending_resets));
        builder
    }
}

/// Serves connections until the end, then lets running requests finish.
pub async fn run<S>(listener: TcpListener, service: S, serving: ServeSettings, shutdown: Shutdown)
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
        serving,
        shutdown,
    )
    .await;
}

/// As [`run`], where the protocol and the service are chosen for each connection.
pub async fn run_each<A, F, I, S>(
    listener: TcpListener,
    accept: A,
    serving: ServeSettings,
    shutdown: Shutdown,
) where
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
    let builder = serving.builder();
    let connections = &serving.connections;
    let clocks = ClientTimeouts::of(&serving.limits);
    let mut failures = SecondCounter::default();
    let mut refusals = SecondCounter::default();
    let mut stopped = std::pin::pin!(shutdown.wait());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    if let Some(count) = failures.count() {
                        tracing::warn!(%error, count, "connections could not be accepted");
                    }
                    connections.close_idle();
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = &mut stopped => break,
        };
        let open = match connections.admit(peer.ip()) {
            Ok(open) => open,
            Err(limit) => {
                limit.count();
                if let Some(count) = refusals.count() {
                    tracing::warn!(limit = limit.wire(), count, "connections were refused");
                }
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve_one(
            accept(stream),
            peer,
            open,
            builder.clone(),
            clocks,
            BodyLimits {
                timeout: clocks.body,
                awaited: Arc::clone(&serving.awaited),
            },
            Arc::clone(&serving.held),
        ));
    }
    drop(listener);
    connections.stop();
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.drained())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time");
    }
}

/// Serves one connection to its end.
async fn serve_one<F, I, S>(
    accepted: F,
    peer: SocketAddr,
    open: OpenConnection,
    builder: auto::Builder<StreamExecutor>,
    clocks: ClientTimeouts,
    bodies: BodyLimits,
    held: Arc<HeldMemory>,
) where
    F: Future<Output = Option<(I, S)>> + Send,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request, Response = Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let (open, bodies) = (Arc::new(open), Arc::new(bodies));
    let connection = Arc::clone(open.connection());
    let accepted = tokio::select! {
        accepted = tokio::time::timeout(clocks.header, accepted) => accepted,
        () = connection.asked_to_close() => return,
    };
    let Ok(Some((stream, service))) = accepted else {
        return;
    };
    let stream = TimedStream::new(stream, Arc::clone(&connection), clocks, Arc::clone(&held));
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let version = request.version();
        let running = open.begin(version, request.body().size_hint().exact());
        let mut request = request.map(|body| {
            if body.is_end_stream() {
                Body::empty()
            } else {
                Body::new(LimitedRequestBody::new(body, version, Arc::clone(&bodies)))
            }
        });
        request.extensions_mut().insert(ConnectInfo(peer));
        // Our services are always ready.
        let answer = service.clone().call(request);
        let held = Arc::clone(&held);
        async move {
            let response = answer.await?;
            let respond = |body| AnswerBody::new(body, running, &held);
            Ok::<_, std::convert::Infallible>(response.map(respond))
        }
    });
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    loop {
        tokio::select! {
            biased;
            ended = &mut served => {
                if let Err(error) = ended {
                    tracing::debug!(error, "a connection ended early");
                }
                return;
            }
            () = connection.asked_to_close() => match connection.cause() {
                CloseCause::Evicted => return,
                CloseCause::None | CloseCause::Idle | CloseCause::Stopping => {
                    served.as_mut().graceful_shutdown();
                }
            },
        }
    }
}

/// Counts what happens often, for a line of the log each second.
#[derive(Debug, Default)]
struct SecondCounter {
    logged: Option<Instant>,
    count: u64,
}

impl SecondCounter {
    /// Counts once more; how often it happened since the last line, when a line is due.
    fn count(&mut self) -> Option<u64> {
        self.count += 1;
        let is_due = self
            .logged
            .is_none_or(|logged| logged.elapsed() >= Duration::from_secs(1));
        if !is_due {
            return None;
        }
        self.logged = Some(Instant::now());
        Some(std::mem::take(&mut self.count))
    }
}

/// Starts what runs in addition to the listeners: key sets are kept fresh, partitions are there in
/// time.
pub fn spawn_background(state: &AppState, shutdown: &Shutdown) {
    super::metrics::register_instance(state);
    for issuer in &state.verifier.issuers {
        if let KeySource::Published(client) = &issuer.keys {
            let keep_fresh = Arc::clone(client).keep_fresh(state.background_db.clone());
            spawn_until(shutdown, keep_fresh);
        }
    }
    let db = &state.db;
    spawn_until(
        shutdown,
        foundation::db::feed::follow(Arc::clone(&state.feed), state.background_db.clone()),
    );
    if let Some(sessions) = &state.sessions {
        let listening = foundation::db::listen(Arc::clone(&state.feed), sessions.clone());
        spawn_until(shutdown, listening);
    }
    spawn_until(shutdown, state.attempts.clone().write());
    let (resources, pool) = (Arc::clone(&state.resources), db.clone());
    spawn_until(shutdown, async move {
        // Until they are read, and if they cannot be, each is read when it is asked for.
        if let Err(error) = resources.load(&pool).await {
            tracing::warn!(%error, "the resources could not be read ahead");
        }
    });
    every(shutdown, 600, "change feed", db, async |pool| {
        Ok(foundation::db::feed::delete_old(&pool).await?)
    });
    spawn_until(shutdown, super::metrics::keep_up(state.clone()));
    spawn_until(shutdown, super::imported_catalogue::follow(state.clone()));
    spawn_until(shutdown, Arc::clone(&state.monitor).watch());
    every(shutdown, 12 * 3600, "partitions", db, async |pool| {
        Ok(foundation::db::make_partitions(&pool).await?)
    });
    let retained = state.clone();
    every(shutdown, 3600, "retention", db, move |_| {
        let state = retained.clone();
        async move { super::retention::apply(&state).await }
    });
    let sealing = state.clone();
    every(shutdown, 2, "audit chain", db, move |pool| {
        let state = sealing.clone();
        async move {
            // A history that lacks something has no place among the checkpoints.
            let checkpoints = state.checkpoints.as_deref();
            let checkpoints = checkpoints.filter(|_| state.recovery.is_complete());
            foundation::audit::seal(&pool, checkpoints, state.clock.now()).await
        }
    });
    every(shutdown, 2, "positions of events", db, async |pool| {
        Ok(foundation::events::number(&mut *pool.acquire().await?).await?)
    });
    spawn_until(
        shutdown,
        Arc::clone(&state.recovery).watch(state.background_db.clone()),
    );
    spawn_until(
        shutdown,
        Arc::clone(&state.recovery).copy(state.background_db.clone()),
    );
    let (recovery, days) = (
        Arc::clone(&state.recovery),
        state.config.settings.recovery.journal_days,
    );
    every(shutdown, 3600, "old revocations", db, move |pool| {
        let recovery = Arc::clone(&recovery);
        async move {
            recovery.delete_expired(&pool, days).await?;
            recovery.restore_vanished(&pool).await.map(drop)
        }
    });
    let lifetime = state.config.settings.requests.lifetime_days;
    every(shutdown, 60, "time-outs", db, move |pool| async move {
        Ok(
            system_users::requests::timeouts::publish_time_outs(&pool, lifetime)
                .await
                .map(drop)?,
        )
    });
}

/// Every background task is done for the first time within so many seconds.
const FIRST_TASKS_S: u64 = 60;

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
    // A task that never succeeds is seen by its age, too.
    let success = metrics::gauge!(TASK_SUCCESS.name, "task" => name);
    let clock = Clock::default();
    success.set(clock.now().timestamp() as f64);
    spawn_until(shutdown, async move {
        // Soon after the start too: an instance may never run as long as the rarest tasks wait.
        let mut wait = seconds.min(FIRST_TASKS_S);
        loop {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            wait = seconds;
            match task(pool.clone()).await {
                Ok(()) => success.set(clock.now().timestamp() as f64),
                Err(error) => {
                    failures.increment(1);
                    tracing::warn!(
                        task = name,
                        error = format!("{error:#}"),
                        "a background task failed; it is tried again later"
                    );
                }
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
