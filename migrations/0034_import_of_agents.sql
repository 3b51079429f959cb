-- Imported client delegations may name a person as agent: by the blind index of the identity number.
alter table staging.client_delegation alter column "system_user" drop not null, add column person bytea;
