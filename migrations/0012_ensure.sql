-- Answers that are given again when a client repeats itself, and requests whose time-out vendors have been told of.

create table idempotency_key (
    caller text not null,
    key text not null,
    -- SHA-256 of method, path, query and body.
    fingerprint bytea not null,
    -- Null only inside the transaction that does the work.
    status smallint,
    location text,
    body bytea,
    created timestamptz not null default now(),
    primary key (caller, key)
);
create index idempotency_key_created on idempotency_key (created);

alter table request add column timeout_told boolean not null default false;
create index request_untold on request (created) where status = 'New' and not is_deleted and not timeout_told;
alter table change_request add column timeout_told boolean not null default false;
create index change_request_untold on change_request (created) where status = 'New' and not is_deleted and not timeout_told;
