-- Every key can be replaced while the service runs: the present one writes, earlier ones are still read.

-- The number behind an index value, so that the value can be computed again with another key. Rows of earlier releases have none until
-- the next import of persons, which brings the numbers again.
alter table person_former_id add column person_id_enc bytea;
alter table staging.person add column former_enc bytea[] not null default '{}';

-- Keys that the service was started with, by setting. A key that a setting did not have before leaves a row in the audit trail.
create table key_in_use (
    setting text not null,
    id text not null,
    since timestamptz not null default service_now(),
    primary key (setting, id)
);
