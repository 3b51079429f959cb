-- The journal of revocations. What ends or narrows an access is noted in the transaction that does it, and copied to a journal outside
-- the database within a second: after a restore, or a fail-over to a standby that lagged, it is done again.

-- What is to be done again: `{"table": ..., "what": "gone" | "set" | "added", "row": {...}}`. Of a row that is gone, the row holds its
-- key; of one that was changed, its key and the columns that matter; of one that was added, all of it.
create table journal_entry (
    seq bigint generated always as identity primary key,
    at timestamptz not null default service_now(),
    change jsonb not null,
    -- Name of the object of the journal that holds it; null: none does yet.
    object text
);
create index journal_entry_waiting on journal_entry (seq) where object is null;
create index journal_entry_object on journal_entry (object) where object is not null;

-- The objects that belong to this database's history. One that the journal holds and this table does not belongs to a history that was
-- lost: its name is written here before the object is.
create table journal_object (
    name text primary key,
    claimed_at timestamptz not null default service_now(),
    written_at timestamptz
);
create index journal_object_unwritten on journal_object (claimed_at) where written_at is null;

-- Signs of life. The newest is at the head of the journal too: a database that does not know it is behind the journal.
create table journal_mark (
    id uuid primary key,
    at timestamptz not null default service_now()
);
create index journal_mark_at on journal_mark (at);

-- The holder of this row claims entries and makes marks.
create table journal_end (
    id boolean primary key default true check (id),
    marked_at timestamptz not null default '-infinity'
);
insert into journal_end default values;

-- Recoveries that were made.
create table recovery_run (
    id bigint generated always as identity primary key,
    at timestamptz not null default service_now(),
    kind text not null check (kind in ('fail-over', 'restore')),
    -- The last time that the database knew of, and the last that the journal or the checkpoints know of.
    lost_from timestamptz,
    lost_to timestamptz,
    revocations bigint not null,
    audit_rows_lost bigint,
    -- Hash of the checkpoint that the audit trail does not reach any more.
    checkpoint text
);

-- Own tokens issued before are refused.
create table token_fence (
    id boolean primary key default true check (id),
    not_before timestamptz not null
);

-- Notes the rows that a statement removed. Arguments: the columns of the key.
create function journal_gone() returns trigger language plpgsql security definer set search_path from current as $$
begin
    insert into journal_entry (change)
    select jsonb_build_object('table', tg_table_name, 'what', 'gone',
        'row', (select jsonb_object_agg(name, to_jsonb(g) -> name) from unnest(tg_argv) name))
    from gone g;
    return null;
end $$;

-- Notes one row. Arguments: what happened to it, and the columns to note.
create function journal_row() returns trigger language plpgsql security definer set search_path from current as $$
declare
    present jsonb := case tg_op when 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
begin
    insert into journal_entry (change) values (jsonb_build_object('table', tg_table_name, 'what', tg_argv[0],
        'row', (select jsonb_object_agg(name, present -> name) from unnest(tg_argv[1:]) name)));
    return null;
end $$;

do $$
declare
    found record;
    changed text;
begin
    for found in
        select * from (values
            ('party', 'key'),
            ('register_role', 'from_key, role_id, to_key'),
            ('system_user', 'id'),
            ('system_client', 'system_internal_id, position, client_id'),
            ('assignment', 'id'),
            ('assignment_package', 'assignment_id, package_id'),
            ('assignment_right', 'assignment_id, resource_id, action, extra'),
            ('client_delegation', 'id'),
            ('client_delegation_package', 'delegation_id, package_id'),
            ('access_list', 'id'),
            ('access_list_connection', 'resource, list'),
            ('access_list_member', 'list, party_key'),
            ('resource_policy', 'identifier, version')
        ) as t(name, key)
    loop
        execute format('create trigger journal_gone after delete on %I referencing old table as gone for each statement
            execute function journal_gone(%s)',
            found.name, (select string_agg(quote_literal(trim(c)), ', ') from unnest(string_to_array(found.key, ',')) c));
    end loop;

    for found in
        select * from (values
            ('party', 'key', 'kind, status, deleted_at, parent_key, form_id, death_date'),
            ('system', 'system_internal_id', 'is_deleted'),
            ('system_client', 'system_internal_id, position, client_id', 'released_at'),
            ('system_user', 'id', 'is_deleted, deleted_at'),
            ('access_list_connection', 'resource, list', 'action_filters'),
            ('resource', 'identifier', 'deleted'),
            ('resource_subject', 'identifier, subject_urn', 'deleted')
        ) as t(name, key, columns)
    loop
        select string_agg(format('old.%1$I is distinct from new.%1$I', trim(c)), ' or ') into changed
            from unnest(string_to_array(found.columns, ',')) c;
        execute format('create trigger journal_set after update on %I for each row when (%s) execute function journal_row(''set'', %s)',
            found.name, changed,
            (select string_agg(quote_literal(trim(c)), ', ') from unnest(string_to_array(found.key || ',' || found.columns, ',')) c));
    end loop;
end $$;

create trigger journal_added after insert on resource_policy for each row
    execute function journal_row('added', 'identifier', 'version', 'xml', 'sha256', 'uploaded_at', 'uploaded_by_org');
create trigger journal_added after insert on resource_version for each row
    execute function journal_row('added', 'identifier', 'document', 'created');
create trigger journal_added after insert on resource_subject for each row
    execute function journal_row('added', 'identifier', 'subject_urn');
-- What has expired is only cleared away.
create trigger journal_gone after delete on session for each row when (old.expires > service_now())
    execute function journal_row('gone', 'id');
