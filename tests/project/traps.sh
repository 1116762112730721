#!/bin/sh
# Checks that mistakes with eddy's macros do not compile, and that what is right does.
#
# Each is a few lines that are compiled alone, pedantically, with both compilers, as C11 and C++17.
# Prints one line for each.
#
#     tests/project/traps.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

report()
{
    if [ "$1" = 0 ]; then
        echo "ok $2"
    else
        echo "not ok $2 - $3"
        sed 's/^/# /' "$work/messages"
        failed=1
    fi
}

# compile COMPILER: the program in $work/program.
compile()
{
    case $1 in
    g++ | clang++) set -- "$1" -x c++ -std=c++17 ;;
    *) set -- "$1" -x c -std=c11 -D_POSIX_C_SOURCE=200809L ;;
    esac
    "$@" -Wall -Wextra -Wpedantic -Werror -I"$top/include" -fsyntax-only "$work/program" \
        >"$work/messages" 2>&1
}

# program STATEMENTS: writes a program with a function of these statements, and what they may use.
program()
{
    cat <<'C'
#include <eddy.h>
#include <sys/types.h>
struct job { int n; };
eddy_connection_fn handle;
eddy_worker_fn work;
eddy_protocol_factory make;
eddy_subprocess_protocol_factory make_process;
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
int use(void);
int use(void)
{
C
    echo "$1"
    cat <<'C'
    return 0;
}
C
}

# compilers LIST: prints those of the list that are installed.
compilers()
{
    for compiler in $1; do
        command -v "$compiler" >/dev/null && echo "$compiler"
    done
}
c="gcc clang"
any="gcc clang g++ clang++"

# refused COMPILERS NAME STATEMENTS [MESSAGE]: checks that they do not compile, and that the
# compiler's message has MESSAGE.
refused()
{
    program "$3" >"$work/program"
    for compiler in $(compilers "$1"); do
        if compile "$compiler"; then
            report 1 "$2 does not compile, with $compiler" "it does"
        else
            grep -q "${4:-error}" "$work/messages"
            report $? "$2 does not compile, with $compiler" "the message does not say: ${4:-error}"
        fi
    done
}

# accepted COMPILERS NAME STATEMENTS: checks that they compile.
accepted()
{
    program "$3" >"$work/program"
    for compiler in $(compilers "$1"); do
        compile "$compiler"
        report $? "$2 compiles, with $compiler" "$(grep -m 1 error "$work/messages")"
    done
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
exit $failed
