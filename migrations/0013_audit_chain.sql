-- The audit trail, made tamper-evident: rows are chained in the order in which their transactions became final.

alter table audit_log
    add column xact bigint not null default pg_current_xact_id()::text::bigint,
    -- Place in the chain, from 1 without gaps.
    add column chain bigint;
create index audit_log_unsealed on audit_log (xact, seq) where chain is null;
create index audit_log_chain on audit_log (chain);

-- A row takes its place in the chain once; nothing else of it ever changes.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.chain is null and new.chain is not null
        and to_jsonb(new) - array['chain', 'prev_hash', 'hash'] = to_jsonb(old) - array['chain', 'prev_hash', 'hash'] then
        return new;
    end if;
    raise exception 'the audit trail is append-only';
end $$;

-- Where the chain ends, for whoever seals next.
create table audit_chain (
    only_row boolean primary key default true check (only_row),
    length bigint not null,
    hash bytea not null
);
insert into audit_chain (length, hash) values (0, '\x0000000000000000000000000000000000000000000000000000000000000000');
