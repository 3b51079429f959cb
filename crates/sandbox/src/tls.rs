//! The TLS front: one listener for clients that have the names of the public system built in.
//!
//! A client that resolves those names to here (by a file of hosts, or its own map) reaches the
//! sandbox instead, and checks its certificates against the authority in the sandbox's folder. The
//! authority is good for these names alone, and for thirty days.

use std::{
    collections::HashMap,
    convert::Infallible,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use axum::{extract::Request, response::Response};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use time::{Duration, OffsetDateTime};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
        server::{ClientHello, ResolvesServerCert},
        sign::{CertifiedKey, SigningKey},
    },
    server::TlsStream,
};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use super::keys::write_private;
use foundation::{clock::Clock, http::context::OverTls};

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsHost {
    /// The service and its pages.
    Main,
    /// The local Maskinporten.
    Maskinporten,
    /// The local ID-porten.
    IdPorten,
    /// The generator of test tokens.
    TestTools,
}

/// Domains that the authority may vouch for.
const DOMAINS: [&str; 5] = [
    "altinn-testtools-token-generator.azurewebsites.net",
    "test.maskinporten.no",
    "test.idporten.no",
    "altinn.cloud",
    "tt02.altinn.no",
];

impl TlsHost {
    /// By a name of the public system, in any case.
    #[must_use]
    pub fn named(host: &str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        match host.as_str() {
            "altinn-testtools-token-generator.azurewebsites.net" => Some(Self::TestTools),
            "test.maskinporten.no" => Some(Self::Maskinporten),
            "test.idporten.no" | "login.test.idporten.no" => Some(Self::IdPorten),
            "tt02.altinn.no" | "platform.tt02.altinn.no" | "am.ui.tt02.altinn.no" => {
                Some(Self::Main)
            }
            _ => {
                let inner = host.strip_suffix(".altinn.cloud")?;
                let environment = inner
                    .strip_prefix("platform.")
                    .or_else(|| inner.strip_prefix("am.ui."))
                    .unwrap_or(inner);
                let is_label = !environment.is_empty()
                    && environment.len() <= 63
                    && environment
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-');
                is_label.then_some(Self::Main)
            }
        }
    }
}

/// Name of the authority's certificate in the sandbox's folder.
pub const AUTHORITY: &str = "tls-ca.pem";
const AUTHORITY_KEY: &str = "tls-ca-key.pem";
const LIFE: Duration = Duration::days(30);

/// Makes certificates for the names of [`TlsHost`] as they are asked for.
struct Certificates {
    authority: Issuer<'static, KeyPair>,
    ends: OffsetDateTime,
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    /// Takes the authority of a folder, or makes one when there is none that lasts another day.
    fn load(dir: &Path, now: OffsetDateTime) -> anyhow::Result<Self> {
        let path = dir.join(AUTHORITY_KEY);
        let since = |path: &Path| {
            fs::metadata(path)
                .and_then(|m| m.modified())
                .ok()
                .map(OffsetDateTime::from)
        };
        if since(&path).is_none_or(|at| at + LIFE < now + Duration::DAY) {
            write_private(
                &path,
                &KeyPair::generate().context("making a key")?.serialize_pem(),
            )?;
        }
        let began = since(&path).unwrap_or(now);
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let key = KeyPair::from_pem(&text).with_context(|| {
            format!(
                "{} is damaged: remove it, and a new one is made",
                path.display()
            )
        })?;
        let ends = began + LIFE;
        let params = authority(began, ends)?;
        let certificate = params.self_signed(&key).context("signing the authority")?;
        fs::write(dir.join(AUTHORITY), certificate.pem())
            .with_context(|| format!("writing {AUTHORITY}"))?;
        let leaf = KeyPair::generate().context("making a key")?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf.serialize_der()));
        let signing = aws_lc_rs::sign::any_supported_type(&der).context("using a key")?;
        Ok(Self {
            authority: Issuer::new(params, key),
            ends,
            key: leaf,
            signing,
            made: Mutex::default(),
        })
    }

    fn make(&self, name: &str) -> anyhow::Result<CertifiedKey> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(
            DnType::CommonName,
            if name.len() <= 64 { name } else { "sandbox" },
        );
        params.not_before = self.ends - LIFE;
        params.not_after = self.ends;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&self.key, &self.authority)?;
        Ok(CertifiedKey::new(
            vec![CertificateDer::from(certificate)],
            Arc::clone(&self.signing),
        ))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        const MAX_CERTIFICATES: usize = 256;
        let name = hello.server_name()?.to_ascii_lowercase();
        TlsHost::named(&name)?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&name) {
            return Some(Arc::clone(known));
        }
        if made.len() >= MAX_CERTIFICATES {
            made.clear();
        }
        let certified = self
            .make(&name)
            .inspect_err(|error| tracing::warn!(name, %error, "a certificate could not be made"))
            .ok()?;
        Some(Arc::clone(
            made.entry(name).or_insert_with(|| Arc::new(certified)),
        ))
    }
}

fn authority(began: OffsetDateTime, ends: OffsetDateTime) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(
        DnType::CommonName,
        "systembruker sandbox: no real certificates",
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let everywhere = [
        CidrSubnet::V4([0; 4], [0; 4]),
        CidrSubnet::V6([0; 16], [0; 16]),
    ];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: DOMAINS
            .map(|domain| GeneralSubtree::DnsName(domain.to_owned()))
            .into(),
        excluded_subtrees: everywhere.map(GeneralSubtree::IpAddress).into(),
    });
    params.not_before = began;
    params.not_after = ends;
    Ok(params)
}

/// What answers for a place.
pub type HostService = BoxCloneSyncService<Request, Response, Infallible>;

/// The front: it unwraps connections, and knows who answers for the name that each asked for.
#[derive(Clone)]
pub struct TlsFront {
    acceptor: TlsAcceptor,
    places: Arc<HashMap<TlsHost, HostService>>,
}

impl TlsFront {
    /// A front with the authority of a folder.
    ///
    /// # Errors
    /// The folder cannot be written, or a key in it is damaged.
    pub fn new(
        dir: &Path,
        clock: &Clock,
        places: HashMap<TlsHost, HostService>,
    ) -> anyhow::Result<Self> {
        let certificates =
            Certificates::load(dir, OffsetDateTime::from_unix_timestamp(clock.seconds())?)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            places: Arc::new(places),
        })
    }

    /// Unwraps a connection; none when it does not use TLS, or asks for a name that is not ours.
    pub async fn accept(self, stream: TcpStream) -> Option<(TlsStream<TcpStream>, HostService)> {
        let stream = self
            .acceptor
            .accept(stream)
            .await
            .inspect_err(|error| tracing::debug!(%error, "no TLS"))
            .ok()?;
        let place = TlsHost::named(stream.get_ref().1.server_name()?)?;
        let answering = self
            .places
            .get(&place)?
            .clone()
            .map_request(|mut request: Request| {
                request.extensions_mut().insert(OverTls);
                request
            });
        Some((stream, BoxCloneSyncService::new(answering)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_places() {
        for (name, place) in [
            (
                "Altinn-TestTools-Token-Generator.azurewebsites.net",
                Some(TlsHost::TestTools),
            ),
            ("test.maskinporten.no", Some(TlsHost::Maskinporten)),
            ("maskinporten.no", None),
            ("login.test.idporten.no", Some(TlsHost::IdPorten)),
            ("platform.tt02.altinn.no", Some(TlsHost::Main)),
            ("platform.at22.altinn.cloud", Some(TlsHost::Main)),
            ("am.ui.at22.altinn.cloud", Some(TlsHost::Main)),
            ("at22.altinn.cloud", Some(TlsHost::Main)),
            ("a.b.altinn.cloud", None),
            (".altinn.cloud", None),
            ("platform.altinn.no", None),
            ("altinn.no", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(TlsHost::named(name), place, "{name}");
        }
    }
}
