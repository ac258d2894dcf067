# SPDX-License-Identifier: LGPL-3.0-or-later
"""HTTP as its clients speak it: one question, one answer. Streams are in live, what no client sends in rawhttp."""

import base64
import hashlib
import http.client
import json
import os
import re
import socket

from .wait import SCALE

SECONDS = 30


class Answer:
    """status, headers with lower-case names, body."""

    def __init__(self, question, response, body):
        self.question = question
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = body

    @property
    def type(self):
        """The media type alone; '' for no body of any."""
        return self.headers.get('content-type', '').split(';')[0]

    def json(self):
        return json.loads(self.body)

    def code(self):
        """Of a problem."""
        assert self.type == 'application/problem+json', self
        return self.json()['type'].removeprefix('urn:ivshmem:error:')

    def __repr__(self):
        return f'{self.question}\nanswered {self.status} {self.headers}\n{self.body[:2000]!r}'


class _Connection(http.client.HTTPConnection):
    """To a socket's path, or to (host, port)."""

    def __init__(self, address, tls=None):
        host, port = ('localhost', 80) if isinstance(address, str) else address
        super().__init__(host, port, timeout=SECONDS * SCALE)
        self.path = address if isinstance(address, str) else None
        self.tls = tls

    def connect(self):
        if self.path is None:
            super().connect()
            if self.tls is not None:
                self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.host)
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Http:
    """Asks the daemon at address, as whom the token says; headers go with every question.
    tls: an ssl.SSLContext, for (host, port)."""

    def __init__(self, address, token=None, headers=None, tls=None):
        self.address = address
        self.tls = tls
        self.headers = dict(headers or {})
        if token is not None:
            self.headers['Authorization'] = f'Bearer {token}'

    def ask(self, method, target, *, data=None, body=None, headers=None):
        """data: to be sent as JSON."""
        connection = _Connection(self.address, self.tls)
        all_headers = {**self.headers, **(headers or {})}
        if data is not None:
            body = json.dumps(data).encode()
            all_headers.setdefault('Content-Type', 'application/json')
        try:
            connection.request(method, target, body, all_headers)
        except (BrokenPipeError, ConnectionResetError):
            # It has answered already, and takes no more.
            pass
        try:
            response = connection.getresponse()
            question = f'{method} {target} {data if data is not None else (body or b"")[:200]!r} {headers}'
            return Answer(question, response, response.read())
        finally:
            connection.close()

    def get(self, target, **keywords):
        return self.ask('GET', target, **keywords)


def make_token():
    """A secret, and the hash that stands in a token file."""
    secret = 'ivs_' + base64.urlsafe_b64encode(os.urandom(32)).rstrip(b'=').decode()
    return secret, 'sha256:' + hashlib.sha256(secret.encode()).hexdigest()


def port_of(daemon):
    """Of a daemon with --http 127.0.0.1:0."""
    pattern = re.compile(r'listening on https?://127\.0\.0\.1:(\d+)$', re.M)
    daemon.wait_log('listening on http')
    return int(pattern.search(daemon.log()).group(1))
