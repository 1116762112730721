# Finds out which C library this is, and which parts of glibc it lacks: src/base/libc.h makes up for
# those. EDDY_LIBC_DEFINITIONS is what the library, and whatever includes its private headers, is
# compiled with.
include(CheckCSourceCompiles)

# musl has no macro of its name, but types with names of its own.
check_c_source_compiles("#include <stdlib.h>
#if !defined __linux__ || defined __UCLIBC__ || !(defined __GLIBC__ || defined __DEFINED_size_t)
#error
#endif
int main(void) { return 0; }" EDDY_ON_GLIBC_OR_MUSL)
if(NOT EDDY_ON_GLIBC_OR_MUSL)
    message(FATAL_ERROR "eddy runs on Linux with the GNU C library (glibc) or musl; "
            "this compiler uses another C library.")
endif()

# The switch for CPUs without an assembly file needs what musl does not have.
check_c_source_compiles("#include <ucontext.h>
int main(void) { makecontext(0, 0, 0); return 0; }" EDDY_LIBC_HAS_MAKECONTEXT)
if(EDDY_PORTABLE_FIBER AND NOT EDDY_LIBC_HAS_MAKECONTEXT)
    message(FATAL_ERROR "With this C library, which lacks makecontext(), eddy runs on x86-64 and "
            "AArch64 only; this build is for another CPU, or with -DEDDY_PORTABLE_FIBER=ON.")
endif()

set(EDDY_LIBC_DEFINITIONS "")
set(parts)
set(headers "")
set(expressions "")
# eddy_libc_part(NAME HEADER EXPRESSION) adds a part: what the expression needs.
macro(eddy_libc_part name header expression)
    list(APPEND parts ${name})
    set(${name}_HEADER "#include <${header}>\n")
    set(${name}_EXPRESSION "(${expression}) != 0")
    string(APPEND headers "${${name}_HEADER}")
    string(APPEND expressions " + (${${name}_EXPRESSION})")
endmacro()
eddy_libc_part(STATX sys/stat.h "statx(0, 0, 0, STATX_MNT_ID, (struct statx *)0)")
eddy_libc_part(PREADV2 sys/uio.h "preadv2(0, 0, 0, 0, RWF_NOWAIT) + pwritev2(0, 0, 0, 0, 0)")
eddy_libc_part(CLOSE_RANGE unistd.h "close_range(3, 3, 0)")
eddy_libc_part(EPOLL_PWAIT2 sys/epoll.h "epoll_pwait2(0, 0, 0, 0, 0)")
eddy_libc_part(PIDFD sys/pidfd.h "pidfd_open(0, 0) + pidfd_send_signal(0, 0, 0, 0)")
eddy_libc_part(DESCRIPTIONS string.h "strerrordesc_np(0) && sigdescr_np(0)")
eddy_libc_part(SINGLE_THREADED sys/single_threaded.h __libc_single_threaded)
eddy_libc_part(ADAPTIVE_MUTEX pthread.h PTHREAD_MUTEX_ADAPTIVE_NP)
eddy_libc_part(IDN netdb.h "AI_IDN | AI_CANONIDN")
eddy_libc_part(ON_EXIT stdlib.h "on_exit(0, 0)")

# eddy_libc(VARIABLE HEADERS EXPRESSION): whether the library has what the expression needs.
function(eddy_libc variable headers expression)
    set(CMAKE_REQUIRED_DEFINITIONS -D_GNU_SOURCE -Werror=implicit-function-declaration)
    check_c_source_compiles("#include <stddef.h>
${headers}int main(void) { return ${expression}; }" ${variable})
endfunction()

# A program takes half a second, and most libraries have all parts: one by one only if they do not.
eddy_libc(EDDY_LIBC_HAS_EVERY_PART "${headers}" "0${expressions}")
foreach(part ${parts})
    if(NOT EDDY_LIBC_HAS_EVERY_PART)
        eddy_libc(EDDY_LIBC_HAS_${part} "${${part}_HEADER}" "${${part}_EXPRESSION}")
        if(NOT EDDY_LIBC_HAS_${part})
            list(APPEND EDDY_LIBC_DEFINITIONS EDDYI_LACKS_${part})
        endif()
    endif()
endforeach()

# Numbers that the headers of an older glibc, or of an older kernel, do not have. Those of system
# calls from 424 on are the same for every CPU.
if(NOT EDDY_LIBC_HAS_EVERY_PART AND NOT EDDY_LIBC_HAS_CLOSE_RANGE)
    foreach(number SYS_close_range=436 SYS_openat2=437 SYS_epoll_pwait2=441
                   CLOSE_RANGE_CLOEXEC=4 P_PIDFD=3)
        string(REGEX REPLACE "=.*" "" name ${number})
        eddy_libc(EDDY_LIBC_HAS_${name} "#include <linux/close_range.h>
#include <sys/syscall.h>
#include <sys/wait.h>
" "${name} != 0")
        if(NOT EDDY_LIBC_HAS_${name})
            list(APPEND EDDY_LIBC_DEFINITIONS ${number})
        endif()
    endforeach()
endif()
