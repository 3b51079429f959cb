//! Key sets of other issuers: fetched, cached, renewed, and never taken from a source that looks
//! wrong.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use jsonwebtoken::DecodingKey;
use moka::sync::Cache;
use serde_json::Value;
use sqlx::PgPool;
use tokio::sync::Mutex;
use url::Url;

use super::{SignatureAlgorithm, stored_keys};
use crate::config::Jwks;
use crate::crypto::{sha256, unbase64};
use crate::loopback::is_loopback;
use crate::telemetry::{
    metrics::JWKS_FETCHES,
    security::{EventOrigin, SecurityEvent},
};

const MAX_BODY: usize = 256 * 1024;
const MAX_KEYS: usize = 50;
const MAX_BACKOFF: Duration = Duration::from_secs(300);
const METADATA_LIFE: Duration = Duration::from_secs(24 * 3600);

/// A public key, and what it may verify.
#[derive(Debug)]
pub struct VerificationKey {
    key: DecodingKey,
    kind: KeyKind,
    alg: Option<SignatureAlgorithm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
}

impl VerificationKey {
    /// The key, when it fits the algorithm.
    #[must_use]
    pub fn for_algorithm(&self, algorithm: SignatureAlgorithm) -> Option<&DecodingKey> {
        let fits = match algorithm {
            SignatureAlgorithm::ES256 => self.kind == KeyKind::P256,
            _ => self.kind == KeyKind::Rsa,
        };
        (fits && self.alg.is_none_or(|own| own == algorithm)).then_some(&self.key)
    }
}

/// Keys by id.
#[derive(Debug, Default)]
pub struct KeySet(HashMap<String, Arc<VerificationKey>>);

impl KeySet {
    /// Reads a JWKS document. Entries we cannot use are skipped, weak keys too; two different keys
    /// of one id are both dropped.
    #[must_use]
    pub fn read(document: &Value) -> Self {
        let mut keys: HashMap<String, Option<(Value, Arc<VerificationKey>)>> = HashMap::new();
        let entries = document
            .get("keys")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        for entry in entries.iter().take(MAX_KEYS) {
            let Some((kid, key)) = read_key(entry) else {
                continue;
            };
            let material = material(entry);
            match keys.get(&kid) {
                None => {
                    keys.insert(kid, Some((material, Arc::new(key))));
                }
                Some(Some((known, _))) if *known == material => {}
                Some(_) => {
                    SecurityEvent::JwksRejected {
                        issuer: None,
                        reason: "one key id with two keys",
                    }
                    .emit(&EventOrigin::default());
                    keys.insert(kid, None);
                }
            }
        }
        Self(
            keys.into_iter()
                .filter_map(|(kid, entry)| entry.map(|(_, key)| (kid, key)))
                .collect(),
        )
    }

    /// The key of this id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<Arc<VerificationKey>> {
        self.0.get(kid).cloned()
    }

    /// Whether no usable key is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn material(entry: &Value) -> Value {
    let member = |name: &str| entry.get(name).cloned().unwrap_or_default();
    Value::Array(["kty", "n", "e", "crv", "x", "y"].map(member).to_vec())
}

fn read_key(entry: &Value) -> Option<(String, VerificationKey)> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let kid = text("kid")?.to_owned();
    if text("use").is_some_and(|u| u != "sig") {
        return None;
    }
    let alg = match text("alg") {
        None => None,
        Some(name) => Some(SignatureAlgorithm::parse(name)?),
    };
    let (key, kind) = match text("kty")? {
        "RSA" => {
            let n = unbase64(text("n")?)?;
            let e = unbase64(text("e")?)?;
            let modulus: &[u8] = &n[n.iter().position(|b| *b != 0)?..];
            let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
            let exponent = e.iter().skip_while(|b| **b == 0).fold(0_u64, |acc, b| {
                acc.saturating_mul(256).saturating_add(u64::from(*b))
            });
            if bits < 2048 || exponent < 3 {
                return None;
            }
            (
                DecodingKey::from_rsa_raw_components(modulus, &e),
                KeyKind::Rsa,
            )
        }
        "EC" if text("crv")? == "P-256" => (
            DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?,
            KeyKind::P256,
        ),
        _ => return None,
    };
    Some((kid, VerificationKey { key, kind, alg }))
}

/// Why no key can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwksError {
    /// The issuer publishes no such key.
    UnknownKey,
    /// The issuer's keys cannot be had now.
    Unavailable,
}

/// The key set of one issuer, kept fresh.
#[derive(Debug)]
pub struct JwksClient {
    issuer: String,
    metadata: Url,
    http: reqwest::Client,
    settings: Jwks,
    loopback_http: bool,
    current: ArcSwapOption<FetchedKeys>,
    fetching: Mutex<FetchAttempts>,
    unknown: Cache<String, ()>,
}

#[derive(Debug)]
struct FetchedKeys {
    keys: KeySet,
    /// The set as the issuer publishes it.
    document: Value,
    at: Instant,
}

#[derive(Debug, Default)]
struct FetchAttempts {
    last: Option<Instant>,
    failures: u32,
    metadata: Option<(Url, Instant)>,
}

impl JwksClient {
    /// A client for an issuer with the address of its metadata. Plain HTTP to a loopback address is
    /// taken only with `loopback_http`.
    ///
    /// # Errors
    /// The address cannot be read, or the HTTP client not be built.
    pub fn new(
        issuer: &str,
        metadata: &str,
        settings: Jwks,
        loopback_http: bool,
    ) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(settings.timeout_s))
            .no_proxy()
            .build()?;
        Ok(Self {
            issuer: issuer.to_owned(),
            metadata: Url::parse(metadata)?,
            http,
            unknown: Cache::builder()
                .max_capacity(1_000)
                .time_to_live(Duration::from_secs(settings.min_interval_s))
                .build(),
            settings,
            loopback_http,
            current: ArcSwapOption::empty(),
            fetching: Mutex::default(),
        })
    }

    /// The key of this id. An unknown id causes one shared refetch, at most once a minute.
    ///
    /// # Errors
    /// See [`JwksError`].
    pub async fn key(&self, kid: &str) -> Result<Arc<super::VerificationKey>, JwksError> {
        if let Some(set) = self.usable() {
            if let Some(key) = set.keys.get(kid) {
                return Ok(key);
            }
            if self.unknown.contains_key(kid) {
                return Err(JwksError::UnknownKey);
            }
        }
        Box::pin(self.fetch_unless_recent()).await;
        let Some(set) = self.usable() else {
            return Err(JwksError::Unavailable);
        };
        set.keys.get(kid).ok_or_else(|| {
            SecurityEvent::UnknownKid {
                issuer: &self.issuer,
            }
            .emit(&EventOrigin::default());
            self.unknown.insert(kid.to_owned(), ());
            JwksError::UnknownKey
        })
    }

    /// Keeps the set fresh until the task is dropped, and stores it, so that an instance that starts
    /// while the issuer is away has one.
    pub async fn keep_fresh(self: Arc<Self>, pool: PgPool) {
        self.begin(&pool).await;
        loop {
            let jitter = u64::from(sha256(format!("{:?}", Instant::now()))[0]) % 21;
            tokio::time::sleep(Duration::from_secs(
                self.settings.refresh_s * (90 + jitter) / 100,
            ))
            .await;
            self.renew(&pool).await;
        }
    }

    /// Fetches the set once, and keeps nothing of it: how many usable keys it has.
    ///
    /// # Errors
    /// It cannot be fetched, or has no usable key.
    pub async fn try_fetch(&self) -> anyhow::Result<usize> {
        let (keys, _) = self.fetch_set(&mut FetchAttempts::default()).await?;
        Ok(keys.0.len())
    }

    /// Takes the set that was stored, and then fetches one.
    pub async fn begin(&self, pool: &PgPool) {
        match stored_keys::read(pool, &self.issuer).await {
            Ok(Some((document, age))) => self.restore(document, age),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, issuer = self.issuer, "the stored key set could not be read");
            }
        }
        self.renew(pool).await;
    }

    /// A set that was fetched so long ago, unless there is one already.
    fn restore(&self, document: Value, age: Duration) {
        let keys = KeySet::read(&document);
        if let Some(at) = Instant::now().checked_sub(age)
            && !keys.is_empty()
        {
            let fetched = Arc::new(FetchedKeys { keys, document, at });
            self.current
                .compare_and_swap(&None::<Arc<FetchedKeys>>, Some(fetched));
        }
    }

    async fn renew(&self, pool: &PgPool) {
        let mut attempts = self.fetching.lock().await;
        self.fetch(&mut attempts).await;
        if attempts.failures > 0 {
            return;
        }
        if let Some(set) = self.current.load_full()
            && let Err(error) = stored_keys::write(pool, &self.issuer, &set.document).await
        {
            tracing::warn!(%error, issuer = self.issuer, "the key set could not be stored");
        }
    }

    /// Exact issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Time since the keys were fetched last; none before the first time.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.current.load().as_ref().map(|set| set.at.elapsed())
    }

    /// The set, unless it is too old to be believed.
    fn usable(&self) -> Option<Arc<FetchedKeys>> {
        self.current
            .load_full()
            .filter(|set| set.at.elapsed() <= Duration::from_secs(self.settings.max_stale_s))
    }

    /// Callers meet at the lock, so one fetch serves them all.
    async fn fetch_unless_recent(&self) {
        let before = self.current.load_full().map(|set| set.at);
        let mut attempts = self.fetching.lock().await;
        if self.current.load_full().map(|set| set.at) != before {
            return;
        }
        let interval = Duration::from_secs(self.settings.min_interval_s);
        let pause = if attempts.failures == 0 {
            interval
        } else if self.usable().is_none() && attempts.failures < 4 {
            // Nothing to answer with yet: an issuer that is just starting should not cost a minute.
            Duration::from_millis(250)
        } else {
            interval
                .saturating_mul(1 << attempts.failures.min(4))
                .min(MAX_BACKOFF.max(interval))
        };
        if attempts.last.is_none_or(|last| last.elapsed() >= pause) {
            self.fetch(&mut attempts).await;
        }
    }

    async fn fetch(&self, attempts: &mut FetchAttempts) {
        attempts.last = Some(Instant::now());
        metrics::counter!(JWKS_FETCHES.name, "issuer" => self.issuer.clone()).increment(1);
        match self.fetch_set(attempts).await {
            Ok((keys, document)) => {
                attempts.failures = 0;
                self.unknown.invalidate_all();
                self.current.store(Some(Arc::new(FetchedKeys {
                    keys,
                    document,
                    at: Instant::now(),
                })));
            }
            Err(error) => {
                attempts.failures += 1;
                attempts.metadata = None;
                SecurityEvent::JwksRejected {
                    issuer: Some(&self.issuer),
                    reason: &format!("{error:#}"),
                }
                .emit(&EventOrigin::default());
            }
        }
    }

    async fn fetch_set(&self, attempts: &mut FetchAttempts) -> anyhow::Result<(KeySet, Value)> {
        let address = match &attempts.metadata {
            Some((address, at)) if at.elapsed() < METADATA_LIFE => address.clone(),
            _ => {
                let address = self.key_address().await?;
                attempts.metadata = Some((address.clone(), Instant::now()));
                address
            }
        };
        let document = self.get_json(address).await?;
        let keys = KeySet::read(&document);
        anyhow::ensure!(!keys.is_empty(), "the key set holds no usable key");
        Ok((keys, document))
    }

    /// Where the keys are, by the issuer's own metadata.
    async fn key_address(&self) -> anyhow::Result<Url> {
        let base = Url::parse(&self.issuer)?;
        let metadata = self.get_json(self.metadata.clone()).await?;
        let named = metadata
            .get("issuer")
            .and_then(Value::as_str)
            .unwrap_or_default();
        anyhow::ensure!(named == self.issuer, "the metadata names another issuer");
        let address = Url::parse(
            metadata
                .get("jwks_uri")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        )?;
        anyhow::ensure!(
            address.host() == base.host(),
            "the key set is on another host"
        );
        Ok(address)
    }

    async fn get_json(&self, address: Url) -> anyhow::Result<Value> {
        anyhow::ensure!(
            address.scheme() == "https" || (self.loopback_http && is_loopback(&address)),
            "only https is fetched"
        );
        let mut response = self.http.get(address).send().await?;
        anyhow::ensure!(
            response.status() == reqwest::StatusCode::OK,
            "status {}",
            response.status()
        );
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            anyhow::ensure!(body.len() <= MAX_BODY, "the answer is too large");
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
