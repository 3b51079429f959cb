//! What stops a production installation: settings that would weaken it. What is in its key files is
//! looked at by [`crate::key_files`].

use super::{PersonMatch, Profile, Settings, proxies, subscription_keys};

/// Begins the id of every key that a sandbox signs with.
const SANDBOX_KID: &str = "sandbox-";

/// Adds what is wrong.
pub(super) fn check(settings: &Settings, wrong: &mut Vec<String>) {
    if settings
        .idporten
        .kid
        .as_ref()
        .is_some_and(|kid| kid.starts_with(SANDBOX_KID))
        && settings.server.profile != Profile::Sandbox
    {
        wrong.push("idporten.kid: is the id of a sandbox's key; make a key of its own, and register it at ID-porten".to_owned());
    }
    if settings.server.profile != Profile::Prod {
        return;
    }
    if settings.authzen.conformance_fixture {
        wrong.push("authzen.conformance_fixture: must be false in prod".to_owned());
    }
    if settings.compat.systemuser_by_party_uuid {
        wrong.push("compat.systemuser_by_party_uuid: must be false in prod".to_owned());
    }
    if settings.pdp.decision_open {
        wrong.push("pdp.decision_open: must be false in prod".to_owned());
    }
    if settings.import.person_match != PersonMatch::Off {
        wrong.push(
            "import.person_match: a name and a birth date are not enough in prod; only `off` is"
                .to_owned(),
        );
    }
    if proxies::cover_the_internet(&settings.server.trusted_proxies) {
        wrong.push(
            "server.trusted_proxies: the networks hold every public address, so that every client may set the address of a caller; list those of your own proxies"
                .to_owned(),
        );
    }
    let hosts = &settings.server.allowed_hosts;
    if hosts.iter().any(|host| host.contains('*')) {
        wrong.push("server.allowed_hosts: names are taken word by word, `*` has no meaning; list each name".to_owned());
    }
    for (number, entry) in settings.pdp.subscription_keys.iter().enumerate() {
        if let Some(weakness) = subscription_keys::weakness(entry) {
            wrong.push(format!(
                "pdp.subscription_keys: entry {} {weakness}; make one with `systembruker keys new-subscription-key`, and put its hash here",
                number + 1
            ));
        }
    }
}
