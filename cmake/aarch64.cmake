# A cross-build for aarch64: cmake -DCMAKE_TOOLCHAIN_FILE=cmake/aarch64.cmake.
set(EDDY_CROSS aarch64-linux-gnu)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
