#!/bin/sh
# Checks that mistakes with eddy's macros do not compile, and that what is right does.
#
# Each is a function of a few lines. A compiler sees all that are right in one program, and all
# mistakes in another, pedantically, as C11 and C++17: a compiler takes longer to begin than for a
# function. After each mistake comes a function without one, of which the compiler must say nothing.
# Prints one line for each and each compiler.
#
#     tests/project/traps.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

c="gcc clang"
any="gcc clang g++ clang++"
n=0

# begin COMPILER: a program with what the functions may use.
begin()
{
    cat <<'C'
#include <eddy.h>
#include <sys/types.h>
struct job { int n; };
extern eddy_connection_fn handle;
extern eddy_worker_fn work;
extern eddy_protocol_factory make;
extern eddy_subprocess_protocol_factory make_process;
extern eddy_loop *loop;
extern eddy_reader *reader;
extern eddy_writer *writer;
extern eddy_server *server;
extern eddy_process *process;
extern eddy_transport *t;
extern eddy_datagram_endpoint *ep;
extern eddy_queue *q;
extern struct job *job;
extern void *item;
extern int *number, yes;
extern eddy_coroutine *coro;
extern eddy_generator *generator;
extern eddy_async_generator *async_generator;
extern eddy_task *task;
extern eddy_future *future;
extern const char *text;
extern size_t size;
extern eddy_group *tg;
extern eddy_timeout *tm;
extern eddy_lock *lock;
extern eddy_semaphore *semaphore;
C
}

# body NAME STATEMENTS: a function, whose lines are those of a file of the same name.
body()
{
    printf '#line 1 "%s"\nint %s(void);\nint %s(void)\n' "$1" "$1" "$1"
    printf '{\n%s\n    return 0;\n}\n' "$2"
}

# add COMPILERS LIST BODY…: adds to the program of each compiler.
add()
{
    for compiler in $1; do
        [ -e "$work/$2.$compiler" ] || begin >"$work/$2.$compiler"
        body "$3" "$4" >>"$work/$2.$compiler"
    done
}

# refused COMPILERS NAME STATEMENTS [MESSAGE]: checks that they do not compile, and that the
# compiler's message has MESSAGE.
refused()
{
    n=$((n + 1))
    add "$1" refused "mistake_$n" "$3"
    add "$1" refused "control_$n" ""
    printf '%s|%s|%s|%s\n' "$1" "$n" "${4:-error}" "$2" >>"$work/mistakes"
}

# accepted COMPILERS NAME STATEMENTS: checks that they compile.
accepted()
{
    n=$((n + 1))
    add "$1" accepted "right_$n" "$3"
    printf '%s|%s|%s\n' "$1" "$n" "$2" >>"$work/right"
}

# compile COMPILER LIST: writes what the compiler says of each function to a file of its name.
compile()
{
    case $1 in
    g++ | clang++) set -- "$1" "$2" c++ c++17 ;;
    *) set -- "$1" "$2" c c11 ;;
    esac
    all=-fmax-errors=0
    [ "${1#clang}" = "$1" ] || all=-ferror-limit=0
    mkdir -p "$work/$1"
    "$1" -x "$3" -std="$4" -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror $all \
        -I"$top/include" -fsyntax-only "$work/$2.$1" >"$work/$1/messages" 2>&1
    awk -v folder="$work/$1" -F: '
        /^(mistake|control|right)_[0-9]+:/ { file = $1 }
        file { print >(folder "/" file) }' "$work/$1/messages"
}

report()
{
    if [ "$1" = 0 ]; then
        echo "ok $2"
    else
        echo "not ok $2 - $3"
        [ ! -e "$4" ] || sed 's/^/# /' "$4"
        touch "$work/failed"
    fi
}

# check COMPILER: compiles, and reports.
check()
{
    compile "$1" accepted
    while IFS='|' read -r compilers i name; do
        case " $compilers " in *" $1 "*) ;; *) continue ;; esac
        [ ! -e "$work/$1/right_$i" ]
        report $? "$name compiles, with $1" "it does not" "$work/$1/right_$i"
    done <"$work/right"
    compile "$1" refused
    while IFS='|' read -r compilers i message name; do
        case " $compilers " in *" $1 "*) ;; *) continue ;; esac
        said=$work/$1/mistake_$i
        grep -q error "$said" 2>/dev/null && grep -q "$message" "$said" &&
            [ ! -e "$work/$1/control_$i" ]
        report $? "$name does not compile, with $1" "the message does not say: $message" "$said"
    done <"$work/mistakes"
}

accepted "$any" "a program without mistakes" ""

# Outputs that are required.
accepted "$any" "a call with all it needs" '
    eddy_try(eddy_open_connection("localhost", 80, &reader, &writer));
    eddy_try(eddy_start_server(handle, NULL, "localhost", 80, &server));
    eddy_try(eddy_start_unix_server(handle, NULL, "@path", &server));
    eddy_try(eddy_create_subprocess_exec(eddy_argv("ls", "-l"), &process));
    eddy_try(eddy_create_subprocess_shell("ls", &process));
    eddy_try(eddy_create_datagram_endpoint(&ep));
    eddy_try(eddy_loop_create_connection(loop, make, NULL, "localhost", 80, &t));
    eddy_try(eddy_loop_create_unix_connection(loop, make, NULL, "@path", &t));
    eddy_try(eddy_loop_connect_accepted_socket(loop, make, NULL, 0, &t));
    eddy_try(eddy_loop_create_server(loop, make, NULL, "localhost", 80, &server));
    eddy_try(eddy_loop_create_unix_server(loop, make, NULL, "@path", &server));
    eddy_try(eddy_run_workers(2, work, NULL));'
accepted "$c" "a call with options" '
    eddy_try(eddy_open_connection("localhost", 80, &reader, &writer, .limit = 100));
    eddy_try(eddy_start_server(handle, NULL, "localhost", 80, &server, .backlog = 5));
    eddy_try(eddy_create_subprocess_exec(eddy_argv("ls", "-l"), &process, .std_in = EDDY_PIPE));
    eddy_try(eddy_create_datagram_endpoint(&ep, .local_port = 123));
    eddy_try(eddy_run_workers(2, work, NULL, .sigterm = true));'
refused "$any" "a connection without outputs" 'eddy_try(eddy_open_connection("localhost", 80));'
refused "$any" "a connection without a writer" \
    'eddy_try(eddy_open_connection("localhost", 80, &reader));'
refused "$c" "a connection with an option for a writer" \
    'eddy_try(eddy_open_connection("localhost", 80, &reader, .limit = 1));'
refused "$any" "a server without output" \
    'eddy_try(eddy_start_server(handle, NULL, "localhost", 80));'
refused "$any" "a Unix server without output" \
    'eddy_try(eddy_start_unix_server(handle, NULL, "@path"));'
refused "$any" "a program without output" 'eddy_try(eddy_create_subprocess_exec(eddy_argv("ls")));'
refused "$any" "a shell without output" 'eddy_try(eddy_create_subprocess_shell("ls"));'
refused "$any" "an endpoint without output" 'eddy_try(eddy_create_datagram_endpoint());'
refused "$any" "a protocol'\''s connection without output" \
    'eddy_try(eddy_loop_create_connection(loop, make, NULL, "localhost", 80));'
refused "$any" "a protocol'\''s server without output" \
    'eddy_try(eddy_loop_create_server(loop, make, NULL, "localhost", 80));'
refused "$any" "an accepted socket without output" \
    'eddy_try(eddy_loop_connect_accepted_socket(loop, make, NULL, 5));'
refused "$any" "a protocol'\''s program without arguments" \
    'eddy_try(eddy_loop_subprocess_exec(loop, make_process, NULL, NULL));'
refused "$any" "TLS without a context" 'eddy_try(eddy_writer_start_tls(writer));'
refused "$any" "workers without a function" 'eddy_try(eddy_run_workers(4));'

# What was owned and what was not.
refused "$any" "taking the status of a group for its task" \
    'eddy_task *task = eddy_group_create_task(tg, coro); eddy_unref(task);'

# Items of queues.
accepted "$any" "the address of a pointer of any type for an item" '
    eddy_try(eddy_queue_get(q, &job));
    eddy_try(eddy_queue_get_nowait(q, &item));
    eddy_try(eddy_queue_get(q, &number));'
for call in eddy_queue_get eddy_queue_get_nowait; do
    refused "$any" "$call() of a pointer itself" "eddy_try($call(q, job));"
    refused "$any" "$call() of a void pointer itself" "eddy_try($call(q, item));"
    refused "$any" "$call() of a pointer to a number" "eddy_try($call(q, number));"
done

# Values that come beside a status.
accepted "$any" "the address of a pointer of any type, or NULL, for a value" '
    eddy_try(eddy_await_value(coro, &job));
    eddy_try(eddy_await_value(coro, NULL));
    eddy_try(eddy_next(generator, &item));
    eddy_try(eddy_next(generator, NULL));
    eddy_try(eddy_anext(async_generator, &number));
    eddy_try(eddy_task_result_value(task, &job));
    eddy_try(eddy_file_read_all("x", 1, &text, &size));'
for call in "eddy_await_value(coro," "eddy_next(generator," "eddy_anext(async_generator," \
    "eddy_generator_send(generator, NULL," "eddy_asend(async_generator, NULL," \
    "eddy_future_result_value(future," "eddy_task_result_value(task,"; do
    refused "$any" "${call%%(*}() of a pointer itself" "eddy_try($call job));"
    refused "$any" "${call%%(*}() of a void pointer itself" "eddy_try($call item));"
    refused "$any" "${call%%(*}() of a pointer to a number" "eddy_try($call number));"
done

# Types of eddy_try().
accepted "$c" "eddy_try() of a long status, which stays long" '
    _Static_assert(sizeof(eddy_try((ssize_t)1)) == sizeof(ssize_t), "");
    _Static_assert(sizeof(eddy_try(1)) == sizeof(int), "");'

# Scopes, twice in one line, and where they would end at once.
accepted "$any" "scopes of any kind in one macro" '
#define ALL \
    eddy_group_enter(tg); eddy_timeout_enter(tm, 1); eddy_timeout_enter_at(tm, 1); \
    eddy_lock_release_at_end(lock); eddy_semaphore_release_at_end(semaphore); \
    eddy_writer_free_at_end(writer); eddy_reader_free_at_end(reader); \
    eddy_server_free_at_end(server); eddy_process_free_at_end(process); \
    eddy_transport_unref_at_end(t)
    ALL; ALL;
    if (yes) { ALL; }
    for (int i = 0; i < 3; i++) { ALL; }'
for scope in "eddy_group_enter(tg)" "eddy_timeout_enter(tm, 1)" "eddy_timeout_enter_at(tm, 1)" \
    "eddy_lock_release_at_end(lock)" "eddy_semaphore_release_at_end(semaphore)" \
    "eddy_writer_free_at_end(writer)" "eddy_reader_free_at_end(reader)" \
    "eddy_server_free_at_end(server)" "eddy_process_free_at_end(process)" \
    "eddy_transport_unref_at_end(t)"; do
    refused "$any" "if (yes) $scope;" "if (yes) $scope;" "put_braces"
    refused "$any" "else $scope;" "if (yes) yes = 0; else $scope;" "put_braces"
    refused "$any" "while (yes) $scope;" "while (yes) $scope;" "put_braces"
done
for compiler in $any; do
    ! command -v "$compiler" >/dev/null || check "$compiler"
done
[ ! -e "$work/failed" ]
