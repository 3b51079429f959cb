-- The place of a change among all changes: a number of our own, given once the row is visible to everybody, one at a time. A reader that
-- has seen a position has seen every one before it, so that nobody has to know which transactions are still open.
alter table change_feed add column position bigint;
update change_feed set position = seq;
create unique index change_feed_position on change_feed (position);
create index change_feed_waiting on change_feed (seq) where position is null;

-- The last position that was given. Its row is locked while positions are given.
create table change_feed_end (
    id boolean primary key default true check (id),
    position bigint not null
);
insert into change_feed_end (position)
    select coalesce(pg_sequence_last_value(pg_get_serial_sequence('change_feed', 'seq')::regclass), 0);

-- Gives positions to at most so many changes that are visible and have none. What is visible is seen anew behind the lock.
create function number_changes(batch integer, out last_given bigint, out is_whole boolean) language plpgsql as $$
declare
    given bigint;
begin
    select e.position into strict last_given from change_feed_end e for update;
    with waiting as (
        select seq, row_number() over (order by seq) as place from change_feed where position is null order by seq limit batch)
    update change_feed f set position = last_given + w.place from waiting w where f.seq = w.seq;
    get diagnostics given = row_count;
    if given > 0 then
        last_given := last_given + given;
        update change_feed_end set position = last_given;
    end if;
    is_whole := given < batch;
end $$;
