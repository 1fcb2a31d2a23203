# SPDX-License-Identifier: MPL-2.0
# The Debian packages, by CPack: one per component, named as Debian names them.
#
#   roost-daemon   roostd, its unit, its configuration     libroost0     the C client's library
#   roost          the tool                                libroost-dev  what it takes to build with it
#   python3-roost  the Python client
#
# The same source gives the same bytes: all times are that of debian/changelog (or
# SOURCE_DATE_EPOCH), see prepare.cmake, which also adds what debhelper would.
set(debian ${CMAKE_CURRENT_SOURCE_DIR}/debian)
file(STRINGS ${debian}/changelog changelog)
list(GET changelog 0 changelog_first)
if(NOT changelog_first MATCHES "^roost \\(${PROJECT_VERSION}-([0-9]+)\\) ")
    message(FATAL_ERROR "docs/packaging/debian/changelog begins with '${changelog_first}', "
        "which is not the version ${PROJECT_VERSION} of this source")
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE ${CMAKE_MATCH_1})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME roost)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR "roost maintainers")
set(CPACK_PACKAGE_CONTACT "roost maintainers <maintainers@roost.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_SET_DESTDIR ON) # /etc is outside of the prefix
set(CPACK_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/prepare.cmake)
set(CPACK_ROOST_SOURCE ${CMAKE_SOURCE_DIR})
set(CPACK_COMPONENTS_ALL daemon tool library dev python)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/clients/c)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# debian_package(COMPONENT NAME SECTION SUMMARY DESCRIPTION): a line that is empty is ` .` in the
# control file, CPack sees to that.
macro(debian_package component name section summary description)
    string(TOUPPER ${component} upper)
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "${summary}\n${description}")
    set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}\n${description}")
endmacro()

set(what "roost keeps messages for peers who are away in one SQLite file until their
recipient is home. A message that was acknowledged is on disk; it arrives
once and in order, whichever process is killed in between.
")

debian_package(daemon roost-daemon net "durable message broker for ZeroMQ (daemon)"
    "${what}
This package has the broker, roostd, as a service of systemd that listens
on loopback only until it is told otherwise.")
set(CPACK_DEBIAN_DAEMON_PACKAGE_RECOMMENDS "roost (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_DEBIAN_DAEMON_PACKAGE_SUGGESTS "prometheus, grafana, sqlite3")
set(CPACK_DEBIAN_DAEMON_PACKAGE_CONTROL_EXTRA
    "${CMAKE_CURRENT_BINARY_DIR}/control/postinst;${CMAKE_CURRENT_BINARY_DIR}/control/prerm;${CMAKE_CURRENT_BINARY_DIR}/control/postrm;${CMAKE_CURRENT_BINARY_DIR}/control/conffiles")
configure_file(${debian}/roost-daemon.postinst control/postinst COPYONLY)
configure_file(${debian}/roost-daemon.prerm control/prerm COPYONLY)
configure_file(${debian}/roost-daemon.postrm control/postrm COPYONLY)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/control/conffiles "/etc/roost/roost.conf\n")

debian_package(tool roost net "durable message broker for ZeroMQ (command-line tool)"
    "${what}
This package has the tool, roost: it sends and receives, administrates rooms,
accounts and queues, looks into a running broker, and takes over the data of
other programs.")
set(CPACK_DEBIAN_TOOL_PACKAGE_SUGGESTS "roost-daemon")

debian_package(library libroost${ROOST_ABI_VERSION} libs
    "durable message broker for ZeroMQ (C client library)"
    "${what}
This package has the library that programs written in C speak to a broker
with.")
# Not CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS: its scripts call ldconfig, which a trigger is for.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/library/shlibs
    "libroost ${ROOST_ABI_VERSION} libroost${ROOST_ABI_VERSION} (>= ${PROJECT_VERSION})\n")
# Which version each name came with: programs that are built with the library depend on no newer one
# than they need. A name that is not listed, or listed and gone, fails tests/packaging.
configure_file(${debian}/libroost0.symbols library/symbols COPYONLY)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/library/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA
    "${CMAKE_CURRENT_BINARY_DIR}/library/shlibs;${CMAKE_CURRENT_BINARY_DIR}/library/symbols;${CMAKE_CURRENT_BINARY_DIR}/library/triggers")

debian_package(dev libroost-dev libdevel "durable message broker for ZeroMQ (development files)"
    "${what}
This package has what it takes to write a client in C: headers, the library
to link with, also statically, files for pkg-config and CMake, examples; and
the schema of the protocol, for clients in any other language.")
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libroost${ROOST_ABI_VERSION} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), libzmq3-dev (>= 4.3), libprotobuf-c-dev (>= 1.4)")

debian_package(python python3-roost python "durable message broker for ZeroMQ (Python 3 client)"
    "${what}
This package has the client for Python 3, with and without asyncio.")
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9), python3-zmq (>= 22), python3-protobuf (>= 3.20)")
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA
    "${CMAKE_CURRENT_BINARY_DIR}/python/postinst;${CMAKE_CURRENT_BINARY_DIR}/python/prerm")
configure_file(${debian}/python3-roost.postinst python/postinst COPYONLY)
configure_file(${debian}/python3-roost.prerm python/prerm COPYONLY)

# --- what Debian wants of every package
configure_file(${debian}/changelog changelog.Debian COPYONLY)
foreach(component daemon tool library dev python)
    string(TOUPPER ${component} upper)
    set(place ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
    install(FILES ${debian}/copyright ${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian
        DESTINATION ${place} COMPONENT ${component})
    install(FILES ${CMAKE_SOURCE_DIR}/docs/CHANGELOG.md DESTINATION ${place} RENAME changelog
        COMPONENT ${component})
    file(READ ${debian}/lintian-overrides overrides)
    if(component STREQUAL library)
        file(READ ${debian}/library.lintian-overrides more)
        string(APPEND overrides "${more}")
    endif()
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/overrides/${component} "${overrides}")
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/overrides/${component}
        DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
        RENAME ${CPACK_DEBIAN_${upper}_PACKAGE_NAME} COMPONENT ${component})
endforeach()

include(CPack)
