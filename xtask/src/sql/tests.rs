//! The check on statements and sources that are in memory.

use std::collections::BTreeSet;

use super::{compare, constructs::Found, listed, sources};

/// Names of the constructs of a text.
fn found(text: &str) -> Vec<String> {
    let mut found = Found::default();
    found.read("here", text).unwrap();
    found.places.into_keys().collect()
}

#[test]
fn plain_sql_has_none() {
    let plain = "with a as (select count(*) as n, max(x) from t where y = 'a' and z in (1, 2) group by w)
        select a.n, row_number() over (order by n), case when n > 1 then 'x' end from a left join b on b.n = a.n
        order by n desc limit 10;
        insert into t (a, b) values ($1, $2); update t set a = 1 where b = 2; delete from t where a is null;
        create table t (a bigint primary key, b text not null references u (b), c timestamptz, check (a > 0));
        create unique index i on t (a, b); alter table t add column d integer; create view v as select a from t";
    assert_eq!(found(plain), Vec::<String>::new());
}

#[test]
fn each_construct_is_found_wherever_it_is() {
    for (text, names) in [
        (
            "insert into t (a) values (1) on conflict (a) do nothing",
            &["on conflict"][..],
        ),
        (
            "insert into t (a) select 1 from u on conflict do nothing",
            &["on conflict"],
        ),
        ("delete from t returning a", &["returning"]),
        (
            "with gone as (delete from t using u where t.a = u.a returning t.a) select a from gone",
            &["data-modifying with", "delete … using", "returning"],
        ),
        (
            "update t set a = u.a from u where u.b = t.b",
            &["update … from"],
        ),
        (
            "select a from t for update skip locked",
            &["row locks", "skip locked"],
        ),
        (
            "select a from t where b in (select b from u for share nowait)",
            &["nowait", "row locks"],
        ),
        ("select distinct on (a) a, b from t", &["distinct on"]),
        ("select ctid from t", &["system columns"]),
        ("select t.xmin from t", &["system columns"]),
        ("select relname from pg_class", &["system catalogs"]),
        (
            "select a from information_schema.columns",
            &["system catalogs"],
        ),
        ("select pg_notify('a', 'b')", &["pg_notify()"]),
        ("select a from t where f(b) > 1", &["f()"]),
        (
            "select doc->>'a' from t where doc->'b' = 'c'",
            &["operator ->", "operator ->>"],
        ),
        ("select a from t where a = any($1)", &["any(array)"]),
        ("select a from t where a = any(select b from u)", &[]),
        (
            "select * from unnest($1::text[]) with ordinality as t(a, n)",
            &["array types", "cast ::", "unnest()", "with ordinality"],
        ),
        (
            "select a from t cross join lateral (select b from u where u.a = t.a) x",
            &["lateral"],
        ),
        ("select a::uuid from t", &["cast ::", "type uuid"]),
        ("select a from t where a ilike 'x'", &["ilike"]),
        ("select a from t where a ~ 'x'", &["operator ~"]),
        (
            "with a as materialized (select 1 as b) select b from a",
            &["with … as materialized"],
        ),
        ("copy t (a) from stdin", &["copy"]),
        ("truncate t", &["truncate"]),
        ("analyze t", &["analyze"]),
        ("set statement_timeout = 0", &["session settings"]),
        ("create table t (a bytea)", &["type bytea"]),
        ("create table t (a text[])", &["array types"]),
        (
            "create table t (a int generated always as identity)",
            &["identity columns"],
        ),
        ("create unlogged table t (a int)", &["unlogged tables"]),
        (
            "create table t (a int) partition by range (a)",
            &["partitions", "range()"],
        ),
        (
            "create table t (a int, unique nulls not distinct (a))",
            &["unique nulls not distinct"],
        ),
        (
            "create index i on t (a) where a is null",
            &["partial indexes"],
        ),
        (
            "create index i on t (lower(a))",
            &["indexes on expressions"],
        ),
        ("create sequence s", &["sequences"]),
        ("do $$ begin perform 1; end $$; select 1", &["do blocks"]),
        (
            "create function f() returns trigger language plpgsql as $$ begin return new; end $$;
             create trigger g before update on t for each row execute function f()",
            &["function f", "triggers"],
        ),
        (
            "create trigger g after delete on t referencing old table as gone for each statement
             execute function f('a', 'b'); select md5('x')",
            &["md5()", "triggers"],
        ),
        (
            "create function f(a text) returns text language sql as $$ select md5(a) $$",
            &["function f", "md5()"],
        ),
        ("vacuum t", &["statement vacuum t"]),
    ] {
        assert_eq!(found(text), names, "{text}");
    }
}

#[test]
fn a_statement_that_cannot_be_read_is_an_error() {
    assert!(Found::default().read("here", "select from where").is_err());
}

const PAGE: &str = "# Scale\n\n| `outside` | x |\n\n## Constructs beyond plain SQL\n\nText with `code`.\n
| construct | instead |\n|---|---|\n| `a`, `b` | `not this` |\n| `c()` | x |\n\n## Another\n\n| `d` | x |\n";

#[test]
fn the_first_columns_below_the_heading_are_the_list() {
    let names: Vec<String> = listed::names(PAGE).into_iter().collect();
    assert_eq!(names, ["a", "b", "c()"]);
}

#[test]
fn what_is_used_and_not_listed_is_named_with_its_place_and_what_is_listed_in_vain_too() {
    let mut used = Found::default();
    used.note("a", "x.sql");
    used.note("new", "y.sql");
    let listed = ["a", "old"].map(str::to_owned);
    let found = compare(&used.places, &BTreeSet::from(listed));
    let [missing] = &found.missing[..] else {
        panic!("{found:?}")
    };
    assert!(missing.contains("`new`, used in y.sql"), "{missing}");
    let [unused] = &found.unused[..] else {
        panic!("{found:?}")
    };
    assert!(unused.contains("`old`, which nothing uses"), "{unused}");
}

/// The statements of a file of Rust.
fn unchecked(code: &str) -> Vec<String> {
    let found = sources::unchecked("a.rs", code).unwrap();
    found.into_iter().map(|source| source.text).collect()
}

#[test]
fn statements_are_found_that_the_compiler_does_not_check() {
    let code = r#"
        fn f() { sqlx::query("analyze t"); sqlx::query_scalar::<_, i64>("select 1"); }
        fn g() { sqlx::raw_sql(sqlx::AssertSqlSafe(format!("analyze \"{table}\"", table = "t"))); }
        fn h() { tx.copy_in_raw(statement(kind)); }
        fn statement(kind: Kind) -> &'static str { "copy t (a) from stdin" }
        fn i() { let query = "not SQL"; other::query("not SQL"); println!("select"); }
        #[cfg(test)]
        mod tests { fn f() { sqlx::query("select test"); } }
    "#;
    assert_eq!(
        unchecked(code),
        [
            "analyze t",
            "select 1",
            "analyze \"x\"",
            "copy t (a) from stdin"
        ]
    );
}

#[test]
fn a_statement_whose_text_is_elsewhere_is_an_error() {
    let elsewhere = "fn f(text: &str) { sqlx::query(sqlx::AssertSqlSafe(text)); }";
    assert!(sources::unchecked("a.rs", elsewhere).is_err());
}

#[test]
fn a_listener_is_found() {
    let code = "async fn f() { PgListener::connect_with(&pool).await; }";
    let found = sources::unchecked("a.rs", code).unwrap();
    assert!(found[0].listens);
}

#[test]
fn a_test_that_uses_the_database_is_found_in_macros_too() {
    let text = r#"
        use sqlx::PgPool;
        // sqlx in a comment
        fn f() { log("sqlx::query"); tokio::join!(async { sqlx::query("select 1") }); }
    "#;

    let lines = super::in_tests::uses(text).unwrap();

    assert_eq!(lines, [2, 4]);
}
