-- The place of an event among all events: a number of our own, given once the row is visible to everybody, by a reader or by
-- an instance in the background, one at a time. It survives a restore, a copy into another cluster and an upgrade, and no
-- transaction that is still open holds it back. The numbers of transactions (`xact`) stay for instances of the release before, and
-- for cursors that those gave.
alter table outbox add column position bigint;
update outbox o set position = n.position
    from (select id, row_number() over (order by xact, seq) as position from outbox) n where n.id = o.id;
create unique index outbox_position on outbox (position);
create index outbox_vendor_position on outbox (vendor_org_no, position) where position is not null;
create index outbox_waiting on outbox (seq) where position is null;

-- The last position that was given. Its row is locked while positions are given.
create table outbox_end (
    id boolean primary key default true check (id),
    position bigint not null
);
insert into outbox_end (position) select coalesce(max(position), 0) from outbox;

-- The first position that was given in each history of the database (`feed_epoch`). A cursor of an earlier history goes on before the
-- first position of the next one: what it saw behind that was lost, and other events have those positions now.
create table outbox_epoch (
    epoch text primary key,
    first bigint not null
);

-- Rows of the audit trail that have no place in the chain yet, in the order in which they get it.
create index audit_log_waiting on audit_log (seq) where chain is null;
