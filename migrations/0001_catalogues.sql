-- The catalogues every installation ships with. Rows are upserted at start from the files embedded in the
-- program; the small integer keys are internal and never leave the database.

create table role (
    key smallint generated always as identity primary key,
    id uuid not null unique,
    urn text not null unique,
    code text not null unique,
    legacy_code text,
    legacy_urn text,
    register_code text unique,
    provider text not null,
    entity_type text not null,
    name jsonb not null,
    description jsonb not null,
    is_key_role boolean not null,
    is_assignable boolean not null,
    is_available_for_service_owners boolean not null
);

-- Holding the left role implies the right one. One step, never transitive.
create table role_map (
    has_role smallint not null references role (key),
    gets_role smallint not null references role (key),
    primary key (has_role, gets_role)
);

create table area_group (
    id uuid primary key,
    key text not null unique,
    name jsonb not null,
    entity_type text not null
);

create table area (
    id uuid primary key,
    urn text not null unique,
    name jsonb not null,
    group_key text not null references area_group (key),
    icon text not null
);

create table package (
    key smallint generated always as identity primary key,
    id uuid not null unique,
    urn text not null unique,
    code text not null unique,
    name jsonb not null,
    description jsonb not null,
    entity_type text not null,
    area_urn text not null references area (urn),
    provider text not null,
    is_delegable boolean not null,
    is_assignable boolean not null,
    is_available_for_service_owners boolean not null
);

create table entity_variant (
    key smallint generated always as identity primary key,
    id uuid not null unique,
    code text not null,
    entity_type text not null,
    name jsonb not null,
    is_sub_unit boolean not null,
    unique (entity_type, code)
);

create table entity_variant_role (
    variant smallint not null references entity_variant (key),
    role smallint not null references role (key),
    primary key (variant, role)
);

create table role_package (
    role smallint not null references role (key),
    package smallint not null references package (key),
    -- Only when the giving party has this organisation form; null means any.
    variant smallint references entity_variant (key),
    has_access boolean not null,
    can_delegate boolean not null,
    can_assign boolean not null,
    unique nulls not distinct (role, package, variant)
);
