-- Single resources of client delegations end with what was delegated: the journal keeps that too.
create trigger journal_gone after delete on client_delegation_resource referencing old table as gone for each statement
    execute function journal_gone('delegation_id', 'resource_id');
