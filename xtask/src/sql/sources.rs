//! Where SQL is: migrations, the checked statements of `.sqlx`, and statements that the compiler does
//! not check.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use proc_macro2::Span;
use syn::{
    Expr, ExprCall, ExprMethodCall, File, ImplItemFn, ItemFn, ItemMod, Lit, LitStr,
    Path as SynPath,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use crate::workspace;

/// Crates whose SQL no installation runs.
const NOT_SERVED: &[&str] = &["testkit", "xtask", "xacml"];
/// Functions of `sqlx` that take a statement.
const CALLS: &[&str] = &["query", "query_as", "query_scalar", "query_with", "raw_sql"];
/// Methods that take a statement.
const METHODS: &[&str] = &["copy_in_raw", "copy_out_raw"];

/// A text with statements.
#[derive(Debug)]
pub struct Source {
    pub place: String,
    pub text: String,
    /// The code listens to notifications, which is no statement of it.
    pub listens: bool,
}

/// Every text with statements.
pub fn all(root: &Path) -> Result<Vec<Source>> {
    let mut out = Vec::new();
    for path in sorted(&root.join("migrations"), "sql")? {
        out.push(source(&path, root, fs::read_to_string(&path)?));
    }
    for path in sorted(&root.join(".sqlx"), "json")? {
        let text = fs::read_to_string(&path)?;
        let checked: serde_json::Value =
            serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let query = checked["query"].as_str().unwrap_or_default();
        let first = query.split_whitespace().take(8).collect::<Vec<_>>();
        out.push(Source {
            place: format!("the statement `{} …`", first.join(" ")),
            text: query.to_owned(),
            listens: false,
        });
    }
    for member in workspace::members(root)? {
        if NOT_SERVED.contains(&member.name.as_str()) {
            continue;
        }
        for (path, text) in &member.sources {
            out.extend(unchecked(path, text)?);
        }
    }
    Ok(out)
}

fn source(path: &Path, root: &Path, text: String) -> Source {
    let place = path.strip_prefix(root).unwrap_or(path);
    Source {
        place: place.display().to_string(),
        text,
        listens: false,
    }
}

fn sorted(folder: &Path, end: &str) -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|e| e == end));
    paths.sort();
    Ok(paths)
}

/// The statements of a file that are passed as texts.
pub fn unchecked(path: &str, text: &str) -> Result<Vec<Source>> {
    let file: File = syn::parse_file(text).with_context(|| path.to_owned())?;
    let mut calls = Calls::default();
    calls.visit_file(&file);
    let mut out = Vec::new();
    for (span, arguments) in &calls.found {
        let place = format!("{path}:{}", span.start().line);
        let mut texts = Texts::default();
        for argument in arguments {
            texts.visit_expr(argument);
        }
        for called in texts.called {
            if let Some(function) = calls.functions.iter().find(|(name, _)| *name == called) {
                texts.literals.extend(function.1.iter().cloned());
            }
        }
        if texts.literals.is_empty() {
            bail!("{place}: the text of this statement cannot be found in this file");
        }
        out.extend(texts.literals.into_iter().map(|text| Source {
            place: place.clone(),
            text: without_placeholders(&text),
            listens: false,
        }));
    }
    if let Some(span) = calls.listener {
        out.push(Source {
            place: format!("{path}:{}", span.start().line),
            text: String::new(),
            listens: true,
        });
    }
    Ok(out)
}

/// What `format!` puts in is a name or a whole assignment: a name replaces either.
fn without_placeholders(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        out.push_str(if before.trim_end().ends_with("set") {
            "x = 1"
        } else {
            "x"
        });
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

/// Calls that take statements, the functions of the file with their texts, and a listener.
#[derive(Default)]
struct Calls {
    found: Vec<(Span, Vec<Expr>)>,
    functions: Vec<(String, Vec<String>)>,
    listener: Option<Span>,
}

impl Calls {
    fn define(&mut self, name: &syn::Ident, block: &syn::Block) {
        let mut texts = Texts::default();
        texts.visit_block(block);
        self.functions.push((name.to_string(), texts.literals));
    }
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let is_test = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Ident>()
                    .is_ok_and(|condition| condition == "test")
        });
        if !is_test {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func
            && is_call(&path.path)
        {
            let arguments = call.args.iter().take(1).cloned().collect();
            self.found.push((call.span(), arguments));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if METHODS.iter().any(|name| call.method == name) {
            let arguments = call.args.iter().take(1).cloned().collect();
            self.found.push((call.span(), arguments));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.define(&function.sig.ident, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.define(&function.sig.ident, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_path(&mut self, path: &'ast SynPath) {
        if path.segments.iter().any(|s| s.ident == "PgListener") {
            self.listener.get_or_insert(path.span());
        }
        visit::visit_path(self, path);
    }
}

fn is_call(path: &SynPath) -> bool {
    let mut names = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string());
    let first = names.next();
    first.is_some_and(|name| name == "sqlx")
        && names
            .next()
            .is_some_and(|name| CALLS.contains(&name.as_str()))
}

/// Texts of an expression, and the functions that it calls.
#[derive(Default)]
struct Texts {
    literals: Vec<String>,
    called: Vec<String>,
}

impl<'ast> Visit<'ast> for Texts {
    fn visit_lit(&mut self, literal: &'ast Lit) {
        if let Lit::Str(text) = literal {
            self.literals.push(text.value());
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        // `format!`: the first text is the statement, the rest is put in.
        let text = called.parse_body_with(|input: syn::parse::ParseStream<'_>| {
            let text: LitStr = input.parse()?;
            input.parse::<proc_macro2::TokenStream>()?;
            Ok(text.value())
        });
        self.literals.extend(text);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(name) = path.path.segments.last()
        {
            self.called.push(name.ident.to_string());
        }
        visit::visit_expr_call(self, call);
    }
}
