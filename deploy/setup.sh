#!/bin/sh
# Makes .venv from a lock file: says first what it downloads, does nothing when nothing changed.
#   deploy/setup.sh requirements.lock | requirements-dev.lock
set -eu
lock=$1
python=${PYTHON:-python3}
venv=.venv
stamp=$venv/installed-$(basename "$lock")

say() { printf '%s\n' "$*" >&2; }
stop() { say "spotifire: $*"; exit 2; }

[ -f "$stamp" ] && cmp -s "$stamp" "$lock" && exit 0

command -v "$python" >/dev/null 2>&1 || stop "there is no $python. Install Python 3.11 or newer."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "$("$python" --version) is too old. Install Python 3.11 or newer, or run: make PYTHON=python3.12 run"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    stop "this Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv"
free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
[ "$free" -gt 2048 ] || stop "only $free MB are free here and the set-up needs 2,000. Free some disk first."

case $lock in
*dev*) size='about 430 MB of Python packages (1.6 GB on disk)' ;;
*) size='about 350 MB of Python packages (1.4 GB on disk)' ;;
esac
say "Setting up in ./$venv: downloads $size, once. Nothing is installed outside this folder."

[ -x $venv/bin/python ] || "$python" -m venv $venv
$venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
# With hashes, so that a package that was swapped on its way is refused.
$venv/bin/uv pip install --quiet --python $venv/bin/python --require-hashes --compile-bytecode -r "$lock"
$venv/bin/uv pip install --quiet --python $venv/bin/python --no-deps --no-build-isolation -e .
cp "$lock" "$stamp"
say "Set up."
