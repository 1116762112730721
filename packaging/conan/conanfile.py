"""A recipe for Conan 2: conan create ."""
import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, get, rmdir
from conan.tools.gnu import PkgConfigDeps


class EddyConan(ConanFile):
    name = "eddy"
    version = "@VERSION@"
    description = "asyncio for C: event loop, tasks, streams, TLS, on io_uring and epoll"
    license = "MIT"
    homepage = "@HOME@"
    topics = ("asyncio", "coroutines", "event-loop", "io_uring", "network")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "with_curl": [True, False]}
    default_options = {"shared": False, "with_curl": False}

    def configure(self):
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("eddy runs on Linux only")

    def requirements(self):
        self.requires("liburing/[>=2.3]")
        self.requires("openssl/[>=3 <4]")
        self.requires("c-ares/[>=1.18]")
        if self.options.with_curl:
            self.requires("libcurl/[>=7.87]")

    def layout(self):
        cmake_layout(self, src_folder="src")

    def source(self):
        get(self, "@SOURCE@", sha256="@SHA256@", strip_root=True)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["EDDY_WITH_CURL"] = bool(self.options.with_curl)
        for part in ("TOOLS", "TESTS", "EXAMPLES", "BENCH"):
            toolchain.cache_variables["EDDY_BUILD_" + part] = False
        toolchain.generate()
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "eddy")
        self.cpp_info.set_property("cmake_target_name", "eddy::eddy")
        self.cpp_info.set_property("pkg_config_name", "eddy")
        self.cpp_info.libs = ["eddy"]
        self.cpp_info.system_libs = ["pthread"]
