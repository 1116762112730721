# Documentation. Manual pages are built and installed with the library: those of the headers by a
# script in Python, those of the guides by lowdown. The target docs makes the web site.
find_program(EDDY_PYTHON3 python3) # find_package() would start it eight times
find_program(EDDY_LOWDOWN lowdown)
mark_as_advanced(EDDY_PYTHON3 EDDY_LOWDOWN)
if(NOT EDDY_PYTHON3)
    message(STATUS "No manual pages: they need python3; -DEDDY_BUILD_MAN=OFF leaves them out")
    return()
endif()

set(scripts ${PROJECT_SOURCE_DIR}/tools/docs)
set(man ${PROJECT_BINARY_DIR}/man)
file(GLOB headers CONFIGURE_DEPENDS include/eddy/*.h)
list(INSERT headers 0 ${PROJECT_SOURCE_DIR}/include/eddy.h)
file(GLOB guides CONFIGURE_DEPENDS docs/*.md docs/guides/*.md)
if(EDDY_LOWDOWN)
    set(concepts COMMAND ${EDDY_PYTHON3} ${scripts}/concepts.py ${man} ${PROJECT_VERSION}
        ${guides})
else()
    set(concepts "")
    message(STATUS "No manual pages of the guides: they need lowdown (Debian: lowdown)")
endif()
add_custom_command(
    OUTPUT ${man}/stamp
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${man}
    COMMAND ${EDDY_PYTHON3} ${scripts}/manual.py --lenient ${man} ${PROJECT_VERSION}
            ${headers}
    ${concepts}
    COMMAND ${CMAKE_COMMAND} -E touch ${man}/stamp
    DEPENDS ${headers} ${guides} ${scripts}/headers.py ${scripts}/manual.py ${scripts}/concepts.py
    COMMENT "Manual pages" VERBATIM)
add_custom_target(man ALL DEPENDS ${man}/stamp)
if(EDDY_INSTALL)
    install(DIRECTORY ${man}/man3 ${man}/man7 DESTINATION ${CMAKE_INSTALL_MANDIR} OPTIONAL)
endif()

add_custom_target(docs
    COMMAND ${EDDY_PYTHON3} ${scripts}/website.py ${PROJECT_SOURCE_DIR} ${man}
            ${PROJECT_BINARY_DIR}/site
    COMMENT "Web site: ${PROJECT_BINARY_DIR}/site/index.html" VERBATIM)
add_dependencies(docs man)
