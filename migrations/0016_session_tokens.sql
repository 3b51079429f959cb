-- How somebody proved who they are, as the identity provider tells: tokens of a session say so too.
alter table session add column amr text[] not null default '{}';
