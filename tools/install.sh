#!/usr/bin/env bash
# Make .venv and put one set of locked packages into it: tools/install.sh run|demo|test
#
# Everything comes from requirements/SET.txt, pinned and hashed. The Makefile calls this only when the set or
# pyproject.toml changed. Speaks on stderr alone, so that `make demo ARGS="--once --json"` stays machine-readable.
set -euo pipefail
cd "$(dirname "$0")/.."
exec >&2

set_name=$1
locked=requirements/$set_name.txt
venv=.venv
log=$venv/install-$set_name.log
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "softswitch needs Python 3.11 or newer, and '$python' is not. Name one: make PYTHON=python3.12 ..."
    exit 2
fi
if [ ! -x $venv/bin/python ]; then
    if ! "$python" -m venv $venv; then
        echo "Could not make a virtual environment. On Debian: apt-get install python3-venv"
        exit 2
    fi
fi

total=$(grep -c '==' "$locked")
echo "Installing $total locked packages into $venv (only this once) ..."
show() { # one line that moves on a terminal, a few lines in a log file
    awk -v total="$total" -v tty="$([ -t 2 ] && echo 1 || echo 0)" '
        /^(Collecting|Processing|Requirement already satisfied:) / {
            n++; name = $0; sub(/^(Collecting|Processing|Requirement already satisfied:) /, "", name)
            sub(/ .*/, "", name); sub(/.*\//, "", name); sub(/[=<>\[].*|-[0-9].*/, "", name)
            if (tty) { printf "\r  %2d/%d  %-40s", n, total, name; fflush() }
            else if (n % 15 == 0) { printf "  %d/%d\n", n, total; fflush() }
        }
        /^Installing collected/ { if (tty) printf "\r"; printf "  unpacking ...%-40s\n", ""; fflush() }'
}
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@" 2>&1 | tee -a "$log"; }
failed() {
    echo
    tail -n 15 "$log"
    echo "Installing failed; the whole log is in $log"
    exit 2
}
: >"$log"
pip install --progress-bar off --require-hashes -r "$locked" | show || failed
pip install --no-deps --no-build-isolation --editable . >/dev/null || failed
echo "Installed."
