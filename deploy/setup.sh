#!/bin/sh
# Makes .venv from a lock file: says first what it downloads, does nothing when nothing changed.
#   deploy/setup.sh requirements.lock | requirements-dev.lock
set -eu
lock=$1
python=${PYTHON:-python3}
venv=.venv
stamp=$venv/installed-$(basename "$lock")

say() { printf '%s\n' "$*" >&2; }
# A step that takes a while: what it is, on a terminal a dot every two seconds, and how long it took.
step() {
    printf '%s ' "$1" >&2
    shift
    began=$(date +%s)
    dots=
    if [ -t 2 ]; then
        while sleep 2; do printf . >&2; done &
        dots=$!
        trap 'kill $dots 2>/dev/null || true' EXIT
        trap 'exit 130' INT TERM
    fi
    code=0
    "$@" || code=$?
    [ -z "$dots" ] || kill "$dots" 2>/dev/null || true
    [ "$code" -eq 0 ] || { say "failed."; exit "$code"; }
    say " $(($(date +%s) - began)) s"
}
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

[ -x $venv/bin/python ] || step "1/4 a virtual environment" "$python" -m venv $venv
step "2/4 the installer" $venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
# With hashes, so that a package that was swapped on its way is refused.
packages=$(grep -c '^[A-Za-z0-9]' "$lock")
step "3/4 $packages packages" $venv/bin/uv pip install --quiet --python $venv/bin/python --require-hashes --compile-bytecode -r "$lock"
step "4/4 Spotifire itself" $venv/bin/uv pip install --quiet --python $venv/bin/python --no-deps --no-build-isolation -e .
cp "$lock" "$stamp"
say "Set up."
