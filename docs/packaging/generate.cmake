# SPDX-License-Identifier: MPL-2.0
# cmake -DPROGRAM=... -DARGUMENT=... -DOUTPUT=... [-DTEMPLATE=... -DDATE=...] -P generate.cmake
# Writes what the program prints to OUTPUT; with a template, that with @PRINTED@ and @DATE@ replaced.
cmake_minimum_required(VERSION 3.25)
set(PRINTED "")
if(PROGRAM)
    execute_process(COMMAND ${PROGRAM} ${ARGUMENT} OUTPUT_VARIABLE PRINTED COMMAND_ERROR_IS_FATAL ANY)
endif()
if(TEMPLATE)
    file(READ ${TEMPLATE} text)
    string(STRIP "${PRINTED}" PRINTED)
    string(REPLACE "@PRINTED@" "${PRINTED}" text "${text}")
    string(REPLACE "@DATE@" "${DATE}" text "${text}")
else()
    set(text "${PRINTED}")
endif()
file(WRITE ${OUTPUT} "${text}")
