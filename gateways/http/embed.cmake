# SPDX-License-Identifier: MPL-2.0
# cmake -DFOLDER=web -DPACKED=dir -DOUTPUT=assets.c -P embed.cmake
# Every file below FOLDER becomes two blocks of bytes, as it is and packed by gzip, with its path and a
# tag of its content. The bytes themselves are taken in by the assembler.
file(GLOB_RECURSE files LIST_DIRECTORIES false RELATIVE "${FOLDER}" "${FOLDER}/*")
list(SORT files)
set(blocks "")
set(rows "")
set(count 0)
foreach(file IN LISTS files)
    if(NOT file MATCHES "\\.(html|js|css|svg|json|webmanifest|txt|png|woff2|ico)$")
        continue()
    endif()
    file(SHA256 "${FOLDER}/${file}" hash)
    string(SUBSTRING "${hash}" 0 20 tag)
    cmake_path(GET file PARENT_PATH folder)
    file(MAKE_DIRECTORY "${PACKED}/${folder}")
    execute_process(COMMAND gzip -9nc "${FOLDER}/${file}" OUTPUT_FILE "${PACKED}/${file}.gz"
        RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "gzip ${file}: ${failed}")
    endif()
    string(APPEND blocks "BLOCK(plain_${count}, \"${FOLDER}/${file}\")\n"
        "BLOCK(packed_${count}, \"${PACKED}/${file}.gz\")\n")
    string(APPEND rows "    {\"/${file}\", \"\\\"${tag}\\\"\", plain_${count}, plain_${count}_end, "
        "packed_${count},\n     packed_${count}_end},\n")
    math(EXPR count "${count} + 1")
endforeach()
file(WRITE "${OUTPUT}.new" "/* Made by gateways/http/embed.cmake from gateways/http/web. */
#include \"gateways/http/http_assets.h\"

#define BLOCK(name, file)                                                      \\
    __asm__(\".section .rodata\\n\"                                              \\
            \".balign 16\\n\"                                                    \\
            \"roost_asset_\" #name \":\\n\"                                        \\
            \".incbin \\\"\" file \"\\\"\\n\"                                          \\
            \"roost_asset_\" #name \"_end:\\n\"                                    \\
            \".byte 0\\n\"                                                       \\
            \".previous\\n\");                                                   \\
    extern const unsigned char name[] __asm__(\"roost_asset_\" #name);           \\
    extern const unsigned char name##_end[] __asm__(\"roost_asset_\" #name \"_end\");

${blocks}
const struct http_asset http_assets[] = {
${rows}};
const size_t http_asset_count = sizeof http_assets / sizeof *http_assets;
")
file(COPY_FILE "${OUTPUT}.new" "${OUTPUT}" ONLY_IF_DIFFERENT)
