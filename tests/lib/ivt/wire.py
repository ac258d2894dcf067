# SPDX-License-Identifier: LGPL-3.0-or-later
"""A peer in plain Python: reads the ivshmem protocol byte by byte, so that the test sees what QEMU sees."""

import mmap
import os
import select
import socket
import struct

from .wait import Deadline

MESSAGE_BYTES = 8
VERSION = 0
MEMORY = -1


class WireClient:
    """Connects to a server's socket (path) or takes over a connected one (fd, from Join).

    vectors: how many own vectors to wait for; the protocol itself has no count.
    greet=False: connected only, and the test reads by itself.
    """

    def __init__(self, path=None, fd=None, vectors=1, greet=True, timeout=20):
        if fd is not None:
            self.socket = socket.socket(fileno=fd)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            self.socket.settimeout(Deadline(timeout).left())
            self.socket.connect(path)
        self.id = None
        self.memory_fd = -1
        self.vectors = []          # own eventfds
        self.peers = {}            # id -> eventfds
        self.order = []            # every message: (value, has a descriptor)
        self.closed = False        # the server hung up
        self._bytes = b''
        self._fds = []
        if greet:
            self.greet(vectors, timeout)

    def receive(self, timeout=10):
        """One message as (value, descriptors); None when the server hung up between two messages."""
        deadline = Deadline(timeout)
        while len(self._bytes) < MESSAGE_BYTES:
            self.socket.settimeout(max(deadline.left(), 0.001))
            try:
                data, ancillary, flags, _address = self.socket.recvmsg(
                    MESSAGE_BYTES - len(self._bytes), socket.CMSG_SPACE(16 * 4), socket.MSG_CMSG_CLOEXEC)
            except socket.timeout:
                raise TimeoutError(f'no message within {deadline.seconds:g} s; so far {self.order}') from None
            except ConnectionResetError:
                data, ancillary, flags = b'', [], 0
            for level, kind, payload in ancillary:
                assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                self._fds += struct.unpack(f'{len(payload) // 4}i', payload)
            assert not flags & socket.MSG_CTRUNC, 'descriptors were lost'
            if not data:
                assert not self._bytes, f'hung up in the middle of a message: {self._bytes!r}'
                self.closed = True
                return None
            self._bytes += data
        value = struct.unpack('<q', self._bytes)[0]
        fds, self._bytes, self._fds = self._fds, b'', []
        self.order.append((value, bool(fds)))
        return value, fds

    def greet(self, vectors=1, timeout=20):
        """Reads the greeting whole: up to the last own vector."""
        deadline = Deadline(timeout)
        assert self.receive(deadline.left()) == (VERSION, []), self.order
        own, fds = self.receive(deadline.left())
        assert 0 <= own <= 65535 and not fds, self.order
        self.id = own
        value, fds = self.receive(deadline.left())
        assert value == MEMORY and len(fds) == 1, self.order
        self.memory_fd = fds[0]
        while len(self.vectors) < vectors:
            self.step(deadline.left())
        return self

    def take(self, message):
        """Keeps book of one message after the memory."""
        if message is None:
            raise ConnectionError('the server hung up')
        value, fds = message
        assert 0 <= value <= 65535, f'message {value}'
        assert len(fds) <= 1, f'{len(fds)} descriptors in one message'
        if value == self.id:
            assert fds, 'own id without a descriptor'
            self.vectors += fds
        elif fds:
            self.peers.setdefault(value, []).extend(fds)
        else:
            assert value in self.peers, f'peer {value} left that never came'
            for fd in self.peers.pop(value):
                os.close(fd)
        return value

    def step(self, timeout=10):
        return self.take(self.receive(timeout))

    def pump(self):
        """Takes what is there already; True if the server is still there."""
        while not self.closed and select.select([self.socket], [], [], 0)[0]:
            message = self.receive()
            if message is None:
                return False
            self.take(message)
        return not self.closed

    def wait_peer(self, peer, vectors=1, timeout=10):
        """Until peer is there with that many vectors."""
        deadline = Deadline(timeout)
        while len(self.peers.get(peer, [])) < vectors:
            self.step(deadline.left())
        return self.peers[peer]

    def wait_gone(self, peer, timeout=10):
        deadline = Deadline(timeout)
        while peer in self.peers:
            self.step(deadline.left())

    def wait_closed(self, timeout=10):
        """Until the server hangs up; what it still says is read."""
        deadline = Deadline(timeout)
        while not self.closed:
            message = self.receive(deadline.left())
            if message is not None and self.id is not None:
                self.take(message)

    def ring(self, peer, vector, count=1):
        """The server is not in between."""
        os.eventfd_write(self.peers[peer][vector], count)

    def wait_ring(self, vector, timeout=10):
        """The eventfd's count. QEMU may have made it blocking, so poll comes first."""
        if not self.rung(vector, Deadline(timeout).left()):
            raise TimeoutError(f'vector {vector} of peer {self.id} was not rung')
        return os.eventfd_read(self.vectors[vector])

    def rung(self, vector, timeout=0):
        poll = select.poll()
        poll.register(self.vectors[vector], select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def map(self, write=True):
        size = os.fstat(self.memory_fd).st_size
        return mmap.mmap(self.memory_fd, size, mmap.MAP_SHARED,
                         mmap.PROT_READ | (mmap.PROT_WRITE if write else 0))

    def close(self):
        self.socket.close()
        fds = self._fds + self.vectors + [fd for peer in self.peers.values() for fd in peer]
        if self.memory_fd >= 0:
            fds.append(self.memory_fd)
        for fd in fds:
            os.close(fd)
        self._fds, self.vectors, self.peers, self.memory_fd = [], [], {}, -1

    stop = close

    def sections(self):
        yield f'peer {self.id}', f'messages (value, descriptor): {self.order}'

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()
