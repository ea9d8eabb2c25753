#!/bin/sh
# Make the secrets of deploy/compose.yaml, once, in deploy/secrets/: nothing that is there is changed. Keep a copy of fernet_keys apart from
# the database's backups: without it everybody must authorise every account again.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
umask 022  # services read them as users of their own, and nobody else enters the folder

password() { head -c 30 /dev/urandom | base64 | tr -d '+/=\n'; }
keep() { [ -e "secrets/$1" ] || { printf '%s\n' "$2" > "secrets/$1" && echo "made deploy/secrets/$1"; }; }

keep secret_key "$(password)$(password)"
keep fernet_keys "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_')"
keep superuser_password "$(password)"
if ! [ -e secrets/roles.sql ]; then  # each password stands in two files: those of both roles, and of Valkey
    application=$(password) owner=$(password) queue=$(password)
    keep database_url "postgres://adtoken:$application@postgres:5432/adtoken"
    keep owner_url "postgres://adtoken_owner:$owner@postgres:5432/adtoken"
    keep redis_url "redis://:$queue@valkey:6379/0"
    keep valkey.conf "requirepass $queue"
    keep roles.sql "create role adtoken_owner login password '$owner';
create role adtoken login password '$application';
alter database adtoken owner to adtoken_owner;"
fi
