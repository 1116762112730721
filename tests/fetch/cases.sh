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
    usage --per-host 0 http://h/ 'not a number from 1'
    usage --limit-rate 10x http://h/ 'not a number of bytes per second: 10x$'
    usage --limit-rate 0 http://h/ 'not a number of bytes per second: 0$'
    usage --connect-timeout 0 http://h/ 'connect-timeout: not a positive number of seconds: 0$'
    usage -C 100 http://h/ 'not -, for the size of the file: 100$'
    usage -H nothing http://h/ "not of the form 'Name: value': nothing$"
    usage -d @none.txt http://h/ 'data: none.txt: No such file'
    usage -o a -o b http://h/ 'more outputs .* than URLs'
    usage -o '' http://h/ 'an empty name'
    usage --json --ndjson http://h/ 'exclude each other'
    usage -I -d x http://h/ 'exclude each other'
    usage --json -o - http://h/ 'cannot both go to standard output'
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

test_unreadable_and_empty_lists_are_told()
{
    usage -i none.txt 'none.txt: No such file'
    usage -i . 'Is a directory'
    : >list
    usage -i list 'no URL given'
}

test_a_directory_that_cannot_be_made_exits_with_2()
{
    usage -P none/deeper http://h/ 'cannot make the directory none/deeper: No such file'
    : >file
    usage -P file http://h/ 'cannot open the directory file: Not a directory'
}

# same_as_curl URL…: fetched by both, each body byte for byte the same.
same_as_curl()
{
    local i=0 url state status bytes attempts file error

    run --json -P bodies --cacert "$certs/ca.pem" "$@"
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
    run -P dir "$base/hello" "$base/status/404"
    expect_code 1
    expect_files dir hello
}

test_equal_names_are_numbered()
{
    need_http_server || exit 1
    run -P dir "$base/bytes/1" "$base/chunked/1?x" "$base/bytes/1" "$base/" "$base"
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
    run -P dir "$base/cut/1000"
    expect_code 1
    [ "$(cat dir/1000)" = old ] || fail "the old file is gone"
    run -P dir "$base/bytes/1000"
    expect_code 0
    [ "$(stat -c %s dir/1000)" = 1000 ] || fail "the old file is still there"
    expect_files dir 1000
}

test_a_file_that_cannot_be_renamed_is_told_and_removed()
{
    need_http_server || exit 1
    mkdir -p dir/hello
    run -P dir "$base/hello"
    expect_code 1
    expect_line err "^eddy-fetch: $base/hello: cannot rename the file hello: Is a directory"
    expect_files dir hello
}

test_a_refused_port_is_told()
{
    need_port refuse || exit 1
    run -P dir "http://127.0.0.1:$port/x" "https://127.0.0.1:$port/y"
    expect_code 1
    expect_line err "^eddy-fetch: http://127.0.0.1:$port/x: .*[Cc]onnect"
    expect_line err "^eddy-fetch: https://127.0.0.1:$port/y: .*[Cc]onnect"
    expect_files dir
}

test_a_name_that_does_not_resolve_is_told()
{
    run -P dir -t 60 http://nonexistent.invalid/x
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
        run -i list
        expect_code 1
        expect_line err 'list:1: not an http or https URL: .*\*\*\*@'
        expect_no_line err 's3|cret'
        expect_no_line out 's3|cret'
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
    run -P dir -t 0.3 "$base/silent" "http://127.0.0.1:$port/a" "https://127.0.0.1:$port/b"
    expect_code 1
    expect_line err "^eddy-fetch: $base/silent: timed out after 0.3 s \(0 bytes received\)$"
    expect_line err "^eddy-fetch: http://127.0.0.1:$port/a: timed out"
    expect_line err "^eddy-fetch: https://127.0.0.1:$port/b: timed out"
    expect_files dir
}

test_a_timeout_in_the_middle_of_a_body_leaves_no_file()
{
    need_http_server || exit 1
    run -P dir -t 0.5 "$base/drip/100"
    expect_code 1
    expect_line err "timed out after 0.5 s"
    expect_files dir
}

test_connections_that_end_early_are_told()
{
    need_http_server || exit 1
    run -P dir "$base/close" "$base/cut/100000"
    expect_code 1
    expect_line err "^eddy-fetch: $base/close: Empty reply"
    expect_line err "^eddy-fetch: $base/cut/100000: .*(outstanding|remaining|closed)"
    expect_files dir
}

test_too_many_redirects_are_told()
{
    need_http_server || exit 1
    run -P dir "$base/loop"
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
    run -P dir "$http/to-file"
    expect_code 1
    expect_line err "^eddy-fetch: $http/to-file: .*[Pp]rotocol"
    expect_files dir
}

test_bad_certificates_are_told()
{
    need_nginx || exit 1
    run -P dir --cacert "$certs/stranger.pem" "$https/1.bin"
    expect_code 1
    expect_line err "^eddy-fetch: $https/1.bin: SSL certificate problem: unable to get local issuer"
    run -P dir --cacert "$certs/ca.pem" "$elsewhere/1.bin"
    expect_code 1
    expect_line err \
        "^eddy-fetch: $elsewhere/1.bin: SSL: no alternative certificate subject name matches"
    run -P dir --cacert "$certs/ca.pem" "$expired/1.bin"
    expect_code 1
    expect_line err "^eddy-fetch: $expired/1.bin: SSL certificate problem: certificate has expired"
    run -P dir "$https/1.bin"
    expect_code 1
    expect_files dir
}

test_insecure_takes_any_certificate()
{
    need_nginx || exit 1
    run -k -P dir "$https/1.bin" "$elsewhere/1000.bin" "$expired/65536.bin"
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
    run --retry 3 -j 1 -P "$work/small" "$base/hello" "$base/bytes/5000000" "$base/bytes/5"
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
    ${EDDY_FETCH_WRAPPER:-} "$fetch" -P dir "$base/bytes/1000" "$base/status/404" \
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
    run --retry 1 -P dir "$base/flaky/2"
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
    echo "$base/bytes/3" | ${EDDY_FETCH_WRAPPER:-} "$fetch" -P dir -i list - "$base/bytes/4" >out \
        2>err
    code=$?
    expect_code 0
    expect_files dir 1 2 3 4
    echo "$base/hello" | ${EDDY_FETCH_WRAPPER:-} "$fetch" -P other -i - >out 2>err
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
    env --default-signal=INT ${EDDY_FETCH_WRAPPER:-} "$fetch" -j 3 -P dir "$base/hello" \
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
    grep -q '[0-3] of 3 ended: [0-3] ok, [01] failed; ' screen || fail "no line for the whole"
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

test_a_bad_line_in_a_list_keeps_no_other_from_being_fetched()
{
    need_http_server || exit 1
    printf '%s\n\nftp://h/\n%s\nx\0y\n' "$base/hello" "$base/bytes/5" >list
    run -i list -P dir
    expect_code 1
    expect_files dir hello 5
    expect_line err '^eddy-fetch: list:3: not an http or https URL: ftp://h/$'
    expect_line err '^eddy-fetch: list:5: a zero byte in the line$'
    expect_line out ' not an http or https URL +ftp://h/$'
    expect_line out '^4 URLs: 2 ok, 2 failed; '
    run -i list --json
    "$helper" json <out >results || fail "the JSON cannot be read"
    [ "$(wc -l <results)" = 4 ] || fail "not four results"
}

test_o_keeps_bodies_under_names_of_their_own()
{
    need_http_server || exit 1
    mkdir deep
    echo old >first
    run -o first -o deep/second "$base/hello" "$base/bytes/5" "$base/bytes/6"
    expect_code 0
    [ "$(cat first) $(stat -c %s deep/second)" = "hello 5" ] || fail "other bytes"
    expect_files deep second
    expect_files . deep err first out
    run -P dir -o first "$base/hello" "$base/bytes/5"
    expect_code 0
    expect_files dir first 5
    run -O "$base/bytes/7"
    expect_files . 7 deep dir err first out
    run -o none/file "$base/hello"
    expect_code 1
    expect_line err "cannot create the file none/file: No such file or directory"
}

test_bodies_go_to_standard_output_whole_and_in_order()
{
    need_http_server || exit 1
    run -o - "$base/hello"
    expect_code 0
    [ "$(cat out)" = hello ] || fail "not the body alone"
    expect_line err '^1 URL: 1 ok, 0 failed; '
    run -q -o - -o - -o - "$base/slow/0.2" "$base/bytes/100000" "$base/hello"
    expect_code 0
    { curl -s "$base/slow/0.2" && curl -s "$base/bytes/100000" && curl -s "$base/hello"; } >expected
    cmp out expected || fail "other bytes"
    [ ! -s err ] || fail "something on standard error"
    run -o - "$base/status/404"
    expect_code 1
    [ ! -s out ] || fail "the page of an error went out"
    ${EDDY_FETCH_WRAPPER:-} "$fetch" -o - "$base/hello" >/dev/full 2>err </dev/null
    code=$?
    : >out
    expect_code 1
    expect_line err "^eddy-fetch: $base/hello: standard output: No space left on device$"
}

test_devices_and_pipes_are_written_where_they_are()
{
    need_http_server || exit 1
    mkfifo pipe
    cat pipe >through &
    run -o pipe -o /dev/null "$base/bytes/100000" "$base/hello"
    wait $!
    expect_code 0
    [ -p pipe ] || fail "the pipe was replaced"
    [ -c /dev/null ] || fail "/dev/null was replaced"
    [ "$(stat -c %s through)" = 100000 ] || fail "$(stat -c %s through) bytes went through"
}

test_bytes_that_went_out_are_not_sent_twice()
{
    need_http_server || exit 1
    run -q --retry 2 -o - "$base/cut/1000"
    expect_code 1
    [ "$(stat -c %s out)" = 500 ] || fail "$(stat -c %s out) bytes"
}

# What the servers are asked, as they see it.
test_requests_have_what_the_options_say()
{
    need_echo || exit 1
    run -q -o - -A someone -H 'X-One: 1' -H 'Accept:' -u me:s3cret "$echo/p?q"
    expect_code 0
    expect_line out '^GET /p\?q$'
    expect_line out '^User-Agent: someone$'
    expect_line out '^X-One: 1$'
    expect_no_line out '^Accept:'
    expect_line out "^Authorization: Basic $(printf me:s3cret | base64)\$"
    run -q -o - "$echo/"
    expect_line out '^User-Agent: eddy-fetch/[0-9]'
    expect_no_line out '^Authorization'

    printf 'c=3\r\n&d=4\n' >data
    run -q -o - -d a=1 -d b=2 -d @data "$echo/"
    expect_line out '^POST /$'
    [ "$(tail -n 1 out)" = 'a=1&b=2&c=3&d=4' ] || fail "other data"
    run -q -o - -X PUT -d x -H 'Content-Type: text/plain' "$echo/"
    expect_line out '^PUT /$'
    expect_line out '^Content-Type: text/plain$'
    run -q -o - -X DELETE "$echo/"
    expect_line out '^DELETE /$'
}

test_a_password_stays_with_its_host()
{
    need_echo || exit 1
    run -q -o - -u me:s3cret "$echo/elsewhere"
    expect_code 0
    expect_line out '^GET /there$'
    expect_no_line out '^Authorization'
}

test_a_password_is_not_in_the_list_of_processes()
{
    need_http_server || exit 1
    "$fetch" -q -u me:s3cret "$base/slow/1000" 2>/dev/null &
    local pid=$!

    for _ in $(seq 400); do
        grep -q 'State:.S' /proc/$pid/status && break
        sleep 0.025
    done
    tr '\0' ' ' </proc/$pid/cmdline >out
    kill $pid
    : >err
    expect_line out 'eddy-fetch -q -u \*+ '
}

test_I_prints_headers_and_keeps_them_with_P()
{
    need_http_server || exit 1
    run -q -I "$base/bytes/12345" "$base/redirect/1"
    expect_code 0
    expect_line out '^HTTP/1.1 200'
    expect_line out '^Content-Length: 12345'
    expect_line out '^HTTP/1.1 30'
    run -I -P dir "$base/bytes/12345"
    expect_code 0
    expect_line dir/12345 '^Content-Length: 12345'
}

# continued OPTION: a file of nginx's that is there to a part, wholly, not at all, or is too long.
continued()
{
    need_nginx || exit 1
    rm -rf dir
    mkdir dir
    curl -s "$http/1048577.bin" >whole
    head -c 400000 whole >dir/1048577.bin
    run "$@" -P dir --json "$http/1048577.bin"
    expect_code 0
    cmp whole dir/1048577.bin || fail "other bytes"
    expect_line out '"status": 206, .*"bytes": 648577,'
    run "$@" -P dir --json "$http/1048577.bin"
    expect_code 0
    cmp whole dir/1048577.bin || fail "other bytes"
    expect_line out '"status": 416, '
    run "$@" -P dir --json "$http/1000.bin"
    expect_code 0
    expect_line out '"status": 200, .*"bytes": 1000,'
    echo more >>dir/1048577.bin
    run "$@" -P dir "$http/1048577.bin"
    expect_code 1
    expect_line err 'HTTP status 416'
}
test_files_are_continued()
{
    continued -c
    continued -C -
}

test_a_file_is_written_anew_if_the_server_knows_no_parts()
{
    need_http_server || exit 1
    mkdir dir
    head -c 5000 /dev/zero >dir/1000
    head -c 5000 /dev/zero >dir/0
    run -c -P dir "$base/bytes/1000" "$base/bytes/0"
    expect_code 0
    curl -s "$base/bytes/1000" | cmp - dir/1000 || fail "other bytes"
    [ ! -s dir/0 ] || fail "the old bytes are still there"
}

test_what_there_is_of_a_continued_file_stays()
{
    need_http_server || exit 1
    run -c -P dir "$base/cut/1000"
    expect_code 1
    expect_files dir 1000
    [ "$(stat -c %s dir/1000)" = 500 ] || fail "$(stat -c %s dir/1000) bytes"
}

test_no_more_than_the_limit_run_at_one_host()
{
    need_http_server fresh || exit 1
    local urls=() i

    for i in $(seq 12); do
        urls+=("$base/slow/0.1?$i")
    done
    run -q -j 12 --per-host 2 "${urls[@]}"
    expect_code 0
    curl -s "$base/busiest" >busiest
    [ "$(cat busiest)" = 2 ] || fail "$(cat busiest) at a time"
    for i in $(seq 12); do
        urls+=("http://localhost:${base##*:}/slow/0.1?$i")
    done
    run -q -j 12 --per-host 2 --ndjson "${urls[@]}"
    expect_code 0
    [ "$(grep -c '"state": "ok"' out)" = 24 ] || fail "not all of them"
    curl -s "$base/busiest" >busiest
    [ "$(cat busiest)" -gt 2 ] || fail "two hosts did not take turns"
    [ "$(cat busiest)" -le 4 ] || fail "$(cat busiest) at a time"
}

test_a_limit_of_the_rate_slows_down()
{
    need_http_server || exit 1
    run --json --limit-rate 100k "$base/bytes/300000"
    expect_code 0
    "$helper" json <out >results || fail "the JSON cannot be read"
    grep -oE '"seconds": [0-9]+' out | head -n 1 | grep -qE '[1-9]' || fail "faster than the limit"
}

test_connecting_has_a_limit_of_its_own()
{
    need_port mute || exit 1
    run --connect-timeout 0.3 "https://127.0.0.1:$port/"
    expect_code 1
    expect_line err "^eddy-fetch: https://127.0.0.1:$port/: .*(timed? ?out|timeout)"
}

test_results_come_as_lines_when_they_end()
{
    need_http_server || exit 1
    printf '%s\n' "$base/silent" "$base/hello" "$base/status/404" nonsense >list
    "$fetch" --ndjson -j 3 -i list >out 2>err </dev/null &
    local pid=$!

    for _ in $(seq 400); do
        [ "$(wc -l <out)" = 2 ] && break
        sleep 0.025
    done
    expect_line out "^{\"url\": \"$base/hello\", \"state\": \"ok\", \"ok\": true, .*}$"
    expect_line out "^{\"url\": \"$base/status/404\", \"state\": \"failed\", .*}$"
    kill $pid
    wait $pid
    code=$?
    expect_code 143
    expect_line out "^{\"url\": \"$base/silent\", \"state\": \"cancelled\", .*}$"
    expect_line out '^{"url": "nonsense", "state": "failed", .*"not an http or https URL"}$'
    [ "$(wc -l <out)" = 4 ] || fail "not four lines"
    python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' <out ||
        fail "a line is no JSON"
}

# complete WORD…: what bash offers for the last of these words, in $COMPREPLY.
complete_words()
{
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    compopt() { :; } # only within a completion that readline asks for
    "_${1//-/_}"
}

test_shells_complete_all_options_and_no_others()
{
    local completions=$here/../../tools/completions option options

    . "$completions/eddy-fetch.bash"
    options=$("$fetch" --help | grep -oE -- '--[a-z-]+' | sort -u)
    complete_words eddy-fetch --
    [ "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" = "$options" ] ||
        fail "bash offers other options: ${COMPREPLY[*]}"
    complete_words eddy-fetch --ou
    [ "${COMPREPLY[*]}" = "--output --output-dir" ] || fail "--ou: ${COMPREPLY[*]}"
    : >some-list
    complete_words eddy-fetch -i some
    [ "${COMPREPLY[*]}" = some-list ] || fail "-i some: ${COMPREPLY[*]}"
    complete_words eddy-fetch -j ''
    [ "${#COMPREPLY[@]}" = 0 ] || fail "-j: ${COMPREPLY[*]}"
    [ "$(grep -oE -- '--[a-z-]+' "$completions/_eddy-fetch" | sort -u)" = "$options" ] ||
        fail "zsh is offered other options"
    [ "$(grep -oE -- ' -l [a-z-]+' "$completions/eddy-fetch.fish" | sed 's/ -l /--/' | sort -u)" = \
        "$options" ] || fail "fish is offered other options"
    for option in $("$fetch" --help | sed -n 's/^  -\([A-Za-z]\), --.*/\1/p') C; do
        grep -qE -- "-s $option " "$completions/eddy-fetch.fish" || fail "fish: no -$option"
        grep -qE -- "[{]-$option[+,]" "$completions/_eddy-fetch" || fail "zsh: no -$option"
    done
}

test_the_shells_themselves_take_the_completions()
{
    local completions=$here/../../tools/completions file n=0

    for file in eddy eddy-fetch; do
        bash -n "$completions/$file.bash" || fail "bash does not take $file.bash"
        if command -v zsh >/dev/null; then
            zsh -n "$completions/_$file" || fail "zsh does not take _$file"
            n=$((n + 1))
        fi
        if command -v fish >/dev/null; then
            fish -n "$completions/$file.fish" || fail "fish does not take $file.fish"
            n=$((n + 1))
        fi
    done
    [ $n = 4 ] || skip "zsh or fish is not installed"
}

test_eddy_is_completed_with_commands_and_processes()
{
    . "$here/../../tools/completions/eddy.bash"
    complete_words eddy p
    [ "${COMPREPLY[*]}" = "ps pstree" ] || fail "p: ${COMPREPLY[*]}"
    complete_words eddy top --
    [ "${COMPREPLY[*]}" = "--once --delay" ] || fail "top --: ${COMPREPLY[*]}"
    complete_words eddy ps $$
    printf '%s\n' "${COMPREPLY[@]}" | grep -qx $$ || fail "this process is not offered"
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
