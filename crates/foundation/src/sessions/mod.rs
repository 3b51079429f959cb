//! Sessions of browsers: the rows, and the proof that a form came from one of our own pages.

pub mod csrf;
mod store;

/// Cookie of a session: a secure one goes over TLS alone, and belongs to one host.
#[must_use]
pub const fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure {
        "__Host-sb_session"
    } else {
        "sb_session"
    }
}

pub use store::{
    LiveSession, NewSession, Session, delete_ended, delete_sessions_of_login,
    delete_upstream_sessions, insert_session, live_session, set_active_party, slide_session,
    touch_session,
};
