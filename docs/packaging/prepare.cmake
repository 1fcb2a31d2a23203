# SPDX-License-Identifier: MPL-2.0
# Run by CPack between installing into a folder and making the packages of it: compresses manuals
# and changelogs as Debian wants them, strips the static library, and gives every file the one time
# that makes the packages reproducible.
cmake_minimum_required(VERSION 3.25)
set(root ${CPACK_TEMPORARY_DIRECTORY})
if(NOT EXISTS ${root})
    message(FATAL_ERROR "nothing is installed in '${root}'")
endif()

function(must)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE code)
    if(NOT code EQUAL 0)
        message(FATAL_ERROR "${ARGN}: ${code}")
    endif()
endfunction()

# --- times: of the changelog, unless the environment says another one
if(DEFINED ENV{SOURCE_DATE_EPOCH})
    set(epoch $ENV{SOURCE_DATE_EPOCH})
else()
    execute_process(COMMAND dpkg-parsechangelog -STimestamp
            -l${CPACK_ROOST_SOURCE}/docs/packaging/debian/changelog
        OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()
set(ENV{SOURCE_DATE_EPOCH} ${epoch})

# --- contents
file(GLOB_RECURSE files LIST_DIRECTORIES false ${root}/*)
foreach(file ${files})
    if(file MATCHES "/share/man/man[0-9]/[^/]+[0-9]$" OR file MATCHES "/changelog(\\.Debian)?$")
        must(gzip -9n ${file})
    elseif(file MATCHES "\\.a$")
        must(strip --strip-debug --remove-section=.comment --enable-deterministic-archives ${file})
    elseif(file MATCHES "/(s?bin/[^/]+|lib[^/]*\\.so\\.[0-9.]+)$" AND NOT IS_SYMLINK ${file})
        must(strip --strip-unneeded --remove-section=.comment --remove-section=.note ${file})
    endif()
endforeach()
must(find ${root} -exec touch --no-dereference --date=@${epoch} {} +)
