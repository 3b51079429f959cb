-- Decisions are stored with the authentication levels that their policies state.

-- Every decision with its columns. A condition on block_first finds the blocks quickly: those of a moment begin at most a
-- little before it.
create or replace view decision_log as
select
    d[1]::uuid as decision_id,
    -- Place among the decisions of one answer, from 0.
    d[2]::int as part,
    -- Stored as milliseconds of the Unix clock.
    to_timestamp(d[3]::bigint / 1000.0) as created,
    d[4] as endpoint,
    d[5] as caller_org,
    d[6] as caller_client_id,
    d[7] as caller_jti,
    d[8]::uuid as request_id,
    d[9] as address,
    d[10] as session_id,
    d[11]::int as subject_user_id,
    d[12]::int as subject_party_id,
    d[13] as subject_org_code,
    d[14] as subject_org_number,
    d[15]::uuid as subject_party_uuid,
    d[16]::int as resource_party_id,
    d[17] as resource,
    d[18] as instance_id,
    d[19] as operation,
    -- Permit 1, Deny 2, Indeterminate 3, NotApplicable 4.
    d[20]::smallint as decision,
    d[21] as status_code,
    d[22] as reason,
    d[23]::int as policy_version,
    -- Rule of the policy, or id of the assignment with the single right.
    d[24] as decided_by,
    -- The caller, who is trusted to, said itself what else only the decision point says.
    d[25]::boolean as enriched_by_caller,
    d[26]::int as duration_us,
    -- What was decided about, completed: [category, [[attribute, value, data type unless text, echoed]]].
    d[27]::json as context,
    d[28]::json as explanation,
    b.first as block_first,
    b.last as block_last,
    -- The authentication levels that the policy states with a Permit, and which of them counts for the subject: general or
    -- systemUsers. Blocks from before these columns have none.
    d[29]::int as minimum_level,
    d[30]::int as minimum_level_system_users,
    d[31] as level_counted
from decision_block b
cross join lateral string_to_table(b.lines, E'\n') as line
cross join lateral string_to_array(line, E'\t', '\N') as d;
