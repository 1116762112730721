vcpkg_download_distfile(ARCHIVE
    URLS "@SOURCE@"
    FILENAME "eddy-${VERSION}.tar.gz"
    SHA512 @SHA512@
)
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "${ARCHIVE}")
vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES curl EDDY_WITH_CURL)
vcpkg_find_acquire_program(PKGCONFIG)
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        ${features}
        "-DPKG_CONFIG_EXECUTABLE=${PKGCONFIG}"
        -DEDDY_BUILD_TOOLS=OFF
        -DEDDY_BUILD_TESTS=OFF
        -DEDDY_BUILD_EXAMPLES=OFF
        -DEDDY_BUILD_BENCH=OFF
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/eddy)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
