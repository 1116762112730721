# json-api, with curl.

serve_json()
{
    [ -x "$bin/json-api" ] || { echo "built without llhttp or jansson"; exit 77; }
    serve "$bin/json-api" 0
    base=http://localhost:$port/items
}

# expect_json STATUS BODY CURL ARGUMENTS…
expect_json()
{
    local status
    status=$(curl -sS -o body -w '%{http_code}' "${@:3}") || fail "curl failed: ${*:3}"
    [ "$status $(cat body)" = "$1 $2" ] || fail "'${*:3}' gives $status $(cat body)"
}

test_json_api_creates_changes_and_removes_items()
{
    serve_json
    expect_json 200 '{}' "$base"
    expect_json 201 '{"id":"1"}' -d '{"name": "pear", "tags": ["\u00e4", null, 1.5]}' "$base"
    expect_json 201 '{"id":"2"}' -d '["a\tb"]' "$base"
    expect_json 200 '{"name":"pear","tags":["ä",null,1.5]}' "$base/1"
    expect_json 204 '' -X PUT -d '{}' "$base/1"
    expect_json 200 '{"1":{},"2":["a\tb"]}' "$base"
    expect_json 204 '' -X DELETE "$base/1"
    for method in GET DELETE; do
        expect_json 404 '' -X $method "$base/1"
    done
    expect_json 404 '' -X PUT -d '{}' "$base/1"
}

test_json_api_refuses_what_it_should()
{
    serve_json
    expect_json 400 "{\"error\":\"'}' expected near end of file\",\"line\":2}" -d $'{"a": 1\n' \
        "$base"
    expect_json 400 "{\"error\":\"'[' or '{' expected near end of file\",\"line\":1}" -d '' "$base"
    [ "$(curl -sS -o body -w '%{http_code}' -d '{"a": 1, "a": 2}' "$base")" = 400 ] ||
        fail "a name twice"
    expect_json 404 '' "http://localhost:$port/other"
    expect_json 405 '' -X PATCH "$base/1"
    expect_json 405 '' -X DELETE "$base"
    expect_json 413 '' -X GET -d '{}' "$base"
    expect_json 411 '' -H 'Transfer-Encoding: chunked' -d '{}' "$base"
    head -c 1048577 /dev/zero | tr '\0' ' ' >large
    expect_json 413 '' -H 'Expect: 100-continue' --data-binary @large "$base"
    # Nested as deeply as the parser allows, and more deeply.
    { printf '[%.0s' $(seq 2048) && printf ']%.0s' $(seq 2048); } >deep
    expect_json 201 '{"id":"1"}' -d @deep "$base"
    curl -sS "$base/1" | cmp - deep || fail "another depth"
    head -c 1000000 /dev/zero | tr '\0' '[' >deep
    [ "$(curl -sS -o body -w '%{http_code}' --data-binary @deep "$base")" = 400 ] || fail "a pit"
    [ "$(curl -sS -o body -w '%{http_code}' -d '["\u0000"]' "$base")" = 400 ] || fail "a null byte"
}

test_json_api_reads_large_bodies_and_keeps_connections()
{
    serve_json
    { printf '["' && head -c 1000000 /dev/zero | tr '\0' 'x' && printf '"]'; } >large
    expect_json 201 '{"id":"1"}' -H 'Expect: 100-continue' --data-binary @large "$base"
    curl -sS -o one -o two -w '%{num_connects} ' "$base/1" "$base/1" >out || fail "curl"
    [ "$(cat out)" = "1 0 " ] || fail "a second connection was made: $(cat out)"
    cmp two large || fail "another body"
    # Two requests in one piece: the first one's body ends where it says.
    printf 'PUT /items/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}%s' \
        $'GET /items/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
        nc -N localhost "$port" >out
    [ "$(grep -c '^HTTP/1.1 20[04]' out)" = 2 ] && [ "$(tail -n 1 out)" = '{}' ] ||
        fail "two requests in one piece"
}

# One client is idle, another has sent half of its request: that one gets its answer.
test_json_api_ends_after_the_requests_under_way()
{
    serve_json
    exec 3<>"/dev/tcp/localhost/$port" 4<>"/dev/tcp/localhost/$port"
    printf 'GET /items HTTP/1.1\r\nHost: x\r\n\r\n' >&3
    head -n 1 <&3 | grep -q '^HTTP/1.1 200' || fail "no answer"
    printf '%s\r\n' 'POST /items HTTP/1.1' 'Host: x' 'Content-Length: 4' 'Expect: 100-continue' \
        '' >&4
    printf '[' >&4
    head -n 1 <&4 | grep -q '^HTTP/1.1 100' || fail "it is not told to continue"
    kill -TERM "$pid"
    timeout 60 cat <&3 >idle || fail "the idle connection stays"
    kill -0 "$pid" || fail "it does not wait for the other request"
    printf '1]\n' >&4
    timeout 60 cat <&4 >out || fail "the connection stays"
    grep -q '^HTTP/1.1 201' out || fail "no answer"
    exec 4>&-
    wait "$pid" || fail "exit code $?"
}
