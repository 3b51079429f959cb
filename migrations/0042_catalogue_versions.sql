-- The catalogue can be replaced without a release. Each version is kept whole, as files have it: the rows of roles, packages and
-- so on follow from the last one.
create table catalogue_version (
    seq bigint generated always as identity primary key,
    sha256 bytea not null,
    -- Whether it came with the program or from an operator's files.
    source text not null check (source in ('shipped', 'imported')),
    files text[] not null,
    content jsonb not null,
    made_at timestamptz not null default service_now(),
    made_by text not null
);

-- A retired package is no longer offered; what is held of it still counts in decisions.
alter table package add column retired boolean not null default false;
