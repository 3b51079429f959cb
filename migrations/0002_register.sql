-- Parties and the relations between them. `key` is internal: half the index size of a uuid, never on the wire.

create table party (
    key integer generated always as identity primary key,
    uuid uuid not null unique,
    party_id integer unique check (party_id > 0),
    kind text not null check (kind in ('person', 'organization', 'system-user', 'self-identified-user', 'enterprise-user')),
    form_id smallint references entity_variant (key),
    status text not null default 'active' check (status in ('active', 'bankrupt', 'winding-up', 'deleted')),
    org_number text unique check (org_number ~ '^[0-9]{9}$'),
    -- Identity numbers are never stored in clear: a keyed blind index for equality, AES-256-GCM for the value.
    person_id_hmac bytea unique,
    person_id_enc bytea,
    user_id integer unique check (user_id > 0),
    parent_key integer references party (key),
    name text not null,
    birth_date date,
    death_date date,
    deleted_at timestamptz,
    source text not null,
    updated_at timestamptz not null default now(),
    check (kind <> 'organization' or org_number is not null),
    check (kind <> 'person' or person_id_hmac is not null)
);
create index party_parent on party (parent_key) where parent_key is not null;

-- Ids of parties new to us start here, so that ids imported from Altinn (50 to 63 million) never collide.
create sequence party_id_seq as integer start with 1000000001;
create sequence user_id_seq as integer start with 1000000001;

create table person_former_id (
    person_id_hmac bytea primary key,
    key integer not null references party (key)
);

create table person_name (
    key integer primary key references party (key) on delete cascade,
    first_name text not null,
    middle_name text,
    last_name text not null
);

-- Person-held roles from open data, where the identity number is unknown. They give no access.
create table unresolved_holder (
    org_key integer not null references party (key),
    role_id smallint not null references role (key),
    name text not null,
    birth_date date not null,
    source text not null
);
create index unresolved_holder_org on unresolved_holder (org_key);
create index unresolved_holder_person on unresolved_holder (birth_date, name);

create table register_role (
    from_key integer not null references party (key),
    role_id smallint not null references role (key),
    to_key integer not null references party (key),
    source text not null,
    valid_from date,
    primary key (from_key, role_id, to_key)
);
create index register_role_to on register_role (to_key, role_id, from_key);

create table service_owner (
    orgcode text primary key,
    org_number text not null unique,
    name jsonb not null
);

create table vendor (
    org_number text primary key,
    status text not null check (status in ('active', 'closed'))
);
