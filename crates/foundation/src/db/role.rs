//! The role that the service connects as. It reads and writes rows and owns nothing, so that a fault
//! of the service can neither change the schema nor switch off what guards the audit trail.

use anyhow::Context as _;
use sqlx::PgPool;

/// What a role that serves may do, as statements for the owner of the schema: to be run once and
/// again after each migration. They may be run as often as one likes.
///
/// # Errors
/// The name has something else in it than ASCII letters, digits, `_` and `-`.
pub fn grants(role: &str) -> anyhow::Result<String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    anyhow::ensure!(
        !role.is_empty() && role.len() <= 63 && role.bytes().all(is_plain),
        "`{role}` is no name of a role here: letters, digits, `_` and `-`, at most 63 of them"
    );
    let name = format!("\"{role}\"");
    Ok(format!(
        r#"-- What the role that serves may do. Run by the owner of the schema, after each `systembruker migrate`:
--   systembruker migrate --print-grants ROLE | psql "$DATABASE_URL_OF_THE_OWNER"
do $$
declare
    schemas text[] := array[current_schema(), 'staging'];
    found record;
begin
    for found in select unnest(schemas) as name loop
        execute format('grant usage on schema %I to {name}', found.name);
        execute format('grant usage on all sequences in schema %I to {name}', found.name);
    end loop;
    -- Rights on a partitioned table are enough for its partitions.
    for found in
        select c.oid::regclass as name, n.nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = any(schemas) and c.relkind in ('r', 'p', 'v') and not c.relispartition
    loop
        execute format('revoke all on %s from {name}', found.name);
        if found.name in ('_sqlx_migrations'::regclass, 'decision_log'::regclass, 'audit_start'::regclass) then
            execute format('grant select on %s to {name}', found.name);
        elsif found.name in ('audit_log'::regclass, 'decision_block'::regclass) then
            execute format('grant select, insert on %s to {name}', found.name);
        elsif found.schema = 'staging' then
            execute format('grant select, insert, update, delete, truncate on %s to {name}', found.name);
        else
            execute format('grant select, insert, update, delete on %s to {name}', found.name);
        end if;
    end loop;
    -- A row of the audit trail gets its place in the chain after it was written.
    grant update (chain, prev_hash, hash) on audit_log to {name};
    -- Where not every role may call the functions of the schema.
    grant execute on function service_now(), feed_origin(), number_changes(integer) to {name};
    grant execute on function make_partitions(), drop_expired_decisions(integer), expired_audit_partitions(integer), drop_audit_partition(text, integer) to {name};
end $$;
"#
    ))
}

/// Refuses a role that lacks something of what [`grants`] gives.
///
/// # Errors
/// The text names what is missing; or the database cannot be asked.
pub async fn require_grants(pool: &PgPool) -> anyhow::Result<()> {
    let missing = sqlx::query_scalar!(
        r#"select format('%s (%s)', t.name, array_to_string(t.missing, ', ')) as "missing!"
           from (
             select c.oid::regclass::text as name, array(
                 select wanted from unnest(case
                     when c.relname in ('_sqlx_migrations', 'decision_log', 'audit_start') then array['select']
                     when c.relname in ('audit_log', 'decision_block') then array['select', 'insert']
                     else array['select', 'insert', 'update', 'delete'] end) wanted
                 where not has_table_privilege(c.oid, wanted)) as missing
             from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = current_schema() and c.relkind in ('r', 'p', 'v') and not c.relispartition
             union all
             select 'staging.' || c.relname, array(
                 select wanted from unnest(array['select', 'insert', 'update', 'delete', 'truncate']) wanted where not has_table_privilege(c.oid, wanted))
             from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'staging' and c.relkind in ('r', 'p')
             union all
             select 'sequence ' || c.relname, array(select 'usage' where not has_sequence_privilege(c.oid, 'usage'))
             from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema() and c.relkind = 'S'
             union all
             select 'function ' || f.name, array(select 'execute' where not has_function_privilege(f.name, 'execute'))
             from unnest(array['service_now()', 'feed_origin()', 'number_changes(integer)', 'make_partitions()', 'drop_expired_decisions(integer)', 'expired_audit_partitions(integer)', 'drop_audit_partition(text, integer)']) as f(name)
           ) t
           where cardinality(t.missing) > 0
           order by 1"#
    )
    .fetch_all(pool)
    .await
    .context("reading what the role of the database may do")?;
    anyhow::ensure!(
        missing.is_empty(),
        "the role of database.url lacks rights: {}. Run what `systembruker migrate --print-grants ROLE` prints as the owner of \
         the schema, after each migration",
        missing.join(", ")
    );
    Ok(())
}

/// Refuses to serve as a role that could change the schema.
///
/// # Errors
/// The role is a superuser, may make roles, may change the audit trail, owns a table or may become
/// its owner, or the database cannot be asked.
pub async fn refuse_owner(pool: &PgPool) -> anyhow::Result<()> {
    let role = sqlx::query!(
        r#"select current_user::text as "name!",
             (select rolsuper from pg_roles where rolname = current_user) as "is_superuser!",
             (select rolcreaterole from pg_roles where rolname = current_user) as "makes_roles!",
             exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname in (current_schema(), 'staging') and c.relkind in ('r', 'p')
                 and pg_has_role(c.relowner, 'member')) as "is_owner!",
             coalesce(has_table_privilege(to_regclass('audit_log'), 'update, delete, truncate, trigger'), false) as "edits_trail!""#
    )
    .fetch_one(pool)
    .await
    .context("reading what the role of the database may do")?;
    let why = if role.is_superuser {
        "is a superuser"
    } else if role.is_owner {
        "owns tables of the service, or may become their owner,"
    } else if role.makes_roles {
        "may make roles"
    } else if role.edits_trail {
        "may change rows of the audit trail"
    } else {
        return Ok(());
    };
    anyhow::bail!(
        "the role `{}` of database.url {why}, and could switch off what guards the audit trail. Make a role that serves and \
         owns nothing (`create role sb_app login`), run what `systembruker migrate --print-grants sb_app` prints as the \
         owner, and connect as that role",
        role.name
    )
}

#[cfg(test)]
mod tests {
    use super::grants;

    #[test]
    fn a_name_that_would_have_to_be_quoted_is_refused() {
        assert!(grants("sb_app-2").is_ok());
        for role in ["", "a\"b", "a'b", "a;b", "å", &"a".repeat(64)] {
            assert!(grants(role).is_err(), "{role}");
        }
    }
}
