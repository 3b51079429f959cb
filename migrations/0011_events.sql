-- The order in which events are handed to vendors. Rows of one transaction carry its number; whoever reads takes only
-- those of transactions older than every transaction still running, so that nothing turns up behind what was read.

alter table outbox
    add column seq bigint generated always as identity,
    add column xact bigint not null default pg_current_xact_id()::text::bigint;
create index outbox_vendor on outbox (vendor_org_no, xact, seq);
