-- Refused attempts are written in batches. A batch whose answer was lost, since the connection broke or the database waited for a
-- standby, is sent again, and is there once.
create table attempt_batch (
    id uuid primary key,
    at timestamptz not null default service_now()
);
create index attempt_batch_at on attempt_batch (at);

-- Keys of identity numbers that were replaced are not taken any more: an index key counts when every person is stored with it, a key
-- that encrypts when something may be encrypted with it. None: it was used before that was noted.
alter table key_in_use add column is_in_use boolean;
