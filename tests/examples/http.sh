# The HTTP servers of the examples, with requests byte by byte: RFC 9110 and RFC 9112.

# ask REQUEST: sends it (printf's escapes; lines end with \n here and with CRLF on the wire) and
# stores what comes back in out.
ask()
{
    # shellcheck disable=SC2059 # the request is the format
    printf "$1" | sed 's/$/\r/' | timeout 60 nc -N localhost "$port" | tr -d '\r' >out
}

# The statuses of all answers in out, on one line.
statuses()
{
    grep -a '^HTTP/1.1 ' out | cut -d' ' -f2 | tr '\n' ' ' | sed 's/ $//'
}

# expect_status STATUSES REQUEST
expect_status()
{
    ask "$2"
    [ "$(statuses)" = "$1" ] || fail "'$2' gives $(statuses) instead of $1"
}

# field NAME: its value in the first answer of out.
field()
{
    sed '/^$/q' out | sed -n "s/^$1: //Ip"
}

expect_field()
{
    [ "$(field "$1")" = "$2" ] || fail "$1 is '$(field "$1")' instead of '$2'"
}

serve_http()
{
    [ -x "$build/bin/http-server" ] || { echo "built without llhttp"; exit 77; }
    "$build/bin/http-server" >address & servers="$servers $!"
    until_true test -s address || fail "the server does not start"
    port=$(sed 's/.*:\([0-9]*\).*/\1/' address)
    base=http://localhost:$port
}

# Each is refused, and nothing after its head is taken for a request (RFC 9112, 6.3, 11.2).
refuses_bodies()
{
    local next='GET /second HTTP/1.1\nHost: x\n\n' coding
    for coding in gzip xchunked identity chunked-no 'gzip, chunked' 'chunked, gzip' '"chunked"'; do
        expect_status 400 "GET / HTTP/1.1\nHost: x\nTransfer-Encoding: $coding\n\n$next"
    done
    for field in "Transfer-Encoding: chunked" "Content-Length: 3"; do
        expect_status 400 \
            "GET / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n$field\n\n0\n\n$next"
    done
    expect_status 400 "GET / HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n$next"
    expect_status 413 "GET / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n0\n\n$next"
    expect_status 413 "GET / HTTP/1.1\nHost: x\nContent-Length: 34\n\n$next"
    expect_status 413 "HEAD / HTTP/1.1\nHost: x\nContent-Length: 34\n\n$next"
    expect_status 405 "POST / HTTP/1.1\nHost: x\nContent-Length: 34\n\n$next"
    for length in -1 +1 1x '1, 2' 99999999999999999999999; do
        expect_status 400 "GET / HTTP/1.1\nHost: x\nContent-Length: $length\n\n$next"
    done
    expect_status 400 "GET / HTTP/1.1\nHost: x\nContent-Length: 1\nContent-Length: 2\n\n$next"
    expect_status 400 "GET / HTTP/1.1\nHost: x\nContent-Length : 34\n\n$next"
    expect_status "200 404" "GET / HTTP/1.1\nHost: x\nContent-Length: 0\n\n$next"
}

# RFC 9112, 3.2.
checks_hosts()
{
    expect_status 400 'GET / HTTP/1.1\n\n'
    expect_status 400 'GET / HTTP/1.1\nHost: a\nHost: a\n\n'
    expect_status 400 'GET / HTTP/1.1\nHost: a b\n\n'
    expect_status 400 'GET / HTTP/1.1\nHost: user@a\n\n'
    expect_status 200 'GET / HTTP/1.1\nHost: [::1]:80\nConnection: close\n\n'
    expect_status 200 'GET / HTTP/1.0\n\n'
}

# RFC 9112, 9.3.
keeps_or_closes()
{
    local next='GET / HTTP/1.1\nHost: x\n\n'
    expect_status "200 200" "GET / HTTP/1.1\nHost: x\n\n$next"
    [ -z "$(field Connection)" ] || fail "Connection: $(field Connection)"
    expect_status 200 "GET / HTTP/1.1\nHost: x\nConnection: close\n\n$next"
    expect_field Connection close
    expect_status 200 "GET / HTTP/1.0\nHost: x\n\n$next"
    expect_field Connection close
    expect_status "200 200" "GET / HTTP/1.0\nHost: x\nConnection: keep-alive\n\n$next"
    expect_field Connection keep-alive
}

understands_targets()
{
    expect_status 200 'GET http://x/ HTTP/1.1\nHost: other\nConnection: close\n\n'
    expect_status 200 'GET HTTP://x HTTP/1.1\nHost: other\nConnection: close\n\n'
    expect_status 400 'GET http:///x HTTP/1.1\nHost: other\n\n'
    expect_status 400 'GET http://a@b/ HTTP/1.1\nHost: other\n\n'
    expect_status 505 'GET / HTTP/2.0\nHost: x\n\n'
    expect_status 501 'FROB / HTTP/1.1\nHost: x\n\n'
    expect_status 400 'rubbish\n\n'
    expect_status 414 "GET /$(head -c 5000 /dev/zero | tr '\0' x) HTTP/1.1\nHost: x\n\n"
    expect_status 405 'OPTIONS * HTTP/1.1\nHost: x\nConnection: close\n\n'
    expect_field Allow "GET, HEAD"
    [ -n "$(field Date)" ] || fail "no Date"
}

test_static_server_never_takes_a_body_for_a_request() { serve_www && refuses_bodies; }
test_static_server_wants_one_host() { serve_www && checks_hosts; }
test_static_server_keeps_or_closes_connections_as_asked() { serve_www && keeps_or_closes; }
test_static_server_understands_all_forms_of_requests() { serve_www && understands_targets; }
test_http_server_never_takes_a_body_for_a_request() { serve_http && refuses_bodies; }
test_http_server_wants_one_host() { serve_http && checks_hosts; }
test_http_server_keeps_or_closes_connections_as_asked() { serve_http && keeps_or_closes; }
test_http_server_understands_all_forms_of_requests() { serve_http && understands_targets; }

test_http_server_sends_no_chunks_to_an_old_client()
{
    serve_http
    expect_status 200 'GET /chunked/20000 HTTP/1.0\nConnection: keep-alive\n\n'
    expect_field Transfer-Encoding ""
    expect_field Connection close
    [ "$(sed '1,/^$/d' out | wc -c)" = 20000 ] || fail "another body"
}

# status_of FIELDS [METHOD]: what numbers.txt gives with these header fields.
status_of()
{
    ask "${2:-GET} /numbers.txt HTTP/1.1\nHost: x\nConnection: close\n$1\n"
    statuses
}

test_static_server_evaluates_conditions()
{
    serve_www
    [ "$(status_of "")" = 200 ] || fail "no file"
    local etag modified later="Fri, 31 Dec 9998 23:59:59 GMT" \
        earlier="Sun, 06 Nov 1994 08:49:37 GMT"
    etag=$(field ETag)
    modified=$(field Last-Modified)

    [ "$(status_of "If-None-Match: $etag\n")" = 304 ] || fail "the tag"
    expect_field ETag "$etag"
    expect_field Last-Modified "$modified"
    [ -z "$(field Content-Type)$(field Content-Length)" ] || fail "fields of a body"
    [ "$(status_of "If-None-Match: W/$etag\n")" = 304 ] || fail "a weak tag"
    [ "$(status_of "If-None-Match: \"a\", W/\"b\",$etag\n")" = 304 ] || fail "a list"
    [ "$(status_of "If-None-Match: \"a\"\nIf-None-Match: $etag\n")" = 304 ] || fail "two lines"
    [ "$(status_of "If-None-Match: *\n")" = 304 ] || fail "any tag"
    [ "$(status_of "If-None-Match: \"a\"\nIf-Modified-Since: $modified\n")" = 200 ] ||
        fail "another tag, the same date"
    [ "$(status_of "If-Modified-Since: $modified\n")" = 304 ] || fail "the date"
    [ "$(status_of "If-Modified-Since: $later\n")" = 304 ] || fail "a later date"
    [ "$(status_of "If-Modified-Since: $earlier\n")" = 200 ] || fail "an earlier date"
    [ "$(status_of "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\n")" = 200 ] ||
        fail "a date of RFC 850"
    [ "$(status_of "If-Modified-Since: yesterday\n")" = 200 ] || fail "no date"
    [ "$(status_of "If-Match: \"a\"\n")" = 412 ] || fail "If-Match with another tag"
    [ "$(status_of "If-Match: W/$etag\n")" = 412 ] || fail "If-Match with a weak tag"
    [ "$(status_of "If-Match: $etag\nIf-Unmodified-Since: $earlier\n")" = 200 ] || fail "If-Match"
    [ "$(status_of "If-Unmodified-Since: $earlier\n")" = 412 ] ||
        fail "If-Unmodified-Since with an earlier date"
    [ "$(status_of "If-Unmodified-Since: $modified\n")" = 200 ] || fail "If-Unmodified-Since"
    [ "$(status_of "If-None-Match: \"$(head -c 3000 /dev/zero | tr '\0' x)\"\n")" = 431 ] ||
        fail "a long tag"
    [ "$(status_of "Range: bytes=0-1\nRange: bytes=2-3\n")" = 400 ] ||
        fail "two ranges on two lines"
}

test_static_server_reads_ranges_within_bounds()
{
    serve_www
    local size last
    size=$(stat -c %s www/numbers.txt)
    last=$((size - 1))
    for range in "-$size" -9223372036854775808 -99999999999999999999999 0- "0-$last" \
        0-99999999999999999999999; do
        [ "$(status_of "Range: bytes=$range\n")" = 206 ] || fail "bytes=$range gives $(statuses)"
        expect_field Content-Range "bytes 0-$last/$size"
        expect_field Content-Length "$size"
    done
    [ "$(status_of "Range: BYTES=-2\n")" = 206 ] && [ "$(sed '1,/^$/d' out | wc -c)" = 2 ] ||
        fail "the last two"
    for range in --5 +5- '5' 'x' '5-4' '0-1,3-4' '-' '1-x' '0x1-' ' 1 - 2'; do
        [ "$(status_of "Range: bytes=$range\n")" = 200 ] || fail "bytes=$range gives $(statuses)"
    done
    for range in "$size-" -0 9223372036854775807- 99999999999999999999999-; do
        [ "$(status_of "Range: bytes=$range\n")" = 416 ] || fail "bytes=$range gives $(statuses)"
        expect_field Content-Range "bytes */$size"
    done
    [ "$(status_of "Range: lines=1-2\n")" = 200 ] || fail "another unit"
    [ "$(status_of "Range: bytes=0-1\n" HEAD)" = 200 ] || fail "a range for HEAD"
}

test_static_server_sends_a_part_only_of_the_file_that_is_meant()
{
    serve_www
    touch -d '1 hour ago' www/numbers.txt
    [ "$(status_of "")" = 200 ] || fail "no file"
    local etag modified
    etag=$(field ETag)
    modified=$(field Last-Modified)
    for validator in "$etag" "$modified"; do
        [ "$(status_of "Range: bytes=5-\nIf-Range: $validator\n")" = 206 ] ||
            fail "If-Range: $validator"
    done
    for validator in '"other"' "W/$etag" "Sun, 06 Nov 1994 08:49:37 GMT" \
        "Fri, 31 Dec 9998 23:59:59 GMT" rubbish; do
        [ "$(status_of "Range: bytes=5-\nIf-Range: $validator\n")" = 200 ] ||
            fail "If-Range: $validator"
    done
}

test_static_server_says_the_same_length_for_head()
{
    serve_www
    local get
    for path in / /numbers.txt /empty /none; do
        ask "GET $path HTTP/1.1\nHost: x\nConnection: close\n\n"
        get=$(field Content-Length)
        ask "HEAD $path HTTP/1.1\nHost: x\nConnection: close\n\n"
        expect_field Content-Length "$get"
        [ -z "$(sed '1,/^$/d' out)" ] || fail "HEAD has a body"
    done
}

test_static_server_redirects_to_folders_here_and_nowhere_else()
{
    serve_www
    expect_status 301 'GET /folder?a=1&b=/2 HTTP/1.1\nHost: x\nConnection: close\n\n'
    expect_field Location '/folder/?a=1&b=/2'
    expect_status 400 'GET //folder HTTP/1.1\nHost: x\nConnection: close\n\n'
    mkdir -p 'www/\evil' www/strange/index.html
    expect_status 400 'GET /\\evil HTTP/1.1\nHost: x\nConnection: close\n\n'
    expect_status 403 'GET /strange/ HTTP/1.1\nHost: x\nConnection: close\n\n'
}

test_static_server_follows_links_below_its_folder_only()
{
    serve_www
    ln -s numbers.txt www/inside
    ln -s ../secret www/outside
    ln -s "$PWD/secret" www/absolute
    ln -s .. www/folder/up
    ln -s ../.. www/folder/out
    mkfifo www/fifo
    [ "$(status "$base/inside")" = 200 ] && cmp body www/numbers.txt || fail "a link to a neighbour"
    [ "$(status "$base/folder/up/inside")" = 200 ] || fail "a link upwards, within the folder"
    for path in outside absolute folder/out/secret fifo; do
        [ "$(status "$base/$path")" = 403 ] || fail "$path"
    done
}

# A time whose year is beyond an int: only some file systems can have it.
test_static_server_stands_times_beyond_the_calendar()
{
    local memory
    memory=$(mktemp -d -p /dev/shm 2>/dev/null) || { echo "no /dev/shm"; exit 77; }
    mkdir www && mv www "$memory/www" && ln -s "$memory/www" www
    serve_www
    for time in @67768036191676800 @253402300800 @-62167219201; do
        touch -d "$time" "$memory/www/numbers.txt" 2>/dev/null || continue
        status=$(status_of "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\nRange: bytes=0-0\n")
        [ "$status" != "" ] || fail "no answer, $time"
    done
    rm -rf "$memory"
    kill -0 "$pid" || fail "it has ended"
}

test_static_server_says_what_is_wrong_with_its_arguments()
{
    local program=$build/bin/static-server
    [ -x "$program" ] || { echo "built without llhttp"; exit 77; }
    "$program" --help >out && grep -q '^usage: static-server' out || fail "--help"
    mkdir www
    for arguments in "-p 65536 www" "-p x www" "-p -1 www" "-n -1 www" "-t 0 www" "-t nan www" \
        "-t 1x www" "" "www www"; do
        # shellcheck disable=SC2086 # a list of words
        "$program" $arguments >out 2>err
        [ $? = 2 ] && grep -q '^usage:' err || fail "$arguments"
    done
    "$program" -p 0 missing 2>err && fail "a folder that is not there"
    grep -q missing err || fail "it does not say which folder"
}
