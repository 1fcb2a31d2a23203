#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Installs into a fresh folder and builds the example from there, as a stranger would: through
# pkg-config against the shared library, and against the static one. Only roost_* may be exported.
# Arguments: the build folder, the source folder. Needs cc, pkg-config, nm and readelf.
set -eu
build=$1
source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$folder" -name roost.pc)")
export PKG_CONFIG_PATH
lib=$(dirname "$PKG_CONFIG_PATH")

# shellcheck disable=SC2046 # several words
cc -Wall -Wextra -Werror "$source/clients/c/examples/hello.c" -o "$folder/shared" \
    $(pkg-config --cflags --libs roost)
# shellcheck disable=SC2046 # several words
cc -Wall -Wextra -Werror "$source/clients/c/examples/chat.c" -o "$folder/chat" \
    $(pkg-config --cflags --libs roost)
# shellcheck disable=SC2046 # several words
cc "$source/clients/c/examples/hello.c" -o "$folder/static" $(pkg-config --cflags roost) \
    "$lib/libroost.a" $(pkg-config --static --libs-only-l roost | sed 's/-lroost //')
printf '#include <roost.h>\nint main() { return roost_version() == nullptr; }\n' >"$folder/c.cc"
if command -v c++ >/dev/null; then
    # shellcheck disable=SC2046 # several words
    c++ -Wall -Wextra -Werror "$folder/c.cc" -o "$folder/cxx" $(pkg-config --cflags --libs roost)
    LD_LIBRARY_PATH=$lib "$folder/cxx"
fi

foreign=$( (nm -D --defined-only "$lib/libroost.so"; nm -g --defined-only "$lib/libroost.a") |
    awk 'NF == 3 && $2 != "A" && $3 !~ /^roost_[a-z]/ { print $3 }')
[ -z "$foreign" ] || { echo "exported, but not roost_*: $foreign"; exit 1; }
readelf -d "$lib/libroost.so" | grep -q 'SONAME.*libroost\.so\.0\]' ||
    { echo "the name of the shared library is not libroost.so.0"; exit 1; }
for program in shared static; do # nobody listens there: it says so and ends
    if LD_LIBRARY_PATH=$lib "$folder/$program" tcp://127.0.0.1:1 2>"$folder/errors"; then
        echo "$program found a broker where there is none"
        exit 1
    fi
    grep -q TIMEOUT "$folder/errors"
done
