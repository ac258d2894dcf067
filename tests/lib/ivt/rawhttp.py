# SPDX-License-Identifier: LGPL-3.0-or-later
"""HTTP by hand: what a well-behaved library would never send, and what comes back, to the byte."""

import json
import socket

from .wait import SCALE

SECONDS = 10


class Response:
    """status, headers as a list of (lower-case name, value), body."""

    def __init__(self, status, headers, body, raw):
        self.status = status
        self.headers = headers
        self.body = body
        self.raw = raw

    def header(self, name):
        """Its one value; None: it is not there."""
        values = [value for key, value in self.headers if key == name.lower()]
        assert len(values) <= 1, self
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    def problem(self):
        """The body, which must be a problem+json that agrees with the status. Its code is returned."""
        assert self.header('content-type') == 'application/problem+json', self
        problem = self.json()
        assert problem['status'] == self.status, self
        assert problem['type'].startswith('urn:ivshmem:error:') and problem['title'] and problem['detail'], self
        return problem['type'].rpartition(':')[2]

    def __repr__(self):
        return f'{self.raw[:2000]!r}{self.body[:2000]!r}'


class Closed(Exception):
    """The other side has closed or reset the connection."""


class RawHttp:
    """One connection. address: a socket's path, or (host, port)."""

    def __init__(self, address, timeout=SECONDS, receive_buffer=None):
        unix = isinstance(address, str)
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout * SCALE)
        self.socket.connect(address)
        self.buffer = b''

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """TRUE: taken whole. FALSE: the other side has closed."""
        if isinstance(data, str):
            data = data.encode('latin-1')
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def shutdown(self):
        """No more from here."""
        self.socket.shutdown(socket.SHUT_WR)

    def fill(self):
        """More into the buffer; FALSE: it ends here."""
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            return False
        self.buffer += data
        return bool(data)

    def take_line(self):
        while b'\n' not in self.buffer:
            if not self.fill():
                raise Closed(f'in the middle of {self.buffer[:200]!r}')
        line, _newline, self.buffer = self.buffer.partition(b'\n')
        return line.removesuffix(b'\r')

    def take(self, length):
        while len(self.buffer) < length:
            if not self.fill():
                raise Closed(f'{len(self.buffer)} bytes of {length}')
        data, self.buffer = self.buffer[:length], self.buffer[length:]
        return data

    def take_chunks(self):
        body = b''
        while True:
            size = int(self.take_line(), 16)
            body += self.take(size)
            assert self.take_line() == b''
            if size == 0:
                return body

    def take_rest(self):
        while self.fill():
            pass
        rest, self.buffer = self.buffer, b''
        return rest

    def response(self, head=False):
        """The next answer. Closed: there is none, or not all of it."""
        start = self.take_line()
        if not start:
            raise Closed('before an answer')
        version, status, _reason = start.decode('latin-1').split(' ', 2)
        assert version in ('HTTP/1.1', 'HTTP/1.0'), start
        raw, headers = start + b'\r\n', []
        while line := self.take_line():
            raw += line + b'\r\n'
            name, colon, value = line.decode('latin-1').partition(':')
            assert colon and name == name.strip(), line
            headers.append((name.lower(), value.strip()))
        answer = Response(int(status), headers, b'', raw)
        if not head and answer.status >= 200 and answer.status not in (204, 304):
            answer.body = self.body_of(answer)
        return answer

    def body_of(self, answer):
        length, coding = answer.header('content-length'), answer.header('transfer-encoding')
        assert length is None or coding is None, answer
        if coding == 'chunked':
            return self.take_chunks()
        return self.take_rest() if length is None else self.take(int(length))

    def final(self):
        """The next answer that is not 1xx; None: it was closed instead."""
        try:
            while True:
                answer = self.response()
                if answer.status >= 200:
                    return answer
        except Closed:
            return None

    def wait_closed(self):
        """Reads until the other side has closed; what came is returned."""
        return self.take_rest()
