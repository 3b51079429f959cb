//! Sessions of browsers: the rows, and the proof that a form came from one of our own pages.

pub mod csrf;
mod store;

pub use store::{
    LiveSession, NewSession, Session, delete_ended, delete_sessions_of_login,
    delete_upstream_sessions, insert_session, live_session, set_active_party, slide_session,
    touch_session,
};
