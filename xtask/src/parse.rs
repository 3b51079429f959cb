//! The modules of one crate: what each defines, imports and contains.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, anyhow};
use syn::{
    Attribute, Expr, Ident, Item, ItemMod, ItemUse, Lit, Meta, Token, UseTree, Visibility,
    ext::IdentExt as _, punctuated::Punctuated,
};

/// Source text by path.
pub type Sources = BTreeMap<String, String>;

/// Namespaces of Rust, as bits: one name may mean something else in each.
pub const TYPE: u8 = 1;
/// See [`TYPE`].
pub const VALUE: u8 = 2;
/// See [`TYPE`].
pub const MACRO: u8 = 4;

/// What a name means in the module that defines it.
#[derive(Debug, Clone, Copy)]
pub enum Definition {
    /// A module, by its number.
    Module(usize),
    /// Anything else, with the number of its file and its namespaces.
    Item { file: usize, spaces: u8 },
}

/// One leaf of a `use` tree.
#[derive(Debug)]
pub struct Import {
    /// The path that is imported.
    pub segments: Vec<String>,
    /// The name it gets; none for a glob.
    pub name: Option<String>,
    /// It has a visibility, so it is a re-export.
    pub exported: bool,
    /// Its line in the file.
    pub line: usize,
}

/// A module of a crate.
pub struct Module {
    /// None for the root.
    pub parent: Option<usize>,
    /// Its names from the root on.
    pub path: Vec<String>,
    /// The file that holds it.
    pub file: usize,
    /// What it defines, by name.
    pub definitions: HashMap<String, Vec<Definition>>,
    /// Its `use` leaves.
    pub imports: Vec<Import>,
    /// Its items, without modules and tests.
    pub items: Vec<Item>,
    /// A macro call is among its items, which may define names unseen here.
    pub generated: bool,
}

/// A crate; module 0 is its root.
#[derive(Default)]
pub struct Crate {
    /// Paths of its files.
    pub files: Vec<String>,
    /// Its modules.
    pub modules: Vec<Module>,
}

impl Crate {
    /// Reads the crate with this root file; fails when a file is missing or is not Rust.
    pub fn read(sources: &Sources, root: &str) -> Result<Self> {
        let mut reader = Reader {
            sources,
            read: Self::default(),
        };
        reader.file(root, None, Vec::new(), folder(root))?;
        Ok(reader.read)
    }
}

struct Reader<'a> {
    sources: &'a Sources,
    read: Crate,
}

impl Reader<'_> {
    /// Reads a file with its child modules; none when it is for tests only.
    fn file(
        &mut self,
        path: &str,
        parent: Option<usize>,
        names: Vec<String>,
        children: &str,
    ) -> Result<Option<usize>> {
        let text = self.sources.get(path);
        let text = text.with_context(|| format!("{path}: declared, but no such file"))?;
        let syntax = syn::parse_file(text)
            .map_err(|error| anyhow!("{path}:{}: {error}", error.span().start().line))?;
        if for_tests(&syntax.attrs) {
            return Ok(None);
        }
        self.read.files.push(path.to_owned());
        let module = self.module(parent, names, self.read.files.len() - 1);
        self.items(syntax.items, module, children)?;
        Ok(Some(module))
    }

    fn module(&mut self, parent: Option<usize>, path: Vec<String>, file: usize) -> usize {
        self.read.modules.push(Module {
            parent,
            path,
            file,
            definitions: HashMap::new(),
            imports: Vec::new(),
            items: Vec::new(),
            generated: false,
        });
        self.read.modules.len() - 1
    }

    fn define(&mut self, module: usize, name: String, definition: Definition) {
        let definitions = &mut self.read.modules[module].definitions;
        definitions.entry(name).or_default().push(definition);
    }

    fn items(&mut self, items: Vec<Item>, module: usize, children: &str) -> Result<()> {
        let file = self.read.modules[module].file;
        for item in items {
            if for_tests(attributes(&item)) {
                continue;
            }
            if let Some((name, spaces)) = definition(&item) {
                // An exported macro is an item of the root.
                let exported = has(attributes(&item), "macro_export");
                let module = if exported { 0 } else { module };
                self.define(module, text(name), Definition::Item { file, spaces });
            }
            match item {
                Item::Mod(child) => {
                    self.child(child, module, children)?;
                    continue;
                }
                Item::Use(ref item) => self.read.modules[module].imports.extend(imports(item)),
                Item::Macro(ref item) if item.ident.is_none() => {
                    self.read.modules[module].generated = true;
                }
                _ => {}
            }
            self.read.modules[module].items.push(item);
        }
        Ok(())
    }

    fn child(&mut self, item: ItemMod, parent: usize, children: &str) -> Result<()> {
        let name = text(&item.ident);
        let mut names = self.read.modules[parent].path.clone();
        names.push(name.clone());
        let file = self.read.modules[parent].file;
        let nested = join(children, &name);
        let child = if let Some((_, items)) = item.content {
            let child = self.module(Some(parent), names, file);
            self.items(items, child, &nested)?;
            Some(child)
        } else if let Some(path) = path_attribute(&item.attrs) {
            let path = join(folder(&self.read.files[file]), &path);
            self.file(&path, Some(parent), names, folder(&path))?
        } else {
            let flat = format!("{nested}.rs");
            let path = if self.sources.contains_key(&flat) {
                flat
            } else {
                join(&nested, "mod.rs")
            };
            self.file(&path, Some(parent), names, &nested)?
        };
        let Some(child) = child else { return Ok(()) };
        self.define(parent, name, Definition::Module(child));
        if has(&item.attrs, "macro_use") {
            let definitions = self.read.modules[child].definitions.clone();
            for (name, of_name) in definitions {
                for one in of_name {
                    if matches!(one, Definition::Item { spaces: MACRO, .. }) {
                        self.define(parent, name.clone(), one);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The leaves of a `use`; none when it names another crate by `::`.
pub fn imports(item: &ItemUse) -> Vec<Import> {
    let mut leaves = Vec::new();
    if item.leading_colon.is_none() {
        flatten(&item.tree, &mut Vec::new(), &mut leaves);
    }
    let exported = !matches!(item.vis, Visibility::Inherited);
    for leaf in &mut leaves {
        leaf.exported = exported;
    }
    leaves
}

fn flatten(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<Import>) {
    let (last, name, line) = match tree {
        UseTree::Path(path) => {
            before.push(text(&path.ident));
            flatten(&path.tree, before, leaves);
            before.pop();
            return;
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, leaves);
            }
            return;
        }
        UseTree::Name(leaf) => (Some(&leaf.ident), Some(&leaf.ident), leaf.ident.span()),
        UseTree::Rename(leaf) => (Some(&leaf.ident), Some(&leaf.rename), leaf.ident.span()),
        UseTree::Glob(glob) => (None, None, glob.star_token.spans[0]),
    };
    let mut segments = before.clone();
    segments.extend(last.filter(|last| *last != "self").map(text));
    // `{self}` gets the name of what it means.
    let name = name.map(|name| match segments.last() {
        Some(last) if name == "self" => last.clone(),
        _ => text(name),
    });
    leaves.push(Import {
        segments,
        name,
        exported: false,
        line: line.start().line,
    });
}

/// A name without `r#`.
pub fn text(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// Whether these attributes leave something to tests only.
pub fn for_tests(attributes: &[Attribute]) -> bool {
    fn needs_test(meta: &Meta) -> bool {
        match meta {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("all") => list
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .is_ok_and(|all| all.iter().any(needs_test)),
            _ => false,
        }
    }
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        path.segments
            .last()
            .is_some_and(|last| last.ident == "test")
            || (path.is_ident("cfg")
                && attribute
                    .parse_args::<Meta>()
                    .is_ok_and(|meta| needs_test(&meta)))
    })
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|one| one.path().is_ident(name))
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    let path = attributes.iter().find(|one| one.path().is_ident("path"))?;
    match &path.meta.require_name_value().ok()?.value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(path) => Some(path.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The attributes of an item.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(syn::ItemConst { attrs, .. })
        | Item::Enum(syn::ItemEnum { attrs, .. })
        | Item::Fn(syn::ItemFn { attrs, .. })
        | Item::Impl(syn::ItemImpl { attrs, .. })
        | Item::Macro(syn::ItemMacro { attrs, .. })
        | Item::Mod(syn::ItemMod { attrs, .. })
        | Item::Static(syn::ItemStatic { attrs, .. })
        | Item::Struct(syn::ItemStruct { attrs, .. })
        | Item::Trait(syn::ItemTrait { attrs, .. })
        | Item::Type(syn::ItemType { attrs, .. })
        | Item::Union(syn::ItemUnion { attrs, .. })
        | Item::Use(syn::ItemUse { attrs, .. }) => attrs,
        _ => &[],
    }
}

/// The name an item defines and its namespaces; modules aside.
pub fn definition(item: &Item) -> Option<(&Ident, u8)> {
    Some(match item {
        Item::Const(item) => (&item.ident, VALUE),
        Item::Static(item) => (&item.ident, VALUE),
        Item::Fn(item) => (&item.sig.ident, VALUE),
        Item::Struct(item) => (&item.ident, TYPE | VALUE),
        Item::Enum(item) => (&item.ident, TYPE),
        Item::Union(item) => (&item.ident, TYPE),
        Item::Trait(item) => (&item.ident, TYPE),
        Item::Type(item) => (&item.ident, TYPE),
        Item::Macro(item) => (item.ident.as_ref()?, MACRO),
        _ => return None,
    })
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
