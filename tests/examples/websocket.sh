# websocket-echo, with Python's websockets.

serve_websocket()
{
    [ -d /usr/lib/python3/dist-packages/websockets ] || { echo "no python3-websockets"; exit 77; }
    [ -x "$bin/websocket-echo" ] || { echo "built without llhttp or wslay"; exit 77; }
    serve "$bin/websocket-echo" 0
}

client()
{
    timeout 60 /usr/bin/python3 "$here/websocket_client.py" "$1" "$port" >out 2>err
}

test_websocket_echo_sends_messages_of_all_sizes_back()
{
    serve_websocket
    client many || fail "a client failed: $(tail -n 1 err)"
    client too_long || fail "a message of more than a megabyte: $(tail -n 1 err)"
}

# What the kernel keeps is some megabytes at most; the server itself keeps little. AddressSanitizer
# and valgrind keep memory of their own.
test_websocket_echo_takes_no_more_from_a_client_that_does_not_read()
{
    serve_websocket
    client slow || fail "another client was not served: $(tail -n 1 err)"
    [ "$(cut -d ' ' -f 1 out)" -lt 50000000 ] || fail "it took $(cat out)"
    [ "$(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB$/\1/p' "/proc/$pid/status")" -lt 30000 ] ||
        [ -n "${EDDY_TEST_WRAPPER:-}" ] || grep -q __asan_init "$bin/websocket-echo" ||
        fail "it takes $(grep VmRSS "/proc/$pid/status")"
}

test_websocket_echo_tells_clients_that_it_goes_away()
{
    serve_websocket
    client going_away & waiting=$!
    until_true grep -q hello out || fail "the client is not there"
    kill -TERM "$pid"
    wait "$waiting" || fail "the client failed: $(tail -n 1 err)"
    grep -q 'going away' out || fail "it was not told"
    wait "$pid" || fail "exit code $?"
}

test_websocket_echo_refuses_what_it_should()
{
    serve_websocket
    local upgrade='Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n'
    local key='Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n'
    expect_status 426 'GET / HTTP/1.1\nHost: x\n\n'
    expect_field Sec-WebSocket-Version 13
    expect_status 426 "POST / HTTP/1.1\nHost: x\n$upgrade$key\n"
    expect_status 426 "GET / HTTP/1.1\nHost: x\n$upgrade\n"
    expect_status 426 "GET / HTTP/1.1\nHost: x\n${upgrade/13/8}$key\n"
    expect_status 426 "GET / HTTP/1.1\nHost: x\n${upgrade/websocket/other}$key\n"
    expect_status 400 "GET / HTTP/1.1\n$upgrade$key\n"
    expect_status 101 "GET / HTTP/1.1\nHost: x\n$upgrade$key\n" # the answer of RFC 6455, 1.3
    expect_field Sec-WebSocket-Accept 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    # A frame without a mask is an error of the protocol (RFC 6455, 5.1).
    { printf "GET / HTTP/1.1\nHost: x\n$upgrade$key\n" | sed 's/$/\r/' && printf '\201\002hi'; } |
        timeout 60 nc -N localhost "$port" >out
    [ "$(tail -c 4 out | od -An -tx1)" = ' 88 02 03 ea' ] || fail "it is not refused"
}
