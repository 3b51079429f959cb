-- Digest of the settings with which the service was last started on this database. A start with others is recorded in
-- the audit trail. Null before the first start that knows this column.
alter table installation add column settings_digest text;
