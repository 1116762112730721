"""Answers every request with what it was: method, path, headers, body. Prints its address."""

import http.server


class Echo(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = f"{self.command} {self.path}\n" + "".join(
            f"{name}: {value}\n" for name, value in self.headers.items()
        )
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/there")
        else:
            self.send_response(200)
        said = said.encode() + b"\n" + body
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
