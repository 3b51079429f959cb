//! The API description, generated from the handlers.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};

/// What stands around the paths.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "systembruker",
        description = "System users: registering systems, asking for and approving access, looking system users up, and deciding what they may do.\n\n\
            Every error has a problem body or none; clients tell them apart by `code`.",
        license(name = "MIT", identifier = "MIT")
    ),
    modifiers(&Security),
    tags(
        (name = "System register", description = "Vendors register their systems; portals read them."),
        (name = "Requests", description = "Vendors ask for system users; persons in the customer's organisation decide."),
        (name = "Access lists", description = "Service owners say which parties a resource is open to."),
        (name = "System users", description = "Looking system users up, reading and deleting them."),
        (name = "Decisions", description = "Service owners ask what a system user or person may do."),
        (name = "Tokens", description = "Exchange, and our own issuer's metadata and keys. Maskinporten and ID-porten tokens are taken directly too."),
        (name = "Operation", description = "Probes."),
    )
)]
pub struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = |text: &str| {
            let mut http = Http::new(HttpAuthScheme::Bearer);
            http.bearer_format = Some("JWT".to_owned());
            http.description = Some(text.to_owned());
            SecurityScheme::Http(http)
        };
        let components = openapi.components.get_or_insert_with(Default::default);
        components.add_security_scheme(
            "maskinporten",
            bearer("A Maskinporten token, raw or exchanged, with one of the scopes named."),
        );
        components.add_security_scheme(
            "platform",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                "PlatformAccessToken",
                "A platform access token, of a part of the platform.",
            ))),
        );
        components.add_security_scheme(
            "person",
            bearer("A person's token: from ID-porten, raw or exchanged, or an Altinn token."),
        );
    }
}
