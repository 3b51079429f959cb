-- Guards of the audit trail: nobody empties it, and whoever changes a guarded table past the service leaves a row in it.

-- Statement triggers are not copied to partitions: each gets its own, new ones when they are created
-- (`ensure_audit_partition`).
create function refuse_truncate() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is append-only';
end $$;

do $$
declare
    part regclass;
begin
    for part in select relid from pg_partition_tree('audit_log') loop
        execute format('create trigger audit_log_no_truncate before truncate on %s for each statement execute function refuse_truncate()',
            part);
    end loop;
end $$;

create function ensure_audit_partition(month date) returns void language plpgsql as $$
declare
    part text := format('audit_log_%s', to_char(month, 'YYYYMM'));
begin
    if to_regclass(part) is not null then
        return;
    end if;
    execute format('create table %I partition of audit_log for values from (%L) to (%L)', part, month, (month + interval '1 month')::date);
    execute format('create trigger audit_log_no_truncate before truncate on %I for each statement execute function refuse_truncate()', part);
end $$;

-- The end of the chain only moves forward.
create function refuse_shorter_chain() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.length >= old.length then
        return new;
    end if;
    raise exception 'the audit trail is append-only';
end $$;
create trigger audit_chain_forward_only before update or delete on audit_chain
    for each row execute function refuse_shorter_chain();
create trigger audit_chain_no_truncate before truncate on audit_chain
    for each statement execute function refuse_truncate();

-- A new row has no place in the chain yet: one that claims a place would break the chain for good.
create function refuse_claimed_place() returns trigger language plpgsql as $$
begin
    raise exception 'a new row of the audit trail has no place in its chain yet';
end $$;
create trigger audit_log_unchained before insert on audit_log for each row
    when (new.chain is not null or new.hash is not null or new.prev_hash is not null) execute function refuse_claimed_place();

-- Connections of the service carry the setting `sb.writer`. A change by any other connection writes a row of its own.
-- Arguments of the trigger: kind of the object, and the column with its id. The function runs as its owner, so that the
-- row is written for every role that may change the table.
create function note_direct_change() returns trigger language plpgsql security definer set search_path from current as $$
declare
    before jsonb := case when tg_op in ('UPDATE', 'DELETE') then to_jsonb(old) end;
    after jsonb := case when tg_op in ('INSERT', 'UPDATE') then to_jsonb(new) end;
    present jsonb := coalesce(after, before);
    changed jsonb;
begin
    if tg_op = 'UPDATE' then
        select coalesce(jsonb_agg(key order by key), '[]') into changed from jsonb_each(after) where value is distinct from before -> key;
        if changed = '[]' then
            return null;
        end if;
    end if;
    insert into audit_log (instance, actor_kind, address, action, object_kind, object_id, party_org, vendor_org, outcome, detail)
    values (
        coalesce(nullif(current_setting('application_name', true), ''), 'sql'),
        'db_direct',
        case family(inet_client_addr())
            when 4 then network(set_masklen(inet_client_addr(), 24))::text
            when 6 then network(set_masklen(inet_client_addr(), 48))::text
        end,
        case tg_op when 'INSERT' then 'operator.row_inserted' when 'UPDATE' then 'operator.row_updated' else 'operator.row_deleted' end,
        tg_argv[0],
        present ->> tg_argv[1],
        coalesce(present ->> 'party_org_no', present ->> 'reportee_org_no'),
        present ->> 'vendor_org_number',
        'ok',
        jsonb_strip_nulls(jsonb_build_object('table', tg_table_name, 'role', session_user, 'columns', changed)));
    return null;
end $$;

create function note_direct_truncate() returns trigger language plpgsql security definer set search_path from current as $$
begin
    insert into audit_log (instance, actor_kind, action, object_kind, object_id, outcome, detail)
    values (coalesce(nullif(current_setting('application_name', true), ''), 'sql'), 'db_direct', 'operator.table_truncated', tg_argv[0], '*',
        'ok', jsonb_build_object('table', tg_table_name, 'role', session_user));
    return null;
end $$;

do $$
declare
    guarded record;
begin
    for guarded in
        select * from (values
            ('system', 'system', 'system_id'),
            ('system_client', 'system', 'system_internal_id'),
            ('system_user', 'system_user', 'id'),
            ('request', 'request', 'id'),
            ('change_request', 'change_request', 'id'),
            ('assignment', 'delegation', 'id'),
            ('assignment_package', 'delegation', 'assignment_id'),
            ('assignment_right', 'delegation', 'assignment_id'),
            ('client_delegation', 'client_delegation', 'id'),
            ('client_delegation_package', 'client_delegation', 'delegation_id'),
            ('resource_policy', 'resource', 'identifier')
        ) as t(name, kind, id)
    loop
        -- The condition is looked at without a call of the function: it costs the service next to nothing.
        execute format($trigger$create trigger note_direct_change after insert or update or delete on %I for each row
            when (coalesce(current_setting('sb.writer', true), '') = '') execute function note_direct_change(%L, %L)$trigger$,
            guarded.name, guarded.kind, guarded.id);
        execute format($trigger$create trigger note_direct_truncate after truncate on %I for each statement
            when (coalesce(current_setting('sb.writer', true), '') = '') execute function note_direct_truncate(%L)$trigger$,
            guarded.name, guarded.kind);
    end loop;
end $$;
