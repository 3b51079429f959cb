#!/usr/bin/env bash
# Patroni calls it once, on the first primary, with an address as superuser: makes the two roles and the database.
# SB_OWNER_PASSWORD and SB_APP_PASSWORD come from the environment.
set -euo pipefail
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 "$1" <<SQL
create role sb_owner login password '$SB_OWNER_PASSWORD';
create role sb_app login password '$SB_APP_PASSWORD';
create database systembruker owner sb_owner;
-- Sessions of a pooler of transactions do not bring their settings along.
alter role sb_app in database systembruker set statement_timeout = '5s';
alter role sb_app in database systembruker set lock_timeout = '2s';
alter role sb_app in database systembruker set idle_in_transaction_session_timeout = '10s';
alter role sb_app in database systembruker set plan_cache_mode = 'force_generic_plan';
alter role sb_app in database systembruker set jit = 'off';
alter role sb_app in database systembruker set sb.writer = 'service';
SQL
