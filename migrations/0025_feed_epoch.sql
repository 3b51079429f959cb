-- Which history the change feed belongs to. After a fail-over to a standby that lagged, after a restore and in a copy, numbers
-- come again that an instance has seen before, with other changes behind them.

-- What distinguishes one cluster's history from another: the cluster, its timeline, and the table. Empty where the database has no such
-- things. The name of the WAL file is asked, since control data lag behind a promotion.
create function feed_origin() returns text language plpgsql stable as $$
begin
    return format('%s/%s/%s', (select system_identifier from pg_control_system()),
        left(pg_walfile_name(pg_current_wal_lsn()), 8), 'change_feed'::regclass::oid);
exception
    when undefined_function or insufficient_privilege or feature_not_supported then
        return '';
end $$;

-- The epoch of each origin: a random number, made when the origin is first seen. Two restores of the same backup have the same
-- origin, and different epochs.
create table feed_epoch (
    origin text primary key,
    epoch text not null default left(replace(gen_random_uuid()::text, '-', ''), 16),
    since timestamptz not null default service_now()
);
