# SPDX-License-Identifier: LGPL-3.0-or-later
"""TLS: what differs from plain TCP. A client says goodbye twice there: in TLS, and then by closing."""

import json
import os
import shutil
import socket
import ssl
import tempfile
import time
import warnings

import pytest

from ivt import wait_for
from ivt.http import make_token, port_of
from ivt.wait import SCALE

SECONDS = 20
# Requests on one connection, none of which may make the next one dearer.
MANY = 2000
# Between the goodbye and the close: long enough that the daemon has heard the first alone.
PAUSE_SECONDS = 0.05
# Handshakes that do not go on, and how long anybody else may take beside them.
STALLED = 100
PROMPT_SECONDS = 1
HANDSHAKE_SECONDS = 10
CONFIG = '''
[daemon]
log-level=info
[http]
tokens={tokens}
tls-certificate={directory}/tls.pem
tls-key={directory}/tls-key.pem
[region r]
plugin=host-plain
path={memory}/r
'''
REGION_BYTES = 8 << 20


class Service:
    """A daemon that speaks TLS on TCP, with a certificate of its own making."""

    def __init__(self, ivt, memory):
        directory = ivt.make_dir('tls')
        made = ivt.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
                        '-nodes', '-days', '2', '-subj', '/CN=ivshmemd', '-addext', 'subjectAltName=IP:127.0.0.1',
                        '-keyout', f'{directory}/tls-key.pem', '-out', f'{directory}/tls.pem'])
        assert made.code == 0, made
        os.chmod(f'{directory}/tls-key.pem', 0o600)
        with open(f'{memory}/r', 'wb') as file:
            file.truncate(REGION_BYTES)
        self.ivt = ivt
        self.certificate = f'{directory}/tls.pem'
        self.secret, digest = make_token()
        tokens = ivt.file('tokens', f'test {digest} admin\n')
        os.chmod(tokens, 0o600)
        bus = ivt.bus() if ivt.build.has('dbus') else None
        self.daemon = ivt.daemon(bus, config=CONFIG.format(tokens=tokens, directory=directory, memory=memory),
                                 args=['--http', '127.0.0.1:0'])
        self.port = port_of(self.daemon)

    def plain(self, source='127.0.0.1'):
        return socket.create_connection(('127.0.0.1', self.port), timeout=SECONDS * SCALE, source_address=(source, 0))

    def connect(self, source='127.0.0.1', **settings):
        context = ssl.create_default_context(cafile=self.certificate)
        for name, value in settings.items():
            setattr(context, name, value)
        return context.wrap_socket(self.plain(source), server_hostname='127.0.0.1')

    def request(self, path='/v1/daemon'):
        return f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.secret}\r\n\r\n'.encode()

    def put(self, length):
        return (f'PUT /v1/regions/r/memory?offset=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n'
                f'Authorization: Bearer {self.secret}\r\nContent-Length: {length}\r\n\r\n').encode()

    def is_alone(self):
        """Whoever asks this now."""
        with self.connect() as connection:
            return json.loads(ask(connection, self.request()))['http']['connections'] == 1


@pytest.fixture
def service(ivt):
    if not ivt.build.has('http'):
        pytest.skip('allowed: the build has no HTTP')
    memory = tempfile.mkdtemp(prefix='ivt-', dir='/dev/shm')
    try:
        yield Service(ivt, memory)
    finally:
        shutil.rmtree(memory)


def answer(connection):
    data = b''
    while b'\r\n\r\n' not in data:
        data += receive(connection)
    head, _end, body = data.partition(b'\r\n\r\n')
    assert head.startswith(b'HTTP/1.1 200 '), head
    length = int(head.lower().partition(b'content-length: ')[2].split(b'\r\n')[0])
    while len(body) < length:
        body += receive(connection)
    assert len(body) == length
    return body


def receive(connection):
    data = connection.recv(65536)
    assert data, 'closed before its answer'
    return data


def ask(connection, request):
    connection.sendall(request)
    return answer(connection)


def say_goodbye(connection):
    """close_notify alone; what the daemon says to that is read later, if at all."""
    connection.settimeout(0)
    try:
        connection.unwrap()
    except (ssl.SSLWantReadError, ssl.SSLError, OSError):
        pass


def test_kept_alive(service):
    """Many requests on one connection, one by one and all at once."""
    with service.connect() as connection:
        for _ in range(MANY):
            assert b'"version"' in ask(connection, service.request())
        connection.sendall(service.request() * 5)
        received = b''
        while received.count(b'"version"') < 5:
            received += receive(connection)
    assert service.daemon.process.running()


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_bytes_both_ways(service, version):
    """More than any buffer holds, to one who reads slowly at first: what was begun goes on where it was."""
    data = os.urandom(1 << 16) * (REGION_BYTES >> 16)
    with service.connect(maximum_version=version) as connection:
        connection.sendall(service.put(len(data)) + data)
        assert receive(connection).startswith(b'HTTP/1.1 204 ')
        connection.sendall(service.request('/v1/regions/r/memory') + service.request())
        received = bytearray(connection.recv(100))
        time.sleep(10 * PAUSE_SECONDS * SCALE)
        while b'"version"' not in received[-4096:]:
            received += receive(connection)
        assert received.partition(b'\r\n\r\n')[2][:len(data)] == data


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize('asked', [0, 1, 2])
def test_goodbye_before_the_close(service, version, asked):
    """Both the goodbye and the end of the socket are heard, at different times; the connection is gone."""
    for _ in range(5):
        connection = service.connect(maximum_version=version)
        for _ in range(asked):
            ask(connection, service.request())
        say_goodbye(connection)
        time.sleep(PAUSE_SECONDS * SCALE)
        assert service.daemon.process.running()
        connection.close()
    wait_for(service.is_alone, SECONDS, 'the connections to be gone')
    assert service.daemon.process.running()


def test_close_without_goodbye(service):
    for asked in (0, 1):
        for _ in range(5):
            connection = service.connect()
            if asked:
                ask(connection, service.request())
            connection.close()
    wait_for(service.is_alone, SECONDS, 'the connections to be gone')


def test_no_tls_at_all(service):
    """Plaintext, noise and half a greeting are closed, and nobody else is held up."""
    for noise in (service.request(), os.urandom(4096), b'\x16\x03\x01\x02\x00\x01\x00'):
        with socket.create_connection(('127.0.0.1', service.port), timeout=SECONDS * SCALE) as plain:
            plain.sendall(noise)
            with service.connect() as connection:
                assert b'"version"' in ask(connection, service.request())
    wait_for(service.is_alone, SECONDS, 'the connections to be gone')
    assert service.daemon.process.running()


def test_old_versions_are_refused(service):
    """TLS 1.0 and 1.1 have been taken out of use."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers('ALL:@SECLEVEL=0')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(('127.0.0.1', service.port), timeout=SECONDS * SCALE) as plain:
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(plain, server_hostname='127.0.0.1')
    assert service.daemon.process.running()


def stall(service, how):
    """One client that stops within its handshake."""
    plain = service.plain()
    if how == 'half a greeting':
        plain.sendall(b'\x16\x03\x01\x02\x00\x01\x00')
    elif how == 'no second word':
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        greeting = ssl.create_default_context(cafile=service.certificate).wrap_bio(
            incoming, outgoing, server_hostname='127.0.0.1')
        with pytest.raises(ssl.SSLWantReadError):
            greeting.do_handshake()
        plain.sendall(outgoing.read())
    return plain


@pytest.mark.parametrize('how', ['silence', 'half a greeting', 'no second word'])
def test_stalled_handshakes_delay_nobody(service, how):
    stalled = [stall(service, how) for _ in range(STALLED)]
    try:
        if how == 'no second word':
            for plain in stalled:
                receive(plain)
        for source in ('127.0.0.2', '127.0.0.1'):
            began = time.monotonic()
            with service.connect(source) as connection:
                status = json.loads(ask(connection, service.request()))
            assert time.monotonic() - began < PROMPT_SECONDS * SCALE
            assert status['http']['connections'] > STALLED, 'they have not stalled'
    finally:
        for plain in stalled:
            plain.close()
    wait_for(service.is_alone, SECONDS, 'the connections to be gone')


def test_a_handshake_has_its_time(service):
    """A byte now and then does not make it longer."""
    with service.plain() as plain:
        plain.sendall(b'\x16\x03\x01\x02\x00')
        plain.settimeout(1)
        began = time.monotonic()
        data = None
        while data is None:
            assert time.monotonic() - began < 2 * SECONDS * SCALE
            try:
                plain.sendall(b'\x01')
                data = plain.recv(4096)
            except TimeoutError:
                pass
            except ConnectionError:
                data = b''
        assert time.monotonic() - began > HANDSHAKE_SECONDS / 2
