# The servers that the tests fetch from: our own, and nginx with certificates good and bad. Each is
# started when a test first asks for it, and ended with the whole run. Tests run in subshells, so
# what is known of servers is kept in files.

# Waits until a file has something in it, as long as the process that is to write it lives.
wait_for_file()
{
    for _ in $(seq 400); do
        [ -s "$1" ] && return 0
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.025
    done
    return 1
}

start_http_server()
{
    "$http_server" >"$1/address" 2>"$1/http-server.log" &
    echo $! >>"$work/pids"
    wait_for_file "$1/address" $! && return 0
    cat "$1/http-server.log"
    echo "http-server did not start"
    return 1
}

# Puts the address of our own server in $base; a second one of its own for the test with "fresh".
need_http_server()
{
    local where=$work

    [ "${1:-}" = fresh ] && where=$PWD
    [ -s "$where/address" ] || start_http_server "$where" || return 1
    base=$(cat "$where/address")
}

# Puts a port in $port that refuses connections ("refuse"), or makes them and never answers
# ("mute").
need_port()
{
    if [ ! -s "$work/port-$1" ]; then
        "$helper" hold "$1" >"$work/port-$1" &
        echo $! >>"$work/pids"
        wait_for_file "$work/port-$1" $! || return 1
    fi
    port=$(cat "$work/port-$1")
}

# make_ca NAME: an authority, in $certs/NAME.pem
make_ca()
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=$1" \
        -keyout "$certs/$1.key" -out "$certs/$1.pem" 2>>"$certs/log"
}

# make_cert NAME ALTERNATIVE-NAMES START END: signed by the authority "ca"
make_cert()
{
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
        -addext "subjectAltName=$2" -keyout "$certs/$1.key" -out "$certs/$1.csr" 2>>"$certs/log" &&
        openssl ca -batch -config "$certs/ca.cnf" -in "$certs/$1.csr" -out "$certs/$1.pem" -notext \
            -startdate "$3" -enddate "$4" 2>>"$certs/log"
}

make_certs()
{
    certs=$work/certs
    [ -d "$certs" ] && return 0
    mkdir -p "$certs/new"
    : >"$certs/index.txt"
    echo 01 >"$certs/serial"
    cat >"$certs/ca.cnf" <<END
[ca]
default_ca = test
[test]
dir = $certs
database = $certs/index.txt
serial = $certs/serial
new_certs_dir = $certs/new
certificate = $certs/ca.pem
private_key = $certs/ca.key
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
END
    make_ca ca && make_ca stranger &&
        make_cert good IP:127.0.0.1,DNS:localhost 20200101000000Z 20491231000000Z &&
        make_cert elsewhere DNS:elsewhere.invalid 20200101000000Z 20491231000000Z &&
        make_cert expired IP:127.0.0.1,DNS:localhost 20200101000000Z 20200201000000Z && return 0
    cat "$certs/log"
    echo "openssl made no certificates"
    return 1
}

make_files()
{
    local size

    mkdir -p "$1/deep/er"
    for size in 0 1 1000 65536 1048577 10485760; do
        head -c "$size" /dev/urandom >"$1/$size.bin"
    done
    seq 100000 >"$1/text.txt"
    gzip -c "$1/text.txt" >"$1/packed.gz"
    echo index >"$1/index.html"
    echo deep >"$1/deep/er/page.html"
    echo space >"$1/with space.txt"
    echo percent >"$1/100%.txt"
    echo umlaut >"$1/$(printf '\303\244\303\266').txt"
    echo odd >"$1/a+b&c=d;e,f@g.txt"
    echo quote >"$1/\"quoted\\.txt"
}

write_nginx_conf()
{
    cat >"$1/nginx.conf" <<END
daemon off;
master_process off;
pid $1/nginx.pid;
error_log $1/error.log;
events { worker_connections 512; }
http {
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path $1/t1; proxy_temp_path $1/t2; fastcgi_temp_path $1/t3;
    uwsgi_temp_path $1/t4; scgi_temp_path $1/t5;
    gzip on; gzip_types *; gzip_min_length 1;
    root $1/files;
    server {
        listen 127.0.0.1:$2;
        listen 127.0.0.1:$3 ssl http2;
        ssl_certificate $certs/good.pem; ssl_certificate_key $certs/good.key;
        location = /moved { return 301 /moved-again; }
        location = /moved-again { return 302 /1000.bin; }
        location = /to-file { return 301 file:///etc/hostname; }
        location = /packed.gz { add_header Content-Encoding gzip; gzip off; }
    }
    server {
        listen 127.0.0.1:$4 ssl;
        ssl_certificate $certs/elsewhere.pem; ssl_certificate_key $certs/elsewhere.key;
    }
    server {
        listen 127.0.0.1:$5 ssl;
        ssl_certificate $certs/expired.pem; ssl_certificate_key $certs/expired.key;
    }
}
END
}

# One try to start nginx; another program may have taken a port meanwhile.
try_nginx()
{
    local ports

    mapfile -t ports < <("$helper" ports 4)
    write_nginx_conf "$1" "${ports[@]}"
    nginx -p "$1" -c "$1/nginx.conf" 2>>"$1/log" &
    for _ in $(seq 200); do
        kill -0 $! 2>/dev/null || return 1
        if curl -s -o "$1/probe" "http://127.0.0.1:${ports[0]}/1.bin"; then
            echo $! >>"$work/pids"
            echo "${ports[@]}" >"$1/ports"
            return 0
        fi
        sleep 0.05
    done
    kill $!
    return 1
}

# Puts the addresses of nginx in $http, $https, $elsewhere (a certificate for another host) and
# $expired.
need_nginx()
{
    local dir=$work/nginx
    PATH=$PATH:/usr/sbin

    if [ ! -s "$dir/ports" ]; then
        command -v nginx >/dev/null || skip "nginx is not installed"
        mkdir -p "$dir"
        make_certs || return 1
        [ -d "$dir/files" ] || make_files "$dir/files"
        try_nginx "$dir" || try_nginx "$dir" || try_nginx "$dir" || {
            cat "$dir/log"
            echo "nginx did not start"
            return 1
        }
    fi
    certs=$work/certs
    read -r http https elsewhere expired <"$dir/ports"
    http=http://127.0.0.1:$http
    https=https://127.0.0.1:$https
    elsewhere=https://127.0.0.1:$elsewhere
    expired=https://127.0.0.1:$expired
}

# Puts the address of a server that answers with the request in $echo.
need_echo()
{
    if [ ! -s "$work/echo" ]; then
        python3 "$here/echo.py" >"$work/echo" 2>"$work/echo.log" &
        echo $! >>"$work/pids"
        wait_for_file "$work/echo" $! || { cat "$work/echo.log"; return 1; }
    fi
    echo=$(cat "$work/echo")
}

skip()
{
    echo "$1"
    exit 77
}

stop_servers()
{
    [ -f "$work/pids" ] && while read -r pid; do
        kill "$pid" 2>/dev/null
    done <"$work/pids"
    [ -d "$work/small" ] && umount "$work/small" 2>/dev/null
    return 0
}
