-- Partitions are made, and expired ones dropped, by functions of the schema's owner: the role that serves owns no table, and only
-- calls them. Rows that lie in a default partition, since nobody made theirs in time, are moved: they would keep the partition
-- from being made.

-- Functions with the rights of the owner see the objects of this schema alone: their caller may have temporary tables with
-- the same names.
do $$
declare
    guarded text;
begin
    foreach guarded in array array['note_direct_change()', 'note_direct_truncate()'] loop
        execute format('alter function %s set search_path = %I, pg_temp', guarded, current_schema());
    end loop;
end $$;

-- Makes one partition, unless it is there. `key` is the column that the table is partitioned by. Attaching waits for no reader of
-- the table, as making a partition in place would.
create function make_partition(parent text, part text, key text, begins timestamptz, ends timestamptz)
returns void language plpgsql as $$
declare
    rest text := parent || '_default';
begin
    if to_regclass(part) is not null then
        return;
    end if;
    execute format('create table %I (like %I including all excluding identity)', part, parent);
    execute format('lock table %I in access exclusive mode', rest);
    execute format('alter table %I disable trigger user', rest);
    execute format('with moved as (delete from %I where %I >= $1 and %I < $2 returning *) insert into %I select * from moved',
        rest, key, key, part) using begins, ends;
    execute format('alter table %I enable trigger user', rest);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part, begins, ends);
end $$;

create or replace function ensure_audit_partition(month date) returns void language plpgsql as $$
declare
    part text := format('audit_log_%s', to_char(month, 'YYYYMM'));
begin
    if to_regclass(part) is not null then
        return;
    end if;
    perform make_partition('audit_log', part, 'at', month, month + interval '1 month');
    execute format('create trigger audit_log_no_truncate before truncate on %I for each statement execute function refuse_truncate()', part);
end $$;

-- Makes the partitions that are needed soon: of this month and the next two for the audit trail, of today and the next ten days
-- for the decision log. And those of earlier times for which rows wait in a default partition.
create function make_partitions() returns void language plpgsql as $$
declare
    last_month date := (date_trunc('month', service_now()) + interval '2 months')::date;
    last_day date := service_now()::date + 10;
    -- Before anything is made: a table that is being read cannot be altered.
    months date[];
    days date[];
    month date;
    day date;
begin
    perform pg_advisory_xact_lock(8319104478530633729);
    months := array(
        select date_trunc('month', at)::date from audit_log_default where at < last_month + interval '1 month'
        union
        select generate_series(date_trunc('month', service_now()), last_month, interval '1 month')::date);
    days := array(
        select first::date from decision_block_default where first < last_day + 1
        union
        select generate_series(service_now()::date, last_day, interval '1 day')::date);
    foreach month in array months loop
        perform ensure_audit_partition(month);
    end loop;
    foreach day in array days loop
        perform make_partition('decision_block', format('decision_block_%s', to_char(day, 'YYYYMMDD')), 'first', day, day + 1);
    end loop;
end $$;

-- Drops the partitions of decisions that ended before a number of months ago.
create function drop_expired_decisions(months integer) returns void language plpgsql as $$
declare
    expired text;
begin
    if months is null or months < 1 then
        raise exception 'decisions are kept for a month at least';
    end if;
    for expired in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'decision_block'::regclass and c.relname ~ '^decision_block_[0-9]{8}$'
          and to_date(right(c.relname, 8), 'YYYYMMDD') + 1 <= (service_now() - make_interval(months => months))::date
    loop
        execute format('drop table if exists %I', expired);
    end loop;
end $$;

do $$
declare
    owned text;
begin
    foreach owned in array array['make_partitions()', 'drop_expired_decisions(integer)'] loop
        execute format('alter function %s security definer set search_path = %I, pg_temp set timezone = ''UTC''', owned, current_schema());
        execute format('revoke execute on function %s from public', owned);
    end loop;
end $$;
