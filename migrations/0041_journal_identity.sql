-- A journal belongs to one installation, and its objects are numbered. A database that is older than the journal knows by the numbers
-- alone which objects it lacks, whatever its clock says.
alter table journal_end
    add column journal uuid not null default gen_random_uuid(),
    add column objects bigint not null default 0;
