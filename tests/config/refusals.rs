//! Each setting that stops production, with its name in the message, with a similar value that
//! does not.

use foundation::crypto::{base64url, hex, sha256};
use serde_json::json;

use crate::installation::{Installation, RSA_KEYS, checked, random};

type Change = fn(&mut Installation);

/// A test for each case: a change that is refused, the key of the setting that is named, and a change
/// like it that is good.
macro_rules! production_does_not_start_with {
    ($($case:ident: $bad:expr, $key:expr, $good:expr;)*) => {
        $(#[test]
        fn $case() {
            assert_refused($bad, $key, $good);
        })*
    };
}

#[rustfmt::skip]
production_does_not_start_with! {
    // What kind of installation it is.
    profile: |i| i.set("SERVER__PROFILE", "sandbox"), "server.profile", |i| i.set("SERVER__PROFILE", "prod");
    unknown_profile: |i| i.set("SERVER__PROFILE", "production"), "server.profile", |i| i.set("SERVER__PROFILE", "test");
    sandbox_setting: |i| i.set("SANDBOX__DIR", "/tmp/x"), "sandbox.*", |i| i.unset("SANDBOX__DIR");
    unknown_key: |i| i.set("PDP__MAX_STALENES_MS", "500"), "pdp.max_stalenes_ms", |i| i.set("PDP__MAX_STALENESS_MS", "500");
    wrong_type: |i| i.set("PDP__MAX_BODY_BYTES", "much"), "pdp.max_body_bytes", |i| i.set("PDP__MAX_BODY_BYTES", "1024");
    not_toml: |i| i.configure("[pdp\n"), "--config, line 1", |i| i.configure("[pdp]\n");
    unknown_key_in_file: |i| i.configure("[pdpp]\nx = 1\n"), "pdpp", |i| i.configure("[pdp]\nsystemuser_auth_level = 3\n");
    // Addresses and issuers.
    http: |i| i.set("SERVER__PUBLIC_BASE_URL", "http://sb.example"), "server.public_base_url", |i| i.set("SERVER__PUBLIC_BASE_URL", "https://sb.example");
    no_base_url: |i| i.unset("SERVER__PUBLIC_BASE_URL"), "server.public_base_url", |i| i.set("SERVER__PUBLIC_BASE_URL", "https://other.example");
    http_pages: |i| i.set("SERVER__UI_BASE_URL", "http://sb.example"), "server.ui_base_url", |i| i.set("SERVER__UI_BASE_URL", "https://ui.example");
    wildcard_host: |i| i.set("SERVER__ALLOWED_HOSTS", "*"), "server.allowed_hosts", |i| i.set("SERVER__ALLOWED_HOSTS", "sb.example");
    test_maskinporten: |i| i.set("TOKENS__MASKINPORTEN__ISSUER", "https://test.maskinporten.no/"), "tokens.maskinporten.issuer", |i| i.set("TOKENS__MASKINPORTEN__ISSUER", "https://maskinporten.no/");
    test_idporten: |i| i.set("TOKENS__IDPORTEN__ISSUER", "https://test.idporten.no"), "tokens.idporten.issuer", |i| i.set("TOKENS__IDPORTEN__ISSUER", "https://idporten.no");
    external_issuer_of_test: |i| i.configure(&external_issuer("platform.tt02.altinn.no")), "tokens.altinn.external_issuers", |i| i.configure(&external_issuer("platform.altinn.no"));
    every_address_is_a_proxy: |i| i.set("SERVER__TRUSTED_PROXIES", "0.0.0.0/0"), "server.trusted_proxies", |i| i.set("SERVER__TRUSTED_PROXIES", "10.0.0.0/8");
    every_v6_address_is_a_proxy: |i| i.set("SERVER__TRUSTED_PROXIES", "10.0.0.0/8,::/0"), "server.trusted_proxies", |i| i.set("SERVER__TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8");
    every_address_in_two_halves: |i| i.set("SERVER__TRUSTED_PROXIES", "0.0.0.0/1,128.0.0.0/1"), "server.trusted_proxies", |i| i.set("SERVER__TRUSTED_PROXIES", "10.0.0.0/9,10.128.0.0/9");
    endless_drain: |i| i.set("SERVER__DRAIN_S", "6"), "server.drain_s", |i| i.set("SERVER__DRAIN_S", "0");
    // Tokens, sessions, switches.
    unlimited_tokens: |i| i.set("TOKENS__MAX_LIFETIME_S", "0"), "tokens.max_lifetime_s", |i| i.set("TOKENS__MAX_LIFETIME_S", "3600");
    leeway: |i| i.set("TOKENS__LEEWAY_S", "61"), "tokens.leeway_s", |i| i.set("TOKENS__LEEWAY_S", "60");
    long_tokens_of_ours: |i| i.set("EXCHANGE__LIFETIME_S", "1801"), "exchange.lifetime_s", |i| i.set("EXCHANGE__LIFETIME_S", "1800");
    open_cookies: |i| i.set("SESSION__SECURE_COOKIES", "false"), "session.secure_cookies", |i| i.set("SESSION__SECURE_COOKIES", "true");
    system_users_by_party_uuid: |i| i.set("COMPAT__SYSTEMUSER_BY_PARTY_UUID", "true"), "compat.systemuser_by_party_uuid", |i| i.set("COMPAT__SYSTEMUSER_BY_PARTY_UUID", "false");
    open_decisions: |i| i.set("PDP__DECISION_OPEN", "true"), "pdp.decision_open", |i| i.set("PDP__DECISION_OPEN", "false");
    fixture: |i| i.set("AUTHZEN__CONFORMANCE_FIXTURE", "true"), "authzen.conformance_fixture", |i| i.set("AUTHZEN__CONFORMANCE_FIXTURE", "false");
    guessed_persons: |i| i.set("IMPORT__PERSON_MATCH", "unique"), "import.person_match", |i| i.set("IMPORT__PERSON_MATCH", "off");
    stale_memory: |i| i.set("PDP__MAX_STALENESS_MS", "99"), "pdp.max_staleness_ms", |i| i.set("PDP__MAX_STALENESS_MS", "100");
    public_metrics: |i| i.set("SERVER__INTERNAL_LISTEN", "0.0.0.0:8080"), "server.internal_listen", |i| i.set("SERVER__INTERNAL_LISTEN", "0.0.0.0:9090");
    log_level: |i| i.set("LOG__LEVEL", "a=b=c"), "log.level", |i| i.set("LOG__LEVEL", "warn,systembruker=debug");
    foreign_checkpoints: |i| i.write("checkpoints.jsonl", FOREIGN_CHECKPOINT), "audit.checkpoint_path", |i| i.write("checkpoints.jsonl", "");
    // The database.
    no_database: |i| i.unset("DATABASE_URL"), "database.url", |i| i.set("DATABASE_URL", "postgresql://sb@db.invalid/sb?sslmode=verify-full");
    no_address: |i| i.set("DATABASE_URL", "db.invalid"), "database.url", |i| i.set("DATABASE_URL", "postgres://sb@db.invalid/sb?sslmode=verify-full");
    tls_preferred: |i| i.set("DATABASE_URL", "postgresql://sb@db.invalid/sb"), "database.url", |i| i.set("DATABASE_URL", "postgresql://sb@localhost/sb?host=/run/postgresql");
    tls_required: |i| i.set("DATABASE_URL", "postgresql://sb@db.invalid/sb?sslmode=require"), "database.url", |i| i.set("DATABASE_URL", "postgresql://sb@127.0.0.1/sb");
    tls_for_any_host: |i| i.set("DATABASE_URL", "postgresql://sb@db.invalid/sb?sslmode=verify-ca"), "database.url", |i| i.set("DATABASE_URL", "postgresql://sb@[::1]/sb");
    tls_off: |i| i.set("DATABASE_URL", "postgresql://sb@127.evil.example/sb?sslmode=disable"), "database.url", |i| i.set("DATABASE_URL", "postgresql://sb@localhost/sb?sslmode=disable");
    known_password: |i| i.set("DATABASE_URL", "postgresql://sb:change%4De@127.0.0.1/sb"), "database.url", |i| i.set("DATABASE_URL", "postgresql://sb:x3Vb9qL@127.0.0.1/sb");
    other_database: |i| i.set("DATABASE_URL", "mysql://sb@127.0.0.1/sb"), "database.url", |i| i.set("DATABASE_URL", "postgres://sb@127.0.0.1/sb");
    unknown_parameter: |i| i.set("DATABASE_URL", "postgresql://sb@127.0.0.1/sb?pasword=s3cret"), "database.url", |i| i.set("DATABASE_URL", "postgresql://sb@127.0.0.1/sb?password=s3cret");
    one_of_several_hosts_without_a_name: |i| i.set("DATABASE_URL", "postgresql://sb@a.invalid,:x/sb?sslmode=verify-full"), "database.url (DATABASE_URL): is no address", |i| i.set("DATABASE_URL", "postgresql://sb@a.invalid,b.invalid:5433/sb?sslmode=verify-full&target_session_attrs=read-write");
    keywords: |i| i.set("DATABASE_URL", "host=127.0.0.1 dbname=sb"), "database.url (DATABASE_URL): is written as `host=… dbname=…`", |i| i.set("DATABASE_URL", "postgresql://127.0.0.1/sb");
    a_server_that_follows: |i| i.set("DATABASE_URL", "postgresql://sb@127.0.0.1/sb?target_session_attrs=prefer-standby"), "database.url (DATABASE_URL): `target_session_attrs` must be one of read-write, primary, any", |i| i.set("DATABASE_URL", "postgresql://sb@127.0.0.1/sb?target_session_attrs=primary");
    tls_past_the_pooler: |i| i.set("DATABASE__DIRECT_URL", "postgresql://sb@db.invalid/sb"), "database.direct_url: the connection is not verified", |i| i.set("DATABASE__DIRECT_URL", "postgresql://sb@db.invalid/sb?sslmode=verify-full");
    migrations_through_a_pooler: |i| { i.set("DATABASE__POOLER", "transaction"); i.set("DATABASE__MIGRATE_ON_START", "true"); }, "database.direct_url: is required", |i| { i.set("DATABASE__POOLER", "transaction"); i.set("DATABASE__MIGRATE_ON_START", "false"); };
    another_pooler: |i| i.set("DATABASE__POOLER", "statement"), "database.pooler", |i| i.set("DATABASE__POOLER", "session");
    no_locks: |i| i.set("DATABASE__LOCK_TIMEOUT_S", "0"), "database.lock_timeout_s", |i| i.set("DATABASE__LOCK_TIMEOUT_S", "1");
    no_collector: |i| i.set("TELEMETRY__OTLP_ENDPOINT", "ftp://127.0.0.1:4318"), "telemetry.otlp_endpoint", |i| i.set("TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:4318");
    moved_clock: |i| i.set("DATABASE_URL", "postgresql://sb@127.0.0.1/sb?options=-c%20systembruker.clock_offset%3D1h"), "database.url", |i| i.set("DATABASE_URL", "postgresql://sb@127.0.0.1/sb?options=-c%20search_path%3Dpublic");
    no_connections: |i| i.set("DATABASE__MAX_CONNECTIONS", "0"), "database.max_connections", |i| i.set("DATABASE__MAX_CONNECTIONS", "2");
    no_wait: |i| i.set("DATABASE__ACQUIRE_TIMEOUT_S", "0"), "database.acquire_timeout_s", |i| i.set("DATABASE__ACQUIRE_TIMEOUT_S", "1");
    no_statements: |i| i.set("DATABASE__STATEMENT_TIMEOUT_S", "0"), "database.statement_timeout_s", |i| i.set("DATABASE__STATEMENT_TIMEOUT_S", "1");
    no_pause_between_key_sets: |i| i.set("JWKS__REFRESH_S", "0"), "jwks.refresh_s", |i| i.set("JWKS__REFRESH_S", "1");
    empty_pages: |i| i.set("PAGINATION__PAGE_SIZE", "0"), "pagination.page_size", |i| i.set("PAGINATION__PAGE_SIZE", "1");
    requests_without_time: |i| i.set("REQUESTS__LIFETIME_DAYS", "-1"), "requests.lifetime_days", |i| i.set("REQUESTS__LIFETIME_DAYS", "1");
    idle_at_once: |i| i.set("SESSION__IDLE_MINUTES", "0"), "session.idle_minutes", |i| i.set("SESSION__IDLE_MINUTES", "1");
    level_that_is_none: |i| i.set("PDP__SYSTEMUSER_AUTH_LEVEL", "5"), "pdp.systemuser_auth_level", |i| i.set("PDP__SYSTEMUSER_AUTH_LEVEL", "4");
    negative_shrink: |i| i.set("IMPORT__MAX_SHRINK_PERCENT", "-5"), "import.max_shrink_percent", |i| i.set("IMPORT__MAX_SHRINK_PERCENT", "0");
    no_token_fits: |i| i.set("TOKENS__MAX_BYTES", "0"), "tokens.max_bytes", |i| i.set("TOKENS__MAX_BYTES", "8192");
    // Subscription keys.
    key_in_clear: |i| i.set("PDP__SUBSCRIPTION_KEYS", &clear_key()), "pdp.subscription_keys", |i| i.set("PDP__SUBSCRIPTION_KEYS", &hex(&sha256(clear_key())));
    one_in_clear_of_two: |i| i.set("PDP__SUBSCRIPTION_KEYS", &format!("{},a", random("of a client"))), "pdp.subscription_keys: entry 2", |i| i.set("PDP__SUBSCRIPTION_KEYS", &format!("{},{}", random("of a client"), random("other")));
    guessed_key: |i| i.set("PDP__SUBSCRIPTION_KEYS", &hex(&sha256("ab"))), "pdp.subscription_keys", |i| i.set("PDP__SUBSCRIPTION_KEYS", &random("of a client"));
    no_hash: |i| i.set("PDP__SUBSCRIPTION_KEYS", &"0".repeat(64)), "pdp.subscription_keys", |i| i.set("PDP__SUBSCRIPTION_KEYS", &random("of a client").to_uppercase());
    // What is required.
    no_signing_key: |i| i.unset("TOKENS__SIGNING_KEYS"), "tokens.signing_keys", |i| i.name("TOKENS__SIGNING_KEYS", "signing.pem");
    no_blind_index: |i| i.unset("KEYS__BLIND_INDEX"), "keys.blind_index", |i| i.name("KEYS__BLIND_INDEX", "blind-index");
    no_checkpoint_key: |i| i.unset("KEYS__AUDIT_CHECKPOINTS"), "keys.audit_checkpoints", |i| i.name("KEYS__AUDIT_CHECKPOINTS", "audit-checkpoints");
    no_checkpoints: |i| i.unset("AUDIT__CHECKPOINT_PATH"), "audit.checkpoint_path", |i| i.name("AUDIT__CHECKPOINT_PATH", "elsewhere.jsonl");
    no_journal: |i| i.unset("RECOVERY__JOURNAL"), "recovery.journal: is required", |i| i.set("RECOVERY__JOURNAL", "none");
    journal_nowhere: |i| i.set("RECOVERY__JOURNAL", "ftp://store.invalid/journal"), "recovery.journal", |i| i.set("RECOVERY__JOURNAL", "s3://bucket/journal");
    no_client: |i| i.unset("IDPORTEN__CLIENT_ID"), "idporten.client_id", |i| i.set("IDPORTEN__CLIENT_ID", "another");
    no_login_key: |i| i.unset("IDPORTEN__KEY_FILE"), "idporten.key_file", |i| i.name("IDPORTEN__KEY_FILE", "login.pem");
    // Who can read key files.
    all_read: |i| i.allow("signing.pem", 0o604), "tokens.signing_keys", |i| i.allow("signing.pem", 0o400);
    all_write: |i| i.allow("audit-checkpoints", 0o666), "keys.audit_checkpoints", |i| i.allow("audit-checkpoints", 0o600);
    group_reads: |i| i.allow("blind-index", 0o640), "keys.blind_index", |i| i.allow("blind-index", 0o400);
    login_key_is_read: |i| i.allow("login.pem", 0o644), "idporten.key_file", |i| i.allow("login.pem", 0o600);
    others_write_key_sets: |i| platform_keys(i, 0o666, 2), "platform_tokens.keys.platform", |i| platform_keys(i, 0o644, 2);
    no_file: |i| i.name("KEYS__PERSON_ID", "nowhere"), "keys.person_id", |i| i.name("KEYS__PERSON_ID", "person-id");
    a_folder: |i| i.name("KEYS__PERSON_ID", "."), "keys.person_id", |i| i.name("KEYS__PERSON_ID", "./person-id");
    // One key for two purposes.
    same_file: |i| i.name("KEYS__PERSON_ID", "blind-index"), "keys.person_id", |i| i.name("KEYS__PERSON_ID", "person-id");
    same_content: |i| i.write("person-id", &random("blind-index")), "keys.person_id", |i| i.write("person-id", &random("another"));
    same_content_in_base64: |i| i.write("audit-checkpoints", &base64url(sha256("blind-index"))), "keys.audit_checkpoints", |i| i.write("audit-checkpoints", &base64url(sha256("another")));
    signing_key_at_login: |i| i.name("IDPORTEN__KEY_FILE", "signing.pem"), "idporten.key_file", |i| i.write("login.pem", &RSA_KEYS[2].to_pem());
    signing_key_twice: |i| two_signing_keys(i, 0), "tokens.signing_keys, file 2", |i| two_signing_keys(i, 2);
    signing_key_of_platform: |i| platform_keys(i, 0o644, 0), "platform_tokens.keys.platform", |i| platform_keys(i, 0o644, 2);
    unknown_platform: |i| { platform_keys(i, 0o644, 2); i.set("PLATFORM_TOKENS__ISSUERS", "other"); }, "platform_tokens.keys.platform", |i| platform_keys(i, 0o644, 2);
    // Keys that can be guessed or are known.
    zeros: |i| i.write("person-id", &"00".repeat(32)), "keys.person_id", |i| i.write("person-id", &random("another"));
    one_byte: |i| i.write("blind-index", &"5a".repeat(48)), "keys.blind_index", |i| i.write("blind-index", &format!("{}{}", random("a"), random("b")));
    counting: |i| i.write("person-id", &hex(&(1..=32).collect::<Vec<u8>>())), "keys.person_id", |i| i.write("person-id", &random("another"));
    a_sentence: |i| i.write("person-id", &base64url("a passphrase that a person has thought of")), "keys.person_id", |i| i.write("person-id", &random("another"));
    a_word: |i| i.write("person-id", "changeMEchangeMENow3changeNothing4U9x0Zq1Yb7"), "keys.person_id", |i| i.write("person-id", &base64url(sha256("another")));
    short: |i| i.write("person-id", &random("another")[..62]), "keys.person_id", |i| i.write("person-id", &random("another"));
    no_encoding: |i| i.write("person-id", "?".repeat(64).as_str()), "keys.person_id", |i| i.write("person-id", &format!("# of 2026\n{}\n", random("another")));
    rsa_1024: |i| i.write("signing.pem", include_str!("rsa-1024.pem")), "tokens.signing_keys", |i| i.write("signing.pem", &RSA_KEYS[2].to_pem());
    rsa_of_a_standard: |i| i.write("signing.pem", include_str!("rfc9500-rsa-2048.pem")), "tokens.signing_keys", |i| i.write("signing.pem", &RSA_KEYS[2].to_pem());
    no_pem: |i| i.write("login.pem", &random("another")), "idporten.key_file", |i| i.write("login.pem", &RSA_KEYS[2].to_pem());
    sandbox_key_id: |i| i.set("IDPORTEN__KID", "sandbox-1"), "idporten.kid", |i| i.set("IDPORTEN__KID", "prod-1");
    sandbox_key_set: |i| key_set(i, "sandbox-1"), "platform_tokens.keys.platform", |i| key_set(i, "prod-1");
    no_key_set: |i| { platform_keys(i, 0o644, 2); i.write("platform.json", "{}"); }, "platform_tokens.keys.platform", |i| platform_keys(i, 0o600, 2);
}

#[track_caller]
fn assert_refused(bad: Change, key: &str, good: Change) {
    let mut installation = Installation::new();
    good(&mut installation);
    let taken = checked(&installation);
    assert_eq!(taken.code, 0, "{}{}", taken.output, taken.errors);

    let mut installation = Installation::new();
    bad(&mut installation);
    let refused = checked(&installation);
    assert_eq!(refused.code, 1, "{}{}", refused.output, refused.errors);
    let lines: Vec<&str> = refused.output.lines().collect();
    assert!(
        lines.len() == 1 && lines[0].starts_with(key),
        "{key}: {}",
        refused.output
    );
    let dir = installation.dir.to_str().unwrap();
    assert!(!refused.output.contains(dir), "{}", refused.output);
}

/// A checkpoint that none of our keys signed.
const FOREIGN_CHECKPOINT: &str =
    r#"{"length": 1, "hash": "00", "at": "2026-01-01T00:00:00Z", "signature": "AA"}"#;

/// A key that a client could send.
fn clear_key() -> String {
    base64url(sha256("a key of a client"))
}

fn external_issuer(host: &str) -> String {
    let issuer = format!("https://{host}/authentication/api/v1/openid/");
    format!(
        "[tokens.altinn]\nallow_external = true\nexternal_issuers = [{{ issuer = \"{issuer}\", metadata = \"{issuer}.well-known/openid-configuration\" }}]\n"
    )
}

/// A key set of the platform with one of the keys.
fn platform_keys(installation: &mut Installation, mode: u32, key: usize) {
    let set = json!({"keys": [RSA_KEYS[key].public_jwk()]});
    installation.write("platform.json", &set.to_string());
    installation.allow("platform.json", mode);
    installation.name("PLATFORM_TOKENS__KEYS__PLATFORM", "platform.json");
}

/// A key set of the platform, whose key has this id.
fn key_set(installation: &mut Installation, kid: &str) {
    let mut key = RSA_KEYS[2].public_jwk().clone();
    key["kid"] = kid.into();
    installation.write("platform.json", &json!({"keys": [key]}).to_string());
    installation.name("PLATFORM_TOKENS__KEYS__PLATFORM", "platform.json");
}

/// A second signing key.
fn two_signing_keys(installation: &mut Installation, second: usize) {
    installation.write("second.pem", &RSA_KEYS[second].to_pem());
    let files = ["signing.pem", "second.pem"].map(|name| installation.path(name));
    installation.set("TOKENS__SIGNING_KEYS", &files.join(","));
}
