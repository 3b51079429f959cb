//! Starting a sandbox: the cluster, the universe, the service and its three issuers.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Router, extract::Request, response::Response};
use futures_util::future::Either;
use http::HeaderValue;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tower::Service as _;

use crate::app::{
    self, AppState,
    connections::{AwaitedBodies, HeldMemory},
    hosts::AllowedHosts,
    metrics,
    serve::{self, ServeSettings, Shutdown},
    setup::{self, ExtraTrust, Secrets},
};
use ::sandbox::{
    SandboxKeys, SharedService, clients,
    idporten::{self, IdPortenIssuer, OidcClient},
    maskinporten::{self, MaskinportenIssuer},
    routes,
    testtools::{self, NONE_ISSUER_OTHERS, TestTools, none_issuer},
    tls::{self, HostService, TlsFront, TlsHost},
    universe,
};
use edges::pages;
use foundation::{
    clock::Clock,
    config::{self, CheckedSettings},
    db,
    http::context,
    limits::RequestClass,
    telemetry::{
        self,
        traces::{self, SpanExport},
    },
    token::{IssuerKind, KeySet, KeySource, SignatureAlgorithm, TrustedIssuer},
};
use private_postgres::{Cluster, Durability};

/// How a sandbox is started.
#[derive(Debug, Clone, Default)]
pub struct SandboxOptions {
    /// Port of the service; the others follow at +10, +11, +12 and +1010.
    pub port: Option<u16>,
    /// Folder of keys and data.
    pub data_dir: Option<PathBuf>,
    /// Begins with an empty database.
    pub fresh: bool,
}

/// A sandbox that answers.
#[derive(Debug)]
pub struct RunningSandbox {
    /// The service's state.
    pub state: AppState,
    /// Settings, with the addresses that were bound.
    pub config: CheckedSettings,
    /// The bodies of requests whose clients are awaited.
    pub awaited: Arc<AwaitedBodies>,
    /// What is held for clients.
    pub held: Arc<HeldMemory>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
}

impl RunningSandbox {
    /// Stops in order: no new connections, running requests finish, connections close.
    pub async fn stop(mut self) {
        self.state.readiness.stop();
        tokio::time::sleep(Duration::from_secs(self.config.settings.server.drain_s)).await;
        let _ = self.stop.send(true);
        while self.servers.join_next().await.is_some() {}
        self.state.close().await;
    }
}

/// Checkpoints of the audit trail, in a sandbox's folder.
const CHECKPOINTS: &str = "audit-checkpoints.jsonl";

/// Settings of a sandbox.
///
/// # Errors
/// A setting is unknown or contradicts another.
pub fn settings(
    options: &SandboxOptions,
    environment: &HashMap<String, String>,
) -> anyhow::Result<CheckedSettings> {
    let mut overrides = Vec::new();
    if let Some(port) = options.port {
        anyhow::ensure!(
            (1024..=64_000).contains(&port),
            "--port must be between 1024 and 64000, since the other ports follow it"
        );
        let at = |offset: u16| format!("127.0.0.1:{}", port + offset);
        overrides.extend([
            ("server.listen", at(0)),
            ("sandbox.maskinporten.listen", at(10)),
            ("sandbox.idporten.listen", at(11)),
            ("sandbox.testtools.listen", at(12)),
            ("server.internal_listen", at(1010)),
        ]);
    }
    if let Some(dir) = &options.data_dir {
        overrides.push(("sandbox.dir", dir.display().to_string()));
    }
    let mut settings = config::load(config::SettingsSource::Sandbox, environment, &overrides)?;
    if let Some(sandbox) = &settings.sandbox {
        settings
            .audit
            .checkpoint_path
            .get_or_insert_with(|| sandbox.dir.join(CHECKPOINTS));
    }
    config::check(settings)
        .map_err(|wrong| anyhow::anyhow!("the settings cannot be used:\n  {}", wrong.join("\n  ")))
}

/// The listeners of a sandbox, bound before anything else so that a taken port is reported at once.
#[derive(Debug)]
struct SandboxListeners {
    main: TcpListener,
    internal: TcpListener,
    /// Those of Maskinporten, ID-porten and the generator, unless they share the main one.
    issuers: Option<[TcpListener; 3]>,
    tls: Option<TcpListener>,
}

impl SandboxListeners {
    fn bind(config: &CheckedSettings) -> anyhow::Result<Self> {
        let sandbox = config.settings.sandbox.as_ref().context("not a sandbox")?;
        let server = &config.settings.server;
        Ok(Self {
            main: serve::bind(server.listen, "--port")?,
            internal: serve::bind(server.internal_listen, "--port or server.internal_listen")?,
            issuers: if sandbox.single_port {
                None
            } else {
                Some([
                    serve::bind(
                        sandbox.maskinporten.listen,
                        "--port or sandbox.maskinporten.listen",
                    )?,
                    serve::bind(sandbox.idporten.listen, "--port or sandbox.idporten.listen")?,
                    serve::bind(
                        sandbox.testtools.listen,
                        "--port or sandbox.testtools.listen",
                    )?,
                ])
            },
            tls: match sandbox.tls.listen {
                Some(listen) => Some(serve::bind(listen, "sandbox.tls.listen")?),
                None => None,
            },
        })
    }
}

/// Starts a sandbox on a database that is there.
///
/// # Errors
/// A port is taken, the database cannot be prepared, or a key file is damaged.
pub async fn start(
    config: CheckedSettings,
    database: &secrecy::SecretString,
    clock: Clock,
    progress: &ProgressBar,
) -> anyhow::Result<RunningSandbox> {
    let listeners = SandboxListeners::bind(&config)?;
    let dir = config.sandbox_dir().context("not a sandbox")?;
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    progress.set_message("keys");
    let (keys, secrets) = SandboxKeys::load(&dir)?;
    let secrets = Secrets::from(secrets);
    let keys = Arc::new(keys);
    let condition = db::DatabaseCondition::default();
    let pool = db::pool(database, &config.settings.database, &clock, &condition)?;
    progress.set_message("database schema and catalogues");
    db::require_connection(&pool, &condition).await?;
    setup::prepare_database(&config, &pool).await?;
    setup::note_settings(&config, &pool).await?;
    let login_jwk = secrets
        .login_key
        .as_ref()
        .map(|k| k.public_jwk().clone())
        .unwrap_or_default();
    let extra = extra_trust(&config, &keys, &secrets);
    let state = setup::state(config.clone(), pool, condition, clock, secrets, extra).await?;
    universe::load(
        &state.db,
        &state.catalogue,
        &state.identity,
        false,
        |name| progress.set_message(format!("universe: {name}")),
    )
    .await?;
    progress.set_message("Maskinporten clients");
    clients::seed(&state.db, &dir, false).await?;
    let own_client = OidcClient {
        client_id: pages::SANDBOX_CLIENT_ID.to_owned(),
        org_number: None,
        secret_hash: None,
        jwks: Some(json!({"keys": [login_jwk]})),
        redirect_uris: vec![pages::callback_address(&config.ui_base)],
        post_logout_redirect_uris: vec![pages::logged_out_address(&config.ui_base)],
        scopes: vec![],
    };
    idporten::put_client(&issuers_service(&state), &own_client).await?;
    let (stop, shutdown) = Shutdown::channel();
    let serving = ServeSettings::of(&config.settings);
    let (awaited, held) = (Arc::clone(&serving.awaited), Arc::clone(&serving.held));
    let servers = spawn(&state, &keys, listeners, serving, &shutdown)?;
    serve::spawn_background(&state, &shutdown);
    if config
        .settings
        .sandbox
        .as_ref()
        .is_some_and(|s| s.autoregister_clients)
    {
        let (pool, sessions) = (state.db.clone(), state.sessions.clone());
        serve::spawn_until(&shutdown, async move {
            let sessions = sessions.as_ref().map(db::DedicatedSessions::pool);
            while let Err(error) = clients::follow_systems(&pool, sessions, &dir).await {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "new systems' clients could not be registered; trying again"
                );
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }
    Ok(RunningSandbox {
        state,
        config,
        awaited,
        held,
        stop,
        servers,
    })
}

/// Issuers that only a sandbox has.
fn extra_trust(config: &CheckedSettings, keys: &SandboxKeys, secrets: &Secrets) -> ExtraTrust {
    let testtools = config
        .local
        .as_ref()
        .map(|local| local.testtools.clone())
        .unwrap_or_default();
    let own = secrets.own_keys.key_set();
    let fixed = |name: String, kind, algorithms, keys: &Arc<KeySet>| TrustedIssuer {
        name,
        kind,
        algorithms,
        keys: KeySource::Fixed(Arc::clone(keys)),
    };
    let none = Arc::new(keys.none.key_set());
    let mut issuers: Vec<TrustedIssuer> = [none_issuer(&testtools), NONE_ISSUER_OTHERS.to_owned()]
        .map(|name| fixed(name, IssuerKind::Own, &[SignatureAlgorithm::ES256], &none))
        .into();
    let is_reached = config.loopback.as_ref().is_some_and(|loopback| {
        config.maskinporten_issuer.trim_end_matches('/') == loopback.maskinporten
            && config.idporten_issuer == loopback.idporten
    });
    if !is_reached {
        // Their names lead elsewhere from here: to the public system, or to a port that is only
        // published outside of the container.
        issuers.push(fixed(
            config.maskinporten_issuer.clone(),
            IssuerKind::Maskinporten,
            &[SignatureAlgorithm::RS256],
            keys.maskinporten.key_set(),
        ));
        issuers.push(fixed(
            config.idporten_issuer.clone(),
            IssuerKind::IdPorten,
            &[SignatureAlgorithm::RS256],
            keys.idporten.key_set(),
        ));
    }
    if config
        .settings
        .sandbox
        .as_ref()
        .is_some_and(|s| s.testtools.real_issuer_names)
    {
        issuers.extend(
            testtools::real_issuers()
                .map(|name| fixed(name, IssuerKind::Altinn, &[SignatureAlgorithm::RS256], own)),
        );
    }
    let platform_issuers = BTreeMap::from([
        ("platform".to_owned(), Arc::clone(own)),
        (config.own_issuer.clone(), Arc::clone(own)),
    ]);
    ExtraTrust {
        issuers,
        platform_issuers,
    }
}

/// What the issuers share with the service.
fn issuers_service(state: &AppState) -> SharedService {
    SharedService {
        clock: state.clock.clone(),
        config: Arc::clone(&state.config),
        db: state.db.clone(),
        identity: Arc::clone(&state.identity),
        own_keys: Arc::clone(&state.own_keys),
        verifier: Arc::clone(&state.verifier),
    }
}

fn spawn(
    state: &AppState,
    keys: &Arc<SandboxKeys>,
    listeners: SandboxListeners,
    serving: ServeSettings,
    shutdown: &Shutdown,
) -> anyhow::Result<JoinSet<()>> {
    let config = &state.config;
    let sandbox = config.settings.sandbox.as_ref().context("not a sandbox")?;
    let local = config.local.as_ref().context("not a sandbox")?;
    let service = issuers_service(state);
    let maskinporten = MaskinportenIssuer {
        service: service.clone(),
        keys: Arc::clone(keys),
        issuer: config.maskinporten_issuer.clone(),
        lifetime: sandbox.maskinporten.token_lifetime_s,
        extra_audiences: sandbox.maskinporten.extra_audiences.clone(),
    };
    let idporten = IdPortenIssuer {
        service: service.clone(),
        keys: Arc::clone(keys),
        issuer: config.idporten_issuer.clone(),
        auto_login_pid: sandbox.idporten.auto_login_pid.clone(),
    };
    // RFC 8414 puts the metadata of an issuer with a path at the root of its host.
    let metadata = Router::new()
        .merge(maskinporten::metadata_router(
            "/.well-known/oauth-authorization-server/sandbox/maskinporten",
            maskinporten.clone(),
        ))
        .merge(routes::idporten_metadata(
            "/.well-known/openid-configuration/sandbox/idporten",
            idporten.clone(),
        ));
    let metadata = state.guard.before(metadata, RequestClass::Read);
    let (maskinporten, idporten) = (
        marked(maskinporten::router(maskinporten)),
        marked(routes::idporten(idporten)),
    );
    let tools = marked(routes::testtools(TestTools {
        service: service.clone(),
        keys: Arc::clone(keys),
        base: local.testtools.clone(),
        users: sandbox.testtools.users.clone(),
    }));
    // Behind the TLS front each has names of the public system, and only there.
    let named = |is_named: fn(&str) -> bool| -> fn(&str) -> bool {
        if sandbox.tls.listen.is_some() {
            is_named
        } else {
            |_| false
        }
    };
    let hosts = |is_named| AllowedHosts::of(config, named(is_named));
    let [maskinporten, idporten, testtools] = [
        hosts(|host| TlsHost::named(host) == Some(TlsHost::Maskinporten)).guard(maskinporten),
        hosts(|host| TlsHost::named(host) == Some(TlsHost::IdPorten)).guard(idporten),
        hosts(|host| TlsHost::named(host) == Some(TlsHost::TestTools)).guard(tools.clone()),
    ]
    .map(|router| state.guard.before(router, RequestClass::Read));
    let answers_to = named(|host| TlsHost::named(host) == Some(TlsHost::Main));
    let internal = Router::new().route("/metrics", axum::routing::get(metrics::render));
    let internal = hosts(|_| false).guard(internal);
    let internal = state.guard.before(internal, RequestClass::Probe);
    let mut servers = JoinSet::new();
    servers.spawn(serve::run(
        listeners.internal,
        internal,
        serving.internal(),
        shutdown.clone(),
    ));
    // The pages of the reference ask for test tokens where they come from.
    let with_tools =
        AllowedHosts::of(config, answers_to).guard(Router::new().nest(pages::TEST_TOKENS, tools));
    let with_tools = state.guard.before(with_tools, RequestClass::Read);
    let main = app::service(state, answers_to);
    let with_tools = with_tools.fallback_service(main.clone());
    let main = below(&[pages::TEST_TOKENS], with_tools, main);
    if let Some(listener) = listeners.tls {
        let places = HashMap::from([
            (TlsHost::Main, HostService::new(main.clone())),
            (
                TlsHost::Maskinporten,
                HostService::new(maskinporten.clone()),
            ),
            (TlsHost::IdPorten, HostService::new(idporten.clone())),
            (TlsHost::TestTools, HostService::new(testtools.clone())),
        ]);
        let front = TlsFront::new(&sandbox.dir, &state.clock, places)?;
        servers.spawn(serve::run_each(
            listener,
            move |stream| front.clone().accept(stream),
            serving.clone(),
            shutdown.clone(),
        ));
    }
    if let Some(issuers) = listeners.issuers {
        servers.spawn(serve::run(
            listeners.main,
            main,
            serving.clone(),
            shutdown.clone(),
        ));
        for (listener, router) in issuers.into_iter().zip([maskinporten, idporten, testtools]) {
            servers.spawn(serve::run(
                listener,
                router,
                serving.clone(),
                shutdown.clone(),
            ));
        }
    } else {
        let issuers = Router::new()
            .nest("/maskinporten", maskinporten)
            .nest("/idporten", idporten)
            .nest("/testtools", testtools);
        let routed = hosts(|_| false)
            .guard(metadata.nest("/sandbox", issuers))
            .fallback_service(main.clone());
        let all = below(&["/sandbox/", "/.well-known/"], routed, main);
        servers.spawn(serve::run(listeners.main, all, serving, shutdown.clone()));
    }
    Ok(servers)
}

/// Answers paths that begin with one of the prefixes by the router, and others by the service alone:
/// a router in front of all calls would cost each of them a second look-up of its route.
fn below<S>(
    prefixes: &'static [&'static str],
    mut router: Router,
    mut others: S,
) -> impl tower::Service<Request, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static
where
    S: tower::Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    tower::service_fn(move |request: Request| {
        let path = request.uri().path();
        if prefixes.iter().any(|prefix| path.starts_with(prefix)) {
            Either::Left(router.call(request))
        } else {
            Either::Right(others.call(request))
        }
    })
}

/// `systembruker sandbox`: starts, prints where everything is, and runs until it is asked to stop.
///
/// # Errors
/// See [`start`]; also when Postgres does not come up.
pub async fn run(options: &SandboxOptions) -> anyhow::Result<()> {
    let started = Instant::now();
    let environment: HashMap<String, String> = std::env::vars().collect();
    let config = settings(options, &environment)?;
    let clock = Clock::default();
    let export = SpanExport::open(&config.settings.telemetry, &clock, context::span_ids)?;
    let _log = telemetry::init(&config.settings.log, export);
    metrics::install();
    let progress = spinner();
    let dir = config.sandbox_dir().context("not a sandbox")?;
    let (cluster, url) = if let Some(url) = &config.settings.database.url {
        (None, url.clone())
    } else {
        if options.fresh {
            progress.set_message("removing the old database");
            Cluster::remove(&dir)?;
            // They belong to the audit trail of the deleted database.
            if let Some(path) = config
                .settings
                .audit
                .checkpoint_path
                .as_deref()
                .filter(|p| p.exists())
            {
                std::fs::remove_file(path)
                    .with_context(|| format!("removing {}", path.display()))?;
            }
        }
        progress.set_message("starting Postgres (the first time takes longer)");
        let cluster = Cluster::start(&dir, Durability::Full)?;
        let url = cluster.url("postgres");
        (Some(cluster), url)
    };
    let running = Box::pin(start(config, &url, clock, &progress)).await?;
    progress.finish_and_clear();
    print_started(&running, started.elapsed(), cluster.as_ref());
    serve::asked_to_stop().await?;
    eprintln!("\nStopping …");
    running.stop().await;
    traces::close().await;
    drop(cluster);
    eprintln!("Stopped.");
    Ok(())
}

/// Every answer of a sandbox says that it is one.
fn marked(router: Router) -> Router {
    router.layer(axum::middleware::map_response(
        async |mut response: axum::response::Response| {
            response
                .headers_mut()
                .insert("X-Sandbox", HeaderValue::from_static("true"));
            response
        },
    ))
}

fn front(listen: std::net::SocketAddr) -> String {
    format!(
        "  TLS front       https://{listen}  (authority: {} in that folder)\n",
        tls::AUTHORITY
    )
}

/// What this program was called by, so that it can be called so again.
fn called() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "systembruker".to_owned())
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn print_started(running: &RunningSandbox, took: Duration, cluster: Option<&Cluster>) {
    let config = &running.config;
    let base = &config.public_base;
    let dir = config.sandbox_dir().unwrap_or_default();
    let testtools = config
        .local
        .as_ref()
        .map(|local| local.testtools.clone())
        .unwrap_or_default();
    let user = config
        .settings
        .sandbox
        .as_ref()
        .and_then(|s| s.testtools.users.first().cloned())
        .unwrap_or_default();
    println!(
        "\
systembruker sandbox is ready after {:.1} s. All people and organisations in it are made up.

  Service         {base}                    (open it in a browser)
  Maskinporten    {}
  ID-porten       {}
  Test tokens     {testtools}                    (user:password {user})
  Metrics         {}/metrics
  Keys, clients   {}
{}{}
  Test persons    11859024884  Oddny Ildflue      owns Oddny Ildflue Keramikk, 390381492
                  19867518188  Torleif Morgenrød  runs Nattergal Bakeri AS, 390326572
                  22878422566  Jostein Bekkeblom  may see Nattergal's request, not approve it
                  30907001160  Olav Siffersund    accountant, Sifferhjelp, 390798288

Play the whole journey in a second terminal:

  {}

Or ask for a vendor's token and read a system:

  TOKEN=$(curl -s -u {user} '{testtools}/api/GetEnterpriseToken?env=local&orgNo=390198116&scopes=altinn:authentication/systemregister.write')
  curl -s -H \"Authorization: Bearer $TOKEN\" {base}/authentication/api/v1/systemregister/vendor/390198116_fjordlonn

Ctrl-C stops everything; what you did is kept for the next start.",
        took.as_secs_f64(),
        config.maskinporten_issuer,
        config.idporten_issuer,
        config::http_base(config.settings.server.internal_listen),
        dir.display(),
        config.settings.sandbox.as_ref().and_then(|s| s.tls.listen).map(front).unwrap_or_default(),
        cluster.map(|c| format!("  Postgres        {}\n", c.data_dir().display())).unwrap_or_default(),
        pages::demo_command(&called(), config),
    );
}
