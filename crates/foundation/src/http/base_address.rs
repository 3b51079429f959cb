//! The base of absolute addresses in answers: links to next pages, `Location`, `confirmUrl`.

use std::sync::Arc;

use http::{HeaderMap, header::HOST};

use super::context;
use crate::config::CheckedSettings;

/// Base of absolute addresses, without a slash at its end. Clones are cheap.
#[derive(Debug, Clone)]
pub struct BaseAddress {
    base: Arc<str>,
    /// Whether `server.public_base_url` is set.
    is_configured: bool,
}

impl BaseAddress {
    /// As the settings say.
    #[must_use]
    pub fn new(config: &CheckedSettings) -> Self {
        Self {
            base: config.public_base.as_str().into(),
            is_configured: config.settings.server.public_base_url.is_some(),
        }
    }

    /// The configured base, or, in a sandbox without one, the address that the client called, by
    /// its `Host` or by what a trusted proxy forwards.
    #[must_use]
    pub fn of(&self, headers: &HeaderMap) -> String {
        if self.is_configured {
            self.base.as_ref().to_owned()
        } else {
            self.called(headers)
        }
    }

    /// The address that the client called, by its `Host` or by what a trusted proxy forwards: the base
    /// of links between pages of a list.
    #[must_use]
    pub fn called(&self, headers: &HeaderMap) -> String {
        let forwarded = context::current()
            .map(|c| c.forwarded.clone())
            .unwrap_or_default();
        let host = forwarded
            .host
            .as_deref()
            .or_else(|| headers.get(HOST)?.to_str().ok());
        // What ends TLS before us need not say so: the configured base does.
        let configured = if self.base.starts_with("https:") && self.is_configured {
            "https"
        } else {
            "http"
        };
        match host {
            Some(host) => format!(
                "{}://{host}{}",
                forwarded.scheme.unwrap_or(configured),
                forwarded.prefix.as_deref().unwrap_or_else(|| self.path())
            ),
            None => self.base.as_ref().to_owned(),
        }
    }

    /// Path of the configured base, without a slash at its end.
    fn path(&self) -> &str {
        let after_scheme = self.base.split_once("://").map_or("", |(_, rest)| rest);
        match after_scheme.find('/') {
            Some(at) if self.is_configured => &after_scheme[at..],
            Some(_) | None => "",
        }
    }
}
