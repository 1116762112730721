"""Parts of the C module that run rarely and read better in Python: errors, debug mode."""

import selectors

from asyncio import base_events, events, exceptions, format_helpers

try:
    format_helpers._format_callback_source(print, (), debug=False)
except TypeError:  # Python 3.11 and 3.12 have no debug argument there

    def _callback_source(handle):
        return format_helpers._format_callback_source(handle._callback, handle._args)

else:

    def _callback_source(handle):
        return format_helpers._format_callback_source(
            handle._callback, handle._args, debug=handle._loop.get_debug()
        )


def handle_info(handle):
    """Returns the words of a handle's repr (asyncio.Handle._repr_info)."""
    when = getattr(handle, '_when', None)
    info = ['Handle' if when is None else 'TimerHandle']
    if handle._cancelled:
        info.append('cancelled')
    if when is not None:
        info.append(f'when={when}')
    if handle._callback is not None:
        info.append(_callback_source(handle))
    if handle._source_traceback:
        frame = handle._source_traceback[-1]
        info.append(f'created at {frame[0]}:{frame[1]}')
    return info


def callback_failed(loop, handle, exception):
    """Tells the exception handler of an exception that a callback has raised."""
    context = {
        'message': f'Exception in callback {_callback_source(handle)}',
        'exception': exception,
        'handle': handle,
    }
    if handle._source_traceback:
        context['source_traceback'] = handle._source_traceback
    loop.call_exception_handler(context)


def run_watched(loop, handle):
    """Runs a handle in debug mode, and logs that it was slow."""
    loop._current_handle = handle
    try:
        begin = loop.time()
        handle._run()
        took = loop.time() - begin
        if took >= loop.slow_callback_duration:
            base_events.logger.warning(
                'Executing %s took %.3f seconds', base_events._format_handle(handle), took
            )
    finally:
        loop._current_handle = None
        handle = None  # the traceback of a failed callback refers to this frame: no cycle


def file_descriptor(file):
    """Returns the descriptor of an integer or an object with fileno(), or raises ValueError."""
    return selectors._fileobj_to_fd(file)


def current_loop():
    """Returns the loop of an object that is given none, with the warnings of asyncio's own."""
    if hasattr(events, '_get_event_loop'):  # Python 3.11
        return events._get_event_loop()
    return events.get_event_loop()


def line_too_long(reader, error):
    """Drops the line, and raises the error of readline() on a LimitOverrunError."""
    try:
        raise error
    except exceptions.LimitOverrunError as e:
        if reader._buffer.startswith(b'\n', e.consumed):
            del reader._buffer[: e.consumed + 1]
        else:
            reader._buffer.clear()
        reader._maybe_resume_transport()
        raise ValueError(e.args[0])
