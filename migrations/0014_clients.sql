-- Lists of clients in the order of their names, and clients that an import takes from agents.

-- The first page of a provider with 94,000 clients is read along this index, not sorted.
create index party_organization_name on party (name, uuid) where kind = 'organization';

create unlogged table staging.unhanded (
    system_user_key integer not null,
    client_key integer not null,
    primary key (system_user_key, client_key)
);
