#!/usr/bin/env bash
# Write requirements/{run,demo,test}.txt anew from pyproject.toml: every package pinned and hashed, no index named.
#
#   tools/lock.sh            keep pinned versions that still fit (a small diff)
#   tools/lock.sh --upgrade  take the newest that fit
#
# run   what the switch needs, PostgreSQL included (Dockerfile, production)
# demo  run + the phones of `make demo`
# test  demo + everything of `make test` and `make lint`
#
# Each file also locks what builds the package itself (hatchling, editables), so that an installation with
# `pip install --no-build-isolation` never resolves anything by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet --disable-pip-version-check "pip-tools==7.6.2"

lock() {
    local out=requirements/$1.txt
    shift
    CUSTOM_COMPILE_COMMAND="make lock" "$tools/venv/bin/pip-compile" \
        --quiet --generate-hashes --allow-unsafe --strip-extras --newline lf \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
        --build-deps-for editable --output-file "$out" "$@" pyproject.toml
}

lock run --extra postgresql "${@}"
lock demo --extra postgresql --extra demo --constraint requirements/run.txt "${@}"
lock test --extra postgresql --extra demo --extra test --constraint requirements/demo.txt "${@}"

if grep -nE 'https?://|--(extra-)?index-url|--find-links' requirements/*.txt; then
    echo "a lock file names a place to download from" >&2
    exit 1
fi
wc -l requirements/*.txt
