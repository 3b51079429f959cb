-- What vendors ask of customers.

create table request (
    id uuid primary key,
    kind text not null check (kind in ('standard', 'agent')),
    system_id text not null check (char_length(system_id) <= 255),
    party_org_no text not null,
    external_ref text not null check (char_length(external_ref) <= 255),
    integration_title text check (char_length(integration_title) <= 255),
    rights jsonb not null default '[]',
    access_packages jsonb not null default '[]',
    status text not null default 'New' check (status in ('New', 'Accepted', 'Rejected', 'Denied', 'Timedout')),
    escalated boolean not null default false,
    redirect_url text,
    created timestamptz not null default now(),
    last_changed timestamptz not null default now(),
    changed_by text,
    is_deleted boolean not null default false,
    deleted_at timestamptz
);
create unique index request_active_key on request (system_id, party_org_no, external_ref, kind) where not is_deleted;
create index request_system on request (system_id, kind, id) where not is_deleted;
create index request_party on request (party_org_no, status) where not is_deleted;

create table request_archive (like request including defaults);

create table change_request (
    id uuid primary key,
    system_user_id uuid not null references "system_user" (id),
    system_id text not null,
    party_org_no text not null,
    external_ref text not null,
    required_rights jsonb not null default '[]',
    unwanted_rights jsonb not null default '[]',
    required_access_packages jsonb not null default '[]',
    unwanted_access_packages jsonb not null default '[]',
    status text not null default 'New' check (status in ('New', 'Accepted', 'Rejected', 'Denied', 'Timedout')),
    redirect_url text,
    created timestamptz not null default now(),
    last_changed timestamptz not null default now(),
    changed_by text,
    is_deleted boolean not null default false,
    deleted_at timestamptz
);
create index change_request_system on change_request (system_id, id) where not is_deleted;
create index change_request_system_user on change_request (system_user_id) where not is_deleted;
create index change_request_party on change_request (party_org_no, status) where not is_deleted;

create table change_request_archive (like change_request including defaults);

create table outbox (
    id uuid primary key,
    event text not null,
    subject_kind text not null,
    subject_id uuid not null,
    party_org_no text,
    vendor_org_no text,
    payload jsonb not null,
    created timestamptz not null default now(),
    send_after timestamptz not null default now(),
    attempts integer not null default 0,
    sent_at timestamptz,
    last_error text,
    unique (event, subject_id)
);
create index outbox_unsent on outbox (send_after) where sent_at is null;
