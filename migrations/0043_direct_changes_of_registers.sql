-- Rows of the registers and of access lists decide who may act for whom, as grants do: a change past the service leaves a row in the
-- audit trail too.
do $$
declare
    guarded record;
begin
    for guarded in
        select * from (values
            ('party', 'party', 'uuid'),
            ('register_role', 'party', 'from_key'),
            ('resource', 'resource', 'identifier'),
            ('resource_version', 'resource', 'identifier'),
            ('access_list', 'access_list', 'identifier'),
            ('access_list_member', 'access_list', 'list'),
            ('access_list_connection', 'access_list', 'list')
        ) as t(name, kind, id)
    loop
        execute format($trigger$create trigger note_direct_change after insert or update or delete on %I for each row
            when (coalesce(current_setting('sb.writer', true), '') = '') execute function note_direct_change(%L, %L)$trigger$,
            guarded.name, guarded.kind, guarded.id);
        execute format($trigger$create trigger note_direct_truncate after truncate on %I for each statement
            when (coalesce(current_setting('sb.writer', true), '') = '') execute function note_direct_truncate(%L)$trigger$,
            guarded.name, guarded.kind);
    end loop;
end $$;

-- Instances cache what they decide by. What changes past the service is named to none of them, so they drop everything that they have cached.
create function publish_direct_change() returns trigger language plpgsql security definer set search_path from current as $$
begin
    insert into change_feed (kind, key) values ('everything', 'changed past the service');
    return null;
end $$;

do $$
declare
    guarded text;
begin
    foreach guarded in array array['system', 'system_user', 'assignment', 'assignment_package', 'assignment_right', 'client_delegation',
        'client_delegation_package', 'client_delegation_resource', 'resource', 'resource_version', 'resource_policy', 'party', 'register_role', 'access_list',
        'access_list_member', 'access_list_connection']
    loop
        execute format($trigger$create trigger publish_direct_change after insert or update or delete or truncate on %I for each statement
            when (coalesce(current_setting('sb.writer', true), '') = '') execute function publish_direct_change()$trigger$, guarded);
    end loop;
end $$;
