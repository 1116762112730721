# llhttp, an HTTP parser, whose C sources come with Debian's node-llhttp. Without them there is no
# target of that name.
if(TARGET llhttp)
    return()
endif()
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp)
find_path(LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp)
if(LLHTTP_INCLUDE AND LLHTTP_SOURCES)
    add_library(llhttp STATIC ${LLHTTP_SOURCES}/api.c ${LLHTTP_SOURCES}/http.c
                              ${LLHTTP_SOURCES}/llhttp.c)
    target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})
    target_compile_options(llhttp PRIVATE -w)
endif()
