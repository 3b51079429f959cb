//! The API description, generated from the handlers.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use anyhow::Context as _;
use axum::{
    body::{Body, Bytes, HttpBody},
    response::{IntoResponse as _, Response},
};
use foundation::http::{
    BaseAddress,
    describe::{self, Credential},
};
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use hyper::body::{Frame, SizeHint};
use utoipa::{
    OpenApi,
    openapi::{
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
        server::ServerBuilder,
    },
};

/// What the description contains besides the paths.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "systembruker",
        description = "Norway's system users: registering systems, asking for and approving access, looking system users up, and deciding what they may do.\n\n\
            **Tokens.** A caller sends one token as `Authorization: Bearer …`. Each operation names the kinds of token that it takes, with the scopes of which \
            one suffices.\n\n\
            **Errors.** An error has a problem body (RFC 9457) or none. Clients distinguish problems by `code`; the sentences may change.\n\n\
            **Paths and names.** Literal parts of paths and names of query parameters and members match in any case; unknown parameters and members are ignored.\n\n\
            **Besides.** By HTTP itself any operation may answer 400, 405, 408, 414, 421, 431 or 500. Over HTTP/2, the 431 to a head of more than 64 KiB has no body.\n\n\
            **Clients.** Operations are grouped by who calls them. A generated client for an integrator needs neither `Portal` nor `Operations`.",
        license(name = "MIT", identifier = "MIT")
    ),
    tags(
        (name = "Vendor", description = "For vendors of end-user systems: register a system, ask customers for system users, follow what happens, and exchange tokens."),
        (name = "Customer", description = "For the organisation that gives access, through a portal or its own system: decide about requests, read and end system users, delegate clients to them."),
        (name = "Service owner", description = "For those who offer the services: describe resources and policies, ask what a system user or a person may do, and verify tokens."),
        (name = "Maskinporten", description = "For Maskinporten, which asks for the system user before it issues a token for it."),
        (name = "Portal", description = "For the pages of the portal. Not meant for integrators; may be left out of a client."),
        (name = "Operations", description = "For those who run the platform and for its other parts: probes, the register, system users as a stream. May be left out of a client."),
    )
)]
pub struct ApiDescription;

/// The probes, which are never refused for asking too often.
const PROBES: &[&str] = &["/alive", "/health", "/health/ready"];

/// Where the description says that the service is, until it is served.
const SERVER: &str = "http://127.0.0.1:8080";

/// Completes the description of the paths: what is the same for all of them, the version, the
/// security schemes, and a server.
pub fn complete(description: &mut utoipa::openapi::OpenApi) {
    describe::complete(description, |path| !PROBES.contains(&path));
    env!("CARGO_PKG_VERSION").clone_into(&mut description.info.version);
    let server = ServerBuilder::new()
        .url(SERVER)
        .description(Some("This service."));
    description.servers = Some(vec![server.build()]);
    let components = description.components.get_or_insert_default();
    for credential in Credential::ALL {
        components.add_security_scheme(credential.wire(), scheme(credential));
    }
}

/// The description as it is served: written once, with the address that the client called.
#[derive(Debug, Clone)]
pub struct ServedDescription {
    address: BaseAddress,
    json: SplitDescription,
    yaml: SplitDescription,
}

/// The description before and after the address: all answers share it.
#[derive(Debug, Clone)]
struct SplitDescription {
    before: Bytes,
    after: Bytes,
}

impl SplitDescription {
    fn new(text: &str) -> anyhow::Result<Self> {
        let (before, after) = text
            .split_once(SERVER)
            .context("the description has no server")?;
        Ok(Self {
            before: Bytes::copy_from_slice(before.as_bytes()),
            after: Bytes::copy_from_slice(after.as_bytes()),
        })
    }
}

/// A body of some pieces.
#[derive(Debug)]
struct ChunkedBody(VecDeque<Bytes>);

impl HttpBody for ChunkedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

impl ServedDescription {
    /// Of a complete description.
    ///
    /// # Errors
    /// It cannot be written, or names no server.
    pub fn new(
        description: &utoipa::openapi::OpenApi,
        address: BaseAddress,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            address,
            json: SplitDescription::new(&serde_json::to_string(description)?)?,
            yaml: SplitDescription::new(&description.to_yaml()?)?,
        })
    }

    /// As JSON.
    pub fn json(&self, headers: &HeaderMap) -> Response {
        self.respond("application/json; charset=utf-8", &self.json, headers)
    }

    /// As YAML.
    pub fn yaml(&self, headers: &HeaderMap) -> Response {
        self.respond("application/yaml", &self.yaml, headers)
    }

    fn respond(
        &self,
        media: &'static str,
        text: &SplitDescription,
        headers: &HeaderMap,
    ) -> Response {
        let address = Bytes::from(self.address.of(headers));
        let pieces = [text.before.clone(), address, text.after.clone()];
        let body = Body::new(ChunkedBody(pieces.into()));
        ([(CONTENT_TYPE, HeaderValue::from_static(media))], body).into_response()
    }
}

fn scheme(credential: Credential) -> SecurityScheme {
    match credential {
        Credential::Organization => bearer(
            "An organisation's token from Maskinporten, raw or exchanged. `consumer` is the organisation.",
        ),
        Credential::SystemUser => bearer(
            "A token from Maskinporten for a system user: with `urn:altinn:systemuser` in `authorization_details`.",
        ),
        Credential::Person => {
            bearer("A person's token: from ID-porten, raw or exchanged, or one of the platform.")
        }
        Credential::Platform => key(
            "PlatformAccessToken",
            "A token of a part of the platform: a JWT without a scheme word before it.",
        ),
    }
}

fn bearer(text: &str) -> SecurityScheme {
    let mut http = Http::new(HttpAuthScheme::Bearer);
    http.bearer_format = Some("JWT".to_owned());
    http.description = Some(text.to_owned());
    SecurityScheme::Http(http)
}

fn key(header: &str, text: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(header, text)))
}
