-- Which checkpoints of the audit trail were written to which file: that a file has vanished, or was put back from an older copy, is noticed
-- although another is begun in its place.
create table audit_checkpoint_file (
    host text not null,
    path text not null,
    -- Rows of the chain at its first checkpoint, and at its newest.
    begun bigint not null,
    length bigint not null,
    at timestamptz not null,
    primary key (host, path)
);
