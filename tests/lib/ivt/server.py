# SPDX-License-Identifier: LGPL-3.0-or-later
"""A server in plain Python whose every byte the test decides: for clients of the protocol, and for the harness's own test."""

import os
import socket
import struct

from .wait import Deadline


class WireServer:
    """Listens at path. The test accepts, sends and closes by itself.

    memory_fd: a memfd of `size`; own eventfds of peers are made by eventfds().
    """

    def __init__(self, path, size=1 << 20):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.listener.bind(path)
        self.listener.listen(64)
        self.memory_fd = os.memfd_create('ivt-server', os.MFD_CLOEXEC)
        os.ftruncate(self.memory_fd, size)
        self.connections = []
        self._fds = [self.memory_fd]

    def eventfds(self, count):
        fds = [os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK) for _ in range(count)]
        self._fds += fds
        return fds

    def accept(self, timeout=20):
        self.listener.settimeout(Deadline(timeout).left())
        connection, _address = self.listener.accept()
        connection.settimeout(Deadline(timeout).left())
        self.connections.append(connection)
        return connection

    @staticmethod
    def send(connection, value, fd=None):
        data = struct.pack('<q', value)
        if fd is None:
            connection.sendall(data)
        else:
            socket.send_fds(connection, [data], [fd])

    def greet(self, connection, own, vectors, peers=()):
        """The whole greeting. vectors: own eventfds; peers: (id, eventfds) pairs."""
        self.send(connection, 0)
        self.send(connection, own)
        self.send(connection, -1, self.memory_fd)
        for peer, fds in [*peers, (own, vectors)]:
            for fd in fds:
                self.send(connection, peer, fd)

    def stop(self):
        for connection in self.connections:
            connection.close()
        self.listener.close()
        for fd in self._fds:
            os.close(fd)
        if os.path.exists(self.path):
            os.unlink(self.path)

    def sections(self):
        return []
