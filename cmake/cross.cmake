# Cross-builds with Debian's compilers, for the CPU whose file includes this: EDDY_CROSS is its GNU
# name (aarch64-linux-gnu), CMAKE_SYSTEM_PROCESSOR its kernel name. The programs run under qemu's
# emulation of one process, except on a CPU that can run them itself.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${EDDY_CROSS}-gcc)
set(CMAKE_FIND_ROOT_PATH /usr/${EDDY_CROSS})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# The packages of the building machine are not those of the target.
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/${EDDY_CROSS}/pkgconfig)
