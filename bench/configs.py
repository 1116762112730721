"""Configurations of nginx and HAProxy, which are programs of their own."""
import os

NGINX_TLS = """
    ssl_certificate {build}/tls.pem;
    ssl_certificate_key {build}/tls.pem;
    ssl_protocols TLSv1.3; ssl_session_tickets on;
"""

NGINX_HTTP = """
{processes} pid {build}/nginx.pid; error_log /dev/null;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600;
  sendfile on; tcp_nopush on;
  server {{
    listen {port}{how} backlog=4096;
    {tls}
    root {build}/files;
    location = / {{ default_type text/plain; return 200 'Hello'; }}
  }}
}}
"""

NGINX_STREAM = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; pid {build}/nginx.pid; error_log /dev/null;
events {{ worker_connections 20000; }}
stream {{ server {{ listen {port} backlog=4096; proxy_pass 127.0.0.1:{backend}; }} }}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  server one 127.0.0.1:{backend}
"""


def write(build, name, text):
    path = os.path.join(build, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def nginx(build, port, how, workers):
    """Returns the command; @how: "" or "tls", @workers: 0 for one process without a master."""
    processes = (
        f"daemon off; worker_processes {workers};"
        if workers
        else "daemon off; master_process off;"
    )
    text = NGINX_HTTP.format(
        build=build,
        port=port,
        processes=processes,
        how=(" ssl" if how == "tls" else "") + (" reuseport" if workers else ""),
        tls=NGINX_TLS.format(build=build) if how == "tls" else "",
    )
    return ["nginx", "-c", write(build, "nginx.conf", text), "-p", build]


def nginx_stream(build, port, backend):
    text = NGINX_STREAM.format(build=build, port=port, backend=backend)
    return ["nginx", "-c", write(build, "nginx.conf", text), "-p", build]


def haproxy(build, port, backend):
    text = HAPROXY.format(port=port, backend=backend)
    return ["haproxy", "-db", "-f", write(build, "haproxy.cfg", text)]
