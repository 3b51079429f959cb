-- A Maskinporten client id belongs to at most one live system of a vendor. It was one of all vendors, so that anybody could
-- register the client of somebody else, whose own system was then refused. The look-up compares the vendor anyway.

create unique index system_of_vendor on system (system_internal_id, vendor_org_number);
alter table system_client add column vendor_org_number text;
update system_client c set vendor_org_number = s.vendor_org_number from system s where s.system_internal_id = c.system_internal_id;
alter table system_client alter column vendor_org_number set not null;
alter table system_client add constraint system_client_vendor
    foreign key (system_internal_id, vendor_org_number) references system (system_internal_id, vendor_org_number);

drop index system_client_live;
create unique index system_client_live on system_client (lower(client_id), vendor_org_number) where released_at is null;
