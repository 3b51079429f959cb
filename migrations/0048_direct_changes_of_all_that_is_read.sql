-- In addition to the tables that have this trigger already: all else that decisions, checks of tokens and lists of authorized parties read.
-- An instance that has cached it drops it when it changes past the service.
do $$
declare
    guarded text;
begin
    foreach guarded in array array['system_client', 'person_former_id', 'person_name', 'party_address', 'role', 'entity_variant',
        'resource_subject']
    loop
        execute format($trigger$create trigger publish_direct_change after insert or update or delete or truncate on %I for each statement
            when (coalesce(current_setting('sb.writer', true), '') = '') execute function publish_direct_change()$trigger$, guarded);
    end loop;
end $$;

-- Organisations whose system users looked persons up by number and last name and found no person: as their owner, or as the vendor of their
-- system.
create table person_lookup_failure_of_organization (
    counted_as text not null check (counted_as in ('owner', 'vendor')),
    org_number text not null,
    failures integer not null,
    last_at timestamptz not null,
    primary key (counted_as, org_number)
);
