# A build with musl, as Debian's musl-tools has it: cmake -DCMAKE_TOOLCHAIN_FILE=cmake/musl.cmake.
# Its programs run on this machine. Other libraries' packages are built for glibc, and not found.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_HOST_SYSTEM_PROCESSOR})
set(CMAKE_C_COMPILER musl-gcc)
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_BINARY_DIR}/no-packages)

# musl-gcc brings no headers of the kernel. Debian's lie beside glibc's, which must not be found.
execute_process(COMMAND gcc -print-multiarch OUTPUT_VARIABLE EDDY_MULTIARCH
                OUTPUT_STRIP_TRAILING_WHITESPACE)
set(EDDY_KERNEL_HEADERS ${CMAKE_BINARY_DIR}/kernel-headers)
file(MAKE_DIRECTORY ${EDDY_KERNEL_HEADERS})
foreach(folder linux asm-generic ${EDDY_MULTIARCH}/asm)
    get_filename_component(name ${folder} NAME)
    file(CREATE_LINK /usr/include/${folder} ${EDDY_KERNEL_HEADERS}/${name} SYMBOLIC)
endforeach()
set(CMAKE_C_FLAGS_INIT "-idirafter ${EDDY_KERNEL_HEADERS}")

# Its libgcc is the one for glibc, and it does not ask the linker for the table that libgcc
# searches.
set(EDDY_UNWIND ${CMAKE_BINARY_DIR}/musl_unwind.o)
if(NOT EXISTS ${EDDY_UNWIND})
    execute_process(COMMAND musl-gcc -O1 -fPIC -c ${CMAKE_CURRENT_LIST_DIR}/musl_unwind.c
                            -o ${EDDY_UNWIND})
endif()
set(CMAKE_C_STANDARD_LIBRARIES_INIT "${EDDY_UNWIND} -Wl,--eh-frame-hdr")
