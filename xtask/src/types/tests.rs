use super::Types;
use crate::parse::Sources;

/// The lines about crates of these files, each given by its name; the first file of each is its root.
fn shared(crates: &[(&str, &[(&str, &str)])]) -> Vec<String> {
    let mut types = Types::default();
    for (name, files) in crates {
        let path = |file: &str| format!("crates/{name}/src/{file}");
        let sources = files.iter();
        let sources: Sources = sources
            .map(|(file, text)| (path(file), (*text).to_owned()))
            .collect();
        types.read(&sources, &path(files[0].0)).unwrap();
    }
    types.shared()
}

/// The lines about a crate with this code in its modules `a` and `b`.
fn of(a: &str, b: &str) -> Vec<String> {
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", b)];
    shared(&[("one", files.as_slice())])
}

const NONE: [&str; 0] = [];

#[test]
fn a_name_of_two_modules_is_printed_with_both_places() {
    let expected = ["`Line`: crates/one/src/a.rs:2, crates/one/src/b.rs:1"];
    assert_eq!(of("\nstruct Line;", "pub enum Line { One }"), expected);
}

#[test]
fn a_name_of_two_crates_is_printed() {
    let one: &[(&str, &str)] = &[("lib.rs", "pub trait Reader {}")];
    let two: &[(&str, &str)] = &[("lib.rs", "type Reader = u8;")];
    let expected = ["`Reader`: crates/one/src/lib.rs:1, crates/two/src/lib.rs:1"];
    assert_eq!(shared(&[("one", one), ("two", two)]), expected);
}

#[test]
fn a_name_of_a_module_within_a_file_is_printed() {
    let code = "mod inner { struct Row; } struct Row;";
    assert_eq!(of(code, "").len(), 1);
}

#[test]
fn names_that_differ_are_not_printed() {
    assert_eq!(of("struct PersonLine;", "struct RoleLine;"), NONE);
}

#[test]
fn a_type_under_two_conditions_is_one() {
    let code = "#[cfg(unix)] type Node = u8; #[cfg(not(unix))] type Node = u16;";
    assert_eq!(of(code, ""), NONE);
}

#[test]
fn a_re_export_defines_nothing() {
    assert_eq!(of("pub struct Row;", "pub use crate::a::Row;"), NONE);
}

#[test]
fn a_function_may_have_the_name_of_a_type() {
    let code = "pub fn Row() {}";
    assert_eq!(of("pub struct Row;", code), NONE);
}

#[test]
fn types_for_tests_are_not_read() {
    let code = "#[cfg(test)] mod tests { struct Row; }";
    assert_eq!(of("struct Row;", code), NONE);
}

#[test]
fn associated_types_are_not_read() {
    let code = "impl Iterator for A { type Row = u8; }";
    assert_eq!(of("struct Row;", code), NONE);
}
