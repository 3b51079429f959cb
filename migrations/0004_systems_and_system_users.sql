-- The system register, and the system users built on it.

create table system (
    system_internal_id uuid primary key,
    system_id text not null unique check (char_length(system_id) <= 255),
    vendor_org_number text not null,
    name jsonb not null,
    description jsonb not null,
    rights jsonb not null,
    access_packages jsonb not null,
    allowed_redirect_urls text[] not null,
    is_visible boolean not null,
    is_deleted boolean not null default false,
    created timestamptz not null default now(),
    last_changed timestamptz not null default now()
);
create index system_vendor on system (vendor_org_number, created, system_internal_id) where not is_deleted;
create index system_visible on system (created, system_internal_id) where is_visible and not is_deleted;

create table system_client (
    client_id text not null,
    system_internal_id uuid not null references system (system_internal_id),
    position integer not null,
    released_at timestamptz,
    primary key (system_internal_id, position, client_id)
);
-- One Maskinporten client belongs to at most one live system.
create unique index system_client_live on system_client (lower(client_id)) where released_at is null;

create table system_change_log (
    seq bigint generated always as identity primary key,
    system_internal_id uuid not null references system (system_internal_id),
    changed_by_org_number text,
    change_type text not null check (change_type in ('create', 'update', 'rightsupdate', 'accesspackageupdate', 'delete', 'unknown')),
    changed_data jsonb,
    client_id text,
    created timestamptz not null default now()
);
create index system_change_log_system on system_change_log (system_internal_id, seq desc);

create sequence system_user_sequence as bigint;

create table "system_user" (
    id uuid primary key,
    integration_title text not null check (char_length(integration_title) <= 255),
    system_internal_id uuid not null references system (system_internal_id),
    owner_key integer not null references party (key),
    reportee_org_no text not null,
    kind text not null check (kind in ('standard', 'agent')),
    external_ref text not null check (char_length(external_ref) <= 255),
    -- agent: what every client must offer; standard: what was asked for at creation.
    access_packages jsonb not null default '[]',
    created timestamptz not null default now(),
    last_changed timestamptz not null default now(),
    created_by text not null,
    changed_by text,
    sequence_no bigint not null unique,
    is_deleted boolean not null default false,
    deleted_at timestamptz
);
create unique index system_user_active_key on "system_user" (system_internal_id, reportee_org_no, external_ref) where not is_deleted;
create index system_user_owner on "system_user" (owner_key, created, id) where not is_deleted;
create index system_user_system on "system_user" (system_internal_id, sequence_no) where not is_deleted;

-- Relations that are not register roles: right-holder, agent, supplier. They carry what was handed out.
create table assignment (
    id uuid primary key,
    from_key integer not null references party (key),
    to_key integer not null references party (key),
    role_id smallint not null references role (key),
    created_at timestamptz not null default now(),
    created_by text not null,
    unique (from_key, to_key, role_id)
);
create index assignment_to on assignment (to_key, role_id, from_key);

create table assignment_package (
    assignment_id uuid not null references assignment (id) on delete cascade,
    package_id smallint not null references package (key),
    created_at timestamptz not null default now(),
    created_by text not null,
    primary key (assignment_id, package_id)
);

-- One row per right key: resource, action, and any further resource attributes (sorted id:value pairs).
create table assignment_right (
    assignment_id uuid not null references assignment (id) on delete cascade,
    resource_id text not null references resource (identifier),
    action text not null,
    extra jsonb not null default '[]',
    created_at timestamptz not null default now(),
    created_by text not null,
    primary key (assignment_id, resource_id, action, extra)
);

create table client_delegation (
    id uuid primary key,
    system_user_key integer not null references party (key),
    facilitator_key integer not null references party (key),
    client_key integer not null references party (key),
    role_id smallint not null references role (key),
    created_at timestamptz not null default now(),
    created_by text not null,
    unique (system_user_key, client_key, facilitator_key, role_id)
);
create index client_delegation_facilitator on client_delegation (facilitator_key, client_key);
create index client_delegation_client on client_delegation (client_key);

create table client_delegation_package (
    delegation_id uuid not null references client_delegation (id) on delete cascade,
    package_id smallint not null references package (key),
    -- What the package rests on: the role, or what the client handed to the facilitator.
    basis text not null check (basis in ('role-package', 'assignment-package')),
    primary key (delegation_id, package_id)
);
