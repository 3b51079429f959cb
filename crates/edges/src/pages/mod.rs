//! Pages for people: deciding about a request, logging in and out, information.
//!
//! Every page is whole HTML and every action a plain form. Pages call the same functions as the
//! APIs, in process.

mod addresses;
mod assets;
mod browser;
mod change_page;
mod display;
mod docs;
mod front_end;
mod front_end_cookies;
mod information;
mod layout;
mod login;
mod login_client;
mod logout;
mod onward;
mod portal_links;
mod receipt;
pub mod recent_calls;
mod request_page;
mod request_view;
mod routes;
mod sandbox;
mod shell;
mod state;
mod store;
mod texts;
mod way_back;

pub use docs::reference::TEST_TOKENS;
pub use front_end::FrontEnd;
pub use layout::refusal;
pub use login_client::{
    CLIENT_ID as SANDBOX_CLIENT_ID, LoginClient, callback_address, logged_out_address,
};
pub use routes::{
    AccessManagementUi, FRONT_END_TEMPLATES, TEMPLATES, docs_routes, front_end_router, router,
};
pub use sandbox::demo_command;
pub use state::Pages;
pub use store::{delete_expired_ids, delete_old_logins};
pub use texts::{Language, filled as filled_text, text};

/// Address of a static file, for the sandbox's own pages.
#[must_use]
pub fn static_address(name: &str) -> &'static str {
    assets::address(name)
}

/// Serves a static file, for the sandbox's own pages.
pub async fn static_file(path: foundation::http::path::PathValues) -> axum::response::Response {
    assets::serve(path).await
}
