#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Installs into a fresh folder and builds the examples from there, as a stranger would: through
# pkg-config against the shared library, against the static one, and in a project of its own that
# finds both with CMake. Only roost_* may be exported.
# Arguments: the build folder, the source folder. Needs cc, pkg-config, cmake, nm and readelf.
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
for example in chat worklog sensors; do
    # shellcheck disable=SC2046 # several words
    cc -Wall -Wextra -Werror "$source/clients/c/examples/$example.c" -o "$folder/$example" \
        $(pkg-config --cflags --libs roost)
done
# shellcheck disable=SC2046 # several words
cc "$source/clients/c/examples/hello.c" -o "$folder/static" $(pkg-config --cflags roost) \
    "$lib/libroost.a" $(pkg-config --static --libs-only-l roost | sed 's/-lroost //')
printf '#include <roost.h>\nint main() { return roost_version() == nullptr; }\n' >"$folder/c.cc"
if command -v c++ >/dev/null; then
    # shellcheck disable=SC2046 # several words
    c++ -Wall -Wextra -Werror "$folder/c.cc" -o "$folder/cxx" $(pkg-config --cflags --libs roost)
    LD_LIBRARY_PATH=$lib "$folder/cxx"
fi

# A project of its own finds it with CMake, and only where the version fits.
mkdir "$folder/project"
cp "$source"/clients/c/examples/*.c "$folder/project"
cat >"$folder/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(stranger LANGUAGES C)
find_package(roost 0.1 REQUIRED)
foreach(name hello chat worklog sensors)
    add_executable(${name} ${name}.c)
    target_link_libraries(${name} PRIVATE roost::roost)
endforeach()
add_executable(hello_static hello.c)
target_link_libraries(hello_static PRIVATE roost::static)
END
cmake -S "$folder/project" -B "$folder/project/build" -DCMAKE_PREFIX_PATH="$folder" \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" >"$folder/cmake.log" 2>&1 || { cat "$folder/cmake.log"; exit 1; }
cmake --build "$folder/project/build" >"$folder/cmake.log" 2>&1 || { cat "$folder/cmake.log"; exit 1; }
readelf -d "$folder/project/build/hello" | grep -q 'libroost\.so\.0' ||
    { echo "roost::roost is not the shared library"; exit 1; }
! readelf -d "$folder/project/build/hello_static" | grep -q 'libroost' ||
    { echo "roost::static is not the static library"; exit 1; }
if sed 's/roost 0.1/roost 0.2/' "$folder/project/CMakeLists.txt" >"$folder/newer.cmake" &&
    mkdir "$folder/newer" && mv "$folder/newer.cmake" "$folder/newer/CMakeLists.txt" &&
    cp "$folder"/project/*.c "$folder/newer" &&
    cmake -S "$folder/newer" -B "$folder/newer/build" -DCMAKE_PREFIX_PATH="$folder" >/dev/null 2>&1; then
    echo "a project that wants version 0.2 is given this one"
    exit 1
fi

foreign=$( (nm -D --defined-only "$lib/libroost.so"; nm -g --defined-only "$lib/libroost.a") |
    awk 'NF == 3 && $2 != "A" && $3 !~ /^roost_[a-z]/ { print $3 }')
[ -z "$foreign" ] || { echo "exported, but not roost_*: $foreign"; exit 1; }
nm -D --with-symbol-versions "$lib/libroost.so" | grep -q ' roost_open@@LIBROOST_0$' ||
    { echo "the symbols have no version"; exit 1; }
readelf -d "$lib/libroost.so" | grep -q 'SONAME.*libroost\.so\.0\]' ||
    { echo "the name of the shared library is not libroost.so.0"; exit 1; }
for program in shared static; do # nobody listens there: it says so and ends
    if LD_LIBRARY_PATH=$lib "$folder/$program" tcp://127.0.0.1:1 2>"$folder/errors"; then
        echo "$program found a broker where there is none"
        exit 1
    fi
    grep -q TIMEOUT "$folder/errors"
done
