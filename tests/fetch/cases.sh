# The tests. Each runs in a directory of its own; the first line that fails ends it, and says why.

# run ARGUMENTS…: runs eddy-fetch; exit code in $code, outputs in the files out and err.
run()
{
    # shellcheck disable=SC2086
    ${EDDY_FETCH_WRAPPER:-} "$fetch" "$@" >out 2>err </dev/null
    code=$?
}

fail()
{
    echo "--- standard output:" && head -n 50 out
    echo "--- standard error:" && head -n 50 err
    echo "$1"
    exit 1
}

expect_code()
{
    [ "$code" = "$1" ] || fail "exit code $code instead of $1"
}

# expect_line FILE PATTERN: a line that matches the extended regular expression.
expect_line()
{
    grep -qE -- "$2" "$1" || fail "nothing like '$2' in $1"
}

expect_no_line()
{
    ! grep -qE -- "$2" "$1" || fail "'$2' in $1"
}

# No file but those named is in the directory.
expect_files()
{
    local dir=$1
    shift
    [ "$(ls -A "$dir" | sort)" = "$(printf '%s\n' "$@" | sort)" ] ||
        fail "in $dir: $(ls -A "$dir" | tr '\n' ' ')"
}

# usage ARGUMENTS… PATTERN: wrong usage, with a line that says what is wrong.
usage()
{
    local pattern=${!#}

    run "${@:1:$#-1}"
    expect_code 2
    expect_line err "^eddy-fetch: .*$pattern"
    [ ! -s out ] || fail "something on standard output"
}

test_help_and_version_go_to_standard_output()
{
    run --help
    expect_code 0
    expect_line out '^usage: eddy-fetch'
    [ ! -s err ] || fail "something on standard error"
    run --version
    expect_code 0
    expect_line out '^eddy-fetch [0-9]'
}

test_wrong_arguments_are_told_and_exit_with_2()
{
    usage -j 0 http://h/ 'not a number from 1 .*: 0$'
    usage -j x http://h/ 'not a number .*: x$'
    usage -j 3x http://h/ ': 3x$'
    usage -j '' http://h/ 'not a number'
    usage -j 99999999999999999999 http://h/ 'not a number'
    usage --timeout abc http://h/ 'not a positive number of seconds: abc'
    usage --timeout 0 http://h/ 'seconds: 0$'
    usage --timeout -1 http://h/ 'seconds: -1$'
    usage --timeout inf http://h/ 'seconds: inf$'
    usage --timeout nan http://h/ 'seconds: nan$'
    usage --retry -1 http://h/ 'not a number'
    usage --max-redirects many http://h/ 'not a number'
    usage --cacert none.pem http://h/ 'none.pem: No such file'
    run -o
    expect_code 2
    expect_line err "requires an argument -- 'o'"
    run --unknown http://h/
    expect_code 2
    expect_line err "unrecognized option '--unknown'"
    usage 'no URL given'
}

test_URLs_of_other_schemes_and_no_URLs_are_refused()
{
    usage ftp://127.0.0.1/ 'not an http or https URL: ftp://127.0.0.1/'
    usage file:///etc/passwd 'not an http or https URL'
    usage 127.0.0.1/x 'not an http or https URL'
    usage 'http://' 'not an http or https URL'
    usage 'http://a b/' 'not an http or https URL'
    usage '' 'not an http or https URL'
}

test_unreadable_lists_are_told_with_their_line()
{
    usage -i none.txt 'none.txt: No such file'
    usage -i . 'Is a directory'
    printf 'http://h/\n\nftp://h/\n' >list
    usage -i list 'list:3: not an http or https URL: ftp://h/'
    printf 'http://h/\0x\n' >list
    usage -i list 'list:1: a zero byte'
    : >list
    usage -i list 'no URL given'
}

test_a_directory_that_cannot_be_made_exits_with_2()
{
    usage -o none/deeper http://h/ 'cannot make the directory none/deeper: No such file'
    : >file
    usage -o file http://h/ 'cannot open the directory file: Not a directory'
}

# same_as_curl URL…: fetched by both, each body byte for byte the same.
same_as_curl()
{
    local i=0 url state status bytes attempts file error

    run --json -o bodies --cacert "$certs/ca.pem" "$@"
    expect_code 0
    "$helper" json <out >results || fail "the JSON cannot be read"
    [ "$(wc -l <results)" = $# ] || fail "not as many results as URLs"
    while IFS=$'\t' read -r state status bytes attempts file error url <&3; do
        i=$((i + 1))
        curl -sSfL --cacert "$certs/ca.pem" -o "curl-$i" "${!i}" || fail "curl failed for ${!i}"
        [ -e "curl-$i" ] || : >"curl-$i" # curl makes no file for an empty body
        [ "$state $status $attempts" = "ok 200 1" ] || fail "$url: $state $status $attempts"
        [ "$bytes" = "$(stat -c %s "curl-$i")" ] || fail "$url: $bytes bytes"
        cmp "$file" "curl-$i" || fail "$url: $file has other bytes"
    done 3<results
    [ "$(ls -A bodies | wc -l)" = $# ] || fail "not as many files as URLs"
}

nginx_paths='/0.bin /1.bin /1000.bin /65536.bin /1048577.bin /10485760.bin /text.txt /packed.gz
    /moved / /deep/er/page.html /with%20space.txt /100%25.txt /%C3%A4%C3%B6.txt /a+b&c=d;e,f@g.txt
    /%22quoted%5C.txt /1.bin?query=/slash /1.bin#fragment'

test_http_from_nginx_gives_the_bytes_that_curl_gives()
{
    need_nginx || exit 1
    # shellcheck disable=SC2086
    same_as_curl $(printf "$http%s " $nginx_paths)
}

test_https_from_nginx_gives_the_bytes_that_curl_gives()
{
    need_nginx || exit 1
    # shellcheck disable=SC2086
    same_as_curl $(printf "$https%s " $nginx_paths)
}

test_our_own_server_gives_the_bytes_that_curl_gives()
{
    need_http_server || exit 1
    make_certs || exit 1
    same_as_curl "$base"/{hello,bytes/0,bytes/1,bytes/16384,bytes/5000000} \
        "$base"/{chunked/0,chunked/1,chunked/1000000,redirect/5,drip/0.1}
}

test_every_URL_has_its_line_in_the_table()
{
    need_http_server || exit 1
    run "$base/hello" "$base/status/404" "$base/bytes/70000"
    expect_code 1
    expect_line out '^STATUS +BYTES +SECONDS +ERROR +URL$'
    expect_line out "^ +200 +6 +[0-9.]+  - +$base/hello$"
    expect_line out "^ +404 +13 +[0-9.]+  HTTP status 404 +$base/status/404$"
    expect_line out "^ +200 +70000 +[0-9.]+  - +$base/bytes/70000$"
    expect_line out '^3 URLs: 2 ok, 1 failed; 68.4 KiB in '
    expect_line err "^eddy-fetch: $base/status/404: HTTP status 404$"
    expect_line err "^\[[123]/3\] 200  6 B  .*/hello$"
}

test_quiet_prints_errors_only()
{
    need_http_server || exit 1
    run -q "$base/hello" "$base/status/500"
    expect_code 1
    [ ! -s out ] || fail "something on standard output"
    [ "$(cat err)" = "eddy-fetch: $base/status/500: HTTP status 500" ] || fail "not only the error"
}

test_an_HTTP_error_leaves_no_file()
{
    need_http_server || exit 1
    run -o dir "$base/hello" "$base/status/404"
    expect_code 1
    expect_files dir hello
}

test_equal_names_are_numbered()
{
    need_http_server || exit 1
    run -o dir "$base/bytes/1" "$base/chunked/1?x" "$base/bytes/1" "$base/" "$base"
    expect_code 0
    expect_files dir 1 1.1 1.2 index.html index.html.1
}

test_names_cannot_leave_the_directory()
{
    printf 'http://h%s\n' '' / /dir/ /a/b /a/b?c/d '/a#b/c' /%2e%2e /. /..%2f..%2fevil /a%00b%0Ac \
        /%41%zz% /b | "$helper" names >names
    printf '%s\n' index.html index.html.1 index.html.2 b b.1 a __ _ .._.._evil a_b_c A%zz% \
        b.2 >expected
    diff expected names || { echo "other names"; exit 1; }
}

test_an_older_file_is_replaced_only_when_the_new_one_is_complete()
{
    need_http_server || exit 1
    mkdir dir
    echo old >dir/1000
    run -o dir "$base/cut/1000"
    expect_code 1
    [ "$(cat dir/1000)" = old ] || fail "the old file is gone"
    run -o dir "$base/bytes/1000"
    expect_code 0
    [ "$(stat -c %s dir/1000)" = 1000 ] || fail "the old file is still there"
    expect_files dir 1000
}

test_a_file_that_cannot_be_renamed_is_told_and_removed()
{
    need_http_server || exit 1
    mkdir -p dir/hello
    run -o dir "$base/hello"
    expect_code 1
    expect_line err "^eddy-fetch: $base/hello: cannot rename the file hello: Is a directory"
    expect_files dir hello
}

test_a_refused_port_is_told()
{
    need_port refuse || exit 1
    run -o dir "http://127.0.0.1:$port/x" "https://127.0.0.1:$port/y"
    expect_code 1
    expect_line err "^eddy-fetch: http://127.0.0.1:$port/x: .*[Cc]onnect"
    expect_line err "^eddy-fetch: https://127.0.0.1:$port/y: .*[Cc]onnect"
    expect_files dir
}

test_a_name_that_does_not_resolve_is_told()
{
    run -o dir -t 60 http://nonexistent.invalid/x
    expect_code 1
    expect_line err "^eddy-fetch: http://nonexistent.invalid/x: .*resolve"
    expect_files dir
}

test_too_few_descriptors_are_told()
{
    need_http_server || exit 1
    (ulimit -n 9 && run -j 4 "$base/slow/0.3?1" "$base/slow/0.3?2" "$base/slow/0.3?3" &&
        exit "$code")
    code=$?
    expect_code 1
    expect_line err "^eddy-fetch: http://.*: Too many open files$"
}

# What is no valid URL is shown with more hidden than need be.
test_passwords_are_never_printed()
{
    need_http_server || exit 1
    local to=${base#http://} format
    for format in "" --json; do
        run -j 1 $format "http://user:s3cret@$to/hello?@x" \
            "http://us%40er:s3cret:s3cret@$to/status/404" \
            "http://:s3cret@127.0.0.1:1/"
        expect_code 1
        expect_no_line out s3cret
        expect_no_line err s3cret
        expect_line out "http://user:\*\*\*@$to/hello\?@x"
    done
    for url in ftp://user:s3cret@h/ user:s3cret@h http://user:s3/cret@h/ \
        "http://user:s3cret@h@h:x/"; do
        usage "$url" 'not an http or https URL: .*\*\*\*@'
        expect_no_line err 's3|cret'
        echo "$url" >list
        usage -i list 'list:1: not an http or https URL: .*\*\*\*@'
        expect_no_line err 's3|cret'
    done
    run "http://$to/hello?a:b@c"
    expect_line out "$to/hello\?a:b@c"
}

test_names_that_are_not_ASCII_are_understood()
{
    need_http_server || exit 1
    local -x LC_ALL=C.UTF-8
    run "http://bücher.localhost:${base##*:}/hello"
    expect_code 0
}

test_a_server_that_never_answers_runs_into_the_timeout()
{
    need_http_server || exit 1
    need_port mute || exit 1
    run -o dir -t 0.3 "$base/silent" "http://127.0.0.1:$port/a" "https://127.0.0.1:$port/b"
    expect_code 1
    expect_line err "^eddy-fetch: $base/silent: timed out after 0.3 s \(0 bytes received\)$"
    expect_line err "^eddy-fetch: http://127.0.0.1:$port/a: timed out"
    expect_line err "^eddy-fetch: https://127.0.0.1:$port/b: timed out"
    expect_files dir
}

test_a_timeout_in_the_middle_of_a_body_leaves_no_file()
{
    need_http_server || exit 1
    run -o dir -t 0.5 "$base/drip/100"
    expect_code 1
    expect_line err "timed out after 0.5 s"
    expect_files dir
}

test_connections_that_end_early_are_told()
{
    need_http_server || exit 1
    run -o dir "$base/close" "$base/cut/100000"
    expect_code 1
    expect_line err "^eddy-fetch: $base/close: Empty reply"
    expect_line err "^eddy-fetch: $base/cut/100000: .*(outstanding|remaining|closed)"
    expect_files dir
}

test_too_many_redirects_are_told()
{
    need_http_server || exit 1
    run -o dir "$base/loop"
    expect_code 1
    expect_line err "^eddy-fetch: $base/loop: Maximum \(20\) redirects followed$"
    run --max-redirects 3 "$base/redirect/4"
    expect_code 1
    run --max-redirects 4 "$base/redirect/4"
    expect_code 0
    expect_files dir
}

test_redirects_to_other_schemes_are_refused()
{
    need_nginx || exit 1
    run -o dir "$http/to-file"
    expect_code 1
    expect_line err "^eddy-fetch: $http/to-file: .*[Pp]rotocol"
    expect_files dir
}

test_bad_certificates_are_told()
{
    need_nginx || exit 1
    run -o dir --cacert "$certs/stranger.pem" "$https/1.bin"
    expect_code 1
    expect_line err "^eddy-fetch: $https/1.bin: SSL certificate problem: unable to get local issuer"
    run -o dir --cacert "$certs/ca.pem" "$elsewhere/1.bin"
    expect_code 1
    expect_line err \
        "^eddy-fetch: $elsewhere/1.bin: SSL: no alternative certificate subject name matches"
    run -o dir --cacert "$certs/ca.pem" "$expired/1.bin"
    expect_code 1
    expect_line err "^eddy-fetch: $expired/1.bin: SSL certificate problem: certificate has expired"
    run -o dir "$https/1.bin"
    expect_code 1
    expect_files dir
}

test_insecure_takes_any_certificate()
{
    need_nginx || exit 1
    run -k -o dir "$https/1.bin" "$elsewhere/1000.bin" "$expired/65536.bin"
    expect_code 0
    expect_files dir 1.bin 1000.bin 65536.bin
}

test_a_broken_cacert_file_is_told()
{
    need_nginx || exit 1
    echo nonsense >broken.pem
    run --cacert broken.pem "$https/1.bin"
    expect_code 1
    expect_line err "^eddy-fetch: $https/1.bin: .*broken.pem"
}

test_a_full_disk_is_told_and_leaves_nothing()
{
    need_http_server || exit 1
    mkdir -p "$work/small"
    mount -t tmpfs -o size=1m tmpfs "$work/small" 2>/dev/null ||
        skip "a small file system cannot be mounted here"
    run --retry 3 -j 1 -o "$work/small" "$base/hello" "$base/bytes/5000000" "$base/bytes/5"
    expect_code 1
    expect_line err "^eddy-fetch: $base/bytes/5000000: $(
        echo 'cannot write the file 5000000: No space left on device')$"
    expect_files "$work/small" hello 5
    umount "$work/small"
    rmdir "$work/small"
}

test_a_full_standard_output_is_told()
{
    need_http_server || exit 1
    ${EDDY_FETCH_WRAPPER:-} "$fetch" "$base/hello" >/dev/full 2>err </dev/null
    code=$?
    : >out
    expect_code 1
    expect_line err '^eddy-fetch: standard output: No space left on device$'
}

test_closed_standard_streams_do_not_get_into_files()
{
    need_http_server || exit 1
    : >out && : >err
    ${EDDY_FETCH_WRAPPER:-} "$fetch" -o dir "$base/bytes/1000" "$base/status/404" \
        "$base/chunked/500" <&- >&- 2>&-
    code=$?
    expect_code 1
    expect_files dir 1000 500
    [ "$(cat dir/1000 | wc -c) $(cat dir/500 | wc -c)" = "1000 500" ] ||
        fail "something else got into the files"
    ${EDDY_FETCH_WRAPPER:-} "$fetch" "$base/hello" >&- 2>err
    code=$?
    expect_code 1
    expect_line err '^eddy-fetch: standard output: Bad file descriptor$'
}

test_retry_tries_again_what_may_pass()
{
    need_http_server fresh || exit 1
    need_port refuse || exit 1
    run --json -j 1 --retry 2 "$base/flaky/2" "$base/status/404" "http://127.0.0.1:$port/"
    expect_code 1
    "$helper" json <out >results || fail "the JSON cannot be read"
    expect_line results "^ok	200	20	2	-	-	$base/flaky/2$"
    expect_line results "^failed	404	13	1	"
    expect_line results "^failed	-	0	3	"
}

test_a_retried_file_has_the_last_attempt_only()
{
    need_http_server fresh || exit 1
    run --retry 1 -o dir "$base/flaky/2"
    expect_code 0
    [ "$(cat dir/2)" = "this time it worked" ] || fail "other bytes: $(cat dir/2)"
    expect_files dir 2
}

test_no_more_than_j_run_at_a_time()
{
    need_http_server fresh || exit 1
    local urls=() i

    for i in $(seq 30); do
        urls+=("$base/slow/0.1?$i")
    done
    run -q -j 5 "${urls[@]}"
    expect_code 0
    curl -s "$base/busiest" >busiest
    [ "$(cat busiest)" -le 5 ] || fail "$(cat busiest) at a time"
    [ "$(cat busiest)" -ge 2 ] || fail "one after the other"
}

test_URLs_come_from_files_and_standard_input()
{
    need_http_server || exit 1
    printf '# a comment\n\n  %s\t\r\n%s' "$base/bytes/1" "$base/bytes/2" >list
    echo "$base/bytes/3" | ${EDDY_FETCH_WRAPPER:-} "$fetch" -o dir -i list - "$base/bytes/4" >out \
        2>err
    code=$?
    expect_code 0
    expect_files dir 1 2 3 4
    echo "$base/hello" | ${EDDY_FETCH_WRAPPER:-} "$fetch" -o other -i - >out 2>err
    code=$?
    expect_code 0
    expect_files other hello
}

test_JSON_survives_odd_URLs()
{
    need_http_server || exit 1
    run --json "$base/hello?\"quoted\\back" "$base/hello?$(printf '\303\251')" "$base/none"
    expect_code 1
    "$helper" json <out >results || fail "the JSON cannot be read"
    [ "$(wc -l <results)" = 3 ] || fail "not three results"
    grep -qF "$base/hello?\"quoted\\back" results || fail "the URL came back changed"
    run --json "$base/$(printf '\377\300\200x')"
    expect_code 1
    "$helper" json <out >results || fail "the JSON with bytes that are no UTF-8 cannot be read"
}

# interrupted SIGNAL: sends it once the first URL is done and the others are under way.
interrupted()
{
    need_http_server || exit 1
    # A shell starts background jobs with SIGINT ignored.
    # shellcheck disable=SC2086
    env --default-signal=INT ${EDDY_FETCH_WRAPPER:-} "$fetch" -j 3 -o dir "$base/hello" \
        "$base/drip/1000" "$base/silent" \
        "$base/slow/1000" "$base/bytes/7" >out 2>err &
    local pid=$!

    for _ in $(seq 400); do
        grep -q '^\[1/5\] 200' err && [ "$(ls -A dir | wc -l)" = 4 ] && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.025
    done
    kill -s "$1" $pid
    wait $pid
    code=$?
}

test_Ctrl_C_cancels_cleanly()
{
    interrupted INT
    expect_code 130
    expect_files dir hello
    expect_line err '^eddy-fetch: interrupted: 1 of 5 URLs were fetched$'
    expect_line out "^ +200 +6 +[0-9.]+  - +$base/hello$"
    expect_line out " cancelled +$base/silent$"
    expect_line out " not started +$base/bytes/7$"
    expect_line out '^5 URLs: 1 ok, 0 failed, 4 cancelled or not started'
}

test_SIGTERM_cancels_cleanly()
{
    interrupted TERM
    expect_code 143
    expect_files dir hello
    expect_line err '^eddy-fetch: Terminated: 1 of 5 URLs were fetched$'
}

# on_terminal COLUMNS ARGUMENTS…: runs on a terminal of its own, whose screen output goes to the
# file screen.
on_terminal()
{
    local columns=$1
    shift
    script -qec "stty rows 24 cols $columns; $(printf '%q ' ${EDDY_FETCH_WRAPPER:-} "$fetch" \
        "$@") 2>/dev/tty >out" \
        /dev/null >screen 2>&1 </dev/null
    code=$?
    cp screen err
}

test_bars_are_drawn_on_a_terminal()
{
    command -v script >/dev/null || skip "there is no script(1) to make a terminal"
    need_http_server || exit 1
    TERM=xterm on_terminal 75 -j 2 "$base/drip/0.5" "$base/none" \
        "$base/slow/0.5?a-long-query-that-makes-this-wider-than-the-whole-terminal-is-and-wider"
    expect_code 1
    grep -q "$(printf '\033')\[[0-9]*A" screen || fail "the cursor does not move up"
    grep -q '\[####* *\] ' screen || fail "no bar"
    grep -q 'of 3 done' screen || fail "no line for the whole"
    grep -q "eddy-fetch: $base/none: HTTP status 404" screen || fail "the failure is not told"
    grep -q '\.\.\.[^ ]*-and-wider' screen || fail "the end of a long URL is not shown"
    tr '\r' '\n' <screen | sed "s/$(printf '\033')\[[0-9]*[A-Z]//g" |
        grep -vE '^(eddy-fetch:|--|==)' |
        awk 'length > 74' >wide
    [ ! -s wide ] || fail "wider than the terminal: $(head -n 1 wide)"
    TERM=xterm on_terminal 30 "$base/slow/0.3"
    expect_code 0
    TERM=dumb on_terminal 75 "$base/hello"
    expect_code 0
    ! grep -q "$(printf '\033')" screen || fail "escape sequences on a dumb terminal"
}

test_a_thousand_URLs_need_no_more_descriptors_than_run()
{
    need_http_server || exit 1
    for i in $(seq 1000); do
        echo "$base/bytes/$i"
    done >list
    (ulimit -n 64 && run -q --json -j 16 -i list && exit $code)
    code=$?
    expect_code 0
    [ "$("$helper" json <out | grep -c '^ok	200')" = 1000 ] || fail "not all of them"
}

test_the_manual_page_has_no_faults()
{
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    mandoc -Tlint "$here/../../tools/eddy-fetch/eddy-fetch.1" >out 2>err || fail "mandoc complains"
    for option in $("$fetch" --help | grep -oE -- '--[a-z-]+'); do
        grep -qE "^\.It .*Fl .*-${option#--}( |$)" "$here/../../tools/eddy-fetch/eddy-fetch.1" ||
            fail "the page does not describe $option"
    done
}
