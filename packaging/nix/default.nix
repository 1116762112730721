# nix-build, or callPackage ./default.nix { } in an overlay.
{ pkgs ? import <nixpkgs> { } }:

pkgs.stdenv.mkDerivation rec {
  pname = "eddy";
  version = "@VERSION@";

  src = pkgs.fetchurl {
    url = "@SOURCE@";
    sha256 = "@SHA256@";
  };

  nativeBuildInputs = [ pkgs.cmake pkgs.ninja pkgs.pkg-config ];
  buildInputs = [ pkgs.c-ares pkgs.curl pkgs.liburing pkgs.openssl ];
  cmakeFlags = [
    "-DEDDY_BUILD_TESTS=OFF"
    "-DEDDY_BUILD_EXAMPLES=OFF"
    "-DEDDY_BUILD_BENCH=OFF"
  ];

  meta = {
    description = "asyncio for C: event loop, tasks, streams, TLS, on io_uring and epoll";
    homepage = "@HOME@";
    license = pkgs.lib.licenses.mit;
    platforms = pkgs.lib.platforms.linux;
  };
}
