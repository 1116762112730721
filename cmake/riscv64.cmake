# A cross-build for riscv64: cmake -DCMAKE_TOOLCHAIN_FILE=cmake/riscv64.cmake.
set(EDDY_CROSS riscv64-linux-gnu)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
