"""Readers and writers: callbacks for the readiness of descriptors."""

import os
import socket
import tempfile
import unittest

from unittest import mock

from support import LoopTest, nothing


class Watching(LoopTest):
    def setUp(self):
        super().setUp()
        self.here, self.there = socket.socketpair()
        for s in (self.here, self.there):
            s.setblocking(False)
            self.addCleanup(s.close)

    def test_a_reader_is_called_while_there_are_bytes(self):
        calls = []

        def read():
            calls.append(self.here.recv(1))
            if len(calls) == 3:
                self.loop.stop()

        self.loop.add_reader(self.here, read)
        self.there.send(b'abc')
        self.loop.run_forever()
        self.assertEqual(calls, [b'a', b'b', b'c'])
        self.assertTrue(self.loop.remove_reader(self.here))

    def test_reader_and_writer_of_one_descriptor_are_apart(self):
        reader, writer = mock.Mock(), mock.Mock()
        self.loop.add_reader(self.here, reader)
        self.loop.add_writer(self.here, writer)
        self.run_for(0.01)
        reader.assert_not_called()
        writer.assert_called()
        self.assertTrue(self.loop.remove_writer(self.here))
        self.assertFalse(self.loop.remove_writer(self.here))
        self.assertTrue(self.loop.remove_reader(self.here))
        self.assertFalse(self.loop.remove_reader(self.here))

    def test_a_second_reader_replaces_the_first(self):
        first, second = mock.Mock(), mock.Mock(side_effect=self.loop.stop)
        handle = self.loop._add_reader(self.here, first)
        self.loop.add_reader(self.here, second)
        self.assertTrue(handle.cancelled())
        self.there.send(b'x')
        self.loop.run_forever()
        first.assert_not_called()
        self.loop.remove_reader(self.here)

    def test_a_reader_may_remove_itself(self):
        def read():
            self.loop.remove_reader(self.here)
            self.loop.call_soon(self.loop.stop)

        self.loop.add_reader(self.here, read)
        self.there.send(b'x')
        self.loop.run_forever()
        self.assertFalse(self.loop.remove_reader(self.here))

    def test_the_reader_of_a_closed_socket_can_be_removed(self):
        self.loop.add_reader(self.here, nothing)
        self.here.close()
        self.assertTrue(self.loop.remove_reader(self.here))

    def test_a_descriptor_that_was_closed_and_opened_again_is_watched(self):
        for _ in range(5):
            here, there = socket.socketpair()
            with here, there:
                self.loop.add_reader(here.fileno(), self.loop.stop)
                there.send(b'x')
                self.loop.run_forever()
                self.assertTrue(self.loop.remove_reader(here.fileno()))

    def test_wrong_descriptors_are_refused_as_by_asyncio(self):
        with self.assertRaises(ValueError):
            self.loop.add_reader(-1, nothing)
        with self.assertRaises(ValueError):
            self.loop.add_reader('x', nothing)
        with self.assertRaises(OSError):
            self.loop.add_reader(9999, nothing)
        with tempfile.TemporaryFile() as file, self.assertRaises(PermissionError):
            self.loop.add_reader(file, nothing)

    def test_many_descriptors_at_once(self):
        pairs = [os.pipe() for _ in range(200)]
        seen = []

        def read(r):
            seen.append(r)
            os.read(r, 1)

        try:
            for r, w in pairs:
                self.loop.add_reader(r, read, r)
                os.write(w, b'x')
            self.run_for(0.05)
            self.assertEqual(sorted(seen), sorted(r for r, w in pairs))
        finally:
            for r, w in pairs:
                self.loop.remove_reader(r)
                os.close(r)
                os.close(w)

    def test_what_ends_a_run_in_a_reader_leaves_the_loop_usable(self):
        self.loop.add_reader(self.here, mock.Mock(side_effect=KeyboardInterrupt))
        self.there.send(b'x')
        with self.assertRaises(KeyboardInterrupt):
            self.loop.run_forever()
        self.loop.remove_reader(self.here)
        self.run_once()


if __name__ == '__main__':
    unittest.main()
