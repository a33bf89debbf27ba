#!/bin/sh
# Makes the lock files anew: hashes of every file, for every platform, and no registry's name.
set -eu
uv=.venv/bin/uv
compile() { "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-annotate --no-emit-index-url --no-emit-find-links "$@"; }
compile requirements-setup.in -o requirements-setup.lock
compile pyproject.toml --extra embedded -o requirements.lock
# The same versions, without what only the embedded database and broker need.
compile -c requirements.lock pyproject.toml -o requirements-slim.lock
# The same versions as what is deployed, and the tools for tests beside them.
compile -c requirements.lock pyproject.toml --extra embedded --group dev -o requirements-dev.lock
