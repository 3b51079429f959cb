//! Which settings may be combined. Everything that would weaken a production installation stops
//! the start.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use tracing_subscriber::EnvFilter;
use url::Url;

use super::{Profile, Settings, SubscriptionKeys, check_database, limits, production};

/// How an operator makes a key of random bytes.
const NEW_KEY: &str = "make one with `openssl rand -hex 32`";
/// How an operator makes an RSA key.
const NEW_RSA_KEY: &str =
    "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`";
/// Keys that are published at the same time.
const MAX_SIGNING_KEYS: usize = 4;
/// Keys for identity numbers at the same time.
const MAX_IDENTITY_KEYS: usize = 2;
/// Tokens that we sign live no longer than half an hour.
const MAX_EXCHANGE_LIFETIME_S: i64 = 1_800;

/// Settings that passed, with what follows from them.
#[derive(Debug, Clone)]
pub struct CheckedSettings {
    /// The settings themselves.
    pub settings: Settings,
    /// Base of absolute URLs, without trailing slash.
    pub public_base: String,
    /// Base of `confirmUrl` and pages, without trailing slash.
    pub ui_base: String,
    /// Issuer of our own tokens.
    pub own_issuer: String,
    /// Maskinporten's issuer, with its slash.
    pub maskinporten_issuer: String,
    /// ID-porten's issuer, without slash.
    pub idporten_issuer: String,
    /// Where clients find the sandbox's own issuers.
    pub local: Option<LocalIssuers>,
    /// Where this machine finds them. Differs from `local` where clients call by another name or port.
    pub loopback: Option<LocalIssuers>,
    /// Keys of the header `Ocp-Apim-Subscription-Key` that are taken.
    pub subscription_keys: SubscriptionKeys,
}

/// Addresses of what only a sandbox serves, without trailing slash.
#[derive(Debug, Clone)]
pub struct LocalIssuers {
    /// The local Maskinporten.
    pub maskinporten: String,
    /// The local ID-porten.
    pub idporten: String,
    /// The generator of test tokens.
    pub testtools: String,
}

impl LocalIssuers {
    /// By the name of the configured base URL, where there is one; else by this machine's address.
    fn named(settings: &Settings) -> Option<Self> {
        match &settings.server.public_base_url {
            None => Self::loopback(settings),
            Some(base) => Self::of(settings, &trimmed(base), |listen| {
                let mut own = base.clone();
                own.set_path("");
                // Each listener uses plain HTTP, whatever is in front of the service.
                let named =
                    own.set_scheme("http").is_ok() && own.set_port(Some(listen.port())).is_ok();
                if named {
                    trimmed(&own)
                } else {
                    http_base(listen)
                }
            }),
        }
    }

    fn loopback(settings: &Settings) -> Option<Self> {
        Self::of(settings, &http_base(settings.server.listen), http_base)
    }

    fn of(
        settings: &Settings,
        main: &str,
        of_listener: impl Fn(SocketAddr) -> String,
    ) -> Option<Self> {
        let sandbox = settings.sandbox.as_ref()?;
        let at = |name: &str, listen: SocketAddr| {
            if sandbox.single_port {
                format!("{main}/sandbox/{name}")
            } else {
                of_listener(listen)
            }
        };
        Some(Self {
            maskinporten: at("maskinporten", sandbox.maskinporten.listen),
            idporten: at("idporten", sandbox.idporten.listen),
            testtools: at("testtools", sandbox.testtools.listen),
        })
    }
}

/// Numbers outside of which the service cannot do its work.
fn check_ranges(settings: &Settings, wrong: &mut Vec<String>) {
    let number = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    let duration = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let (database, tokens, jwks) = (&settings.database, &settings.tokens, &settings.jwks);
    let (pdp, session) = (&settings.pdp, &settings.session);
    let ranges = [
        ("server.drain_s", duration(settings.server.drain_s), 0..=5),
        (
            "database.max_connections",
            database.max_connections.into(),
            2..=10_000,
        ),
        (
            "database.acquire_timeout_s",
            duration(database.acquire_timeout_s),
            1..=600,
        ),
        (
            "database.statement_timeout_s",
            duration(database.statement_timeout_s),
            1..=600,
        ),
        (
            "database.lock_timeout_s",
            duration(database.lock_timeout_s),
            1..=600,
        ),
        ("tokens.max_bytes", number(tokens.max_bytes), 1_024..=32_768),
        (
            "tokens.max_lifetime_s",
            tokens.max_lifetime_s,
            0..=31_536_000,
        ),
        ("jwks.refresh_s", duration(jwks.refresh_s), 1..=86_400),
        (
            "jwks.min_interval_s",
            duration(jwks.min_interval_s),
            1..=86_400,
        ),
        ("jwks.max_stale_s", duration(jwks.max_stale_s), 1..=172_800),
        ("jwks.timeout_s", duration(jwks.timeout_s), 1..=60),
        (
            "exchange.lifetime_s",
            settings.exchange.lifetime_s,
            1..=i64::MAX,
        ),
        (
            "pagination.page_size",
            number(settings.pagination.page_size),
            1..=10_000,
        ),
        (
            "requests.lifetime_days",
            settings.requests.lifetime_days.into(),
            1..=36_500,
        ),
        (
            "requests.max_open_per_vendor",
            settings.requests.max_open_per_vendor,
            1..=10_000_000,
        ),
        (
            "requests.max_open_per_customer",
            settings.requests.max_open_per_customer,
            1..=1_000_000,
        ),
        (
            "pdp.max_staleness_ms",
            duration(pdp.max_staleness_ms),
            100..=60_000,
        ),
        (
            "pdp.max_decisions_per_request",
            number(pdp.max_decisions_per_request),
            1..=10_000,
        ),
        (
            "pdp.max_body_bytes",
            number(pdp.max_body_bytes),
            1_024..=i64::MAX,
        ),
        ("pdp.deadline_s", duration(pdp.deadline_s), 1..=60),
        (
            "pdp.max_policy_bytes",
            number(pdp.max_policy_bytes),
            1_024..=2_097_152,
        ),
        (
            "pdp.max_owner_policy_bytes",
            number(pdp.max_owner_policy_bytes),
            1_024..=1_073_741_824,
        ),
        (
            "pdp.systemuser_auth_level",
            pdp.systemuser_auth_level.into(),
            0..=4,
        ),
        (
            "session.idle_minutes",
            session.idle_minutes.into(),
            1..=1_440,
        ),
        (
            "session.absolute_hours",
            session.absolute_hours.into(),
            1..=168,
        ),
        (
            "requests.archive_after_days",
            settings.requests.archive_after_days.into(),
            1..=36_500,
        ),
        (
            "retention.requests_days",
            settings.retention.requests_days.into(),
            0..=36_500,
        ),
        (
            "retention.requests_remove_days",
            settings.retention.requests_remove_days.into(),
            0..=36_500,
        ),
        (
            "retention.system_users_days",
            settings.retention.system_users_days.into(),
            1..=36_500,
        ),
        (
            "retention.persons_days",
            settings.retention.persons_days.into(),
            1..=36_500,
        ),
        (
            "retention.sessions_days",
            settings.retention.sessions_days.into(),
            1..=3_650,
        ),
        (
            "retention.outbox_days",
            settings.retention.outbox_days.into(),
            1..=36_500,
        ),
        (
            "retention.import_runs_days",
            settings.retention.import_runs_days.into(),
            1..=36_500,
        ),
        (
            "audit.retention_years",
            settings.audit.retention_years.into(),
            1..=100,
        ),
        (
            "audit.decision_retention_months",
            settings.audit.decision_retention_months.into(),
            1..=1_200,
        ),
    ];
    for (name, value, range) in ranges.into_iter().chain(limits::ranges(&settings.limits)) {
        if !range.contains(&value) {
            wrong.push(if *range.end() == i64::MAX {
                format!("{name}: must be at least {}", range.start())
            } else {
                format!(
                    "{name}: must be between {} and {}",
                    range.start(),
                    range.end()
                )
            });
        }
    }
    let retention = &settings.retention;
    if retention.requests_remove_days > 0
        && (retention.requests_days == 0
            || retention.requests_remove_days < retention.requests_days)
    {
        wrong.push(
            "retention.requests_remove_days: must not be less than retention.requests_days, and needs it"
                .to_owned(),
        );
    }
    if !(0.0..=100.0).contains(&settings.import.max_shrink_percent) {
        wrong.push("import.max_shrink_percent: must be between 0 and 100".to_owned());
    }
}

/// Checks the settings as a whole.
///
/// # Errors
/// Every finding, each naming its key.
pub fn check(settings: Settings) -> Result<CheckedSettings, Vec<String>> {
    let mut wrong = Vec::new();
    let profile = settings.server.profile;
    match (profile, settings.sandbox.is_some()) {
        (Profile::Sandbox, false) => {
            wrong.push("server.profile: `sandbox` is only for `systembruker sandbox`".to_owned());
        }
        (Profile::Prod | Profile::Test, true) => wrong
            .push("sandbox.*: no sandbox setting may be given to `systembruker serve`".to_owned()),
        _ => {}
    }
    check_ranges(&settings, &mut wrong);
    limits::check(&settings.limits, &mut wrong);
    production::check(&settings, &mut wrong);
    if settings.server.listen == settings.server.internal_listen {
        wrong.push("server.internal_listen: is the address of server.listen; metrics need one that is not public".to_owned());
    }
    if settings.tokens.signing_keys.len() > MAX_SIGNING_KEYS {
        wrong.push(format!(
            "tokens.signing_keys: {MAX_SIGNING_KEYS} are the most; take out the oldest"
        ));
    }
    for (key, files) in [
        ("keys.blind_index", &settings.keys.blind_index),
        ("keys.person_id", &settings.keys.person_id),
    ] {
        if files.len() > MAX_IDENTITY_KEYS {
            wrong.push(format!(
                "{key}: {MAX_IDENTITY_KEYS} are the most, the present one and the one before; run `systembruker keys rekey`, and take out the oldest"
            ));
        }
    }
    if EnvFilter::try_new(&settings.log.level).is_err() {
        wrong.push(
            "log.level: cannot be read; such as `info` or `warn,systembruker=debug`".to_owned(),
        );
    }
    if let Some(endpoint) = &settings.telemetry.otlp_endpoint
        && (!matches!(endpoint.scheme(), "http" | "https") || endpoint.query().is_some())
    {
        wrong.push(
            "telemetry.otlp_endpoint: is no address such as http://127.0.0.1:4318".to_owned(),
        );
    }
    check_image_origins(&settings, &mut wrong);
    let public_base = base_url(&settings, &mut wrong);
    let ui_base = settings
        .server
        .ui_base_url
        .as_ref()
        .map_or_else(|| public_base.clone(), trimmed);
    if profile == Profile::Prod
        && settings
            .server
            .ui_base_url
            .as_ref()
            .is_some_and(|url| url.scheme() != "https")
    {
        wrong.push("server.ui_base_url: must be https in prod".to_owned());
    }
    let local = LocalIssuers::named(&settings);
    let loopback = LocalIssuers::loopback(&settings);
    let (maskinporten_issuer, idporten_issuer) = issuers(&settings, local.as_ref(), &mut wrong);
    external_issuers(&settings, &mut wrong);
    if profile == Profile::Sandbox {
        check_sandbox(&settings, &mut wrong);
    } else {
        check_serve(&settings, &mut wrong);
    }
    if wrong.is_empty() {
        Ok(CheckedSettings {
            own_issuer: format!("{public_base}/authentication/api/v1/openid/"),
            subscription_keys: SubscriptionKeys::of(&settings.pdp.subscription_keys),
            settings,
            public_base,
            ui_base,
            maskinporten_issuer,
            idporten_issuer,
            local,
            loopback,
        })
    } else {
        Err(wrong)
    }
}

fn check_image_origins(settings: &Settings, wrong: &mut Vec<String>) {
    let prod = settings.server.profile == Profile::Prod;
    for origin in &settings.portal.image_origins {
        let is_origin = Url::parse(origin).is_ok_and(|url| {
            let has_scheme = url.scheme() == "https" || (url.scheme() == "http" && !prod);
            has_scheme && url.origin().ascii_serialization() == *origin
        });
        if !is_origin {
            wrong.push(format!(
                "portal.image_origins: {origin:?} is no origin such as https://logos.example"
            ));
        }
    }
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn base_url(settings: &Settings, wrong: &mut Vec<String>) -> String {
    match (&settings.server.public_base_url, settings.server.profile) {
        (Some(url), profile) => {
            if profile == Profile::Prod && url.scheme() != "https" {
                wrong.push("server.public_base_url: must be https in prod".to_owned());
            }
            trimmed(url)
        }
        (None, Profile::Sandbox) => http_base(settings.server.listen),
        (None, _) => {
            wrong.push("server.public_base_url: is required".to_owned());
            String::new()
        }
    }
}

/// Address by which what listens there is reached from this machine: loopback, when it listens
/// everywhere.
#[must_use]
pub fn http_base(address: SocketAddr) -> String {
    let host = if address.ip().is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        address.ip()
    };
    format!("http://{}", SocketAddr::new(host, address.port()))
}

/// Partner installations: their addresses, and that they are of the same profile.
fn external_issuers(settings: &Settings, wrong: &mut Vec<String>) {
    let profile = settings.server.profile;
    let altinn = &settings.tokens.altinn;
    if profile == Profile::Prod && !altinn.external_issuers.is_empty() && !altinn.allow_external {
        wrong.push("tokens.altinn.external_issuers: are taken in prod only with tokens.altinn.allow_external".to_owned());
    }
    for (number, other) in altinn.external_issuers.iter().enumerate() {
        let host = |address: &str| {
            Url::parse(address)
                .ok()
                .and_then(|url| url.host_str().map(str::to_ascii_lowercase))
        };
        let fault = match (host(&other.issuer), host(&other.metadata)) {
            (Some(issuer), Some(metadata)) if issuer != metadata => {
                Some("issuer and metadata are on different hosts")
            }
            (Some(issuer), Some(_)) => {
                let is_test = is_test_altinn(&issuer);
                let is_real = issuer == "altinn.no" || issuer.ends_with(".altinn.no");
                match profile {
                    Profile::Prod if is_test || !other.issuer.starts_with("https://") => {
                        Some("is an issuer of tests")
                    }
                    Profile::Test if is_real && !is_test => Some("is a real issuer"),
                    Profile::Sandbox if is_real || is_test => Some("is no issuer for a sandbox"),
                    _ => None,
                }
            }
            _ => Some("issuer and metadata must be addresses"),
        };
        let finding = |fault| {
            let number = number + 1;
            format!("tokens.altinn.external_issuers: entry {number}: {fault}")
        };
        wrong.extend(fault.map(finding));
    }
}

/// Altinn's environments for tests: `platform.tt02.altinn.no`, `platform.at22.altinn.cloud`.
fn is_test_altinn(host: &str) -> bool {
    let is_environment = |label: &str| {
        let number = ["tt", "at", "yt"]
            .iter()
            .find_map(|kind| label.strip_prefix(kind));
        number
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    host.ends_with("altinn.cloud") || host.split('.').any(is_environment)
}

/// The issuers of a profile. Real, test and sandbox issuers never meet in one process.
fn issuers(
    settings: &Settings,
    local: Option<&LocalIssuers>,
    wrong: &mut Vec<String>,
) -> (String, String) {
    let mut choose = |key: &str, given: Option<&String>, allowed: &str| match given {
        Some(issuer) if issuer.trim_end_matches('/') != allowed.trim_end_matches('/') => {
            wrong.push(format!(
                "{key}: this issuer does not belong to profile `{}`",
                settings.server.profile.as_str()
            ));
            allowed.to_owned()
        }
        _ => allowed.to_owned(),
    };
    let assumes_names = settings
        .sandbox
        .as_ref()
        .is_some_and(|sandbox| sandbox.assume_real_names);
    let (maskinporten, idporten) = match (settings.server.profile, local) {
        (Profile::Prod, _) => (
            "https://maskinporten.no/".to_owned(),
            "https://idporten.no".to_owned(),
        ),
        (Profile::Sandbox, Some(local)) if !assumes_names => {
            (format!("{}/", local.maskinporten), local.idporten.clone())
        }
        _ => (
            "https://test.maskinporten.no/".to_owned(),
            "https://test.idporten.no".to_owned(),
        ),
    };
    (
        choose(
            "tokens.maskinporten.issuer",
            settings.tokens.maskinporten.issuer.as_ref(),
            &maskinporten,
        ),
        choose(
            "tokens.idporten.issuer",
            settings.tokens.idporten.issuer.as_ref(),
            &idporten,
        ),
    )
}

fn check_sandbox(settings: &Settings, wrong: &mut Vec<String>) {
    let Some(sandbox) = &settings.sandbox else {
        return;
    };
    if sandbox.allow_nonloopback {
        return;
    }
    let listeners = [
        ("server.listen", settings.server.listen),
        ("server.internal_listen", settings.server.internal_listen),
        ("sandbox.maskinporten.listen", sandbox.maskinporten.listen),
        ("sandbox.idporten.listen", sandbox.idporten.listen),
        ("sandbox.testtools.listen", sandbox.testtools.listen),
    ];
    for (key, address) in listeners.into_iter().chain(
        sandbox
            .tls
            .listen
            .map(|listen| ("sandbox.tls.listen", listen)),
    ) {
        if !address.ip().is_loopback() {
            wrong.push(format!("{key}: a sandbox listens on loopback only (sandbox.allow_nonloopback lifts this for containers)"));
        }
    }
}

fn check_serve(settings: &Settings, wrong: &mut Vec<String>) {
    wrong.extend(check_database(settings));
    let prod = settings.server.profile == Profile::Prod;
    let mut required = |is_given: bool, key: &str, cure: &str| {
        if !is_given {
            wrong.push(format!("{key}: is required; {cure}"));
        }
    };
    let (keys, idporten) = (&settings.keys, &settings.idporten);
    required(!keys.blind_index.is_empty(), "keys.blind_index", NEW_KEY);
    required(!keys.person_id.is_empty(), "keys.person_id", NEW_KEY);
    if prod {
        required(
            !settings.tokens.signing_keys.is_empty(),
            "tokens.signing_keys",
            NEW_RSA_KEY,
        );
        required(
            !keys.audit_checkpoints.is_empty(),
            "keys.audit_checkpoints",
            NEW_KEY,
        );
        required(
            settings.audit.checkpoint_path.is_some(),
            "audit.checkpoint_path",
            "name a file that the database's administrator cannot write",
        );
        required(
            settings.recovery.journal.is_some(),
            "recovery.journal",
            "name a folder on another disk than the database's or an object store, or `none` where revocations may be lost with a backup",
        );
        required(
            idporten.client_id.is_some(),
            "idporten.client_id",
            "register a client at ID-porten",
        );
        required(
            idporten.key_file.is_some(),
            "idporten.key_file",
            NEW_RSA_KEY,
        );
        if !(1..=MAX_EXCHANGE_LIFETIME_S).contains(&settings.exchange.lifetime_s) {
            wrong.push(format!(
                "exchange.lifetime_s: must be between 1 and {MAX_EXCHANGE_LIFETIME_S} in prod"
            ));
        }
    }
    if !settings.session.secure_cookies {
        wrong.push("session.secure_cookies: may only be false in the sandbox".to_owned());
    }
    if settings.tokens.max_lifetime_s <= 0 {
        wrong.push("tokens.max_lifetime_s: must be positive".to_owned());
    }
    if !(0..=60).contains(&settings.tokens.leeway_s) {
        wrong.push("tokens.leeway_s: must be between 0 and 60".to_owned());
    }
    if !prod && settings.audit.checkpoint_path.is_some() && keys.audit_checkpoints.is_empty() {
        wrong.push(
            "keys.audit_checkpoints: is required where audit.checkpoint_path is given".to_owned(),
        );
    }
    for name in settings.platform_tokens.keys.keys() {
        if !settings.platform_tokens.issuers.contains(name) {
            wrong.push(format!(
                "platform_tokens.keys.{name}: is not among platform_tokens.issuers"
            ));
        }
    }
}

impl CheckedSettings {
    /// Folder of the sandbox's keys and client material.
    #[must_use]
    pub fn sandbox_dir(&self) -> Option<PathBuf> {
        self.settings.sandbox.as_ref().map(|s| s.dir.clone())
    }

    /// Which installation this is.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.settings.server.profile
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::config::{SettingsSource, load};

    fn serve(pairs: &[(&str, &str)]) -> Result<CheckedSettings, Vec<String>> {
        let env: HashMap<String, String> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        check(load(SettingsSource::Serve(None), &env, &[]).map_err(|e| vec![e.to_string()])?)
    }

    const GOOD: &[(&str, &str)] = &[
        (
            "DATABASE_URL",
            "postgresql://sb:long-and-random@db/sb?sslmode=verify-full",
        ),
        (
            "SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL",
            "https://sb.example/",
        ),
        ("SYSTEMBRUKER__TOKENS__SIGNING_KEYS", "/k/a.pem"),
        ("SYSTEMBRUKER__KEYS__BLIND_INDEX", "/k/b"),
        ("SYSTEMBRUKER__KEYS__PERSON_ID", "/k/p"),
        ("SYSTEMBRUKER__KEYS__AUDIT_CHECKPOINTS", "/k/a"),
        ("SYSTEMBRUKER__AUDIT__CHECKPOINT_PATH", "/audit/checkpoints"),
        ("SYSTEMBRUKER__RECOVERY__JOURNAL", "/journal"),
        ("SYSTEMBRUKER__IDPORTEN__CLIENT_ID", "c"),
        ("SYSTEMBRUKER__IDPORTEN__KEY_FILE", "/k/i.pem"),
    ];

    #[test]
    fn a_complete_production_configuration_starts() {
        let checked = serve(GOOD).unwrap();
        assert_eq!(
            checked.own_issuer,
            "https://sb.example/authentication/api/v1/openid/"
        );
        assert_eq!(checked.maskinporten_issuer, "https://maskinporten.no/");
    }

    #[rstest::rstest]
    #[case("SYSTEMBRUKER__SERVER__PROFILE", "sandbox", "server.profile")]
    #[case("SYSTEMBRUKER__SANDBOX__DIR", "/tmp/x", "sandbox")]
    #[case(
        "SYSTEMBRUKER__TOKENS__MASKINPORTEN__ISSUER",
        "https://test.maskinporten.no/",
        "tokens.maskinporten.issuer"
    )]
    #[case(
        "SYSTEMBRUKER__TOKENS__IDPORTEN__ISSUER",
        "https://test.idporten.no",
        "tokens.idporten.issuer"
    )]
    #[case(
        "SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL",
        "http://sb.example",
        "server.public_base_url"
    )]
    #[case(
        "SYSTEMBRUKER__SESSION__SECURE_COOKIES",
        "false",
        "session.secure_cookies"
    )]
    #[case("SYSTEMBRUKER__TOKENS__MAX_LIFETIME_S", "0", "tokens.max_lifetime_s")]
    #[case("DATABASE_URL", "postgresql://sb:changeme@db/sb", "database.url")]
    fn one_bad_setting_stops_production(
        #[case] key: &str,
        #[case] value: &str,
        #[case] named: &str,
    ) {
        let mut pairs = GOOD.to_vec();
        pairs.push((key, value));
        let wrong = serve(&pairs).unwrap_err();
        assert!(wrong.iter().any(|w| w.contains(named)), "{wrong:?}");
    }

    #[rstest::rstest]
    #[case("prod", "https://platform.altinn.no", true)]
    #[case("prod", "https://platform.tt02.altinn.no", false)]
    #[case("prod", "https://platform.at22.altinn.cloud", false)]
    #[case("prod", "http://platform.altinn.no", false)]
    #[case("test", "https://platform.tt02.altinn.no", true)]
    #[case("test", "https://platform.altinn.no", false)]
    #[case("test", "no-address", false)]
    fn external_issuers_are_of_the_same_profile(
        #[case] profile: &str,
        #[case] base: &str,
        #[case] is_taken: bool,
    ) {
        let env: HashMap<String, String> = GOOD
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let mut settings = load(SettingsSource::Serve(None), &env, &[]).unwrap();
        settings.server.profile = if profile == "prod" {
            Profile::Prod
        } else {
            Profile::Test
        };
        settings.tokens.altinn.allow_external = true;
        let issuer = format!("{base}/authentication/api/v1/openid/");
        let metadata = format!("{issuer}.well-known/openid-configuration");
        settings
            .tokens
            .altinn
            .external_issuers
            .push(crate::config::AltinnIssuer { issuer, metadata });
        let is_refused = |settings: Settings| {
            check(settings)
                .err()
                .into_iter()
                .flatten()
                .any(|w| w.contains("external_issuers"))
        };
        assert_eq!(!is_refused(settings.clone()), is_taken);
        settings.tokens.altinn.allow_external = false;
        assert_eq!(!is_refused(settings), is_taken && profile == "test");
    }

    #[test]
    fn a_production_issuer_is_refused_in_the_test_profile() {
        let mut pairs = GOOD.to_vec();
        pairs.push(("SYSTEMBRUKER__SERVER__PROFILE", "test"));
        pairs.push((
            "SYSTEMBRUKER__TOKENS__MASKINPORTEN__ISSUER",
            "https://maskinporten.no/",
        ));
        assert!(serve(&pairs).unwrap_err()[0].contains("tokens.maskinporten.issuer"));
    }
}
