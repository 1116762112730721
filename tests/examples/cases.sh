# The tests. Each runs in a directory of its own; the first line that fails ends it, and says why.
# Servers that it starts end with it.

servers=

stop_servers()
{
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$servers" ] || kill $servers 2>/dev/null
    wait
}

fail()
{
    for file in out err; do
        [ ! -s "$file" ] || { echo "--- $file:" && head -n 30 "$file"; }
    done
    echo "$1"
    exit 1
}

# until_true COMMAND…: tries again until it succeeds, for ten seconds at least.
until_true()
{
    for _ in $(seq 1000); do
        "$@" && return 0
        sleep 0.01
    done
    return 1
}

# serve PROGRAM ARGUMENTS…: starts a server that says "port N" on standard error; its number goes
# into $pid, the port into $port.
serve()
{
    local log
    log=$(basename "$1").$#.log
    ${EDDY_TEST_WRAPPER:-} "$@" >"$log.out" 2>"$log" &
    pid=$!
    servers="$servers $pid"
    until_true grep -q '^port ' "$log" || fail "$1 does not say its port: $(cat "$log")"
    port=$(sed -n 's/^port //p' "$log" | head -n 1)
}

# All but those that take no arguments, and the smallest server.
test_every_program_has_help_and_a_version()
{
    local program
    for program in "$bin"/* "$net"/* "$build"/examples/tls/*; do
        [ -f "$program" ] && [ -x "$program" ] || continue
        case ${program##*/} in
        *.so | bank | bank-test | binding | framing | echo_server) continue ;;
        esac
        timeout 10 "$program" --help >out 2>err || fail "$program --help: status $?"
        grep -q "^usage: ${program##*/}" out && [ ! -s err ] || fail "$program --help"
        timeout 10 "$program" --version >out 2>err || fail "$program --version: status $?"
        grep -q "^${program##*/}.* [0-9]*\.[0-9]*\.[0-9]" out && [ ! -s err ] ||
            fail "$program --version"
    done
}

test_echo_server_sends_back_a_megabyte()
{
    serve "$net/echo_server" 0
    head -c 1000000 /dev/urandom >data
    nc -N localhost "$port" <data >out || fail "nc failed"
    cmp data out || fail "something else came back"
}

test_echo_server_is_at_most_25_lines_of_code()
{
    local n
    n=$(grep -cvE '^[[:space:]]*$|^[[:space:]]*(/\*|\*)' "$source/net/echo_server.c")
    [ "$n" -le 25 ] || fail "$n lines"
}

test_echo_server_serves_many_at_once()
{
    serve "$net/echo_server" 0
    for i in $(seq 20); do
        seq "$i" 5000 >"in$i"
        nc -N localhost "$port" <"in$i" >"out$i" &
        servers="$servers $!"
        clients="${clients:-} $!"
    done
    # shellcheck disable=SC2086 # a list of numbers
    wait $clients
    for i in $(seq 20); do
        cmp "in$i" "out$i" || fail "client $i got something else"
    done
}

test_chat_passes_on_what_one_says_to_all_others()
{
    serve "$net/chat" 0
    mkfifo a b
    nc localhost "$port" <a >a.out & servers="$servers $!"
    nc localhost "$port" <b >b.out & servers="$servers $!"
    exec 3>a 4>b
    echo ada >&3
    until_true grep -q 'Who are you' a.out || fail "ada is not asked"
    echo bob >&4
    until_true grep -q '^\* bob has come' a.out || fail "ada does not hear that bob has come"
    echo "hello, ada" >&4
    until_true grep -q '^bob: hello, ada$' a.out || fail "ada does not hear bob"
    exec 4>&-
    ! grep -q '^bob:' b.out || fail "bob hears himself"
}

test_tcp_proxy_passes_both_ways_with_half_closes()
{
    serve "$net/echo_server" 0
    serve "$net/tcp_proxy" 0 localhost "$port"
    head -c 1000000 /dev/urandom >data
    nc -N localhost "$port" <data >out || fail "nc failed"
    cmp data out || fail "something else came back"
}

test_tcp_proxy_stands_before_nginx()
{
    command -v nginx >/dev/null || { echo "no nginx"; exit 77; }
    mkdir www nginx
    head -c 300000 /dev/urandom >www/file
    chmod -R a+rX . ..
    cat >nginx.conf <<END
daemon off; pid $PWD/nginx/pid; error_log $PWD/nginx/error.log; worker_processes 1; user root;
events {}
http { access_log off; client_body_temp_path $PWD/nginx; proxy_temp_path $PWD/nginx;
fastcgi_temp_path $PWD/nginx; uwsgi_temp_path $PWD/nginx; scgi_temp_path $PWD/nginx;
server { listen unix:$PWD/nginx/sock; root $PWD/www; } }
END
    nginx -e "$PWD/nginx/start.log" -c "$PWD/nginx.conf" & servers="$servers $!"
    until_true test -S nginx/sock || fail "nginx does not start: $(cat nginx/*.log)"
    # From a port to the socket, so that no port has to be known beforehand.
    serve "$net/tcp_proxy" 0 "$PWD/nginx/sock"
    for _ in 1 2 3; do
        curl -sS --fail -o out "http://localhost:$port/file" || fail "curl failed"
        cmp www/file out || fail "something else came"
    done
}

test_framing_sends_and_receives_messages()
{
    "$net/framing" >out 2>err || fail "exit code $?"
    printf 'level: level\nstressed: desserts\nlive on time: emit no evil\n' >expected
    cmp expected out || fail "another output"
}

test_fetch_head_prints_the_head_of_a_page()
{
    "$build/bin/http-server" >address & servers="$servers $!"
    until_true test -s address || fail "the server does not start"
    port=$(sed 's/.*:\([0-9]*\).*/\1/' address)
    "$net/fetch_head" localhost "$port" >out 2>err || fail "exit code $?"
    grep -q '^HTTP/1.1 [0-9]' out || fail "no head"
}

# On a port that is free: one that the kernel has just given to another process.
start_workers()
{
    serve "$net/echo_server" 0
    kill "$pid" && wait "$pid"
    : >err
    "$net/many_cores" "$port" 3 2>err & pid=$!
    servers="$servers $pid"
}

# Starts them again if another program was faster to take the port.
workers_listen()
{
    ! grep -q 'Address already in use' err || start_workers
    nc -d -w 1 localhost "$port" | grep -q '^worker' && kill -0 "$pid" 2>/dev/null
}

test_many_cores_share_one_port()
{
    start_workers
    until_true workers_listen || fail "no worker listens: $(cat err)"
    for _ in $(seq 60); do
        nc -d localhost "$port" >>out || fail "nc failed"
    done
    [ "$(sort -u out | wc -l)" -gt 1 ] || fail "one worker did everything"
    kill -TERM "$pid"
    wait "$pid"
    code=$?
    [ "$code" = 0 ] || fail "exit code $code instead of 0"
}

test_graceful_server_counts_and_ends_with_grace()
{
    serve "$net/graceful_server" 0 60 60
    mkfifo in
    nc -N localhost "$port" <in >out & servers="$servers $!"
    exec 3>in
    printf 'one\ntw' >&3
    until_true grep -q '^1$' out || fail "not counted"
    kill -TERM "$pid"
    until_true grep -q 'ending, with 1 connections' graceful_server.4.log || fail "does not end"
    echo o >&3
    until_true grep -q '^2$' out || fail "not counted any more"
    exec 3>&-
    until_true sh -c "! kill -0 $pid 2>/dev/null" || wait "$pid"
    wait "$pid" || fail "exit code $?"
}

test_graceful_server_cuts_off_who_does_not_finish()
{
    serve "$net/graceful_server" 0 60 0.05
    mkfifo in
    nc localhost "$port" <in >out & servers="$servers $!"
    exec 3>in
    printf 'one\ntw' >&3
    until_true grep -q '^1$' out || fail "not counted"
    kill -TERM "$pid"
    wait "$pid" || fail "exit code $?"
    grep -q 'cut off' graceful_server.4.log || fail "no connection was cut off"
}

test_graceful_server_does_not_wait_for_who_has_nothing_to_ask()
{
    serve "$net/graceful_server" 0 60 60
    mkfifo in
    nc localhost "$port" <in >out & servers="$servers $!"
    exec 3>in
    echo one >&3
    until_true grep -q '^1$' out || fail "not counted"
    kill -TERM "$pid"
    until_true sh -c "! kill -0 $pid 2>/dev/null" || { kill -KILL "$pid"; fail "it waits"; }
    wait "$pid" || fail "exit code $?"
    ! grep -q 'cut off' graceful_server.4.log || fail "it was cut off"
}

test_graceful_server_shows_out_who_is_silent()
{
    export EDDY_DEBUG=1 # which reports misuse, such as a scope that was left open
    serve "$net/graceful_server" 0 0.05
    mkfifo in
    nc localhost "$port" <in >out & client=$!
    servers="$servers $client"
    exec 3>in
    until_true grep -q Goodbye out || fail "no goodbye"
    ! grep -v -e '^port ' -e executing graceful_server.3.log || fail "it reports misuse"
}

# Follows the files given, and waits until it does: it shows a line that was added.
follow()
{
    "$net/tail" "$@" >out 2>err & servers="$servers $!"
    for _ in $(seq 500); do
        echo begun >>"$1"
        sleep 0.02
        ! grep -q begun out || return 0
    done
    fail "nothing is shown"
}

test_tail_follows_files_that_grow()
{
    echo old >a
    echo old >b
    follow a b
    echo one >>b
    until_true grep -q '^b: one$' out || fail "a line of b is not shown"
    ! grep -q old out || fail "what was there before is shown"
}

test_tail_follows_files_that_come_late_are_cut_or_replaced()
{
    echo old >a
    follow a c
    echo here >c
    until_true grep -q '^c: here$' out || fail "a new file is not followed"
    echo cut >a
    until_true grep -q '^a: cut$' out || fail "a file that was cut is not followed"
    echo other >other
    mv other a
    until_true grep -q '^a: other$' out || fail "a file that was replaced is not followed"
}

# Cancelled wherever it is: looking at a file, reading it, waiting.
test_tail_ends_while_files_change()
{
    local churn
    for _ in 1 2 3 4 5 6 7 8; do
        : >a
        : >b
        # The output of the round before would look like a sign of life: the signal would come too
        # early.
        rm -f out
        while :; do echo line >>a && echo line >>b; done & churn=$!
        "$net/tail" a b >out 2>err & pid=$!
        servers="$servers $churn $pid"
        until_true test -s out || fail "nothing is shown"
        kill -TERM "$pid"
        until_true sh -c "! kill -0 $pid 2>/dev/null" ||
            { kill -KILL "$pid"; fail "it had to be killed"; }
        kill "$churn"
    done
}

# Serves the folder www.
serve_www()
{
    local program=$build/bin/static-server
    [ -x "$program" ] || { echo "built without llhttp"; exit 77; }
    mkdir -p www/folder
    echo "<p>hello</p>" >www/index.html
    seq 200000 >www/numbers.txt
    echo secret >secret
    : >www/empty
    serve "$program" -p 0 "$@" www
    base=http://localhost:$port
}

# status CURL ARGUMENTS…: the status of the answer, whose body goes to the file body.
status()
{
    curl -sS -o body -w '%{http_code}' --path-as-is "$@"
}

test_static_server_sends_files_whole_and_in_parts()
{
    serve_www
    [ "$(status "$base/")" = 200 ] && cmp body www/index.html || fail "the index is not served"
    [ "$(status "$base/numbers.txt")" = 200 ] && cmp body www/numbers.txt ||
        fail "a file is not served"
    [ "$(status "$base/empty")" = 200 ] && [ ! -s body ] || fail "an empty file is not served"
    [ "$(status -r 5-9 "$base/numbers.txt")" = 206 ] || fail "no part"
    [ "$(cat body)" = "$(head -c 10 www/numbers.txt | tail -c 5)" ] || fail "another part"
    [ "$(status -r -7 "$base/numbers.txt")" = 206 ] && [ "$(cat body)" = 200000 ] ||
        fail "no last part"
    [ "$(status -r 99999999- "$base/numbers.txt")" = 416 ] || fail "a part that is not there"
    curl -sS -I "$base/numbers.txt" >out || fail "HEAD"
    grep -qi "^content-length: $(stat -c %s www/numbers.txt)" out || fail "HEAD without the length"
    [ "$(status -H "If-Modified-Since: $(sed -n 's/^Last-Modified: \(.*\)\r$/\1/p' out)" \
        "$base/numbers.txt")" = 304 ] ||
        fail "sent although not modified"
}

test_static_server_keeps_connections_and_answers_in_order()
{
    serve_www
    curl -sS -o one -o two -w '%{num_connects} ' "$base/" "$base/numbers.txt" >out || fail "curl"
    [ "$(cat out)" = "1 0 " ] || fail "a second connection was made: $(cat out)"
    cmp two www/numbers.txt || fail "the second file differs"
    requests='GET /empty HTTP/1.1\r\nHost: x\r\n\r\n'
    requests=$requests'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    printf "$requests" | nc -N localhost "$port" >out
    [ "$(grep -c '^HTTP/1.1 200' out)" = 2 ] && grep -q hello out ||
        fail "two requests in one piece"
}

test_static_server_does_not_wait_for_idle_clients()
{
    serve_www
    mkfifo in
    nc localhost "$port" <in >out & servers="$servers $!"
    exec 3>in
    printf 'GET /empty HTTP/1.1\r\nHost: x\r\n\r\n' >&3
    until_true grep -q '^HTTP/1.1 200' out || fail "no answer"
    began=$(date +%s)
    kill -TERM "$pid"
    wait "$pid" || fail "exit code $?"
    [ $(($(date +%s) - began)) -lt 5 ] || fail "it waited for its grace of 10 s"
}

test_static_server_refuses_what_it_should()
{
    serve_www
    [ "$(status "$base/none")" = 404 ] || fail "a file that is not there"
    [ "$(status "$base/../secret")" = 400 ] &&
        [ "$(status "$base/folder/%2e%2e/%2e%2e/secret")" = 400 ] ||
        fail "a way out of the folder"
    [ "$(status "$base/folder")" = 301 ] || fail "no redirection to the folder"
    [ "$(status -X DELETE "$base/")" = 405 ] || fail "DELETE"
    [ "$(status -X GET -d body "$base/")" = 413 ] || fail "a body"
    [ "$(status -H "X: $(head -c 20000 /dev/zero | tr '\0' x)" "$base/")" = 431 ] ||
        fail "a head that is too long"
    printf 'rubbish\r\n\r\n' | nc -N localhost "$port" >out
    grep -q '^HTTP/1.1 400' out || fail "rubbish"
    printf 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n' |
        nc -N localhost "$port" >out
    grep -q '^HTTP/1.1 4' out || fail "two lengths"
    [ "$(status "$base/")" = 200 ] || fail "it does not serve any more"
}

test_static_server_leaves_who_says_nothing()
{
    serve_www -t 0.05
    exec 3<>"/dev/tcp/localhost/$port" || fail "cannot connect"
    printf 'GET / HT' >&3
    timeout 60 cat <&3 >out || fail "the connection stays"
    [ ! -s out ] || fail "an answer to half a request"
    [ "$(status "$base/")" = 200 ] || fail "it does not serve any more"
}

test_static_server_leaves_who_sends_a_byte_now_and_then()
{
    serve_www -t 0.1
    exec 3<>"/dev/tcp/localhost/$port" || fail "cannot connect"
    { printf 'GET / HTTP/1.1\r\nX: ' && while printf x; do sleep 0.01; done; } >&3 2>/dev/null &
    dripping=$!
    timeout 60 cat <&3 >out # it ends, or the connection is reset, as there is something to read
    [ $? != 124 ] || fail "the connection stays"
    kill $dripping 2>/dev/null
    [ ! -s out ] || fail "an answer to half a request"
    [ "$(status "$base/")" = 200 ] || fail "it does not serve any more"
}

test_static_server_stands_wrk()
{
    command -v wrk >/dev/null || { echo "no wrk"; exit 77; }
    serve_www
    wrk -t 1 -c 50 -d 1 "$base/index.html" >out || fail "wrk failed"
    ! grep -qE 'Non-2xx|Socket errors' out || fail "errors"
}

test_binding_runs_the_callbacks_of_another_language()
{
    "$bin/binding" >out 2>err || fail "it failed"
    [ "$(tr '\n' '|' <out)" = "hello world |thread |thrown: throw|dropped: never|" ] ||
        fail "it did something else"
}
