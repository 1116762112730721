# The tests. Each runs in a directory of its own; the first line that fails ends it, and says why.

# An authority, a server localhost, a client, and a stranger who vouches for himself: NAME.pem and
# NAME.key in $work.
make_certificates()
{
    cd "$work" || return
    # the authority, as the guide has it
    sed -n '/^```sh$/,/^```$/{/^```/d;p;}' "$here/../../docs/tls.md" | sh || return
    sign server "subjectAltName=DNS:localhost,IP:127.0.0.1" "extendedKeyUsage=serverAuth" || return
    sign client "subjectAltName=email:client@test" "extendedKeyUsage=clientAuth" || return
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout stranger.key \
        -out stranger.pem -days 2 \
        -subj "/CN=stranger" -addext "subjectAltName=DNS:localhost" || return
    cd "$here" || return
}

# sign NAME EXTENSION…: a certificate of the authority's.
sign()
{
    local name=$1
    shift
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" \
        -out "$name.csr" -subj "/CN=$name" &&
        printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
            "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid" "$@" >"$name.ext" &&
        openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
        -extfile "$name.ext" -out "$name.pem"
}

fail()
{
    head -n 50 out err server.out server.err 2>/dev/null
    echo "$1"
    exit 1
}

expect_line()
{
    grep -qE -- "$2" "$1" || fail "nothing like '$2' in $1"
}

# await_line FILE PATTERN: until it is there, or half a minute is over.
await_line()
{
    for _ in $(seq 600); do
        grep -qsE -- "$2" "$1" && return
        sleep 0.05
    done
}

# serve PROGRAM ARGUMENTS…: one of the examples, in the background; $port is where.
serve()
{
    "$@" >server.out 2>server.err &
    servers="$servers $!"
    until grep -q '^port ' server.out; do
        kill -0 $! 2>/dev/null || fail "$1 does not run"
        sleep 0.02
    done
    port=$(sed -n 's/^port //p' server.out)
}

# openssl_server ARGUMENTS…: s_server in the background; $port is where. What it prints is in
# server.out.
openssl_server()
{
    openssl s_server -accept 127.0.0.1:0 -cert "$work/server.pem" -key "$work/server.key" \
        "$@" >server.out 2>server.err </dev/null &
    servers="$servers $!"
    until grep -q '^ACCEPT ' server.out; do
        kill -0 $! 2>/dev/null || fail "openssl s_server does not run"
        sleep 0.02
    done
    port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' server.out | head -n 1)
}

# run PROGRAM ARGUMENTS…: output in the files out and err, exit code in $code.
run()
{
    timeout 60 "$@" >out 2>err </dev/null
    code=$?
}

expect_success()
{
    [ "$code" = 0 ] || fail "exit code $code"
}
expect_failure()
{
    [ "$code" != 0 ] || fail "it succeeded"
}

test_curl_gets_from_a_server()
{
    serve "$examples/server" 0 "$work/server.pem" "$work/server.key"
    run curl -sS --cacert "$work/ca.pem" "https://localhost:$port/" \
        --resolve "localhost:$port:127.0.0.1"
    expect_success
    expect_line out '^hello over TLS$'
    run curl -sS --tls-max 1.2 --cacert "$work/ca.pem" "https://127.0.0.1:$port/"
    expect_success
    expect_line out '^hello over TLS$'
    [ ! -s server.err ] || fail "the server complains"
}

test_curl_refuses_a_server_of_another_authority()
{
    serve "$examples/server" 0 "$work/server.pem" "$work/server.key"
    run curl -sS --cacert "$work/stranger.pem" "https://127.0.0.1:$port/"
    expect_failure
    run curl -sS --cacert "$work/ca.pem" "https://127.0.0.1:$port/"
    expect_success
}

test_a_server_admits_only_clients_of_its_authority()
{
    serve "$examples/server" 0 "$work/server.pem" "$work/server.key" "$work/ca.pem"
    run curl -sS --cacert "$work/ca.pem" "https://127.0.0.1:$port/"
    expect_failure
    run curl -sS --cacert "$work/ca.pem" --cert "$work/stranger.pem" --key "$work/stranger.key" \
        "https://127.0.0.1:$port/"
    expect_failure
    run curl -sS --cacert "$work/ca.pem" --cert "$work/client.pem" --key "$work/client.key" \
        "https://127.0.0.1:$port/"
    expect_success
    expect_line out '^hello over TLS$'
}

test_s_client_talks_to_an_echo_server()
{
    serve "$build/bin/tls-echo-server" 0 "$work/server.pem" "$work/server.key"
    { echo one && echo two && await_line out '^two$'; } |
        timeout 60 openssl s_client -quiet -no_ign_eof -verify_return_error \
        -CAfile "$work/ca.pem" -connect "127.0.0.1:$port" >out 2>err
    expect_line out '^one$'
    expect_line out '^two$'
}

test_s_client_agrees_upon_a_protocol_and_resumes_a_session()
{
    serve "$examples/server" 0 "$work/server.pem" "$work/server.key"
    printf 'GET / HTTP/1.0\r\n\r\n' >request
    timeout 60 openssl s_client -alpn h2,http/1.1 -CAfile "$work/ca.pem" \
        -connect "127.0.0.1:$port" -sess_out session -ign_eof \
        <request >out 2>err
    expect_line out '^ALPN protocol: http/1.1'
    expect_line out '^hello over TLS'
    timeout 60 openssl s_client -alpn h2 -CAfile "$work/ca.pem" \
        -connect "127.0.0.1:$port" <request >out 2>err
    expect_line err 'no application protocol'
    timeout 60 openssl s_client -CAfile "$work/ca.pem" -connect "127.0.0.1:$port" \
        -sess_in session -ign_eof <request >out 2>err
    expect_line out '^Reused, TLSv1.3'
}

test_old_versions_are_refused()
{
    serve "$examples/server" 0 "$work/server.pem" "$work/server.key"
    timeout 60 openssl s_client -tls1_1 -cipher DEFAULT@SECLEVEL=0 \
        -connect "127.0.0.1:$port" </dev/null >out 2>err
    expect_line err 'alert protocol version'
}

test_renegotiation_is_refused()
{
    serve "$build/bin/tls-echo-server" 0 "$work/server.pem" "$work/server.key"
    { await_line out 'Verify return code' && echo R && await_line err 'no renegotiation'; } |
        timeout 60 openssl s_client -tls1_2 -CAfile "$work/ca.pem" \
        -connect "127.0.0.1:$port" >out 2>err
    expect_line err 'no renegotiation'
}

test_a_server_survives_whatever_is_no_tls()
{
    serve "$examples/server" 0 "$work/server.pem" "$work/server.key"
    run curl -sS "http://127.0.0.1:$port/"
    expect_failure
    head -c 100000 /dev/urandom | timeout 60 openssl s_client \
        -connect "127.0.0.1:$port" >/dev/null 2>&1
    for i in 1 2 3; do
        head -c 2000 /dev/urandom 2>/dev/null |
            timeout 10 bash -c "cat >/dev/tcp/127.0.0.1/$port" 2>/dev/null
    done
    run curl -sS --cacert "$work/ca.pem" "https://127.0.0.1:$port/"
    expect_success
}

test_a_client_gets_from_s_server()
{
    openssl_server -www
    run "$examples/client" localhost "$port" "$work/ca.pem"
    expect_success
    expect_line out 'New, TLSv1.3'
    run "$examples/client" 127.0.0.1 "$port" "$work/ca.pem"
    expect_success
}

test_a_client_speaks_tls_1_2()
{
    openssl_server -www -tls1_2
    run "$examples/client" 127.0.0.1 "$port" "$work/ca.pem"
    expect_success
    expect_line out 'TLSv1.2'
}

test_a_client_trusts_the_systems_authorities()
{
    openssl_server -www
    SSL_CERT_FILE=$work/ca.pem run "$examples/client" 127.0.0.1 "$port"
    expect_success
    SSL_CERT_FILE=$work/stranger.pem run "$examples/client" 127.0.0.1 "$port"
    expect_failure
}

test_a_client_says_why_it_does_not_accept_a_server()
{
    openssl_server -www
    run "$examples/client" 127.0.0.1 "$port"
    expect_failure
    expect_line err \
        "TLS with 127.0.0.1: the certificate is not accepted: $(
            echo 'unable to get local issuer certificate')"
}

test_a_client_shows_its_certificate_to_s_server()
{
    openssl_server -rev -Verify 2 -CAfile "$work/ca.pem" -verify_return_error
    run "$build/bin/tls-echo-client" 127.0.0.1 "$port" "$work/ca.pem" "abc
" "$work/client.pem" "$work/client.key"
    expect_line out '^cba$'
    run "$build/bin/tls-echo-client" 127.0.0.1 "$port" "$work/ca.pem" "abc
"
    expect_failure
}

test_both_sides_of_the_echo_example_end_in_order()
{
    serve "$build/bin/tls-echo-server" 0 "$work/server.pem" "$work/server.key"
    run "$build/bin/tls-echo-client" localhost "$port" "$work/ca.pem" "there and back"
    expect_success
    expect_line out '^there and back$'
    [ ! -s server.err ] || fail "the server complains"
}

test_starttls()
{
    run "$examples/starttls" "$work/server.pem" "$work/server.key" "$work/ca.pem" localhost
    expect_success
    expect_line out '^in plain text: go ahead$'
    expect_line out '^with TLS: now nobody listens$'
}

test_files_that_are_missing_or_do_not_fit_are_named()
{
    run "$examples/server" 0 "$work/nothing.pem" "$work/server.key"
    expect_failure
    expect_line err 'nothing.pem: no certificate that could be used .*No such file'
    run "$examples/server" 0 "$work/server.pem" "$work/client.key"
    expect_failure
    expect_line err 'client.key'
    openssl pkey -in "$work/server.key" -aes128 -passout pass:secret -out locked.key
    run "$examples/server" 0 "$work/server.pem" locked.key
    expect_failure
    expect_line err 'the key is encrypted, and there is no password'
}
