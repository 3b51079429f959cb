-- Access packages are stored in the catalogue's spelling. Those that vendors sent in other letter case were stored as sent, and
-- could be asked for but never approved.
create function spelt_packages(packages jsonb) returns jsonb language sql stable as $$
    select coalesce(jsonb_agg(case when p.urn is null then item else jsonb_set(item, '{urn}', to_jsonb(p.urn)) end order by place), '[]')
    from jsonb_array_elements(packages) with ordinality as listed(item, place)
    left join package p on lower(p.urn) = lower(item->>'urn')
$$;

-- jsonb_path_exists finds the few rows without a look-up of their packages: the catalogue's URNs have no capital letter.
update system set access_packages = spelt_packages(access_packages)
where jsonb_path_exists(access_packages, '$[*].urn ? (@ like_regex "[A-Z]")');
update request set access_packages = spelt_packages(access_packages)
where jsonb_path_exists(access_packages, '$[*].urn ? (@ like_regex "[A-Z]")');
update "system_user" set access_packages = spelt_packages(access_packages)
where jsonb_path_exists(access_packages, '$[*].urn ? (@ like_regex "[A-Z]")');
update change_request set required_access_packages = spelt_packages(required_access_packages),
    unwanted_access_packages = spelt_packages(unwanted_access_packages)
where jsonb_path_exists(required_access_packages, '$[*].urn ? (@ like_regex "[A-Z]")')
   or jsonb_path_exists(unwanted_access_packages, '$[*].urn ? (@ like_regex "[A-Z]")');

drop function spelt_packages(jsonb);
