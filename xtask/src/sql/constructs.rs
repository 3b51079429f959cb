//! What is beyond plain SQL in a statement.
//!
//! Plain is what every engine that uses the protocol of Postgres has: queries with `with`, joins,
//! window functions, `limit`, the usual types and functions, tables with keys and checks, indexes,
//! views, schemas.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use anyhow::{Context as _, Result};
use sqlparser::{
    ast::{
        ArrayElemTypeDef, BinaryOperator, CastKind, ColumnDef, ColumnOption, CreateFunctionBody,
        CteAsMaterialized, DataType, Distinct, Expr, FunctionArguments, Ident, LockType, NonBlock,
        NullsDistinctOption, ObjectName, OnInsert, Query, Select, SetExpr, Statement,
        TableConstraint, TableFactor, Value, Visit as _, Visitor,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
    tokenizer::Token,
};

/// Types that are plain.
const TYPES: &[&str] = &[
    "bigint",
    "bool",
    "boolean",
    "date",
    "double precision",
    "float8",
    "int",
    "int2",
    "int4",
    "int8",
    "integer",
    "interval",
    "numeric",
    "smallint",
    "text",
    "timestamp",
    "timestamptz",
    "varchar",
];
/// Functions that are plain.
const FUNCTIONS: &[&str] = &[
    "abs",
    "avg",
    "char_length",
    "coalesce",
    "concat",
    "count",
    "first_value",
    "greatest",
    "least",
    "length",
    "lower",
    "max",
    "min",
    "now",
    "nullif",
    "replace",
    "round",
    "row_number",
    "sum",
    "upper",
];
/// Columns that every row of Postgres has.
const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// The constructs that were found, each with its places.
#[derive(Debug, Default)]
pub struct Found {
    pub places: BTreeMap<String, BTreeSet<String>>,
    place: String,
}

impl Found {
    /// Records a construct.
    pub fn note(&mut self, name: &str, place: &str) {
        let places = self.places.entry(name.to_owned()).or_default();
        places.insert(place.to_owned());
    }

    fn add(&mut self, name: impl AsRef<str>) {
        let place = self.place.clone();
        self.note(name.as_ref(), &place);
    }

    /// Reads a text of statements; returns how many there were.
    pub fn read(&mut self, place: &str, text: &str) -> Result<usize> {
        place.clone_into(&mut self.place);
        let mut parser = Parser::new(&PostgreSqlDialect {})
            .with_recursion_limit(200)
            .try_with_sql(&without_trigger_arguments(text))
            .context("this is no SQL")?;
        let mut statements = 0;
        loop {
            while parser.consume_token(&Token::SemiColon) {}
            match parser.peek_token().token {
                Token::EOF => return Ok(statements),
                // A block of PL/pgSQL is a text to the parser of SQL, and the statement unknown to it.
                Token::Word(word) if word.value.eq_ignore_ascii_case("do") => {
                    self.add("do blocks");
                    while !matches!(parser.peek_token().token, Token::SemiColon | Token::EOF) {
                        parser.next_token();
                    }
                }
                _ => {
                    let statement = parser.parse_statement().context("this cannot be read")?;
                    self.statement(&statement)?;
                }
            }
            statements += 1;
        }
    }

    fn statement(&mut self, statement: &Statement) -> Result<()> {
        // Nothing here ends a visit early.
        let _ = statement.visit(self);
        if let Statement::CreateFunction(function) = statement {
            let is_sql = function
                .language
                .as_ref()
                .is_some_and(|language| language.value.eq_ignore_ascii_case("sql"));
            if let Some(body) = function.function_body.as_ref().filter(|_| is_sql) {
                let place = self.place.clone();
                self.read(&place, &body_of(body)?)
                    .with_context(|| format!("function {}", function.name))?;
            }
        }
        Ok(())
    }

    fn data_type(&mut self, data_type: &DataType) {
        match data_type {
            DataType::Array(of) => {
                self.add("array types");
                if let Some(inner) = inner_of(of) {
                    self.data_type(inner);
                }
            }
            other => {
                let name = other.to_string().to_lowercase();
                let name = name.split('(').next().unwrap_or_default().trim().to_owned();
                if !TYPES.contains(&name.as_str()) {
                    self.add(format!("type {name}"));
                }
            }
        }
    }

    fn function(&mut self, name: &ObjectName) {
        let name = last(name);
        if !FUNCTIONS.contains(&name.as_str()) {
            self.add(format!("{name}()"));
        }
    }

    fn column(&mut self, column: &ColumnDef) {
        self.data_type(&column.data_type);
        for option in &column.options {
            match &option.option {
                ColumnOption::Generated { .. } | ColumnOption::Identity(_) => {
                    self.add("identity columns");
                }
                ColumnOption::DialectSpecific(_) => self.add("storage options"),
                _ => {}
            }
        }
    }

    fn constraint(&mut self, constraint: &TableConstraint) {
        if let TableConstraint::Unique(unique) = constraint
            && !matches!(unique.nulls_distinct, NullsDistinctOption::None)
        {
            self.add("unique nulls not distinct");
        }
    }

    fn operator(&mut self, operator: &BinaryOperator) {
        let is_plain = matches!(
            operator,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
                | BinaryOperator::StringConcat
                | BinaryOperator::Gt
                | BinaryOperator::Lt
                | BinaryOperator::GtEq
                | BinaryOperator::LtEq
                | BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::And
                | BinaryOperator::Or
        );
        if !is_plain {
            self.add(format!("operator {operator}"));
        }
    }

    fn query(&mut self, query: &Query) {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            if matches!(
                &*cte.query.body,
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
            ) {
                self.add("data-modifying with");
            }
            match cte.materialized {
                None => {}
                Some(CteAsMaterialized::Materialized | CteAsMaterialized::NotMaterialized) => {
                    self.add("with … as materialized");
                }
            }
        }
        for lock in &query.locks {
            match lock.lock_type {
                LockType::Share | LockType::Update => self.add("row locks"),
            }
            match lock.nonblock {
                None => {}
                Some(NonBlock::SkipLocked) => self.add("skip locked"),
                Some(NonBlock::Nowait) => self.add("nowait"),
            }
        }
    }

    fn identifiers(&mut self, names: &[Ident]) {
        if let Some(name) = names.last()
            && SYSTEM_COLUMNS.contains(&name.value.to_lowercase().as_str())
        {
            self.add("system columns");
        }
    }
}

fn inner_of(array: &ArrayElemTypeDef) -> Option<&DataType> {
    match array {
        ArrayElemTypeDef::None => None,
        ArrayElemTypeDef::AngleBracket(inner)
        | ArrayElemTypeDef::SquareBracket(inner, _)
        | ArrayElemTypeDef::Parenthesis(inner)
        | ArrayElemTypeDef::ParenthesisNotNull(inner)
        | ArrayElemTypeDef::Qualified(inner, _) => Some(inner),
    }
}

/// The last part of a name, in lower case.
fn last(name: &ObjectName) -> String {
    let parts = name.to_string().to_lowercase().replace('"', "");
    parts.rsplit('.').next().unwrap_or_default().to_owned()
}

fn body_of(body: &CreateFunctionBody) -> Result<String> {
    let text = |body: &Expr| match body {
        Expr::Value(value) => match &value.value {
            Value::DollarQuotedString(text) => Some(text.value.clone()),
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    let found = match body {
        CreateFunctionBody::AsBeforeOptions { body, .. }
        | CreateFunctionBody::AsAfterOptions(body) => text(body),
        _ => None,
    };
    found.context("the body of this function is no text")
}

impl Visitor for Found {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Query(_)
            | Statement::CreateView(_)
            | Statement::CreateSchema { .. }
            | Statement::AlterIndex { .. }
            | Statement::Drop { .. }
            | Statement::DropTrigger(_)
            | Statement::DropFunction(_)
            | Statement::StartTransaction { .. }
            | Statement::Commit { .. }
            | Statement::Rollback { .. } => {}
            Statement::Insert(insert) => {
                match &insert.on {
                    None => {}
                    Some(OnInsert::OnConflict(_)) => self.add("on conflict"),
                    Some(_) => self.add("on duplicate key"),
                }
                if insert.returning.is_some() {
                    self.add("returning");
                }
            }
            Statement::Update(update) => {
                if update.from.is_some() {
                    self.add("update … from");
                }
                if update.returning.is_some() {
                    self.add("returning");
                }
            }
            Statement::Delete(delete) => {
                if delete.using.is_some() {
                    self.add("delete … using");
                }
                if delete.returning.is_some() {
                    self.add("returning");
                }
            }
            Statement::CreateTable(table) => {
                if table.unlogged {
                    self.add("unlogged tables");
                }
                if table.temporary {
                    self.add("temporary tables");
                }
                if table.partition_by.is_some() || table.partition_of.is_some() {
                    self.add("partitions");
                }
                if table.like.is_some() {
                    self.add("create table … like");
                }
                for column in &table.columns {
                    self.column(column);
                }
                for constraint in &table.constraints {
                    self.constraint(constraint);
                }
            }
            Statement::AlterTable(alter) => {
                for operation in &alter.operations {
                    match operation {
                        sqlparser::ast::AlterTableOperation::AddColumn { column_def, .. } => {
                            self.column(column_def);
                        }
                        sqlparser::ast::AlterTableOperation::AddConstraint {
                            constraint, ..
                        } => {
                            self.constraint(constraint);
                        }
                        _ => {}
                    }
                }
            }
            Statement::CreateIndex(index) => {
                if index.predicate.is_some() {
                    self.add("partial indexes");
                }
                if index.using.is_some() {
                    self.add("index methods");
                }
                if !index.include.is_empty() {
                    self.add("covering indexes");
                }
                if index.concurrently {
                    self.add("indexes made concurrently");
                }
                if index.nulls_distinct.is_some() {
                    self.add("unique nulls not distinct");
                }
                let is_column =
                    |expr: &Expr| matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                if index.columns.iter().any(|c| !is_column(&c.column.expr)) {
                    self.add("indexes on expressions");
                }
            }
            Statement::CreateFunction(function) => {
                self.add(format!("function {}", last(&function.name)));
            }
            Statement::CreateTrigger(_) => self.add("triggers"),
            Statement::CreateSequence { .. } => self.add("sequences"),
            Statement::Truncate(_) => self.add("truncate"),
            Statement::Copy { .. } => self.add("copy"),
            Statement::Analyze(_) => self.add("analyze"),
            Statement::Set(_) => self.add("session settings"),
            Statement::Lock(_) | Statement::LockTables { .. } => self.add("lock table"),
            Statement::LISTEN { .. } | Statement::NOTIFY { .. } | Statement::UNLISTEN { .. } => {
                self.add("listen, notify");
            }
            other => {
                let text = other.to_string().to_lowercase();
                let words: Vec<&str> = text.split_whitespace().take(2).collect();
                self.add(format!("statement {}", words.join(" ")));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.query(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let Some(Distinct::On(_)) = select.distinct {
            self.add("distinct on");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = relation.to_string().to_lowercase();
        if name.starts_with("pg_") || name.starts_with("information_schema.") {
            self.add("system catalogs");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (is_lateral, has_ordinality) = match factor {
            TableFactor::Derived { lateral, .. } => (*lateral, false),
            TableFactor::Function {
                lateral,
                name,
                with_ordinality,
                ..
            } => {
                self.function(name);
                (*lateral, *with_ordinality)
            }
            TableFactor::Table {
                name,
                args,
                with_ordinality,
                ..
            } => {
                if args.is_some() {
                    self.function(name);
                }
                (false, *with_ordinality)
            }
            TableFactor::UNNEST {
                with_ordinality, ..
            } => {
                self.add("unnest()");
                (false, *with_ordinality)
            }
            TableFactor::NestedJoin { .. } => (false, false),
            other => {
                self.add(format!("table expression {other}"));
                (false, false)
            }
        };
        if is_lateral {
            self.add("lateral");
        }
        if has_ordinality {
            self.add("with ordinality");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => self.identifiers(std::slice::from_ref(name)),
            Expr::CompoundIdentifier(names) => self.identifiers(names),
            Expr::BinaryOp { op, .. } => self.operator(op),
            Expr::Cast {
                kind, data_type, ..
            } => {
                if matches!(kind, CastKind::DoubleColon) {
                    self.add("cast ::");
                }
                self.data_type(data_type);
            }
            Expr::Function(function) => {
                self.function(&function.name);
                if function.filter.is_some() {
                    self.add("filter");
                }
                if let FunctionArguments::List(list) = &function.args
                    && !list.clauses.is_empty()
                {
                    self.add("aggregate … order by");
                }
            }
            Expr::AnyOp { right, .. } | Expr::AllOp { right, .. }
                if !matches!(**right, Expr::Subquery(_)) =>
            {
                self.add("any(array)");
            }
            Expr::Array(_) => self.add("array constructor"),
            Expr::CompoundFieldAccess { .. } => self.add("array subscript"),
            Expr::ILike { .. } => self.add("ilike"),
            Expr::Value(value) if matches!(value.value, Value::EscapedStringLiteral(_)) => {
                self.add("escape strings");
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The text without what triggers give to their functions: the parser takes names of types there.
fn without_trigger_arguments(text: &str) -> String {
    const CALL: &str = "execute function ";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(CALL) {
        let (before, call) = rest.split_at(at + CALL.len());
        out.push_str(before);
        let Some((name, arguments)) = call.split_once('(') else {
            rest = call;
            continue;
        };
        out.push_str(name);
        out.push('(');
        let end = arguments.find(')').unwrap_or_default();
        let is_texts = arguments.trim_start().starts_with('\'');
        rest = if is_texts {
            &arguments[end..]
        } else {
            arguments
        };
    }
    out.push_str(rest);
    out
}
