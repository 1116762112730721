# Installation: the libraries, the public headers, and the files with which pkg-config and CMake
# find them. Tools install themselves.
include(CMakePackageConfigHelpers)
set(EDDY_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/eddy)

# Each kind of library has an export of its own: eddyConfig.cmake reads the requested ones.
set(EDDY_EXPORTS eddy_shared eddy eddy_test)
if(EDDY_WITH_CURL)
    list(APPEND EDDY_EXPORTS eddy_curl)
endif()
foreach(target ${EDDY_EXPORTS})
    install(TARGETS ${target} EXPORT ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
            ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT ${target} NAMESPACE eddy:: FILE ${target}-targets.cmake
            DESTINATION ${EDDY_CMAKE_DIR})
endforeach()
set(EDDY_CMAKE_NEEDS "")
foreach(pair URING:EDDY_LIBURING=liburing TLS:EDDY_OPENSSL=openssl CARES:EDDY_LIBCARES=libcares)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 with)
    if(EDDY_WITH_${with})
        list(GET pair 1 need)
        string(APPEND EDDY_CMAKE_NEEDS " ${need}")
    endif()
endforeach()
configure_package_config_file(cmake/eddyConfig.cmake.in ${PROJECT_BINARY_DIR}/eddyConfig.cmake
                              INSTALL_DESTINATION ${EDDY_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/eddyConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/eddyConfig.cmake ${PROJECT_BINARY_DIR}/eddyConfigVersion.cmake
        DESTINATION ${EDDY_CMAKE_DIR})

install(FILES include/eddy.h include/eddy.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
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
# What a program with the static library needs besides: dladdr() before glibc 2.34, and atomics of
# 64 bits on some CPUs.
set(EDDY_PC_LIBS "-pthread")
foreach(library ${CMAKE_DL_LIBS})
    string(APPEND EDDY_PC_LIBS " -l${library}")
endforeach()
if(NOT EDDY_HAVE_ATOMICS)
    string(APPEND EDDY_PC_LIBS " -latomic")
endif()
set(packages eddy eddy-test)
if(EDDY_WITH_CURL)
    list(APPEND packages eddy-curl)
    install(FILES include/eddy/curl.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/eddy)
endif()

# The prefix is certain only at installation (cmake --install --prefix), so these files are written
# then.
foreach(package ${packages})
    install(CODE "
        set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
        set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
        set(PROJECT_DESCRIPTION \"${PROJECT_DESCRIPTION}\")
        set(PROJECT_VERSION \"${PROJECT_VERSION}\")
        set(EDDY_PROGRAM_FLAGS \"${EDDY_PROGRAM_FLAGS}\")
        set(EDDY_PC_REQUIRES \"${EDDY_PC_REQUIRES}\")
        set(EDDY_PC_LIBS \"${EDDY_PC_LIBS}\")
        configure_file(\"${PROJECT_SOURCE_DIR}/cmake/${package}.pc.in\"
                       \"${PROJECT_BINARY_DIR}/${package}.pc\" @ONLY)")
    install(FILES ${PROJECT_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
