//! Settings: one list, read once at start, refused as a whole when something in it is wrong.
//!
//! Defaults are in `config/default.toml` with a word on each key; a file and the environment
//! override them.

mod database;
mod digest;
mod journal;
mod key_file;
mod limits;
mod load;
mod production;
mod proxies;
mod rules;
mod secrets;
mod subscription_keys;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

pub use database::{NoSessionAddress, check_database, server_addresses};
pub use journal::JournalPlace;
pub use key_file::{
    SANDBOX_FOLDER_MARK, SANDBOX_MARK, key_file, key_files, key_material, without_comments,
};
pub use limits::{JsonLimits, LimitSettings, Rate, Rates};
pub use load::{LoadedSettings, SettingsError, SettingsSource, load, load_all};
pub use rules::{CheckedSettings, LocalIssuers, check, http_base};
pub use subscription_keys::{NewSubscriptionKey, SubscriptionKeys};

/// What kind of installation this is. Issuers and guard rails follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Real persons, real issuers.
    Prod,
    /// The shared test issuers of Digdir and Altinn.
    Test,
    /// This machine only, with issuers of its own.
    Sandbox,
}

impl Profile {
    /// As written in settings and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Test => "test",
            Self::Sandbox => "sandbox",
        }
    }
}

/// Every setting. [`load()`] refuses keys that are not among them.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(
    missing_docs,
    reason = "each key is explained in config/default.toml and config/sandbox.toml"
)]
pub struct Settings {
    pub server: Server,
    pub database: Database,
    pub tokens: Tokens,
    pub jwks: Jwks,
    pub platform_tokens: PlatformTokens,
    pub exchange: Exchange,
    pub systemuser: SystemUserSettings,
    pub byexternalid: ByExternalId,
    pub compat: Compat,
    pub access: Access,
    pub requests: Requests,
    pub retention: Retention,
    pub pdp: Pdp,
    pub authzen: Authzen,
    pub pagination: Pagination,
    pub accesslists: AccessLists,
    pub resources: Resources,
    pub import: Import,
    pub session: Session,
    pub portal: Portal,
    pub idporten: IdPorten,
    pub keys: Keys,
    pub audit: Audit,
    pub recovery: Recovery,
    pub operator: Operator,
    pub log: Log,
    pub limits: Box<LimitSettings>,
    pub telemetry: Telemetry,
    /// Present only in the sandbox.
    pub sandbox: Option<Sandbox>,
}

macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Deserialize, Serialize)]
        #[expect(missing_docs, reason = "each key is explained in config/default.toml and config/sandbox.toml")]
        pub struct $name { $($(#[$field_meta])* pub $field: $type),* }
    };
}

section! {
    /// `server.*`
    Server {
        profile: Profile,
        listen: SocketAddr,
        internal_listen: SocketAddr,
        public_base_url: Option<Url>,
        ui_base_url: Option<Url>,
        allowed_hosts: Vec<String>,
        trusted_proxies: Vec<IpNet>,
        drain_s: u64,
    }
}
section! {
    /// `database.*`
    Database {
        #[serde(serialize_with = "secrets::without_password")]
        url: Option<SecretString>,
        pooler: Pooler,
        #[serde(serialize_with = "secrets::without_password")]
        direct_url: Option<SecretString>,
        max_connections: u32,
        acquire_timeout_s: u64,
        statement_timeout_s: u64,
        lock_timeout_s: u64,
        migrate_on_start: Option<bool>,
    }
}
section! {
    /// `tokens.*`
    Tokens {
        maskinporten: ExternalIssuer,
        idporten: ExternalIssuer,
        signing_keys: Vec<PathBuf>,
        leeway_s: i64,
        max_lifetime_s: i64,
        max_bytes: usize,
        audiences: Vec<String>,
        audience_mode: AudienceMode,
        denied_kids: Vec<String>,
        altinn: AltinnTokens,
    }
}
section! {
    /// `tokens.altinn.*`
    AltinnTokens { external_issuers: Vec<AltinnIssuer>, allow_external: bool }
}
section! {
    /// One of `tokens.altinn.external_issuers`
    AltinnIssuer { issuer: String, metadata: String }
}
section! {
    /// `tokens.maskinporten.*`, `tokens.idporten.*`
    ExternalIssuer { issuer: Option<String> }
}
section! {
    /// `jwks.*`, in seconds
    Jwks { refresh_s: u64, min_interval_s: u64, max_stale_s: u64, timeout_s: u64 }
}
section! {
    /// `platform_tokens.*`
    PlatformTokens { issuers: Vec<String>, keys: BTreeMap<String, PathBuf> }
}
section! {
    /// `exchange.*`
    Exchange { lifetime_s: i64, cap_to_original: bool, partner_scopes: Vec<String> }
}
section! {
    /// `systemuser.*`
    SystemUserSettings { live_check: LiveCheckMode }
}
section! {
    /// `byexternalid.*`
    ByExternalId { allowed_consumers: Vec<String> }
}
section! {
    /// `compat.*`
    Compat {
        problem_detail: bool,
        delegation_aliases: bool,
        runtime_cookie: bool,
        runtime_cookie_name: String,
        refresh: bool,
        systemuser_by_party_uuid: bool,
    }
}
section! {
    /// `access.*`
    Access {
        client_resources_decide: bool,
        client_resources_listed: bool,
        person_lookup_attempts: u32,
        person_lookup_attempts_of_owner: u32,
        person_lookup_attempts_of_vendor: u32,
        person_lookup_window_s: u32,
    }
}
section! {
    /// `pagination.*`
    Pagination { page_size: usize }
}
section! {
    /// `accesslists.*`
    AccessLists { page_size: usize, large_page_size: usize }
}
section! {
    /// `requests.*`
    Requests { lifetime_days: i32, archive_after_days: i32, max_open_per_customer: i64, max_open_per_vendor: i64 }
}
section! {
    /// `retention.*`
    Retention {
        requests_days: i32,
        requests_remove_days: i32,
        system_users_days: i32,
        persons_days: i32,
        sessions_days: i32,
        outbox_days: i32,
        import_runs_days: i32,
    }
}
section! {
    /// `pdp.*`
    Pdp {
        max_staleness_ms: u64,
        max_decisions_per_request: usize,
        max_body_bytes: usize,
        deadline_s: u64,
        max_policy_bytes: usize,
        max_owner_policy_bytes: usize,
        enforce_resource_owner: bool,
        #[serde(serialize_with = "secrets::hashed")]
        subscription_keys: Vec<SecretString>,
        decision_open: bool,
        systemuser_auth_level: u8,
    }
}
section! {
    /// `import.*`
    Import { person_match: PersonMatch, max_shrink_percent: f64, person_id_member: String }
}
section! {
    /// `resources.*`
    Resources { delete_enabled: Option<bool> }
}
section! {
    /// `session.*`
    Session { idle_minutes: i32, absolute_hours: i32, secure_cookies: bool }
}
section! {
    /// `portal.*`
    Portal { dist_dir: Option<PathBuf>, rewrite_hosts: Option<bool>, image_origins: Vec<String> }
}
section! {
    /// `idporten.*`
    IdPorten { client_id: Option<String>, key_file: Option<PathBuf>, kid: Option<String>, min_acr: String }
}
section! {
    /// `keys.*`
    Keys {
        #[serde(deserialize_with = "key_file::one_or_more")]
        blind_index: Vec<PathBuf>,
        #[serde(deserialize_with = "key_file::one_or_more")]
        person_id: Vec<PathBuf>,
        #[serde(deserialize_with = "key_file::one_or_more")]
        audit_checkpoints: Vec<PathBuf>,
    }
}
section! {
    /// `audit.*`
    Audit { checkpoint_path: Option<PathBuf>, decision_retention_months: u32, retention_years: u32 }
}
section! {
    /// `recovery.*`
    Recovery { journal: Option<JournalPlace>, journal_days: u32 }
}
section! {
    /// `authzen.*`
    Authzen { conformance_fixture: bool }
}
section! {
    /// `operator.*`
    Operator { name: String, phone: String, email: String, accessibility_statement_url: String }
}
section! {
    /// `log.*`
    Log { level: String, format: LogFormat, access: bool }
}
section! {
    /// `telemetry.*`
    Telemetry { otlp_endpoint: Option<Url> }
}
section! {
    /// `sandbox.*`
    Sandbox {
        dir: PathBuf,
        single_port: bool,
        allow_nonloopback: bool,
        allowed_hosts: Vec<String>,
        assume_real_names: bool,
        autoregister_clients: bool,
        maskinporten: SandboxMaskinporten,
        idporten: SandboxIdPorten,
        testtools: SandboxTestTools,
        tls: SandboxTls,
    }
}
section! {
    /// `sandbox.maskinporten.*`
    SandboxMaskinporten { listen: SocketAddr, token_lifetime_s: i64, extra_audiences: Vec<String> }
}
section! {
    /// `sandbox.idporten.*`
    SandboxIdPorten { listen: SocketAddr, auto_login_pid: Option<String> }
}
section! {
    /// `sandbox.testtools.*`
    SandboxTestTools { listen: SocketAddr, users: Vec<String>, real_issuer_names: bool }
}
section! {
    /// `sandbox.tls.*`
    SandboxTls { listen: Option<SocketAddr> }
}

/// How persons of open data, who come without identity number, are found among those we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonMatch {
    /// Not at all: they are kept as unresolved holders, and give no access.
    #[default]
    Off,
    /// By name and birth date, when exactly one person who is alive has both. Never in production.
    Unique,
}

/// What is between the service and its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooler {
    /// Nothing: a connection is a session of Postgres.
    None,
    /// A pooler that gives a connection one session for as long as it is open.
    Session,
    /// A pooler that may give a connection another session for each transaction.
    Transaction,
}

/// What happens to a Maskinporten or ID-porten token made for another audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AudienceMode {
    /// Taken, logged and counted.
    Warn,
    /// Refused.
    Enforce,
}

/// How much of a system-user token is compared with the register on each use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveCheckMode {
    /// Everything for Maskinporten's tokens, only that it is active for others.
    ByIssuer,
    /// Everything for all.
    Strict,
    /// Only that it is active.
    Lenient,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One object a line.
    Json,
    /// For eyes.
    Text,
}
