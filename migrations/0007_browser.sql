-- Browser sessions and logins. Every key is the SHA-256 of what the browser holds.

create table session (
    id bytea primary key,
    person_uuid uuid not null,
    user_id integer not null,
    level smallint not null,
    acr text not null,
    auth_time timestamptz,
    upstream_sid text,
    upstream_issuer text,
    csrf_secret bytea not null,
    active_party uuid,
    language text,
    flash text,
    created timestamptz not null default now(),
    last_seen timestamptz not null default now(),
    expires timestamptz not null
);
create index session_person on session (person_uuid, created);
create index session_upstream on session (upstream_issuer, upstream_sid);

create table login_transaction (
    id bytea primary key,
    browser bytea not null,
    state text not null unique,
    nonce text not null,
    code_verifier text not null,
    goto text not null,
    acr text not null,
    locale text not null,
    created timestamptz not null default now()
);
create index login_transaction_browser on login_transaction (browser, created);

create table post_logout (
    id bytea primary key,
    redirect_url text,
    receipt jsonb,
    next_path text,
    created timestamptz not null default now()
);
