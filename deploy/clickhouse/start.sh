#!/bin/bash
# Starts a ClickHouse server with its users' passwords taken from secret files: only their hashes
# reach the server, in its environment.
set -eu
for user in migrator writer grafana; do
    file=/run/secrets/clickhouse_${user}_password
    [ -s "$file" ] || { echo "spotifire: the secret file $file is missing or empty" >&2; exit 2; }
    hash=$(printf %s "$(cat "$file")" | sha256sum | cut -d ' ' -f 1)
    export "CLICKHOUSE_$(echo "$user" | tr '[:lower:]' '[:upper:]')_SHA256=$hash"
done
exec /entrypoint.sh "$@"
