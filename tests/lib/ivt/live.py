# SPDX-License-Identifier: LGPL-3.0-or-later
"""Live events over HTTP, byte by byte: server-sent events, and WebSockets as RFC 6455 has them."""

import base64
import hashlib
import http.client
import json
import os
import select
import socket
import ssl
import struct

from .wait import Deadline

ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def connect(address, receive_bytes=None, tls=None):
    """address: the path of a unix socket, or (host, port). receive_bytes: so that what is not read soon waits.
    tls: an ssl.SSLContext."""
    unix = isinstance(address, str)
    connection = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(Deadline(20).left())
    connection.connect(address)
    return connection if tls is None else tls.wrap_socket(connection, server_hostname=address[0])


class Rest(http.client.HTTPConnection):
    """One connection for requests and answers."""

    def __init__(self, address, token=None):
        super().__init__('localhost' if isinstance(address, str) else address[0], timeout=Deadline(30).left())
        self.address = address
        self.token = token

    def connect(self):
        self.sock = connect(self.address)

    def ask(self, method, path, body=None, headers=None):
        """(status, the answer's JSON or bytes)"""
        headers = dict(headers or {})
        if self.token is not None:
            headers['Authorization'] = f'Bearer {self.token}'
        if body is not None:
            headers['Content-Type'] = 'application/json'
            body = json.dumps(body)
        self.request(method, path, body, headers)
        answer = self.getresponse()
        data = answer.read()
        kind = answer.headers.get_content_type()
        return answer.status, json.loads(data) if data and kind.endswith('json') else data

    def get(self, path):
        status, answer = self.ask('GET', path)
        assert status == 200, answer
        return answer

    stop = http.client.HTTPConnection.close

    def sections(self):
        return ()


class Flow:
    """A connection on which bytes keep coming."""

    def __init__(self, address, path, headers, token=None, receive_bytes=None, tls=None):
        self.socket = connect(address, receive_bytes, tls)
        self.buffer = b''
        self.ended = False
        if token is not None:
            headers = {**headers, 'Authorization': f'Bearer {token}'}
        lines = [f'GET {path} HTTP/1.1', 'Host: localhost', *(f'{name}: {value}' for name, value in headers.items())]
        self.socket.sendall('\r\n'.join(lines + ['', '']).encode())

    def fileno(self):
        return self.socket.fileno()

    def fill(self, timeout):
        """More bytes, if they come in time."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        pending = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
        if self.ended or not (pending or poll.poll(timeout * 1000)):
            return False
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionResetError:
            data = b''
        self.buffer += data
        self.ended = not data
        return bool(data)

    def until(self, end, timeout=10):
        """What comes before end, which is taken as well."""
        deadline = Deadline(timeout)
        while end not in self.buffer:
            if not self.fill(deadline.left()) and (self.ended or deadline.over()):
                raise EOFError(f'no {end!r} {"before the end" if self.ended else "in time"}: {self.buffer[:300]!r}')
        data, _end, self.buffer = self.buffer.partition(end)
        return data

    def read_head(self):
        head = self.until(b'\r\n\r\n').decode('latin-1').split('\r\n')
        self.status = int(head[0].split()[1])
        self.headers = [tuple(line.split(': ', 1)) for line in head[1:]]
        if self.status not in (101, 200):
            length = int(dict(self.headers)['Content-Length'])
            while len(self.buffer) < length and self.fill(10):
                pass
            self.problem = json.loads(self.buffer)

    def header(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, self.headers
        return values[0] if values else None

    def wait_end(self, timeout=10):
        """Until the daemon has closed; what it still sends is thrown away."""
        deadline = Deadline(timeout)
        while not self.ended:
            if not self.fill(deadline.left()) and deadline.over():
                raise TimeoutError('the daemon has not closed')
            self.buffer = b''

    def close(self):
        self.socket.close()

    stop = close

    def sections(self):
        return ()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()


class Events(Flow):
    """A listener to /v1/events. begun=False: its answer has not been read yet."""

    def __init__(self, address, query='', headers=None, begun=True, **keywords):
        super().__init__(address, '/v1/events' + query, {'Accept': 'text/event-stream', **(headers or {})}, **keywords)
        self.last_id = None
        self.comments = 0
        if begun:
            self.begin()

    def begin(self):
        self.read_head()
        if self.status == 200:
            assert self.until(b'\n\n') == b'retry: 1000'
        return self

    def take(self, timeout=10):
        """The next event. What it is must be the same in the record and in its data."""
        deadline = Deadline(timeout)
        while True:
            record = self.until(b'\n\n', max(deadline.left(), 0.001)).decode()
            if record != ':':
                break
            self.comments += 1
        fields = dict(line.split(': ', 1) for line in record.split('\n'))
        event = json.loads(fields['data'])
        assert list(fields) == ['id', 'event', 'data'], record
        assert fields['id'] == str(event['serial']) and fields['event'] == event['type'], record
        self.last_id = fields['id']
        return event

    def take_type(self, kind, timeout=10):
        event = self.take(timeout)
        assert event['type'] == kind, event
        return event

    def silent(self, seconds=0.3):
        """Nothing comes for a while. To be sure of nothing takes time."""
        return not self.buffer and not self.fill(seconds)


class WebSocket(Flow):
    """A client of /v1/stream. Frames can be made and sent one by one."""

    def __init__(self, address, headers=None, path='/v1/stream', begun=True, **keywords):
        self.key = base64.b64encode(os.urandom(16)).decode()
        super().__init__(address, path, {
            'Upgrade': 'websocket', 'Connection': 'keep-alive, Upgrade', 'Sec-WebSocket-Key': self.key,
            'Sec-WebSocket-Version': '13', **(headers or {})}, **keywords)
        self.events = []
        self.numbers = 0
        self.closed = None
        if begun:
            self.begin()

    def begin(self):
        self.read_head()
        if self.status == 101:
            accept = base64.b64encode(hashlib.sha1((self.key + ACCEPT_GUID).encode()).digest()).decode()
            assert self.header('Sec-WebSocket-Accept') == accept
            assert self.header('Upgrade').lower() == 'websocket'
            assert self.header('Connection').lower() == 'upgrade'
        return self

    # Frames.

    @staticmethod
    def frame(opcode, payload=b'', fin=True, mask=b'\x01\x82\x7f\xe0'):
        length = len(payload)
        head = bytes([(0x80 if fin else 0) | opcode])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 65536:
            head += b'\xfe' + struct.pack('>H', length)
        else:
            head += b'\xff' + struct.pack('>Q', length)
        repeated = (mask * (length // 4 + 1))[:length]
        masked = int.from_bytes(payload, 'big') ^ int.from_bytes(repeated, 'big')
        return head + mask + masked.to_bytes(length, 'big')

    def send(self, data):
        self.socket.sendall(data)

    def need(self, length, deadline):
        while len(self.buffer) < length:
            if not self.fill(deadline.left()) and (self.ended or deadline.over()):
                raise EOFError(f'{len(self.buffer)} bytes of {length}' + (', then the end' if self.ended else ' in time'))

    def receive(self, timeout=10):
        """(opcode, payload) of the next frame."""
        deadline = Deadline(timeout)
        self.need(2, deadline)
        first, second = self.buffer[:2]
        assert first & 0x70 == 0 and second & 0x80 == 0 and first & 0x80, 'no frame of a server'
        length, at = second, 2
        if second == 126:
            self.need(4, deadline)
            length, at = struct.unpack('>H', self.buffer[2:4])[0], 4
        elif second == 127:
            self.need(10, deadline)
            length, at = struct.unpack('>Q', self.buffer[2:10])[0], 10
        self.need(at + length, deadline)
        payload, self.buffer = self.buffer[at:at + length], self.buffer[at + length:]
        return first & 0x0f, payload

    def wait_close(self, timeout=10):
        """The status that the daemon closes with; other frames are passed over."""
        deadline = Deadline(timeout)
        while True:
            opcode, payload = self.receive(deadline.left())
            if opcode == CLOSE:
                return struct.unpack('>H', payload[:2])[0] if payload else None

    # What is said.

    def say(self, message):
        self.send(self.frame(TEXT, json.dumps(message).encode()))

    def hear(self, timeout=10):
        opcode, payload = self.receive(timeout)
        assert opcode == TEXT, (opcode, payload)
        return json.loads(payload)

    def answer(self, number, timeout=10):
        """The answer of that id; events on the way are kept."""
        deadline = Deadline(timeout)
        while True:
            message = self.hear(deadline.left())
            if 'event' in message:
                self.events.append(message['event'])
            elif message.get('id') == number:
                return message
            else:
                raise AssertionError(f'an answer to nothing: {message}')

    def call(self, op, timeout=10, **fields):
        """The result of an operation; its problem raises Refused."""
        self.numbers += 1
        self.say({'id': self.numbers, 'op': op, **fields})
        message = self.answer(self.numbers, timeout)
        if 'error' in message:
            raise Refused(message['error'])
        return message['result']

    def event(self, timeout=10):
        if self.events:
            return self.events.pop(0)
        message = self.hear(timeout)
        assert list(message) == ['event'], message
        return message['event']


class Refused(Exception):
    """A problem. code: the last part of its type."""

    def __init__(self, problem):
        super().__init__(problem['detail'])
        self.problem = problem
        self.code = problem['type'].rpartition(':')[2]
