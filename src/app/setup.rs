//! From settings to state: keys, issuers, catalogues.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use aws_lc_rs::rsa::KeySize;
use sqlx::{PgConnection, PgPool, PgTransaction};

use super::{AppState, AppStateInner, Readiness, limits::LimitGuard};
use authorization::{
    callers::Authenticator,
    live_system_users::LiveSystemUsers,
    pdp::{Pdp, log::DecisionLog},
    session_cookies::SessionCookies,
};
use edges::pages::{FrontEnd, LoginClient};
use foundation::{
    audit,
    clock::Clock,
    config::{self, CheckedSettings, JournalPlace, Profile},
    db::{self, DatabaseCondition, DatabaseMonitor, DbError, DbFault, feed::ChangeFeed},
    http::context,
    key_rotation::{self, KeyInUse},
    recovery::{Journal, Recovery},
    telemetry::security::SecurityEvent,
    token::{
        IssuerKind, JwksClient, KeySet, KeySource, OwnKeys, PlatformTokens, ProvenTokens,
        RestoreFence, SignatureAlgorithm, SigningKey, TokenVerifier, TrustedIssuer,
    },
};
use registers::{
    packages,
    parties::{IdentityKeys, rekey, rules::ClientResources},
    resources::{self, CompiledPolicies, LiveResources},
};
use tokio::sync::broadcast;

const RSA: &[SignatureAlgorithm] = &[
    SignatureAlgorithm::RS256,
    SignatureAlgorithm::RS384,
    SignatureAlgorithm::RS512,
];
const RS256: &[SignatureAlgorithm] = &[SignatureAlgorithm::RS256];
/// States that wait for the service to be built with them.
const SUCCESSORS: usize = 4;

/// Everything that is secret.
#[derive(Debug)]
pub struct Secrets {
    /// Our own signing keys.
    pub own_keys: Arc<OwnKeys>,
    /// Keys for identity numbers.
    pub identity: Arc<IdentityKeys>,
    /// Key of our client at ID-porten.
    pub login_key: Option<SigningKey>,
    /// Signs checkpoints of the audit trail.
    pub checkpoint_key: Option<audit::CheckpointKey>,
}

impl Secrets {
    /// From the files that the settings name; outside production, missing ones are made up for this
    /// run.
    ///
    /// # Errors
    /// A file cannot be read, or holds no usable key.
    pub fn from_settings(config: &CheckedSettings) -> anyhow::Result<Self> {
        let settings = &config.settings;
        let mut keys = settings
            .tokens
            .signing_keys
            .iter()
            .map(|path| SigningKey::from_pem_file(path, ""))
            .collect::<anyhow::Result<Vec<_>>>()?;
        if keys.is_empty() {
            tracing::warn!("tokens.signing_keys is empty: a signing key was made up for this run");
            keys.push(SigningKey::generate(KeySize::Rsa3072, "")?);
        }
        let (indexes, ciphers) = (&settings.keys.blind_index, &settings.keys.person_id);
        anyhow::ensure!(
            !indexes.is_empty() && !ciphers.is_empty(),
            "keys.blind_index and keys.person_id are required, or persons could not be found again after a restart"
        );
        let identity =
            IdentityKeys::with_earlier(&config::key_files(indexes)?, &config::key_files(ciphers)?)?;
        let checkpoint_key = audit::CheckpointKey::of_files(&settings.keys.audit_checkpoints)?;
        let login_key = settings
            .idporten
            .key_file
            .as_deref()
            .map(|path| SigningKey::from_pem_file(path, ""))
            .transpose()?;
        Ok(Self {
            own_keys: Arc::new(OwnKeys::new(keys)?),
            identity: Arc::new(identity),
            login_key,
            checkpoint_key,
        })
    }
}

impl Secrets {
    /// Every key in use, by setting, the present one first.
    fn in_use(&self, config: &CheckedSettings) -> Vec<KeyInUse> {
        let mut keys = Vec::new();
        let mut add = |setting: &'static str, ids: Vec<String>| {
            keys.extend(ids.into_iter().map(|id| KeyInUse { setting, id }));
        };
        let signing = self.own_keys.key_ids().map(str::to_owned).collect();
        add("tokens.signing_keys", signing);
        add(BLIND_INDEX, self.identity.index_ids());
        add(PERSON_ID, self.identity.cipher_ids());
        let checkpoints = self.checkpoint_key.iter().map(|key| key.id().to_owned());
        add("keys.audit_checkpoints", checkpoints.collect());
        let login = self.login_key.iter().map(|key| key.kid().to_owned());
        add("idporten.key_file", login.collect());
        add("pdp.subscription_keys", config.subscription_keys.ids());
        keys
    }
}

/// The settings of the keys for identity numbers.
const BLIND_INDEX: &str = "keys.blind_index";
const PERSON_ID: &str = "keys.person_id";

/// Refuses keys for identity numbers with which persons of a database would not be found, or their numbers
/// not be read. Within a transaction, which notes of keys from before that was noted whether what is stored
/// rests on them, as far as that can be seen.
///
/// # Errors
/// They are not those of the database, or it fails.
pub async fn require_identity_keys(
    db: &mut PgTransaction<'_>,
    identity: &IdentityKeys,
) -> anyhow::Result<()> {
    note_keys_in_use(db, identity).await?;
    let of = |setting: &'static str, ids: Vec<String>| -> Vec<KeyInUse> {
        ids.into_iter().map(|id| KeyInUse { setting, id }).collect()
    };
    let indexes = of(BLIND_INDEX, identity.index_ids());
    let ciphers = of(PERSON_ID, identity.cipher_ids());
    key_rotation::require_index_key(db, BLIND_INDEX, &indexes.iter().collect::<Vec<_>>()).await?;
    key_rotation::require_cipher_keys(db, PERSON_ID, &ciphers.iter().collect::<Vec<_>>()).await?;
    Ok(())
}

/// Notes of keys from before that was noted whether what is stored rests on them: of the index keys that are
/// named, by looking for persons with them; of the keys that encrypt, by looking for what is encrypted
/// with them.
async fn note_keys_in_use(tx: &mut PgConnection, identity: &IdentityKeys) -> anyhow::Result<()> {
    let unknown = key_rotation::of_unknown_use(tx, BLIND_INDEX).await?;
    if identity.index_ids().iter().any(|id| unknown.contains(id)) {
        let in_use = rekey::index_keys_in_use(tx, identity).await?;
        for (id, is_in_use) in in_use.unwrap_or_default() {
            key_rotation::note_use(tx, BLIND_INDEX, &id, is_in_use).await?;
        }
    }
    for id in key_rotation::of_unknown_use(tx, PERSON_ID).await? {
        let is_in_use = rekey::is_encrypted_with(tx, &id).await?;
        key_rotation::note_use(tx, PERSON_ID, &id, is_in_use).await?;
    }
    Ok(())
}

/// Notes that every person is stored with these keys.
///
/// # Errors
/// The database fails.
pub async fn note_rekeyed(db: &mut PgConnection, identity: &IdentityKeys) -> anyhow::Result<()> {
    key_rotation::use_only(db, BLIND_INDEX, &identity.index_ids()).await?;
    let present: Vec<String> = identity.cipher_ids().into_iter().take(1).collect();
    key_rotation::use_only(db, PERSON_ID, &present).await?;
    Ok(())
}

/// Notes which keys the service starts with. One that a setting did not have before leaves a row in the
/// audit trail. In production and in test, keys for identity numbers must be among those that are known,
/// or no person would be found.
///
/// # Errors
/// The database fails, or identity numbers were stored with other keys.
async fn note_keys(
    config: &CheckedSettings,
    secrets: &Secrets,
    pool: &PgPool,
) -> anyhow::Result<()> {
    let keys = secrets.in_use(config);
    let mut tx = pool.begin().await?;
    if config.profile() != Profile::Sandbox {
        require_identity_keys(&mut tx, &secrets.identity).await?;
    }
    key_rotation::note(&mut tx, &keys)
        .await
        .context("noting the keys")?;
    if let Some(cipher) = keys.iter().find(|key| key.setting == PERSON_ID) {
        key_rotation::use_key(&mut tx, cipher).await?;
    }
    commit_at_start(tx).await
}

#[cfg(feature = "sandbox")]
impl From<::sandbox::ServiceKeys> for Secrets {
    fn from(keys: ::sandbox::ServiceKeys) -> Self {
        Self {
            own_keys: keys.own_keys,
            identity: keys.identity,
            login_key: Some(keys.login_key),
            checkpoint_key: Some(keys.checkpoint_key),
        }
    }
}

/// What only some installations trust.
#[derive(Debug, Default)]
pub struct ExtraTrust {
    /// Further issuers, such as the sandbox's generator.
    pub issuers: Vec<TrustedIssuer>,
    /// Further platform-token issuers.
    pub platform_issuers: BTreeMap<String, Arc<KeySet>>,
}

/// Prepares the database for the service: migrations where the profile wants them, catalogues, the
/// system resources that are missing.
///
/// # Errors
/// The database cannot be reached or brought up to date, belongs to another kind of installation, or
/// in production has its time moved.
pub async fn prepare_database(config: &CheckedSettings, pool: &PgPool) -> anyhow::Result<()> {
    prepare_for_command(config, pool, CommandAccess::Write).await?;
    resources::store_system_resources(pool)
        .await
        .context("storing the system resources")
}

/// What a command does with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandAccess {
    /// It only reads, or keeps nothing of what it does.
    Read,
    /// It changes data.
    Write,
}

/// Prepares the database for a command: migrations where the profile wants them, and the catalogues
/// when the command changes data. What an operator may change is not touched.
///
/// # Errors
/// As [`prepare_database`].
pub async fn prepare_for_command(
    config: &CheckedSettings,
    pool: &PgPool,
    access: CommandAccess,
) -> anyhow::Result<()> {
    db::require_session_settings(pool, &config.settings.database).await?;
    let migrate = config
        .settings
        .database
        .migrate_on_start
        .unwrap_or(config.profile() != Profile::Prod);
    if config.profile() == Profile::Prod {
        db::refuse_moved_clock(pool).await?;
    }
    if migrate {
        // One at a time, under a lock of the session.
        let sessions = db::DedicatedSessions::open(pool, &config.settings.database)?
            .context("database.direct_url is required to migrate past a pooler of transactions")?;
        sessions.require().await?;
        db::migrate(sessions.pool()).await?;
    } else {
        db::require_migrations(pool).await?;
        // Rows wait in a default partition until it is done; a background task tries again.
        if let Err(error) = db::make_partitions(pool).await {
            tracing::warn!(%error, "the next partitions could not be made; run `systembruker migrate` as the owner of the schema");
        }
    }
    db::claim(pool, config.profile()).await?;
    match access {
        CommandAccess::Read => Ok(()),
        CommandAccess::Write => packages::sync(pool).await.context("storing the catalogue"),
    }
}

/// Ends a transaction whose changes may be made again. A start does not wait for a synchronous standby.
async fn commit_at_start(tx: PgTransaction<'static>) -> anyhow::Result<()> {
    match db::commit(tx).await {
        Ok(()) => Ok(()),
        Err(DbError::Unavailable(error)) if error.fault == DbFault::CommitTimeout => {
            tracing::warn!(error = %error.message, "the start goes on without waiting for it");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Notes with which settings the service starts. When the last start on this database had others, a
/// security event says so.
///
/// # Errors
/// The database fails.
pub async fn note_settings(config: &CheckedSettings, pool: &PgPool) -> anyhow::Result<()> {
    let digest = config.settings.digest()?;
    let mut tx = pool.begin().await?;
    let before = db::replace_settings_digest(&mut tx, &digest)
        .await
        .context("noting the settings")?;
    commit_at_start(tx).await?;
    if before.is_some_and(|before| before != digest) {
        context::report(SecurityEvent::ConfigChanged { digest: &digest });
    }
    Ok(())
}

/// Builds the state on a prepared database.
///
/// # Errors
/// The catalogue cannot be read, or an HTTP client not be built.
pub async fn state(
    config: CheckedSettings,
    pool: PgPool,
    condition: DatabaseCondition,
    clock: Clock,
    secrets: Secrets,
    extra: ExtraTrust,
) -> anyhow::Result<AppState> {
    note_settings(&config, &pool).await?;
    note_keys(&config, &secrets, &pool).await?;
    let loaded = packages::load_in_force(&pool)
        .await
        .context("reading the catalogue")?;
    let catalogue = loaded.catalogue;
    let policies = CompiledPolicies::default();
    let verifier = verifier(&config, &clock, &secrets.own_keys, extra.issuers)?;
    let fence = verifier.fence.clone();
    let verifier = Arc::new(verifier);
    if config.settings.pdp.decision_open {
        tracing::warn!(
            "pdp.decision_open: every caller that reaches this service may ask for decisions"
        );
    }
    let feed = Arc::new(ChangeFeed::new(Duration::from_millis(
        config.settings.pdp.max_staleness_ms,
    )));
    condition.compare_history_with(&feed);
    let resources = Arc::new(LiveResources::new(policies.clone(), Arc::clone(&feed)));
    let database = &config.settings.database;
    let background_db = db::background_pool(&pool, database, &clock, &condition);
    let sessions = db::DedicatedSessions::open(&background_db, database)?;
    let monitor = DatabaseMonitor::new(
        vec![pool.clone(), background_db.clone()],
        &clock,
        &condition,
    );
    let pdp = Pdp::new(
        pool.clone(),
        Arc::clone(&catalogue),
        Arc::clone(&feed),
        Arc::clone(&resources),
        Arc::clone(&secrets.identity),
        clock.clone(),
        DecisionLog::open(&background_db),
        ClientResources::of(config.settings.access.client_resources_decide),
    );
    let mut platform = extra.platform_issuers;
    for (name, path) in &config.settings.platform_tokens.keys {
        platform.insert(name.clone(), Arc::new(key_set_file(path)?));
    }
    let login = LoginClient::new(&config, secrets.login_key)?;
    let front_end = FrontEnd::read(&config)?;
    let checkpoints = config
        .settings
        .audit
        .checkpoint_path
        .clone()
        .zip(secrets.checkpoint_key);
    let checkpoints = checkpoints
        .map(|(path, key)| audit::Checkpoints::open(path, key))
        .transpose()?;
    let checkpoints = checkpoints.map(Arc::new);
    let recovery = recovery(&config, checkpoints.clone(), &feed, &fence)?;
    Box::pin(recovery.begin(&background_db)).await;
    let guard = LimitGuard::new(&config, condition.clone());
    let config = Arc::new(config);
    let authenticator = Authenticator::new(
        Arc::clone(&verifier),
        PlatformTokens::new(platform, config.settings.tokens.max_bytes),
        Arc::new(LiveSystemUsers::new(
            pool.clone(),
            Arc::clone(&feed),
            config.settings.systemuser.live_check,
        )),
        SessionCookies::new(pool.clone(), Arc::clone(&config)),
        Arc::clone(&secrets.identity),
        clock.clone(),
        pool.clone(),
        &config,
    );
    Ok(AppState::new(AppStateInner {
        attempts: audit::Attempts::new(background_db.clone()),
        authenticator,
        recent_calls: (config.profile() == Profile::Sandbox).then(Arc::default),
        config,
        clock,
        db: pool,
        background_db,
        sessions,
        catalogue,
        metadata: loaded.metadata,
        catalogue_version: loaded.version,
        successors: broadcast::Sender::new(SUCCESSORS),
        policies,
        identity: secrets.identity,
        own_keys: secrets.own_keys,
        verifier,
        pdp,
        feed,
        resources,
        login: login.map(Arc::new),
        front_end: front_end.map(Arc::new),
        checkpoints,
        recovery: Arc::new(recovery),
        readiness: Readiness::default(),
        condition,
        monitor: Arc::new(monitor),
        guard,
    }))
}

/// Compares the database with its journal, and with the checkpoints of its audit trail. A sandbox
/// without a journal compares nothing: its database is thrown away at will.
///
/// # Errors
/// The journal cannot be opened.
fn recovery(
    config: &CheckedSettings,
    checkpoints: Option<Arc<audit::Checkpoints>>,
    feed: &Arc<ChangeFeed>,
    fence: &RestoreFence,
) -> anyhow::Result<Recovery> {
    let place = config.settings.recovery.journal.as_ref();
    let journal = journal(place)?;
    if place == Some(&JournalPlace::None) {
        tracing::warn!(
            "recovery.journal is `none`: a revoked access becomes valid again when an older state of the database is restored"
        );
    }
    let is_compared = journal.is_some() || config.profile() != Profile::Sandbox;
    Ok(Recovery::new(
        journal,
        config.settings.recovery.journal_days,
        checkpoints.filter(|_| is_compared),
        Arc::clone(feed),
        fence.clone(),
    ))
}

/// Opens the journal that the settings name.
///
/// # Errors
/// It cannot be opened.
pub fn journal(place: Option<&JournalPlace>) -> anyhow::Result<Option<Journal>> {
    let journal = place.map(Journal::open).transpose();
    Ok(journal.context("recovery.journal")?.flatten())
}

fn key_set_file(path: &Path) -> anyhow::Result<KeySet> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let set = KeySet::read(
        &serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?,
    );
    anyhow::ensure!(!set.is_empty(), "{} holds no usable key", path.display());
    Ok(set)
}

/// The issuers whose tokens are taken, with those of the settings and others.
///
/// # Errors
/// An address of an issuer cannot be read.
pub fn verifier(
    config: &CheckedSettings,
    clock: &Clock,
    own_keys: &Arc<OwnKeys>,
    extra: Vec<TrustedIssuer>,
) -> anyhow::Result<TokenVerifier> {
    let settings = &config.settings;
    let sandbox = config.profile() == Profile::Sandbox;
    let at = |issuer: &str, metadata: &str| -> anyhow::Result<KeySource> {
        Ok(KeySource::Published(Arc::new(JwksClient::new(
            issuer,
            metadata,
            settings.jwks.clone(),
            sandbox,
        )?)))
    };
    let published =
        |issuer: &str, path: &str| at(issuer, &format!("{}{path}", issuer.trim_end_matches('/')));
    let own = TrustedIssuer {
        name: config.own_issuer.clone(),
        kind: IssuerKind::Own,
        algorithms: RS256,
        keys: KeySource::Own(Arc::clone(own_keys)),
    };
    let mut issuers = vec![own];
    for (name, kind, algorithms, path) in [
        (
            &config.maskinporten_issuer,
            IssuerKind::Maskinporten,
            RSA,
            "/.well-known/oauth-authorization-server",
        ),
        (
            &config.idporten_issuer,
            IssuerKind::IdPorten,
            RS256,
            "/.well-known/openid-configuration",
        ),
    ] {
        if !extra.iter().any(|known| known.name == *name) {
            issuers.push(TrustedIssuer {
                name: name.clone(),
                kind,
                algorithms,
                keys: published(name, path)?,
            });
        }
    }
    for other in &settings.tokens.altinn.external_issuers {
        let keys = at(&other.issuer, &other.metadata)
            .with_context(|| format!("tokens.altinn.external_issuers: {}", other.issuer))?;
        issuers.push(TrustedIssuer {
            name: other.issuer.clone(),
            kind: IssuerKind::Altinn,
            algorithms: RS256,
            keys,
        });
    }
    issuers.extend(extra);
    let base = &config.public_base;
    let audiences = if settings.tokens.audiences.is_empty() {
        [
            "",
            "/",
            "/authentication",
            "/authentication/",
            "/authorization",
            "/authorization/",
        ]
        .iter()
        .map(|end| format!("{base}{end}"))
        .collect()
    } else {
        settings.tokens.audiences.clone()
    };
    Ok(TokenVerifier {
        issuers,
        leeway: settings.tokens.leeway_s,
        max_lifetime: settings.tokens.max_lifetime_s,
        max_bytes: settings.tokens.max_bytes,
        audiences,
        audience_mode: settings.tokens.audience_mode,
        denied_kids: settings.tokens.denied_kids.clone(),
        sandbox,
        clock: clock.clone(),
        fence: RestoreFence::default(),
        proven: ProvenTokens::default(),
    })
}
