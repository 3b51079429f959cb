//! The credential of a request, before it is verified.

use http::{
    HeaderMap,
    header::{AUTHORIZATION, COOKIE},
};

/// Whether a request says who sends it.
pub(super) fn is_given(headers: &HeaderMap) -> bool {
    const KEY: &str = "ocp-apim-subscription-key";
    const PLATFORM: &str = "platformaccesstoken";
    headers.contains_key(AUTHORIZATION)
        || headers.contains_key(COOKIE)
        || headers.contains_key(PLATFORM)
        || headers.contains_key(KEY)
}
