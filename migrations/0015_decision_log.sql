-- The decision log: a row for each decision, in partitions of a day. The id of an answer begins with its time, so that one
-- answer is found in one partition.

drop table decision_log;
create table decision_log (
    decision_id uuid not null,
    -- Place among the decisions of one answer, from 0.
    part integer not null,
    created timestamptz not null,
    endpoint text not null check (endpoint in ('external', 'internal', 'token', 'authzen')),
    caller_org text,
    caller_client_id text,
    caller_jti text,
    request_id uuid,
    address text,
    session_id text,
    subject_user_id integer,
    subject_party_id integer,
    subject_org_code text,
    subject_org_number text,
    subject_party_uuid uuid,
    resource_party_id integer,
    resource text,
    instance_id text,
    operation text,
    -- Permit 1, Deny 2, Indeterminate 3, NotApplicable 4.
    decision smallint not null,
    status_code text not null,
    reason text not null,
    policy_version integer,
    -- Rule of the policy, or id of the assignment with the single right.
    decided_by text,
    -- The caller, who is trusted to, said itself what else only the decision point says.
    enriched_by_caller boolean not null,
    duration_us integer not null,
    -- What was decided about, completed: [category, [[attribute, value, data type unless text, echoed]]].
    context json,
    explanation json,
    primary key (decision_id, part, created)
) partition by range (created);
create table decision_log_default partition of decision_log default;
