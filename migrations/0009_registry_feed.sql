-- Who may ask what is new about subjects of resources: a pair that is gone stays, marked, so that it can be told.

alter table resource_subject
    add column updated_at timestamptz not null default clock_timestamp(),
    add column deleted boolean not null default false;
create index resource_subject_updated on resource_subject (updated_at, identifier, subject_urn);
