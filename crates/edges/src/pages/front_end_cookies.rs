//! Cookies that scripts of Altinn's front end read. Their values are plain: the scripts decode the whole
//! header, so that a `%` would break it.

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use foundation::sessions::{Session, csrf};
use registers::parties::Party;
use uuid::Uuid;

use super::browser::{BrowserRequest, LANGUAGE_COOKIE};

const PARTY_UUID: &str = "AltinnPartyUuid";
const PARTY_ID: &str = "AltinnPartyId";
const PROOF: &str = "XSRF-TOKEN";

/// The party that a browser wishes to act for.
pub fn wished_party(browser: &BrowserRequest) -> Option<Uuid> {
    Uuid::try_parse(browser.jar.get(PARTY_UUID)?.value()).ok()
}

/// The cookies that come with the shell.
pub fn of_shell(browser: &BrowserRequest, session: &Session, party: &Party) -> CookieJar {
    let proof = csrf::script_token(&session.csrf_secret);
    let mut jar = of_party(browser, party).add(browser.readable(PROOF, proof, SameSite::Strict));
    if browser.jar.get(LANGUAGE_COOKIE).is_none() {
        let language = browser.language.cookie().to_owned();
        jar = jar.add(browser.readable(LANGUAGE_COOKIE, language, SameSite::Lax));
    }
    jar
}

/// The cookies by which scripts of the front end know the party acted for.
pub fn of_party(browser: &BrowserRequest, party: &Party) -> CookieJar {
    let uuid = browser.readable(PARTY_UUID, party.uuid.to_string(), SameSite::Lax);
    let jar = CookieJar::new().add(uuid);
    match party.party_id {
        Some(id) => jar.add(browser.readable(PARTY_ID, id.to_string(), SameSite::Lax)),
        None => jar,
    }
}

/// The cookies of a session that are removed with it.
pub fn removed(browser: &BrowserRequest) -> [Cookie<'static>; 3] {
    [PARTY_UUID, PARTY_ID, PROOF].map(|name| {
        let mut cookie = browser.readable(name, String::new(), SameSite::Lax);
        cookie.set_max_age(time::Duration::ZERO);
        cookie
    })
}
