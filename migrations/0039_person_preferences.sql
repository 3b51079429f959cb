-- What a person chose in the portal's menus.

create table person_preference (
    party_key integer primary key references party (key) on delete cascade,
    language text check (language in ('nb', 'nn', 'en')),
    show_deleted boolean not null default false,
    -- Parties that the person marked, by uuid.
    favorites uuid[] not null default '{}'
);
