# dns-lookup and udp-time, with dnsmasq, dig and socat.

need()
{
    command -v "$1" >/dev/null || { echo "there is no $1"; exit 77; }
}

# expect CODE PATTERN…: the exit code, and lines that match these extended regular expressions.
expect()
{
    [ "$code" = "$1" ] || fail "exit code $code instead of $1"
    shift
    for line in "$@"; do
        grep -qxE "$line" out || fail "no line '$line'"
    done
}

# A name server on a free port, which it finds by trying; it is there when it answers.
start_dnsmasq()
{
    PATH=$PATH:/usr/sbin
    need dnsmasq
    need dig
    for _ in 1 2 3 4 5 6 7 8; do
        port=$((20000 + (($$ + RANDOM) % 10000)))
        dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv \
            --listen-address=127.0.0.1 \
            --bind-interfaces --pid-file= --user= --local=/test/ --port=$port \
            --host-record=one.test,192.0.2.7,2001:db8::7 --host-record=two.test,192.0.2.8 \
            --cname=alias.test,one.test 2>dnsmasq.err &
        pid=$!
        servers="$servers $pid"
        while kill -0 $pid 2>/dev/null; do
            dig +short +tries=1 +time=1 -p $port @127.0.0.1 two.test >dig.out 2>/dev/null
            grep -qx 192.0.2.8 dig.out && return 0
        done
    done
    echo "dnsmasq does not start: $(cat dnsmasq.err)"
    exit 1
}

lookup()
{
    LOCALDOMAIN=test "$bin/dns-lookup" -s 127.0.0.1:$port "$@" >out 2>err
    code=$?
}

test_names_are_found_as_dig_finds_them()
{
    start_dnsmasq
    lookup one.test two.test
    expect 0 "one.test has address 192.0.2.7" "one.test has IPv6 address 2001:db8::7" \
        "two.test has address 192.0.2.8"
    [ "$(dig +short -p $port @127.0.0.1 one.test A)" = \
        "$(sed -n 's/^one.test has address //p' out)" ] || fail "dig differs"
    lookup -6 one.test
    expect 0 "one.test has IPv6 address 2001:db8::7"
    [ "$(wc -l <out)" = 1 ] || fail "more than one line"
}

test_an_alias_is_followed()
{
    start_dnsmasq
    lookup -4 alias.test
    expect 0 "alias.test is an alias for one.test" "alias.test has address 192.0.2.7"
}

test_addresses_have_names()
{
    start_dnsmasq
    lookup 192.0.2.8 2001:db8::7
    expect 0 "192.0.2.8 is two.test" "2001:db8::7 is one.test"
}

test_what_there_is_not_is_said_and_the_others_are_found()
{
    start_dnsmasq
    lookup missing.test two.test a..b
    expect 1 "missing.test: .*No such host name.*" "two.test has address 192.0.2.8" \
        "a..b: .*Not a valid host name.*"
}

start_time_server()
{
    "$bin/udp-time" serve 127.0.0.1 0 >server.out 2>server.err &
    pid=$!
    servers="$servers $pid"
    until [ -s server.out ]; do
        kill -0 $pid 2>/dev/null || { cat server.err; echo "udp-time did not start"; exit 1; }
        sleep 0.01
    done
    port=$(head -n 1 server.out)
}

# Seconds since 1970, of four bytes in a file.
time_in()
{
    od -An -tu1 "$1" |
        awk '{ printf "%.0f\n", (($1 * 256 + $2) * 256 + $3) * 256 + $4 - 2208988800 }'
}

close_to_now()
{
    now=$(date +%s)
    [ "$1" -ge $((now - 60)) ] && [ "$1" -le $((now + 60)) ]
}

test_socat_gets_the_time()
{
    need socat
    start_time_server
    echo ask | timeout 20 socat -t 10 - UDP:127.0.0.1:"$port",readbytes=4 >out 2>err
    [ "$(wc -c <out)" = 4 ] || fail "not four bytes"
    close_to_now "$(time_in out)" || fail "it is not $(time_in out)"
}

test_the_client_gets_the_time_and_a_signal_ends_the_server()
{
    start_time_server
    "$bin/udp-time" ask 127.0.0.1 "$port" >out 2>err
    code=$?
    expect 0 "[0-9]+ .*"
    close_to_now "$(cut -d' ' -f1 out)" || fail "it is not the time"
    kill -TERM $pid
    wait $pid
    [ "$(wc -l <server.out)" = 2 ] || fail "the server has not seen one client"
}

# The port that socat was given is written where the kernel lists its socket.
test_the_client_understands_socat()
{
    need socat
    printf '\377\377\377\377' >answer
    socat -T 10 UDP-RECVFROM:0,bind=127.0.0.1,fork SYSTEM:"cat $PWD/answer" 2>socat.err &
    pid=$!
    servers="$servers $pid"
    port=
    while [ -z "$port" ]; do
        kill -0 $pid 2>/dev/null || { cat socat.err; echo "socat did not start"; exit 1; }
        for inode in $(find /proc/$pid/fd -lname 'socket:*' -printf '%l\n' 2>/dev/null |
            tr -dc '0-9\n'); do
            port=$(awk -v i="$inode" '$10 == i { split($2, a, ":"); print a[2] }' /proc/net/udp)
        done
        sleep 0.01
    done
    "$bin/udp-time" ask 127.0.0.1 $((0x$port)) >out 2>err
    code=$?
    expect 0 "2085978495 .*"
}
