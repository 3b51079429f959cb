-- The time that statements of the service go by. An offset to it exists for tests alone: a session
-- setting, which production refuses at start.
create function service_now() returns timestamptz language sql stable parallel safe as $$
    select now() + coalesce(nullif(current_setting('systembruker.clock_offset', true), '')::interval, interval '0')
$$;

do $$
declare
    found record;
begin
    for found in
        select table_name, column_name from information_schema.columns
        where table_schema = current_schema() and column_default = 'now()' and table_name not like '\_sqlx%'
          and is_updatable = 'YES'
    loop
        execute format('alter table %I alter column %I set default service_now()', found.table_name, found.column_name);
    end loop;
end $$;
