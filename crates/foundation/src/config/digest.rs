//! A digest by which an installation notices that its settings were changed.

use serde_json::Value;

use super::Settings;
use crate::crypto::{hex, sha256};

/// What differs between the instances of one installation, and is no change of its settings: where
/// each listens, and the folder of a sandbox.
const OF_AN_INSTANCE: &[&str] = &[
    "/server/listen",
    "/server/internal_listen",
    "/sandbox/dir",
    "/sandbox/maskinporten/listen",
    "/sandbox/idporten/listen",
    "/sandbox/testtools/listen",
    "/sandbox/tls/listen",
];

impl Settings {
    /// SHA-256 in hex of all settings that are in effect, defaults included. It depends on no
    /// secret, on nothing that only one instance has, and of key files on their paths alone.
    ///
    /// # Errors
    /// The settings cannot be written as JSON.
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let mut all = serde_json::to_value(self)?;
        for path in OF_AN_INSTANCE {
            if let Some(value) = all.pointer_mut(path) {
                *value = Value::Null;
            }
        }
        Ok(hex(&sha256(all.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use crate::config::{SettingsSource, load};

    fn digest(key: &str, value: &str) -> String {
        let environment = HashMap::from([
            (
                "DATABASE_URL".to_owned(),
                "postgresql://sb:old@db/sb?password=old".to_owned(),
            ),
            (key.to_owned(), value.to_owned()),
        ]);
        let settings = load(SettingsSource::Serve(None), &environment, &[]).unwrap();
        settings.digest().unwrap()
    }

    #[rstest::rstest]
    #[case("PATH", "/bin", false)]
    #[case("SYSTEMBRUKER__PDP__MAX_STALENESS_MS", "1000", false)]
    #[case("SYSTEMBRUKER__PDP__MAX_STALENESS_MS", "1001", true)]
    #[case("SYSTEMBRUKER__COMPAT__REFRESH", "true", true)]
    #[case("SYSTEMBRUKER__KEYS__PERSON_ID", "/k/p", true)]
    #[case("SYSTEMBRUKER__PDP__SUBSCRIPTION_KEYS", "a", true)]
    #[case("SYSTEMBRUKER__SERVER__LISTEN", "127.0.0.1:1", false)]
    #[case("DATABASE_URL", "postgresql://sb:new@db/sb?password=new", false)]
    #[case("DATABASE_URL", "postgresql://sb:old@other/sb", true)]
    fn it_changes_with_the_settings_and_not_with_secrets(
        #[case] key: &str,
        #[case] value: &str,
        #[case] differs: bool,
    ) {
        assert_eq!(digest("X", "") != digest(key, value), differs);
    }
}
