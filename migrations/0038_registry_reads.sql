-- What changed in the resource registry, for those who keep a copy; and what service owners show of themselves.

-- Each change gives a resource the next number, under a lock that is held until the transaction ends: the numbers
-- become visible in their order.
create sequence resource_change_seq as bigint;

alter table resource
    add column change_no bigint,
    add column changed_at timestamptz,
    -- It has had a policy at least once.
    add column policy_uploaded boolean not null default false;

update resource r set change_no = o.number, changed_at = o.changed,
    policy_uploaded = exists (select from resource_policy p where p.identifier = r.identifier)
from (select i.identifier, greatest(i.created, max(v.created)) as changed,
          row_number() over (order by max(v.version_id) nulls first, i.identifier collate "C") as number
      from resource i left join resource_version v on v.identifier = i.identifier group by i.identifier) o
where o.identifier = r.identifier;
select setval('resource_change_seq', greatest(count(*), 1)) from resource;

alter table resource
    alter column change_no set default nextval('resource_change_seq'),
    alter column change_no set not null,
    alter column changed_at set default service_now(),
    alter column changed_at set not null;
create unique index resource_change_no on resource (change_no);

alter table service_owner
    add column logo text,
    add column emblem text,
    add column homepage text,
    add column environments text[] not null default '{}',
    -- `phone` and `url`
    add column contact jsonb;
