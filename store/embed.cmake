# SPDX-License-Identifier: MPL-2.0
# cmake -DFOLDER=migrations -DOUTPUT=migrations.c -P embed.cmake
# Every NNNN_name.sql becomes a byte array (as hex, so that every character survives); its number
# is its version, which is set at its end, in the same transaction.
file(GLOB files "${FOLDER}/[0-9][0-9][0-9][0-9]_*.sql")
list(SORT files)
set(arrays "")
set(rows "")
set(expected 0)
foreach(file IN LISTS files)
    get_filename_component(name "${file}" NAME_WE)
    string(SUBSTRING "${name}" 0 4 digits)
    math(EXPR expected "${expected} + 1")
    string(REGEX REPLACE "^0+" "" version "${digits}")
    if(NOT version EQUAL expected)
        message(FATAL_ERROR "${name}: expected number ${expected}")
    endif()
    file(READ "${file}" hex HEX)
    string(CONFIGURE "\nPRAGMA user_version = ${version};\n" tail)
    string(HEX "${tail}" tail_hex)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}${tail_hex}")
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n    "
           bytes "${bytes}")
    string(APPEND arrays "static const char sql_${version}[] = {\n    ${bytes}0x00};\n\n")
    string(APPEND rows "    {${version}, \"${name}\", sql_${version}},\n")
endforeach()
file(WRITE "${OUTPUT}.new" "/* Made by store/embed.cmake from store/migrations. */
#include \"store/migrate.h\"

${arrays}const struct migration migrations[] = {
${rows}};
const size_t migrations_count = sizeof migrations / sizeof *migrations;
")
file(COPY_FILE "${OUTPUT}.new" "${OUTPUT}" ONLY_IF_DIFFERENT)
