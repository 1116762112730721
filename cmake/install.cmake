# What `make install` puts where: the libraries, the public headers, eddy.pc and eddy-test.pc.
# Adapters and tools install themselves.
include(GNUInstallDirs)

install(TARGETS eddy eddy_shared eddy_test
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/eddy.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/eddy DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} PATTERN curl.h EXCLUDE)

set(EDDY_PC_REQUIRES "")
if(EDDY_WITH_URING)
    string(APPEND EDDY_PC_REQUIRES " liburing")
endif()
if(EDDY_WITH_TLS)
    string(APPEND EDDY_PC_REQUIRES " openssl")
endif()
if(EDDY_WITH_CARES)
    string(APPEND EDDY_PC_REQUIRES " libcares")
endif()
set(packages eddy eddy-test)
if(EDDY_WITH_CURL)
    list(APPEND packages eddy-curl)
    install(FILES include/eddy/curl.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/eddy)
endif()

# The prefix is known for certain only when installing (cmake --install --prefix), so these are
# written then.
foreach(package ${packages})
    install(CODE "
        set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
        set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
        set(PROJECT_DESCRIPTION \"${PROJECT_DESCRIPTION}\")
        set(PROJECT_VERSION \"${PROJECT_VERSION}\")
        set(EDDY_PROGRAM_FLAGS \"${EDDY_PROGRAM_FLAGS}\")
        set(EDDY_PC_REQUIRES \"${EDDY_PC_REQUIRES}\")
        configure_file(\"${PROJECT_SOURCE_DIR}/cmake/${package}.pc.in\" \"${PROJECT_BINARY_DIR}/${package}.pc\" @ONLY)")
    install(FILES ${PROJECT_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
