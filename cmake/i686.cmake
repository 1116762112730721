# A build for 32 bits: cmake -DCMAKE_TOOLCHAIN_FILE=cmake/i686.cmake. An x86-64 runs the programs
# itself, with the loader and the libraries of the compiler's package.
set(EDDY_CROSS i686-linux-gnu)
set(CMAKE_SYSTEM_PROCESSOR i686)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "-Wl,--dynamic-linker=/usr/${EDDY_CROSS}/lib/ld-linux.so.2,-rpath,/usr/${EDDY_CROSS}/lib")
