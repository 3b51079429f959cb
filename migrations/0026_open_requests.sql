-- Open requests of a vendor are counted before it makes another one.
create index request_open on request (system_id, created) where status = 'New' and not is_deleted;
