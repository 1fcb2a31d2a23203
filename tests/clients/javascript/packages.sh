#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
#
# Puts the npm packages of package-lock.json beside the JavaScript client in the build tree, once.
# Exit code 77 (skipped) where that cannot be: no Node 18, no npm, no registry.
# Arguments: the folder of the package.
set -eu
cd "$1"

skip() {
    echo "SKIPPED: the JavaScript client is not tested: $*" >&2
    exit 77
}

command -v node >/dev/null || skip "there is no node (Debian: nodejs)"
node -e 'process.exit(parseInt(process.versions.node, 10) < 18 ? 1 : 0)' ||
    skip "$(node --version) is too old, it needs 18"
if [ -d node_modules ] && cmp -s package-lock.json node_modules/.installed; then
    echo "the packages of package-lock.json are there"
    exit 0
fi
command -v npm >/dev/null || skip "there is no npm to fetch zeromq and protobufjs with (Debian: npm)"

# The scripts of packages are not run: zeromq brings its addon ready-made.
if ! npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --fetch-retries=1 \
    --fetch-timeout=20000 >npm.log 2>&1; then
    cat npm.log
    if grep -qE 'ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET|E(401|403|407|429|5[0-9][0-9])' npm.log; then
        skip "the registry of npm cannot be reached"
    fi
    exit 1
fi
cp package-lock.json node_modules/.installed
echo "installed: $(ls node_modules | tr '\n' ' ')"
