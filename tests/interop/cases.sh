# The tests. Each runs in a directory of its own; the first command that fails ends it, and says
# why.

peer()
{
    /usr/bin/python3 "$here/peer.py" "$@"
}

# serve COMMAND…: a server, once it serves; its port in $port.
serve()
{
    "$@" >port 2>server.err &
    pid=$!
    echo $pid >>"$work/pids"
    for _ in $(seq 800); do
        [ -s port ] && { port=$(cat port); return 0; }
        kill -0 $pid 2>/dev/null || break
        sleep 0.025
    done
    cat server.err
    fail "the server did not get ready"
}

stop_servers()
{
    [ -s "$work/pids" ] || return 0
    # shellcheck disable=SC2046
    kill -KILL $(cat "$work/pids") 2>/dev/null
    : >"$work/pids"
}

fail()
{
    echo "$1"
    exit 1
}

need()
{
    command -v "$1" >/dev/null || { echo "$1 is not installed"; exit 77; }
}

# An authority, a server and a client, in this directory. Not where eddy was built without TLS.
certificates()
{
    "$subject" --tls "$PWD" serve 2>&1 | grep -q 'built without TLS' &&
        { echo "built without TLS"; exit 77; }
    new_key="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    {
        $new_key -subj /CN=authority -keyout ca.key -out ca.pem \
            -addext keyUsage=critical,keyCertSign &&
            $new_key -subj /CN=server -keyout server.key -out server.pem -CA ca.pem -CAkey ca.key \
                -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE &&
            $new_key -subj /CN=client -keyout client.key -out client.pem -CA ca.pem -CAkey ca.key \
                -addext basicConstraints=critical,CA:FALSE
    } >openssl.log 2>&1 || { cat openssl.log; fail "no certificates"; }
}

# expect TEXT COMMAND…: what the command prints.
expect()
{
    local text=$1 said
    shift
    said=$("$@") || fail "$* failed"
    [ "$said" = "$text" ] || fail "'$said' instead of '$text'"
}

# The server has nothing to say for itself.
expect_quiet()
{
    [ ! -s server.err ] || { cat server.err; fail "the server complained"; }
}

test_asyncio_asks_a_server_of_ours()
{
    serve "$subject" serve
    peer ask "$port" || fail "asyncio is not content"
    expect_quiet
}

test_asyncio_asks_a_server_of_ours_on_a_unix_socket()
{
    serve "$subject" serve "$PWD/socket"
    peer ask "$PWD/socket" || fail "asyncio is not content"
    expect_quiet
}

test_we_ask_a_server_of_asyncio()
{
    serve /usr/bin/python3 "$here/peer.py" serve
    "$subject" ask "$port" || fail "we are not content"
    expect_quiet
}

test_we_ask_a_server_of_asyncio_on_a_unix_socket()
{
    serve /usr/bin/python3 "$here/peer.py" serve "$PWD/socket"
    "$subject" ask "$PWD/socket" || fail "we are not content"
    expect_quiet
}

test_we_ask_ourselves()
{
    serve "$subject" serve
    "$subject" ask "$port" || fail "we are not content"
    expect_quiet
}

test_many_clients_of_asyncio_at_once()
{
    serve "$subject" serve
    clients=
    for _ in 1 2 3 4; do
        peer ask "$port" &
        clients="$clients $!"
    done
    for client in $clients; do
        wait "$client" || fail "a client failed"
    done
    expect_quiet
}

# asyncio_asks_us --tls|--starttls, and the other way round
asyncio_asks_us()
{
    certificates
    serve "$subject" "$1" "$PWD" serve
    peer "$1" "$PWD" ask "$port" || fail "asyncio is not content"
    expect_quiet
}

we_ask_asyncio()
{
    certificates
    serve /usr/bin/python3 "$here/peer.py" "$1" "$PWD" serve
    "$subject" "$1" "$PWD" ask "$port" || fail "we are not content"
    expect_quiet
}

test_asyncio_asks_a_server_of_ours_over_tls()
{
    asyncio_asks_us --tls
}

test_we_ask_a_server_of_asyncio_over_tls()
{
    we_ask_asyncio --tls
}

test_asyncio_begins_tls_with_a_server_of_ours()
{
    asyncio_asks_us --starttls
}

test_we_begin_tls_with_a_server_of_asyncio()
{
    we_ask_asyncio --starttls
}

test_socat_talks_and_closes_half()
{
    need socat
    serve "$subject" serve
    printf 'echo hello\nexact 3\nabccount\n12345' >input
    expect "$(printf 'hello\nabc5')" socat -t 30 - "TCP:127.0.0.1:$port" <input
    expect_quiet
}

test_netcat_closes_half_and_hears_the_rest()
{
    need nc
    serve "$subject" serve
    { echo count; head -c 1000000 /dev/zero; } >input
    expect 1000000 nc -N 127.0.0.1 "$port" <input
    expect_quiet
}

test_netcat_is_gone_in_the_middle_of_much()
{
    need nc
    serve "$subject" serve
    echo "much 100000000" >input
    nc 127.0.0.1 "$port" <input | head -c 1000 >output
    expect "still here" socat -t 30 - "TCP:127.0.0.1:$port" <<<"echo still here"
    expect_quiet
}

test_a_unix_socket_can_be_used_by_netcat()
{
    need nc
    serve "$subject" serve "$PWD/socket"
    expect hello nc -N -U "$PWD/socket" <<<"echo hello"
    expect_quiet
}

test_curl_gets_two_answers_on_one_connection()
{
    need curl
    serve "$subject" serve
    expect "$(printf 'hello\nhello')" curl -sS "http://127.0.0.1:$port/a" "http://127.0.0.1:$port/b"
    expect_quiet
}

test_wrk_finds_no_error()
{
    need wrk
    serve "$subject" serve
    wrk -t 1 -c 20 -d 1 "http://127.0.0.1:$port/" >output || fail "wrk failed"
    cat output
    grep -q 'requests in' output || fail "wrk made no requests"
    ! grep -qE 'Socket errors|Non-2xx' output || fail "wrk found errors"
}
