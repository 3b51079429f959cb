-- Bulk import: what was read of a file waits in staging tables, and one transaction merges it.
-- Staging tables are unlogged: a crash of Postgres empties them, and the file is read again.

alter table party add column created_at timestamptz not null default now();

create index person_former_id_key on person_former_id (key);

-- Addresses as the source gave them, for display.
create table party_address (
    key integer primary key references party (key) on delete cascade,
    address jsonb not null
);

alter table import_run
    -- `staging`: being read; `done`: merged, or found to change nothing; `refused`: has errors, nothing was written.
    add column state text not null default 'done' check (state in ('staging', 'done', 'refused')),
    add column staged_lines bigint not null default 0;
create unique index import_run_open on import_run (state) where state = 'staging';

create schema staging;

create unlogged table staging.organization (
    line bigint not null,
    org_number text not null,
    name text not null,
    form text not null,
    parent text,
    status text not null,
    deleted_at date,
    party_id integer,
    party_uuid uuid,
    address jsonb
);

create unlogged table staging.person (
    line bigint not null,
    hmac bytea not null,
    enc bytea not null,
    former bytea[] not null,
    first_name text not null,
    middle_name text,
    last_name text not null,
    birth_date date,
    death_date date,
    party_id integer,
    party_uuid uuid,
    user_id integer,
    -- The party this line is about; none when it is new.
    key integer
);

create unlogged table staging.role (
    line bigint not null,
    from_org text not null,
    role_id smallint not null,
    to_org text,
    to_hmac bytea,
    -- Holder without an identity number.
    to_name text,
    to_birth date,
    valid_from date,
    ends boolean not null
);

-- How names are compared: composed, one blank between words, without regard to case.
create function staging.folded(name text) returns text language sql immutable strict as $$
    select lower(translate(normalize(regexp_replace(btrim(name), '\s+', ' ', 'g'), nfc),
        'ÆØÅÄÖÜÁÀÂÉÈÊËÍÌÎÓÒÔÚÙÛÇÑŠŽČĐŊŦ', 'æøåäöüáàâéèêëíìîóòôúùûçñšžčđŋŧ'))
$$;

-- Relations as they shall be, with keys for numbers.
create unlogged table staging.relation (
    from_key integer not null,
    role_id smallint not null,
    to_key integer not null,
    valid_from date,
    ends boolean not null
);

-- Relations that have just ended, for what rests on them.
create unlogged table staging.gone (
    from_key integer not null,
    role_id smallint not null,
    to_key integer not null
);

create unlogged table staging.client_delegation (
    line bigint not null,
    "system_user" uuid not null,
    facilitator text not null,
    client text not null,
    role_id smallint not null,
    packages smallint[] not null
);

-- Kinds of few lines.
create unlogged table staging.document (
    line bigint not null,
    document jsonb not null
);

-- What is wrong with lines.
create unlogged table staging.finding (
    line bigint not null,
    member text not null,
    code text not null,
    reason text not null
);

-- Parties of which something changed.
create unlogged table staging.touched (party_key integer primary key);
