//! What a path names: through imports, globs and re-exports to the file that defines it.

use crate::parse::{Crate, Definition, MACRO, TYPE};

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A module, by its number.
    Module(usize),
    /// Anything else, with its name where it is defined.
    Item { file: usize, name: String },
}

/// Everything the path may name in these namespaces, seen from a module; nothing when that is in
/// another crate. Segments after an item, as those of a variant, are ignored.
pub fn resolve(of: &Crate, from: usize, segments: &[String], spaces: u8) -> Vec<Target> {
    let open = Vec::new();
    let mut found = Search { of, open }.path(from, segments, spaces);
    // A macro is also visible in the modules below the one that defines it.
    let mut above = of.modules[from].parent;
    while let ([name], MACRO, true, Some(module)) = (segments, spaces, found.is_empty(), above) {
        found = defined(of, module, name, MACRO);
        above = of.modules[module].parent;
    }
    found
}

fn defined(of: &Crate, module: usize, name: &str, spaces: u8) -> Vec<Target> {
    let definitions = of.modules[module].definitions.get(name);
    let found = definitions
        .into_iter()
        .flatten()
        .filter_map(|one| match *one {
            Definition::Module(child) => (spaces & TYPE != 0).then_some(Target::Module(child)),
            Definition::Item { file, spaces: own } => {
                let name = name.to_owned();
                (spaces & own != 0).then_some(Target::Item { file, name })
            }
        });
    found.collect()
}

struct Search<'a> {
    of: &'a Crate,
    /// The names being looked up, so that re-exports in a circle end.
    open: Vec<(usize, String, u8)>,
}

impl Search<'_> {
    fn path(&mut self, from: usize, segments: &[String], spaces: u8) -> Vec<Target> {
        let (mut module, mut rest, mut inside) = (from, segments, false);
        while let Some((first, tail)) = rest.split_first() {
            match first.as_str() {
                "crate" => module = 0,
                "self" => {}
                "super" => match self.of.modules[module].parent {
                    Some(parent) => module = parent,
                    None => return Vec::new(),
                },
                _ => break,
            }
            (rest, inside) = (tail, true);
        }
        self.steps(module, rest, spaces, inside)
    }

    /// Follows segments from a module; `inside` when the path says that it starts there.
    fn steps(&mut self, module: usize, path: &[String], spaces: u8, inside: bool) -> Vec<Target> {
        let Some((name, rest)) = path.split_first() else {
            return vec![Target::Module(module)];
        };
        if rest.is_empty() {
            return self.name(module, name, spaces, inside);
        }
        let mut found = Vec::new();
        for target in self.name(module, name, TYPE, inside) {
            match target {
                Target::Module(next) => found.extend(self.steps(next, rest, spaces, true)),
                item @ Target::Item { .. } => found.push(item),
            }
        }
        found
    }

    fn name(&mut self, module: usize, name: &str, spaces: u8, inside: bool) -> Vec<Target> {
        let key = (module, name.to_owned(), spaces);
        if self.open.contains(&key) {
            return Vec::new();
        }
        self.open.push(key);
        let here = &self.of.modules[module];
        let mut found = defined(self.of, module, name, spaces);
        let mut known = !found.is_empty();
        for import in &here.imports {
            if import.name.as_deref() == Some(name) {
                known = true;
                found.extend(self.path(module, &import.segments, spaces));
            }
        }
        for glob in here
            .imports
            .iter()
            .filter(|one| one.name.is_none() && !known)
        {
            for target in self.path(module, &glob.segments, TYPE) {
                if let Target::Module(from) = target {
                    found.extend(self.name(from, name, spaces, false));
                }
            }
        }
        // A macro call in the module may define it.
        if !known && found.is_empty() && inside && here.generated {
            let (file, name) = (here.file, name.to_owned());
            found.push(Target::Item { file, name });
        }
        self.open.pop();
        found
    }
}
