# A cross-build for i386: cmake -DCMAKE_TOOLCHAIN_FILE=cmake/i386.cmake.
set(EDDY_CROSS i686-linux-gnu)
set(CMAKE_SYSTEM_PROCESSOR i386)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
