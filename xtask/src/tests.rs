//! The checks on crates that are in memory.

use crate::{
    licences,
    parse::Sources,
    report::{Files, listed},
    workspace::read_manifest,
};

/// Reads a crate of these files; the first is its root, in `src`.
fn files(files: &[(&str, &str)]) -> Files {
    let sources = files.iter();
    let sources: Sources = sources
        .map(|(path, text)| (format!("src/{path}"), (*text).to_owned()))
        .collect();
    Files::read(&sources, &[&format!("src/{}", files[0].0)]).unwrap()
}

/// Its arrows as text, without the folder.
fn arrows(of: &[(&str, &str)]) -> Vec<String> {
    let read = files(of);
    let reasons = read.reasons().map(ToString::to_string);
    reasons.map(|text| text.replace("src/", "")).collect()
}

/// What `a.rs` with this code depends on, next to `b` (b.rs) and `c` (c/mod.rs, c/d.rs).
fn of_a(code: &str) -> Vec<String> {
    arrows(&[
        ("lib.rs", "mod a; mod b; mod c; pub struct Root;"),
        ("a.rs", code),
        (
            "b.rs",
            "pub struct B; pub enum Kind { One } pub const MOST: u8 = 1; pub fn b() {}",
        ),
        (
            "c/mod.rs",
            "mod d; pub use d::{D, d as made}; pub use d::inner::*; pub struct C;",
        ),
        (
            "c/d.rs",
            "pub struct D; pub fn d() {} pub mod inner { pub struct Inner; }",
        ),
    ])
}

const NONE: [&str; 0] = [];

#[test]
fn nested_use_trees() {
    let code = "use crate::{b::{self, B, Kind}, c::{C, d::{inner::Inner, D}}};";
    let expected = [
        "a.rs:1 -> b.rs (B, Kind)",
        "a.rs:1 -> c/d.rs (D, Inner)",
        "a.rs:1 -> c/mod.rs (C)",
    ];
    assert_eq!(of_a(code), expected);
}

#[test]
fn renames() {
    assert_eq!(of_a("use crate::b::B as Other;"), ["a.rs:1 -> b.rs (B)"]);
    let code = "use crate::b as other;\nfn f() { other::b() }";
    assert_eq!(of_a(code), ["a.rs:2 -> b.rs (b)"]);
    let code = "use crate::c::made;";
    assert_eq!(of_a(code), ["a.rs:1 -> c/d.rs (d)"]);
}

#[test]
fn globs_count_where_their_names_are_used() {
    assert_eq!(of_a("use crate::b::*;"), NONE);
    assert_eq!(
        of_a("use crate::b::*;\n\nfn f(_: B) {}"),
        ["a.rs:3 -> b.rs (B)"]
    );
    assert_eq!(
        of_a("use crate::c::*; fn f(_: Inner) {}"),
        ["a.rs:1 -> c/d.rs (Inner)"]
    );
    assert_eq!(of_a("use crate::b::Kind::*;"), ["a.rs:1 -> b.rs (Kind)"]);
    assert_eq!(
        of_a("fn f() { use crate::b::*; b(); }"),
        ["a.rs:1 -> b.rs (b)"]
    );
}

#[test]
fn re_exports_represent_the_file_that_defines() {
    assert_eq!(of_a("pub use crate::b::B;"), NONE);
    assert_eq!(
        of_a("pub(crate) use crate::b::B;\nfn f(_: B) {}"),
        ["a.rs:2 -> b.rs (B)"]
    );
    let chain = [
        ("lib.rs", "mod a; mod x; mod y; pub use x::*;"),
        ("a.rs", "use crate::Name; use super::{Circle, y::Y};"),
        (
            "x.rs",
            "pub use crate::y::Thing as Name; pub use crate::Circle;",
        ),
        ("y.rs", "pub use self::z::Thing; mod z; pub use z::*;"),
        ("y/z.rs", "pub struct Thing; pub struct Y;"),
    ];
    assert_eq!(arrows(&chain), ["a.rs:1 -> y/z.rs (Thing, Y)"]);
}

#[test]
fn super_and_self() {
    assert_eq!(
        of_a("use super::{Root, b::B};"),
        ["a.rs:1 -> b.rs (B)", "a.rs:1 -> lib.rs (Root)"]
    );
    assert_eq!(
        of_a("mod inside { fn f() { super::super::b::b() } }"),
        ["a.rs:1 -> b.rs (b)"]
    );
    assert_eq!(
        of_a("fn f() { self::inside::x() } mod inside { pub fn x() {} }"),
        NONE
    );
}

#[test]
fn tests_are_left_out() {
    assert_eq!(of_a("#[cfg(test)] mod tests { use crate::b::B; }"), NONE);
    assert_eq!(
        of_a("#[cfg(all(test, unix))] mod missing; #[cfg(test)] use crate::b::B;"),
        NONE
    );
    assert_eq!(
        of_a("struct S; impl S { #[cfg(test)] fn f() { crate::b::b() } }"),
        NONE
    );
    assert_eq!(of_a("#[test] fn f() { crate::b::b() }"), NONE);
    assert_eq!(
        of_a("#[cfg(not(test))] use crate::b::B;"),
        ["a.rs:1 -> b.rs (B)"]
    );
}

#[test]
fn inline_paths() {
    for code in [
        "fn f() { crate::b::Kind::One.into() }",
        "fn f(x: Vec<crate::b::Kind>) {}",
        "fn f(x: u8) { match x { super::b::Kind::One => {} } }",
        "impl Clone for super::b::Kind {}",
        "#[serde(with = \"crate::b::Kind\")] struct S;",
        "#[schema(body = [crate::b::Kind])] struct S;",
        "use super::b; type T = b::Kind;",
    ] {
        assert_eq!(of_a(code), ["a.rs:1 -> b.rs (Kind)"], "{code}");
    }
    assert_eq!(of_a("fn f() { b::Kind::One; ::b::b(); std::b::b() }"), NONE);
}

#[test]
fn what_a_scope_binds_is_no_item() {
    let imports = "pub use crate::b::{b, MOST};";
    for (code, expected) in [
        ("fn f() { let b = b(); b }", "b"),
        ("fn f(x: u8) { match x { MOST => {} } }", "MOST"),
        ("fn f() { x.map(b) }", "b"),
    ] {
        let code = format!("{imports} {code}");
        assert_eq!(
            of_a(&code),
            [format!("a.rs:1 -> b.rs ({expected})")],
            "{code}"
        );
    }
    for code in [
        "fn f(b: u8) { b }",
        "fn f() { x.map(|b| b + 1); if let Some(b) = x { b } }",
        "fn f() { fn b() {} b() }",
        "fn f() { x.b(); S { b: 1 }; }",
    ] {
        assert_eq!(of_a(&format!("{imports} {code}")), NONE, "{code}");
    }
}

#[test]
fn inside_macros() {
    for code in [
        "fn f() { format!(\"{}\", crate::b::MOST) }",
        "fn f() { json!({\"a\": {\"b\": super::b::MOST}}) }",
        "pub use crate::b::MOST; fn f() { select! { x = MOST => {} } }",
        "use crate::b; macro_rules! m { ($x:expr) => { $x + b::MOST } }",
        "macro_rules! m { () => { $crate::b::MOST } }",
    ] {
        assert_eq!(of_a(code), ["a.rs:1 -> b.rs (MOST)"], "{code}");
    }
    assert_eq!(of_a("fn f() { m! { x.B => b: c, 'b } }"), NONE);
}

#[test]
fn macros_are_items() {
    let files = [
        ("lib.rs", "#[macro_use] mod a; mod b; mod c;"),
        ("a.rs", "macro_rules! made { () => {} }"),
        (
            "b.rs",
            "macro_rules! shared { () => {} } pub(crate) use shared; named!(Made);",
        ),
        (
            "c.rs",
            "made!(); fn f() { crate::b::shared!() } use crate::b::Made;",
        ),
    ];
    let expected = ["c.rs:1 -> a.rs (made)", "c.rs:1 -> b.rs (Made, shared)"];
    assert_eq!(arrows(&files), expected);
}

#[test]
fn files_by_path_attribute() {
    let files = [
        ("lib.rs", "mod a; #[path = \"other/place.rs\"] mod b;"),
        ("a.rs", "use crate::b::{B, below::Below};"),
        ("other/place.rs", "pub struct B; pub mod below;"),
        ("other/below.rs", "pub struct Below;"),
    ];
    let expected = [
        "a.rs:1 -> other/below.rs (Below)",
        "a.rs:1 -> other/place.rs (B)",
    ];
    assert_eq!(arrows(&files), expected);
}

#[test]
fn two_files_in_a_cycle() {
    let files = files(&[
        ("lib.rs", "mod rules; mod store; mod low;"),
        (
            "rules.rs",
            "use crate::{low::Low, store::Row};\npub struct Rule(crate::store::Other);",
        ),
        (
            "store.rs",
            "use crate::low::Low;\n\nuse crate::rules::Rule; pub struct Row; pub struct Other;",
        ),
        ("low.rs", "pub struct Low;"),
    ]);
    let expected = "files in a cycle: src/rules.rs, src/store.rs
  src/rules.rs:1 -> src/store.rs (Other, Row)
  src/store.rs:3 -> src/rules.rs (Rule)";
    assert_eq!(files.cycles(false), [expected]);
}

#[test]
fn two_folders_in_a_cycle() {
    let files = files(&[
        ("lib.rs", "mod x; mod y; mod z;"),
        ("x/mod.rs", "pub mod one; pub mod two;"),
        ("x/one.rs", "use crate::y::four::Four;"),
        ("x/two.rs", "pub struct Two;"),
        ("y/mod.rs", "pub mod three; pub mod four;"),
        ("y/three.rs", "use crate::x::two::Two;"),
        (
            "y/four.rs",
            "pub struct Four; fn f(_: super::super::z::Z, _: crate::x::two::Two) {}",
        ),
        ("z.rs", "pub struct Z;"),
    ]);
    let expected = "folders in a cycle: src/x/, src/y/
  src/x/ -> src/y/: src/x/one.rs:1 -> src/y/four.rs (Four)
  src/y/ -> src/x/: src/y/four.rs:1 -> src/x/two.rs (Two), and 1 more";
    assert_eq!(files.cycles(false), [expected]);
    assert!(files.cycles(true)[0].ends_with("src/y/three.rs:1 -> src/x/two.rs (Two)"));
    let lines = [
        "lib: nothing",
        "z: nothing",
        "x (in a cycle): y",
        "y (in a cycle): x, z",
    ];
    assert_eq!(files.top_level(), lines);
}

#[test]
fn folders_within_a_folder() {
    let files = files(&[
        ("lib.rs", "mod x;"),
        ("x/mod.rs", "mod y; pub struct X; fn f() { y::deep::f() }"),
        ("x/y/mod.rs", "pub mod deep;"),
        ("x/y/deep.rs", "pub fn f(_: crate::x::X) {}"),
    ]);
    let cycles = files.cycles(false);
    assert_eq!(cycles.len(), 2);
    assert!(cycles[1].starts_with("folders in a cycle: src/x/mod.rs, src/x/y/\n"));
}

#[test]
fn a_missing_file_is_an_error() {
    let sources = Sources::from([("lib.rs".to_owned(), "mod a;".to_owned())]);
    let error = Files::read(&sources, &["lib.rs"]).unwrap_err();
    assert_eq!(error.to_string(), "a/mod.rs: declared, but no such file");
}

#[test]
fn manifests() {
    let manifest = r#"
[package]
name = "one"
[dependencies]
two = { path = "../two" }
three.workspace = true
# no = "1"
[dev-dependencies]
five = "1"
[target.'cfg(unix)'.dependencies]
six = "1"
"#;
    let (name, depends) = read_manifest(manifest);
    assert_eq!(name.as_deref(), Some("one"));
    let expected = "two, three, six";
    assert_eq!(listed(depends.iter().map(String::as_str)), expected);
}

/// A crate as `cargo metadata` names it.
fn package(name: &str, source: Option<&str>) -> serde_json::Value {
    serde_json::json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "authors": ["A. Author"],
        "repository": null, "manifest_path": format!("/crates/{name}/Cargo.toml"), "source": source, "links": null})
}

#[test]
fn notices_are_of_what_is_compiled_in_alone() {
    let needs = |name: &str, kind: Option<&str>| serde_json::json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
    let node =
        |name: &str, deps: &[serde_json::Value]| serde_json::json!({"id": name, "deps": deps});
    let registry = Some("registry");
    let metadata = serde_json::json!({
        "packages": [package("systembruker", None), package("foundation", None), package("used", registry),
            package("builds", registry), package("tests", registry)],
        "resolve": {"nodes": [
            node("systembruker", &[needs("foundation", None), needs("tests", Some("dev"))]),
            node("foundation", &[needs("used", None), needs("builds", Some("build"))]),
            node("used", &[]), node("builds", &[]), node("tests", &[])]},
    });
    let found = licences::packages(&metadata).unwrap();
    let names: Vec<&str> = found.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["used"]);
}

#[test]
fn of_licences_to_choose_from_mit_is_chosen() {
    let files = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let both = files(&["LICENSE-APACHE", "LICENSE-MIT", "NOTICE"]);
    let needed = |licence: &str, all: &[String]| -> Vec<String> {
        let needed = all
            .iter()
            .filter(|name| licences::is_needed(licence, name, all));
        needed.cloned().collect()
    };
    assert_eq!(
        needed("MIT OR Apache-2.0", &both),
        files(&["LICENSE-MIT", "NOTICE"])
    );
    assert_eq!(needed("MIT AND Apache-2.0", &both), both);
    let apache = files(&["LICENSE-APACHE"]);
    assert_eq!(needed("MIT OR Apache-2.0", &apache), apache);
}

#[test]
fn equal_texts_are_shown_once_and_a_crate_without_one_gets_the_text_of_its_licence() {
    let deps = ["one", "two", "without"];
    let deps = deps.map(|name| serde_json::json!({"pkg": name, "dep_kinds": [{"kind": null}]}));
    let metadata = serde_json::json!({
        "packages": [package("systembruker", None), package("one", Some("registry")), package("two", Some("registry")),
            package("without", Some("registry"))],
        "resolve": {"nodes": [
            {"id": "systembruker", "deps": deps},
            {"id": "one", "deps": []}, {"id": "two", "deps": []}, {"id": "without", "deps": []}]},
    });
    let packages = licences::packages(&metadata).unwrap();
    let apache = "Apache License: TERMS AND CONDITIONS FOR USE, REPRODUCTION".to_owned();
    let texts = [vec![apache.clone()], vec![apache.clone()], vec![]];
    let notices = licences::notices(&packages, &texts, "Fonts").unwrap();
    assert_eq!(notices.matches(&apache).count(), 1);
    assert!(
        notices.contains("\none 1.0.0, two 1.0.0, Swagger UI\n"),
        "{notices}"
    );
    assert!(notices.contains("Copyright (c) A. Author"), "{notices}");
}
