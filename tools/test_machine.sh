#!/usr/bin/env bash
# What `make test` needs beside Python: more SIP phones (sipp, linphone), a proxy (kamailio), a browser (chromium, and npm
# for its phone) and a PostgreSQL server. Installs what is missing when it may (root with apt), and otherwise says which tests will be skipped. Never fails the run.
set -uo pipefail
exec >&2

missing=()
command -v sipp >/dev/null || missing+=(sip-tester)
command -v linphonec >/dev/null || missing+=(linphone-cli)
command -v kamailio >/dev/null || [ -x /usr/sbin/kamailio ] || missing+=(kamailio)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
command -v chromium >/dev/null || missing+=(chromium)
command -v npm >/dev/null || missing+=(npm)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests: ${missing[*]} ..."
    export DEBIAN_FRONTEND=noninteractive
    apt_get() { apt-get -q -y -o Dpkg::Use-Pty=0 "$@"; }
    log=$(mktemp)
    { apt_get update && apt_get install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 ||
        { tail -n 5 "$log"; echo "Could not install ${missing[*]}; going on without."; }
    rm -f "$log"
fi
command -v sipp >/dev/null || echo "sipp is missing: its interop tests will be skipped (Debian: apt-get install sip-tester)"
for program in chromium npm; do
    command -v $program >/dev/null || echo "$program is missing: the tests with a browser will be skipped"
done
command -v linphonec >/dev/null ||
    echo "linphonec is missing: its interop test will be skipped (Debian: apt-get install linphone-cli)"
command -v kamailio >/dev/null || [ -x /usr/sbin/kamailio ] ||
    echo "kamailio is missing: its interop tests will be skipped (Debian: apt-get install kamailio)"
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ||
    echo "PostgreSQL is missing: its tests will be skipped (Debian: apt-get install postgresql)"
exit 0
