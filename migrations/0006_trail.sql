-- What happened, and what changed: the audit trail, the decision log, and the feed that caches follow.

create table change_feed (
    seq bigint generated always as identity primary key,
    at timestamptz not null default now(),
    kind text not null,
    key text not null
);

create table audit_log (
    seq bigint generated always as identity,
    at timestamptz not null default now(),
    request_id uuid,
    trace_id text,
    instance text not null,
    actor_kind text not null check (actor_kind in ('vendor', 'person', 'systemuser', 'serviceowner', 'platform', 'operator', 'job', 'db_direct')),
    actor_org text,
    actor_supplier text,
    actor_party_uuid uuid,
    client_id text,
    token_issuer text,
    token_id text,
    auth_level smallint,
    address text,
    action text not null,
    object_kind text not null,
    object_id text not null,
    party_org text,
    vendor_org text,
    outcome text not null check (outcome in ('ok', 'denied', 'failed')),
    code text,
    detail jsonb,
    prev_hash bytea,
    hash bytea,
    primary key (at, seq)
) partition by range (at);
create table audit_log_default partition of audit_log default;
create index audit_log_object on audit_log (object_kind, object_id, at);

create table decision_log (
    seq bigint generated always as identity,
    created timestamptz not null default now(),
    endpoint text not null,
    caller_org text,
    caller_client_id text,
    subject_party_uuid uuid,
    resource_party_id integer,
    resource text,
    operation text,
    decision smallint not null,
    status_code text,
    context jsonb,
    duration_us integer not null,
    primary key (created, seq)
) partition by range (created);
create table decision_log_default partition of decision_log default;

-- Nobody edits the trail: rows are added, and expired partitions are dropped whole.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is append-only';
end $$;
create trigger audit_log_append_only before update or delete on audit_log
    for each row execute function refuse_change();

-- Last good key set per issuer, so that a restart during an issuer's outage works.
create table key_set (
    issuer text primary key,
    jwks jsonb not null,
    fetched_at timestamptz not null
);

-- Single-use identifiers (grants, codes, login states) until they expire.
create table used_once (
    kind text not null,
    id bytea not null,
    expires_at timestamptz not null,
    primary key (kind, id)
);
create index used_once_expiry on used_once (expires_at);

create table import_run (
    id uuid primary key,
    kind text not null,
    source text not null,
    file_sha256 bytea not null,
    mode text not null,
    counts jsonb not null,
    errors jsonb not null default '[]',
    started timestamptz not null,
    ended timestamptz
);

-- What this database is for. A production installation is never used as a sandbox.
create table installation (
    only_row boolean primary key default true check (only_row),
    profile text not null check (profile in ('prod', 'test', 'sandbox')),
    since timestamptz not null default now()
);
