-- The resource registry: what can be asked about, and the policies that answer.

create table resource (
    identifier text primary key,
    created timestamptz not null default now(),
    -- A deleted identifier stays reserved.
    deleted timestamptz
);

create table resource_version (
    version_id integer generated always as identity primary key,
    identifier text not null references resource (identifier),
    document jsonb not null,
    created timestamptz not null default now()
);
create index resource_version_latest on resource_version (identifier, version_id desc);

create table resource_policy (
    identifier text not null references resource (identifier),
    version integer not null,
    xml bytea not null,
    sha256 bytea not null,
    uploaded_at timestamptz not null default now(),
    uploaded_by_org text,
    primary key (identifier, version)
);

create table resource_subject (
    identifier text not null references resource (identifier),
    subject_urn text not null,
    primary key (identifier, subject_urn)
);
create index resource_subject_urn on resource_subject (subject_urn);

create table access_list (
    id integer generated always as identity primary key,
    owner_orgcode text not null references service_owner (orgcode),
    identifier text not null,
    name text not null,
    description text not null,
    unique (owner_orgcode, identifier)
);

create table access_list_connection (
    resource text not null references resource (identifier),
    list integer not null references access_list (id) on delete cascade,
    -- Empty means every action.
    action_filters text[] not null default '{}',
    primary key (resource, list)
);

create table access_list_member (
    list integer not null references access_list (id) on delete cascade,
    party_key integer not null references party (key),
    primary key (list, party_key)
);
create index access_list_member_party on access_list_member (party_key);
