//! Our client at the identity provider: authorization code with PKCE and a pushed request.
//!
//! Written out here because the contract asks for pushed authorization requests and key-signed
//! client assertions, which the available libraries for `OpenID` Connect do not offer; tokens and
//! keys go through the module `token`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use arc_swap::ArcSwapOption;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::store::PendingLogin;
use foundation::{
    config::{CheckedSettings, Profile},
    crypto::{base64url, random_text, sha256},
    token::SigningKey,
};

/// Id of our client at the sandbox's identity provider.
pub const CLIENT_ID: &str = "systembruker-sandbox";
const METADATA_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Where the identity provider sends the browser after a login.
#[must_use]
pub fn callback_address(ui_base: &str) -> String {
    format!("{ui_base}/authentication/api/v1/upstream/callback")
}

/// Where the identity provider sends the browser after a log-out.
#[must_use]
pub fn logged_out_address(ui_base: &str) -> String {
    format!("{ui_base}/authentication/api/v1/logout/handleloggedout")
}

/// The client.
#[derive(Debug)]
pub struct LoginClient {
    issuer: String,
    /// Where the issuer is reached from here, when that is not its name.
    reached_at: Option<String>,
    client_id: String,
    key: SigningKey,
    http: reqwest::Client,
    redirect_uri: String,
    post_logout_uri: String,
    metadata: ArcSwapOption<(IdentityProviderMetadata, Instant)>,
}

/// What the identity provider says of itself.
#[derive(Debug, Clone, Deserialize)]
struct IdentityProviderMetadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    pushed_authorization_request_endpoint: Url,
    end_session_endpoint: Url,
}

#[derive(Debug, Deserialize)]
struct PushedAuthorization {
    request_uri: String,
}

#[derive(Debug, Deserialize)]
struct TokenAnswer {
    id_token: String,
}

impl LoginClient {
    /// The client of this installation; none when it has none.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(config: &CheckedSettings, key: Option<SigningKey>) -> anyhow::Result<Option<Self>> {
        let settings = &config.settings.idporten;
        let sandbox = config.profile() == Profile::Sandbox;
        let client_id = settings
            .client_id
            .clone()
            .or_else(|| sandbox.then(|| CLIENT_ID.to_owned()));
        let (Some(client_id), Some(key)) = (client_id, key) else {
            return Ok(None);
        };
        let key = match &settings.kid {
            Some(kid) => key.with_kid(kid),
            None => key,
        };
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(5))
            .no_proxy()
            .build()?;
        Ok(Some(Self {
            issuer: config.idporten_issuer.clone(),
            reached_at: config
                .loopback
                .as_ref()
                .map(|loopback| loopback.idporten.clone())
                .filter(|address| *address != config.idporten_issuer),
            client_id,
            key,
            http,
            redirect_uri: callback_address(&config.ui_base),
            post_logout_uri: logged_out_address(&config.ui_base),
            metadata: ArcSwapOption::empty(),
        }))
    }

    /// Our id there.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Origins of the identity provider: its pages may show our front-channel log-out in a frame.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        let mut out = vec![self.issuer.trim_end_matches('/').to_owned()];
        if let Some(known) = self.metadata.load_full() {
            for endpoint in [
                &known.0.authorization_endpoint,
                &known.0.end_session_endpoint,
            ] {
                out.push(endpoint.origin().ascii_serialization());
            }
        }
        out.dedup();
        out
    }

    /// A new login with fresh secrets.
    #[must_use]
    pub fn prepare(&self, goto: String, acr: &str, locale: &str) -> PendingLogin {
        PendingLogin {
            state: random_text(32),
            nonce: random_text(32),
            code_verifier: random_text(48),
            goto,
            acr: acr.to_owned(),
            locale: locale.to_owned(),
        }
    }

    /// Pushes the request; returns the address to send the browser to.
    ///
    /// # Errors
    /// The identity provider cannot be reached, or refuses.
    pub async fn start(&self, login: &PendingLogin, now: i64) -> anyhow::Result<Url> {
        let metadata = self.metadata().await?;
        let challenge = base64url(sha256(&login.code_verifier));
        let assertion = self.assertion(now)?;
        let form = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", "openid"),
            ("state", &login.state),
            ("nonce", &login.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("acr_values", &login.acr),
            ("ui_locales", &login.locale),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
        ];
        let response = self
            .http
            .post(self.reached(metadata.pushed_authorization_request_endpoint.as_str()))
            .form(&form)
            .send()
            .await?;
        ensure!(
            response.status().is_success(),
            "the pushed request was refused with {}",
            response.status()
        );
        let pushed: PushedAuthorization = response.json().await?;
        let mut address = metadata.authorization_endpoint;
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("request_uri", &pushed.request_uri);
        Ok(address)
    }

    /// Redeems a code; returns the ID token, unverified.
    ///
    /// # Errors
    /// The identity provider cannot be reached, or refuses.
    pub async fn redeem(
        &self,
        code: &str,
        login: &PendingLogin,
        now: i64,
    ) -> anyhow::Result<String> {
        let metadata = self.metadata().await?;
        let assertion = self.assertion(now)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("client_id", &self.client_id),
            ("code_verifier", &login.code_verifier),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
        ];
        let response = self
            .http
            .post(self.reached(metadata.token_endpoint.as_str()))
            .form(&form)
            .send()
            .await?;
        ensure!(
            response.status().is_success(),
            "the code was refused with {}",
            response.status()
        );
        Ok(response.json::<TokenAnswer>().await?.id_token)
    }

    /// Where the browser ends the session at the identity provider.
    ///
    /// # Errors
    /// The identity provider cannot be reached.
    pub async fn logout_address(&self, state: &str) -> anyhow::Result<Url> {
        let mut address = self.metadata().await?.end_session_endpoint;
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("post_logout_redirect_uri", &self.post_logout_uri)
            .append_pair("state", state);
        Ok(address)
    }

    /// An address of the issuer, as it is reached from here.
    fn reached(&self, address: &str) -> String {
        match (
            &self.reached_at,
            address.strip_prefix(self.issuer.trim_end_matches('/')),
        ) {
            (Some(base), Some(path)) => format!("{base}{path}"),
            _ => address.to_owned(),
        }
    }

    fn assertion(&self, now: i64) -> anyhow::Result<String> {
        let claims = json!({"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "jti": random_text(16), "iat": now, "exp": now + 60});
        self.key.sign(&claims, &[])
    }

    async fn metadata(&self) -> anyhow::Result<IdentityProviderMetadata> {
        if let Some(known) = self
            .metadata
            .load_full()
            .filter(|known| known.1.elapsed() < METADATA_LIFE)
        {
            return Ok(known.0.clone());
        }
        let address = self.reached(&format!(
            "{}/.well-known/openid-configuration",
            self.issuer.trim_end_matches('/')
        ));
        let metadata: IdentityProviderMetadata = self
            .http
            .get(address)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await
            .context("the login metadata cannot be read")?;
        ensure!(
            metadata.issuer == self.issuer,
            "the login metadata names another issuer"
        );
        self.metadata.store(Some(std::sync::Arc::new((
            metadata.clone(),
            Instant::now(),
        ))));
        Ok(metadata)
    }
}
