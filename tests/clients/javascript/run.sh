#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
#
# Runs one kind of tests of the JavaScript client with Node's test runner.
# Exit code 77 (skipped): Node is too old, or the kind needs npm packages that are not there.
# Arguments: node, the folder of the package, the folder of the tests, the kind.
set -eu
node=$1
package=$2
tests=$3
kind=$4

skip() {
    echo "SKIPPED: $*" >&2
    exit 77
}

"$node" -e 'process.exit(parseInt(process.versions.node, 10) < 18 ? 1 : 0)' ||
    skip "$("$node" --version) is too old, the JavaScript client needs 18"
if [ "$kind" != pure ] && [ ! -e "$package/node_modules/.installed" ]; then
    skip "there are no npm packages: see the test javascript_packages"
fi
exec "$node" --test "$tests/${kind}_"*.test.mjs
