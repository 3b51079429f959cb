//! The plan of the house: a room imports only from its own floor or from below.

use std::{collections::HashMap, fs, path::Path};

const FLOORS: &[(u8, &[&str])] = &[
    (5, &["cli", "app"]),
    (4, &["web", "sandbox", "import", "ui_backend"]),
    (3, &["pdp", "exchange", "authorized_parties"]),
    (2, &["systems", "requests", "system_users", "clients"]),
    (1, &["register", "packages", "resources", "delegation"]),
    (
        0,
        &[
            "token",
            "http",
            "db",
            "events",
            "audit",
            "idempotency",
            "xacml",
            "ids",
            "config",
            "telemetry",
            "clock",
        ],
    ),
];

/// Files whose job is the edge: they may take the state and the callers from `app`, and with them
/// what the state holds.
fn is_edge(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_string_lossy();
    name.ends_with("api.rs")
        || path
            .components()
            .any(|c| c.as_os_str() == "web" || c.as_os_str() == "sandbox")
}

fn rust_files(dir: &Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn no_room_imports_from_a_higher_floor() {
    let floor: HashMap<&str, u8> = FLOORS
        .iter()
        .flat_map(|(f, rooms)| rooms.iter().map(move |r| (*r, *f)))
        .collect();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let room = file
            .strip_prefix(&src)
            .unwrap()
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .replace(".rs", "");
        let own = match floor.get(room.as_str()) {
            Some(own) => own,
            None if ["lib", "main"].contains(&room.as_str()) => continue,
            None => panic!("{room} has no floor"),
        };
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for other in imports(text) {
            let Some(theirs) = floor.get(other.as_str()) else {
                continue;
            };
            let allowed = theirs <= own || (is_edge(&file) && (other == "app" || other == "pdp"));
            if !allowed {
                wrong.push(format!(
                    "{} imports {other}",
                    file.strip_prefix(&src).unwrap().display()
                ));
            }
        }
        if room == "xacml" && text.contains("crate::") {
            let foreign: Vec<_> = imports(text).into_iter().filter(|r| r != "xacml").collect();
            assert!(
                foreign.is_empty(),
                "xacml imports nothing of ours: {foreign:?}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rooms that a file names after `crate::`, in one path or in a list of them.
fn imports(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for part in text.split("crate::").skip(1) {
        if let Some(list) = part.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                if depth == 1 && (c.is_alphanumeric() || c == '_') {
                    name.push(c);
                } else {
                    if !name.is_empty() && (c == ':' || c == ',' || c == '\n' || c == '{') {
                        out.push(name.clone());
                    }
                    name.clear();
                }
            }
        } else {
            out.push(
                part.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    out
}
