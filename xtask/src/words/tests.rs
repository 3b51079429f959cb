//! The words of texts that are in memory.

use super::{list::List, text::Finder};

/// Words that no one would forbid.
const LIST: &str = "\
# a comment
[words]
blue, blues | the sky | azure
| the sea | navy
over there | | yonder
[allowed]
blue_sky | src/ | a column
blueprint blue | * | a name
";

fn list() -> List {
    List::parse(LIST).unwrap()
}

/// What is found, as `line: text`.
fn found(path: &str, text: &str) -> Vec<String> {
    let list = list();
    let hits = Finder::new(&list).find(path, text, &mut [false; 2]);
    let hits = hits.iter();
    hits.map(|hit| format!("{}: {}", hit.line, hit.text))
        .collect()
}

#[test]
fn words_of_identifiers_are_found() {
    for text in [
        "is_blue",
        "isBlue",
        "BLUE_SEA",
        "IsBlueNow",
        "blue2",
        "RGBBlue",
    ] {
        assert_eq!(found("a.rs", text).len(), 1, "{text}");
    }
}

#[test]
fn words_of_comments_and_literals_are_found() {
    assert_eq!(
        found("a.rs", "/// Blue.\nlet a = \"\\nblues\"; // blue's"),
        ["1: Blue", "2: blues", "2: blue"]
    );
}

#[test]
fn longer_words_are_others() {
    assert!(found("a.rs", "bluer ablue Bluest æblue").is_empty());
}

#[test]
fn keys_in_base64_contain_no_words() {
    assert!(found("a.rs", "\"oGDmHqCJ7yzMkBlueEkrlZVHkvrHI\"").is_empty());
    assert_eq!(found("a.rs", "oGDmHqCJ7yzMkBlue"), ["1: Blue"]);
}

#[test]
fn a_phrase_is_found_over_the_end_of_a_line() {
    assert_eq!(
        found("a.rs", "// It is over\n    // there.\nfn over_there() {}"),
        ["1: over there", "3: over there"]
    );
    assert!(found("a.rs", "over, there").is_empty());
}

#[test]
fn an_exception_covers_its_text_in_its_files() {
    assert!(found("src/a.rs", "select blue_sky").is_empty());
    assert_eq!(found("src/a.rs", "select blue_sky, blue"), ["1: blue"]);
    assert_eq!(found("tests/a.rs", "select blue_sky"), ["1: blue"]);
    assert!(found("tests/a.rs", "a blueprint blue").is_empty());
}

#[test]
fn an_exception_that_covers_nothing_is_not_used() {
    let list = list();
    let mut used = [false; 2];
    Finder::new(&list).find("src/a.rs", "blue_sky", &mut used);
    assert_eq!(used, [true, false]);
}

#[test]
fn a_word_names_what_replaces_each_of_its_meanings() {
    let list = list();
    let instead: Vec<String> = list.words.iter().map(super::list::Word::instead).collect();
    assert_eq!(
        instead,
        ["for the sky: azure; for the sea: navy", "write yonder"]
    );
}

#[test]
fn the_table_has_a_row_for_each_meaning() {
    assert_eq!(
        list().table(),
        "| Word | Where it occurs | Write instead |\n|---|---|---|\n\
         | blue, blues | the sky | azure |\n| | the sea | navy |\n| over there | | yonder |\n"
    );
}

#[test]
fn an_incomplete_row_is_an_error_with_its_line() {
    for rows in [
        "[words]\nblue | the sky",
        "[words]\n| the sky | azure",
        "[allowed]\nblue | * |",
        "\nblue | the sky | azure",
    ] {
        let error = List::parse(rows).unwrap_err().to_string();
        assert_eq!(error, "line 2: not a row of a section", "{rows}");
    }
}
