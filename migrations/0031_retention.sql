-- What is kept for a limited time, and deleted then.

-- When a snapshot of its source did not name a person any more.
alter table party add column dropped_at timestamptz;
create index party_dropped on party (dropped_at) where dropped_at is not null;

-- Each job reads the oldest rows along an index, in batches.
create index outbox_created on outbox (created) where position is not null;
create index system_user_deleted on "system_user" (deleted_at) where is_deleted;
create index request_deleted on request (deleted_at) where is_deleted;
create index change_request_deleted on change_request (deleted_at) where is_deleted;
create index change_request_of_any_system_user on change_request (system_user_id);
create index import_run_ended on import_run (ended);

-- When a person's name was taken out of an old request.
alter table request add column tombstoned_at timestamptz;
alter table change_request add column tombstoned_at timestamptz;
alter table request_archive add column timeout_told boolean not null default true, add column tombstoned_at timestamptz;
alter table change_request_archive add column timeout_told boolean not null default true, add column tombstoned_at timestamptz;

-- Where the chain of the audit trail begins, since older partitions were dropped: their last number and hash.
create table audit_start (
    only_row boolean primary key default true check (only_row),
    length bigint not null,
    hash bytea not null
);
create trigger audit_start_forward_only before update or delete on audit_start
    for each row execute function refuse_shorter_chain();
create trigger audit_start_no_truncate before truncate on audit_start
    for each statement execute function refuse_truncate();

-- Partitions of the audit trail whose month ended more than a number of years ago, oldest first, and where their rows end in the chain.
-- Empty ones have no end.
create function expired_audit_partitions(years integer)
returns table (part text, length bigint, hash bytea, unsealed bigint) language plpgsql stable as $$
begin
    if years is null or years < 1 then
        raise exception 'the audit trail is kept for a year at least';
    end if;
    for part in
        select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'audit_log'::regclass and c.relname ~ '^audit_log_[0-9]{6}$'
          and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= service_now() - make_interval(years => years)
        order by c.relname
    loop
        length := null;
        hash := null;
        execute format('select chain, hash from %I where chain is not null order by chain desc limit 1', part) into length, hash;
        execute format('select count(*) from %I where chain is null', part) into unsealed;
        return next;
    end loop;
end $$;

-- Drops such a partition, and notes where the chain begins now. Rows without a number are not dropped.
create function drop_audit_partition(expired text, years integer) returns void language plpgsql as $$
declare
    found record;
begin
    select * into found from expired_audit_partitions(years) p where p.part = expired;
    if found is null then
        raise exception '% is no expired partition of the audit trail', expired;
    end if;
    if found.unsealed > 0 then
        raise exception '% has rows without a number in the chain', expired;
    end if;
    if found.length is not null then
        insert into audit_start (length, hash) values (found.length, found.hash)
        on conflict (only_row) do update set length = excluded.length, hash = excluded.hash where audit_start.length < excluded.length;
    end if;
    execute format('drop table %I', expired);
end $$;

do $$
declare
    owned text;
begin
    foreach owned in array array['expired_audit_partitions(integer)', 'drop_audit_partition(text, integer)'] loop
        execute format('alter function %s security definer set search_path = %I, pg_temp set timezone = ''UTC''', owned, current_schema());
        execute format('revoke execute on function %s from public', owned);
    end loop;
end $$;
