# A cross-build for s390x: cmake -DCMAKE_TOOLCHAIN_FILE=cmake/s390x.cmake.
set(EDDY_CROSS s390x-linux-gnu)
set(CMAKE_SYSTEM_PROCESSOR s390x)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
