"""Runs a program that knows asyncio only, with eddy's loop beneath it.

    python3 -m eddyloop [FILE | -m MODULE | -c CODE | -] [ARGUMENTS…]

Without arguments it is asyncio's interactive interpreter. The program is the module __main__, with
its own sys.argv and sys.path, and its tracebacks begin in its own code, as if python3 ran it.
"""

import builtins
import importlib.machinery
import os
import runpy
import sys

from . import install

USAGE = 'usage: python3 -m eddyloop [FILE | -m MODULE | -c CODE | -] [ARGUMENTS…]'


def main():
    """Runs what the command line asks for."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ('-h', '--help'):
        print(USAGE)
        return
    if arguments and arguments[0] in ('-m', '-c') and len(arguments) < 2:
        sys.exit(f'eddyloop: {arguments[0]} needs an argument\n{USAGE}')
    install()
    try:
        run(arguments)
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook = _hook_without_own_frames(sys.excepthook)
        raise


def run(arguments):
    """Runs the program of the command line."""
    if not arguments:
        runpy._run_module_as_main('asyncio')
    elif arguments[0] == '-m':
        sys.argv[:] = arguments[1:]
        runpy._run_module_as_main(arguments[1])
    elif arguments[0] == '-c':
        sys.argv[:] = ['-c', *arguments[2:]]
        _set_first_path('')
        _execute(arguments[1], '<string>')
    elif arguments[0] == '-':
        sys.argv[:] = arguments
        _set_first_path('')
        _execute(sys.stdin.read(), '<stdin>')
    else:
        sys.argv[:] = arguments
        _run_file(arguments[0])


def _run_file(path):
    if os.path.isdir(path) or not path.endswith('.py') and _is_archive(path):
        _set_first_path(path)
        runpy._run_module_as_main('__main__', alter_argv=False)
        return
    try:
        with open(path, 'rb') as file:
            source = file.read()
    except OSError as error:
        sys.exit(f"eddyloop: can't open file {path!r}: [Errno {error.errno}] {error.strerror}")
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    loader = importlib.machinery.SourceFileLoader('__main__', path)
    _execute(source, path, __file__=path, __cached__=None, __loader__=loader)


def _is_archive(path):
    import zipfile

    return zipfile.is_zipfile(path)


def _set_first_path(path):
    if not sys.flags.safe_path:
        sys.path[0] = path


def _execute(source, filename, **names):
    """Runs source as the module __main__, in place of the one that python3 has run."""
    namespace = sys.modules['__main__'].__dict__
    namespace.clear()
    namespace.update(
        __name__='__main__',
        __doc__=None,
        __package__=None,
        __spec__=None,
        __loader__=None,
        __annotations__={},
        __builtins__=builtins,
    )
    namespace.update(names)
    exec(compile(source, filename, 'exec', dont_inherit=True), namespace)


def _hook_without_own_frames(hook):
    """Returns an excepthook that leaves out the frames that led to the program."""

    def print_exception(type, value, traceback):
        rest = traceback
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == __file__:
                rest = traceback.tb_next
            traceback = traceback.tb_next
        hook(type, value.with_traceback(rest), rest)

    return print_exception
