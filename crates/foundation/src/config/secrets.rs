//! How secrets among the settings are written, where settings are: without what is secret.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize as _, Serializer};
use url::Url;

use crate::crypto::{hex, sha256};

/// Writes the address of a database without its password.
#[expect(clippy::ref_option, reason = "serde calls it with the field")]
pub(super) fn without_password<S: Serializer>(
    url: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let address = url.as_ref().map(|url| {
        let mut url = Url::parse(url.expose_secret()).ok()?;
        let parameters: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "password")
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.set_password(None).ok()?;
        url.query_pairs_mut().clear().extend_pairs(parameters);
        Some(url)
    });
    address.serialize(serializer)
}

/// Writes hashes of secrets of high entropy.
pub(super) fn hashed<S: Serializer>(
    secrets: &[SecretString],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(secrets.iter().map(|s| hex(&sha256(s.expose_secret()))))
}
