# eddy_require(PREFIX MODULE DEBIAN OPTION): defines the target PkgConfig::PREFIX for a package that
# pkg-config knows as MODULE. If it is missing, configuring fails with the name of the Debian
# package and of the option that makes it unnecessary.
macro(eddy_require prefix module debian option)
    pkg_check_modules(${prefix} QUIET IMPORTED_TARGET GLOBAL ${module})
    if(NOT ${prefix}_FOUND)
        message(FATAL_ERROR "eddy needs ${module}, which pkg-config does not find. Install it "
                "(on Debian: apt install ${debian}), or do without: cmake -D${option}=OFF")
    endif()
endmacro()
