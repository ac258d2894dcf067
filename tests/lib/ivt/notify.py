# SPDX-License-Identifier: LGPL-3.0-or-later
"""The service manager's side of sd_notify."""

import os
import socket

from .wait import wait_for

MAX_DESCRIPTORS = 253


class Notify:
    """Collects what a service says on NOTIFY_SOCKET: a list of dicts, descriptors under 'fds'."""

    def __init__(self, directory, name='notify'):
        self.path = os.path.join(directory, name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.setblocking(False)
        self.messages = []

    def collect(self):
        while True:
            try:
                data, fds, _flags, _address = socket.recv_fds(
                    self.socket, 65536, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return self.messages
            lines = data.decode('utf-8', 'replace').split('\n')
            message = dict(line.split('=', 1) for line in lines if '=' in line)
            if message.get('BARRIER') == '1':
                # The sender waits until its pipe is closed.
                while fds:
                    os.close(fds.pop())
            message['fds'] = fds
            self.messages.append(message)

    def said(self, key, value=None):
        """The messages with this key (and value) so far."""
        return [message for message in self.collect()
                if key in message and (value is None or message[key] == value)]

    def wait(self, key, value=None, count=1, timeout=20, alive=None):
        """Until count such messages have come. alive: a function that fails when there is no use to wait."""
        def heard():
            found = self.said(key, value)
            if len(found) < count and alive is not None:
                alive()
            return found if len(found) >= count else None
        return wait_for(heard, timeout, f'{count} × {key}={value or "…"} on the notify socket')

    def stop(self):
        self.collect()
        for message in self.messages:
            while message['fds']:
                os.close(message['fds'].pop())
        self.socket.close()
        os.unlink(self.path)

    def sections(self):
        yield 'notify socket', '\n'.join(str(message) for message in self.messages)
