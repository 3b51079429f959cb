//! The names that the code of a crate uses, and the files that define them.

use std::collections::HashSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{
    Attribute, Expr, Item, Meta, Path, Stmt, Token,
    punctuated::Punctuated,
    spanned::Spanned as _,
    visit::{self, Visit},
};

use crate::{
    parse::{Crate, Import, MACRO, TYPE, VALUE, attributes, definition, for_tests, imports, text},
    resolve::{Target, resolve},
};

/// Keys of attributes whose string is a path.
const PATH_KEYS: [&str; 9] = [
    "default",
    "deserialize_with",
    "from",
    "into",
    "remote",
    "serialize_with",
    "skip_serializing_if",
    "try_from",
    "with",
];

/// Code in one file names an item of another; both by number.
#[derive(Debug)]
pub struct Use {
    pub from: usize,
    pub line: usize,
    pub to: usize,
    /// The item, as it is called where it is defined.
    pub name: String,
}

/// All uses between files of a crate.
///
/// Not seen: a method called on a value, names in format strings, and names that only exist after
/// a macro has run.
pub fn uses(of: &Crate) -> Vec<Use> {
    let mut uses = Vec::new();
    for (module, here) in of.modules.iter().enumerate() {
        let scopes = Vec::new();
        let mut visitor = Visitor {
            of,
            module,
            scopes,
            uses,
        };
        for item in &here.items {
            visitor.visit_item(item);
        }
        uses = visitor.uses;
    }
    uses
}

/// What a block, a function or an arm brings into scope.
#[derive(Default)]
struct Scope {
    values: HashSet<String>,
    items: HashSet<String>,
    imports: Vec<Import>,
}

struct Visitor<'a> {
    of: &'a Crate,
    module: usize,
    scopes: Vec<Scope>,
    uses: Vec<Use>,
}

impl Visitor<'_> {
    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        self.scopes.push(Scope::default());
        visit(self);
        self.scopes.pop();
    }

    /// Records what the path names, unless something in a scope around has that name.
    fn name(&mut self, mut segments: Vec<String>, spaces: u8, line: usize) {
        for scope in self.scopes.iter().rev() {
            let first = &segments[0];
            let value = segments.len() == 1 && scope.values.contains(first);
            if value || scope.items.contains(first) {
                return;
            }
            let mut imports = scope.imports.iter();
            if let Some(import) = imports.find(|import| import.name.as_ref() == Some(first)) {
                segments.splice(..1, import.segments.iter().cloned());
                break;
            }
        }
        let mut found = resolve(self.of, self.module, &segments, spaces);
        if let ([name], true) = (segments.as_slice(), found.is_empty()) {
            let globs = self.scopes.iter().flat_map(|scope| &scope.imports);
            for glob in globs.filter(|import| import.name.is_none()) {
                let path = [glob.segments.as_slice(), std::slice::from_ref(name)].concat();
                found.extend(resolve(self.of, self.module, &path, spaces));
            }
        }
        self.note(found, line);
    }

    fn note(&mut self, found: Vec<Target>, line: usize) {
        let from = self.of.modules[self.module].file;
        for target in found {
            match target {
                Target::Item { file: to, name } if to != from => {
                    self.uses.push(Use {
                        from,
                        line,
                        to,
                        name,
                    });
                }
                _ => {}
            }
        }
    }

    fn path(&mut self, path: &Path, spaces: u8) {
        if path.leading_colon.is_none() {
            let segments = path.segments.iter().map(|segment| text(&segment.ident));
            self.name(segments.collect(), spaces, path.span().start().line);
        }
        for segment in &path.segments {
            self.visit_path_arguments(&segment.arguments);
        }
    }

    /// Walks tokens that are no expressions. Of single names only types, constants, calls and
    /// macros count: others are mostly fields, keys and keywords.
    fn tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, sign: char| match trees.get(at) {
            Some(TokenTree::Punct(punct)) => punct.as_char() == sign,
            _ => false,
        };
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            let start = at;
            at += 1;
            let first = match tree {
                TokenTree::Group(group) => {
                    self.tokens(group.stream());
                    continue;
                }
                TokenTree::Ident(first) => first,
                TokenTree::Literal(literal) if start >= 2 && is(start - 1, '=') => {
                    if let TokenTree::Ident(key) = &trees[start - 2]
                        && PATH_KEYS.contains(&text(key).as_str())
                        && let Ok(path) = syn::parse_str::<syn::LitStr>(&literal.to_string())
                        && let Ok(path) = path.parse::<Path>()
                    {
                        self.path(&path, TYPE | VALUE);
                    }
                    continue;
                }
                _ => continue,
            };
            let mut segments = vec![text(first)];
            while is(at, ':')
                && is(at + 1, ':')
                && let Some(TokenTree::Ident(next)) = trees.get(at + 2)
            {
                segments.push(text(next));
                at += 3;
            }
            let before = |sign| start >= 1 && is(start - 1, sign);
            let follows = |sign| before(sign) && start >= 2 && is(start - 2, sign);
            let member = (before('.') && !follows('.')) || follows(':') || before('\'');
            if member || (before('$') && first != "crate") {
                continue;
            }
            let is_macro = is(at, '!') && !is(at + 1, '=');
            let called = match trees.get(at) {
                Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Parenthesis,
                _ => false,
            };
            if is_macro || called || segments.len() > 1 || is_upper(&segments[0]) {
                let spaces = if is_macro { MACRO } else { TYPE | VALUE };
                self.name(segments, spaces, first.span().start().line);
            }
        }
    }
}

fn is_upper(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for import in imports(item).iter().filter(|import| !import.exported) {
            let spaces = TYPE | VALUE | MACRO;
            let found = resolve(self.of, self.module, &import.segments, spaces);
            // Where the name is also that of a module, it counts where it is used.
            if !found.iter().any(|one| matches!(one, Target::Module(_))) {
                self.note(found, import.line);
            }
        }
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        match item.ident {
            Some(_) => self.tokens(item.mac.tokens.clone()),
            None => self.visit_macro(&item.mac),
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.path(&call.path, MACRO);
        match call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            Ok(arguments) => {
                for argument in &arguments {
                    Visitor::visit_expr(self, argument);
                }
            }
            Err(_) => self.tokens(call.tokens.clone()),
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast Path) {
        self.path(path, TYPE | VALUE);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        if let Some(of) = &path.qself {
            self.visit_type(&of.ty);
        }
        self.path(&path.path, VALUE);
    }

    fn visit_type_path(&mut self, path: &'ast syn::TypePath) {
        if let Some(of) = &path.qself {
            self.visit_type(&of.ty);
        }
        self.path(&path.path, TYPE);
    }

    // From here on: what is in scope where.

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.scoped(|this| visit::visit_item_fn(this, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !for_tests(&item.attrs) {
            self.scoped(|this| visit::visit_impl_item_fn(this, item));
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.scoped(|this| visit::visit_trait_item_fn(this, item));
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let mut scope = Scope::default();
        for statement in &block.stmts {
            match statement {
                Stmt::Item(Item::Use(item)) => scope.imports.extend(imports(item)),
                Stmt::Item(item) => {
                    scope
                        .items
                        .extend(definition(item).map(|(name, _)| text(name)));
                }
                _ => {}
            }
        }
        self.scopes.push(scope);
        visit::visit_block(self, block);
        self.scopes.pop();
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let Some(init) = &local.init {
            visit::visit_local_init(self, init);
        }
        self.visit_pat(&local.pat);
    }

    fn visit_expr_let(&mut self, expression: &'ast syn::ExprLet) {
        self.visit_expr(&expression.expr);
        self.visit_pat(&expression.pat);
    }

    fn visit_expr_if(&mut self, expression: &'ast syn::ExprIf) {
        self.scoped(|this| {
            this.visit_expr(&expression.cond);
            this.visit_block(&expression.then_branch);
        });
        if let Some((_, other)) = &expression.else_branch {
            self.visit_expr(other);
        }
    }

    fn visit_expr_while(&mut self, expression: &'ast syn::ExprWhile) {
        self.scoped(|this| visit::visit_expr_while(this, expression));
    }

    fn visit_expr_for_loop(&mut self, expression: &'ast syn::ExprForLoop) {
        self.visit_expr(&expression.expr);
        self.scoped(|this| {
            this.visit_pat(&expression.pat);
            this.visit_block(&expression.body);
        });
    }

    fn visit_expr_closure(&mut self, expression: &'ast syn::ExprClosure) {
        self.scoped(|this| visit::visit_expr_closure(this, expression));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.scoped(|this| visit::visit_arm(this, arm));
    }

    /// A bare name on the left is a local value, or the name of a macro's argument.
    fn visit_expr_assign(&mut self, expression: &'ast syn::ExprAssign) {
        if !matches!(&*expression.left, Expr::Path(path) if path.path.get_ident().is_some()) {
            self.visit_expr(&expression.left);
        }
        self.visit_expr(&expression.right);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        let name = text(&pattern.ident);
        if is_upper(&name) {
            self.name(vec![name], VALUE, pattern.ident.span().start().line);
        } else if let Some(scope) = self.scopes.last_mut() {
            scope.values.insert(name);
        }
        if let Some((_, below)) = &pattern.subpat {
            self.visit_pat(below);
        }
    }
}
