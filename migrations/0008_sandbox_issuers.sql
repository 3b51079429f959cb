-- The sandbox's own Maskinporten clients and OIDC clients. Empty in every other profile.

create table sandbox_client (
    client_id text primary key,
    org_number text not null,
    scopes text[] not null,
    -- Registered, but not granted to the organisation.
    ungranted_scopes text[] not null default '{}',
    jwks jsonb not null,
    expired_kids text[] not null default '{}',
    -- Customers that have delegated scopes to this client's organisation.
    delegated_by text[] not null default '{}',
    created timestamptz not null default now()
);

create table sandbox_oidc_client (
    client_id text primary key,
    org_number text,
    secret_hash bytea,
    jwks jsonb,
    redirect_uris text[] not null,
    post_logout_redirect_uris text[] not null,
    frontchannel_logout_uri text,
    scopes text[] not null
);

create table sandbox_authorization (
    code_hash bytea primary key,
    client_id text not null,
    redirect_uri text not null,
    person_uuid uuid not null,
    pid_enc bytea not null,
    acr text not null,
    scope text not null,
    nonce text,
    code_challenge text not null,
    locale text not null,
    sid text not null,
    auth_time timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);

create table sandbox_pushed_request (
    request_uri text primary key,
    client_id text not null,
    parameters jsonb not null,
    expires_at timestamptz not null
);
