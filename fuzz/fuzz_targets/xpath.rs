//! A path, a zero byte and XML: any path on any content, without end or panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use systembruker::xacml::values::{Content, Namespaces};

fuzz_target!(|input: &str| {
    let Some((path, xml)) = input.split_once('\0') else {
        return;
    };
    let namespaces = Namespaces::default();
    let Ok(content) = Content::parse(xml) else {
        return;
    };
    for node in content.select(None, path, &namespaces).unwrap_or_default() {
        let _ = content.text(node);
        let own = content.path_of(node);
        let found = content.select(None, &own, &namespaces).unwrap_or_default();
        assert!(found.is_empty() || found == [node], "{own}");
    }
});
