-- Agents are persons too, and a client's single resources are passed on to them.

comment on column client_delegation.system_user_key is
    'The agent: a system user for clients, or a person. (The name is older than agents that are persons.)';

-- The resource is passed on with the rights that the client has given the facilitator on it at the time of a decision.
create table client_delegation_resource (
    delegation_id uuid not null references client_delegation (id) on delete cascade,
    resource_id text not null references resource (identifier),
    primary key (delegation_id, resource_id)
);
create trigger note_direct_change after insert or update or delete on client_delegation_resource for each row
    when (coalesce(current_setting('sb.writer', true), '') = '') execute function note_direct_change('client_delegation', 'delegation_id');
create trigger note_direct_truncate after truncate on client_delegation_resource for each statement
    when (coalesce(current_setting('sb.writer', true), '') = '') execute function note_direct_truncate('client_delegation');

-- On the wire: the row by which a package was given.
alter table assignment_package add column id uuid not null default gen_random_uuid();
create unique index assignment_package_id on assignment_package (id);

-- Single rights of a resource, whoever holds them.
create index assignment_right_resource on assignment_right (resource_id, assignment_id);

-- Callers that looked a person up by number and last name and named nobody.
create table person_lookup_failure (
    caller_uuid uuid primary key,
    failures integer not null,
    last_at timestamptz not null
);
