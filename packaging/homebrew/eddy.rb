class Eddy < Formula
  desc "Asyncio for C: event loop, tasks, streams, TLS, on io_uring and epoll"
  homepage "@HOME@"
  url "@SOURCE@"
  sha256 "@SHA256@"
  license "MIT"

  depends_on "cmake" => :build
  depends_on "ninja" => :build
  depends_on "pkg-config" => :build
  depends_on "c-ares"
  depends_on "curl"
  depends_on "liburing"
  depends_on :linux
  depends_on "openssl@3"

  def install
    system "cmake", "-S", ".", "-B", "build", "-G", "Ninja", *std_cmake_args,
           "-DEDDY_BUILD_TESTS=OFF", "-DEDDY_BUILD_EXAMPLES=OFF", "-DEDDY_BUILD_BENCH=OFF"
    system "cmake", "--build", "build"
    system "cmake", "--install", "build"
  end

  test do
    (testpath/"hello.c").write <<~C
      #include <eddy.h>
      #include <stdio.h>

      eddy_async(amain)
      {
          eddy_try(eddy_sleep(0.01));
          puts("hello");
          return 0;
      }

      int main(void)
      {
          return eddy_main(amain());
      }
    C
    system ENV.cc, "hello.c", "-o", "hello", *shell_output("pkg-config --cflags --libs eddy").split
    assert_equal "hello\n", shell_output("./hello")
  end
end
