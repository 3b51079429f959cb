-- Access lists get an API: a version for conditional requests, and times.

alter table access_list
    add column version bigint not null default 1 check (version > 0),
    add column created_at timestamptz not null default service_now(),
    add column updated_at timestamptz not null default service_now();

alter table access_list_connection
    add column created_at timestamptz not null default service_now(),
    add column updated_at timestamptz not null default service_now();
create index access_list_connection_list on access_list_connection (list, resource collate "C");

-- Members are read in pages by uuid, of lists with a million of them. The uuid of a party never changes.
alter table access_list_member
    add column since timestamptz not null default service_now(),
    add column party_uuid uuid;
update access_list_member m set party_uuid = p.uuid from party p where p.key = m.party_key;
alter table access_list_member alter column party_uuid set not null;
create unique index access_list_member_uuid on access_list_member (list, party_uuid);

create function access_list_member_uuid() returns trigger language plpgsql as $$
begin
    new.party_uuid := (select uuid from party where key = new.party_key);
    return new;
end $$;
create trigger access_list_member_uuid before insert on access_list_member
    for each row execute function access_list_member_uuid();
