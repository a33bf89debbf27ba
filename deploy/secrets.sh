#!/bin/sh
# Makes the secret files of docker-compose.yml in ./secrets; those that exist stay as they are.
# The folder is yours alone; the files are readable so that the containers' users can read them.
set -eu
folder=${1:-secrets}
mkdir -p "$folder"
chmod 700 "$folder"
make() { # NAME COMMAND...
    file=$folder/$1
    shift
    [ -s "$file" ] || "$@" >"$file"
    chmod 444 "$file"
}
password() { od -An -N 18 -tx1 /dev/urandom | tr -d ' \n'; } # hexadecimal: nothing expands in it
key() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; } # as Fernet wants it
make clickhouse_migrator_password password
make clickhouse_writer_password password
make clickhouse_grafana_password password
make grafana_admin_password password
make owner_password password
make token_key key
printf 'Secrets are in %s. You sign in to Spotifire with %s/owner_password.\n' "$folder" "$folder" >&2
printf 'Keep %s/token_key with your backups: without it the connections to Spotify are lost.\n' "$folder" >&2
