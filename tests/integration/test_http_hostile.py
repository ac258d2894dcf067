# SPDX-License-Identifier: LGPL-3.0-or-later
"""What nobody sends who means well: every time a problem+json answer or a clean close, the daemon unharmed."""

import base64
import contextlib
import hashlib
import itertools
import json
import os
import re
import resource
import signal
import time

import pytest

from ivt import wait_for
from ivt.rawhttp import Closed, RawHttp
from ivt.wait import SCALE

MIB = 1 << 20
REGION_BYTES = 64 * MIB
# What the daemon's own memory may grow by, whatever comes in; sanitizers keep what was freed.
GROWTH_BYTES = 64 * MIB
GROWTH_SANITIZED_BYTES = 640 * MIB
BODY_BYTES = 100 * 1000 * 1000

# As in daemon/base/ivd-limits.h.
JSON_BYTES = 64 * 1024
HEADERS_SECONDS = 20
BODY_SECONDS = 30

CONFIG = '''
[daemon]
log-level=info
[http]
tokens={tokens}
[region r]
plugin=doorbell-server
size=64M
vectors=4
socket={socket}
'''


NUMBERS = itertools.count()


class Web:
    """A daemon with one region, on a unix socket and on TCP."""

    def __init__(self, ivt):
        self.ivt = ivt
        self.token = 'ivs_' + base64.urlsafe_b64encode(os.urandom(32)).rstrip(b'=').decode()
        digest = hashlib.sha256(self.token.encode()).hexdigest()
        tokens = ivt.file(f'tokens{next(NUMBERS)}', f'test sha256:{digest} admin\n')
        os.chmod(tokens, 0o600)
        self.unix = ivt.path(f'http{next(NUMBERS)}.sock')
        bus = ivt.bus() if ivt.build.has('dbus') else None
        self.daemon = ivt.daemon(bus, config=CONFIG.format(tokens=tokens, socket=self.unix + '.r'),
                                 args=['--http', f'unix:{self.unix}', '--http', '127.0.0.1:0'])
        port = re.search(r'listening on http://127\.0\.0\.1:(\d+)', self.daemon.wait_log_line('http://127.0.0.1:'))
        self.tcp = ('127.0.0.1', int(port.group(1)))
        self.host = f'127.0.0.1:{self.tcp[1]}'
        self.check()
        self.before = self.memory()

    def address(self, kind):
        return self.unix if kind == 'unix' else self.tcp

    def head(self, method='GET', path='/v1/daemon', *lines, version='HTTP/1.1'):
        """The head of a good request, ended; lines come on top."""
        return '\r\n'.join([f'{method} {path} {version}', f'Host: {self.host}', f'Authorization: Bearer {self.token}',
                            *lines, '', ''])

    def post(self, path, body, *lines):
        """A whole request with a JSON body."""
        if isinstance(body, str):
            body = body.encode()
        return self.head('POST', path, 'Content-Type: application/json', f'Content-Length: {len(body)}',
                         *lines).encode() + body

    def ask(self, request, kind='unix'):
        """One request on a connection of its own; the answer, or None when it was closed."""
        with RawHttp(self.address(kind)) as http:
            http.send(request)
            return http.final()

    def memory(self):
        """Bytes that are the daemon's own, without those of regions."""
        with open(f'/proc/{self.daemon.pid}/status', encoding='ascii') as file:
            return int(re.search(r'RssAnon:\s+(\d+) kB', file.read()).group(1)) * 1024

    def cpu_seconds(self):
        with open(f'/proc/{self.daemon.pid}/stat', encoding='ascii') as file:
            fields = file.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.daemon.pid}/fd'))

    def check(self):
        """Good requests are answered."""
        for kind in ('unix', 'tcp'):
            with RawHttp(self.address(kind)) as http:
                for _again in range(2):
                    assert http.send(self.head())
                    answer = http.response()
                    assert answer.status == 200 and answer.json()['regions'] == 1, answer
                    assert http.send(self.post('/v1/regions/r/fill', '{"offset":0,"length":16,"value":7}'))
                    answer = http.response()
                    assert answer.status == 204, answer
                    assert http.send(self.post('/v1/regions/r/atomic', '{"op":"or","offset":8,"width":4,"value":"0x0"}'))
                    answer = http.response()
                    assert answer.status == 200 and answer.json()['old'] == '0x7070707', answer

    def check_unharmed(self):
        assert self.daemon.process.running()
        self.check()
        limit = GROWTH_SANITIZED_BYTES if self.ivt.build.sanitized() else GROWTH_BYTES
        assert self.memory() - self.before < limit
        # A client must not be able to fill the log, either.
        said = [line for line in self.daemon.log().splitlines()
                if re.match('(warning|error)', line) and 'takes no new connections' not in line]
        assert said == []
        assert len(self.daemon.log()) < 64 * 1024


@pytest.fixture(scope='module')
def webs(module_ivt):
    """The daemon that the tests share, and another one when it has died."""
    alive = []

    def get():
        if not alive or not alive[-1].daemon.process.running():
            alive.append(Web(module_ivt))
        return alive[-1]
    return get


@pytest.fixture
def web(webs):
    web = webs()
    yield web
    web.check_unharmed()


@pytest.fixture
def own_web(ivt):
    """For who cannot share: limits, and an end."""
    web = Web(ivt)
    yield web
    web.check_unharmed()


def refused(answer, *codes):
    """None: it was closed, which is fine as well."""
    if answer is not None:
        assert answer.status in codes, answer
        answer.problem()


# Bodies.

DEEP = '{"a":' * 17 + '1' + '}' * 17

BAD_FILLS = [
    '', ' ', 'null', '[]', '"x"', '1', '{', '{}', '{]', '{"offset":0', '{"offset":0,}', "{'offset':0}", '{offset:0}',
    '{"offset":0,"length":16,"value":7}x', '{"offset":0,"length":16,"value":7}{}', 'x={"offset":0}',
    '/**/{"offset":0,"length":16,"value":7}', '{"offset":0,"length":16,"value":7}//',
    '{"offset":0,"offset":0,"length":16,"value":7}', '{"offset":0,"\\u006fffset":0,"length":16,"value":7}',
    '{"offset":0,"length":16}', '{"offset":0,"length":16,"value":7,"more":1}', '{"Offset":0,"length":16,"value":7}',
    '{"offset":null,"length":16,"value":7}', '{"offset":true,"length":16,"value":7}',
    '{"offset":[0],"length":16,"value":7}', '{"offset":{},"length":16,"value":7}',
    '{"offset":-1,"length":16,"value":7}', '{"offset":0.5,"length":16,"value":7}', '{"offset":0e0,"length":16,"value":7}',
    '{"offset":NaN,"length":16,"value":7}', '{"offset":Infinity,"length":16,"value":7}',
    '{"offset":-Infinity,"length":16,"value":7}', '{"offset":0x10,"length":16,"value":7}',
    '{"offset":00,"length":16,"value":7}', '{"offset":1e400,"length":16,"value":7}',
    '{"offset":9007199254740993,"length":16,"value":7}', '{"offset":18446744073709551616,"length":16,"value":7}',
    '{"offset":"18446744073709551616","length":16,"value":7}', '{"offset":"0x0","length":16,"value":7}',
    '{"offset":"","length":16,"value":7}', '{"offset":" 0","length":16,"value":7}',
    '{"offset":0,"length":16,"value":256}', '{"offset":0,"length":16,"value":-1}',
    '{"offset":0,"length":16,"value":7,"x":"\\ud800"}', '{"offset":0,"length":16,"value":7,"x":"\\u0000"}',
    '{"offset":0,"length":16,"value":7,"x":"\n"}', DEEP, '[' * 60000, '{"a":' * 12000,
]


@pytest.mark.parametrize('kind', ['unix', 'tcp'])
def test_bad_json(web, kind):
    with RawHttp(web.address(kind)) as http:
        for body in [*BAD_FILLS, b'\xff{}', b'{"offset":0,"length":16,"value":7,"\xc0\x80":1}', b'{}\0', b'\xef\xbb\xbf{}',
                     '{"offset":0,"length":16,"value":7}'.encode('utf-16')]:
            assert http.send(web.post('/v1/regions/r/fill', body)), body
            answer = http.response()
            assert answer.status == 400 and answer.problem() == 'invalid-argument', (body, answer)


def test_numbers_beyond_the_region_are_out_of_range(web):
    for offset in ('9007199254740992', '"9007199254740993"', '"18446744073709551615"', '67108849'):
        answer = web.ask(web.post('/v1/regions/r/fill', f'{{"offset":{offset},"length":16,"value":7}}'))
        assert answer.status == 416 and answer.problem() == 'out-of-range'


@pytest.mark.parametrize('path, body', [
    ('/v1/regions', '{"name":"x","plugin":1}'),
    ('/v1/regions', '{"name":"../x","plugin":"host-plain"}'),
    ('/v1/regions', '{"name":"x\\n","plugin":"host-plain"}'),
    ('/v1/regions', '{"name":"x","plugin":"host-plain","options":[]}'),
    ('/v1/regions', '{"name":"x","plugin":"host-plain","options":{"path":null}}'),
    ('/v1/regions', '{"name":"x","plugin":"host-plain","options":{"path":{"a":1}}}'),
    ('/v1/regions', '{"name":"x","plugin":"host-plain","options":{"path":"/dev/shm/a","\\u0007":1}}'),
    ('/v1/regions/r/atomic', '{"op":"add","offset":0,"width":3,"value":"0x1"}'),
    ('/v1/regions/r/atomic', '{"op":"sub","offset":0,"width":8,"value":"0x1"}'),
    ('/v1/regions/r/atomic', '{"op":"add","offset":0,"width":8,"value":"0x11111111111111111"}'),
    ('/v1/regions/r/atomic', '{"op":"add","offset":0,"width":8,"value":"1; rm -rf"}'),
    ('/v1/regions/r/wait', '{"offset":0,"width":4,"op":"equals","value":"0x1","timeout_ms":-1}'),
    ('/v1/regions/r/wait', '{"offset":0,"width":4,"op":"equals","value":"0x1","timeout_ms":1e300}'),
    ('/v1/regions/r/wait', '{"offset":0,"width":4,"op":"equals","value":"0x1","timeout_ms":"1"}'),
    ('/v1/regions/r/wait', '{"offset":0,"width":4,"op":"equals","value":"0x1","timeout_ms":NaN}'),
    ('/v1/regions/r/ring', '{"peer":-1,"vector":0}'),
    ('/v1/regions/r/ring', '{"peer":"ALL","vector":0}'),
    ('/v1/regions/r/ring', '{"peer":4294967295,"vector":0}'),
    ('/v1/regions/r/ring', '{"peer":4294967296,"vector":0}'),
    ('/v1/regions/r/watches', '{"offset":0,"length":16,"min_interval_ms":-5}'),
    ('/v1/regions/r/watches', '{"offset":0,"length":16,"min_interval_ms":1,"min_interval_usec":1}'),
    ('/v1/session', '{"token":1}'),
])
def test_bad_arguments(web, path, body):
    answer = web.ask(web.post(path, body), 'tcp')
    assert answer.status == 400 and answer.problem() == 'invalid-argument', answer


@pytest.mark.parametrize('content_type', [
    None, '', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx',
    'application/json; charset=utf-16', 'application/json, text/plain', '\xff',
])
def test_body_must_say_that_it_is_json(web, content_type):
    """Forms are what a foreign web page can send without being asked first."""
    lines = [] if content_type is None else [f'Content-Type: {content_type}']
    body = '{"offset":0,"length":16,"value":7}'
    answer = web.ask(web.head('POST', '/v1/regions/r/fill', *lines, f'Content-Length: {len(body)}') + body)
    assert answer.status in (400, 415), answer
    answer.problem()


def test_body_of_just_the_limit_and_one_more(web):
    body = '{"offset":0,"length":16,"value":7}'
    assert web.ask(web.post('/v1/regions/r/fill', body.ljust(JSON_BYTES))).status == 204
    answer = web.ask(web.post('/v1/regions/r/fill', body.ljust(JSON_BYTES + 1)))
    assert answer.status == 413 and answer.problem() == 'too-large'


def send_much(http, chunked):
    """As much of BODY_BYTES as is taken; how much that was."""
    piece = b' ' * MIB
    sent = 0
    while sent < BODY_BYTES:
        if not http.send(b'%x\r\n%s\r\n' % (len(piece), piece) if chunked else piece):
            break
        sent += len(piece)
    return sent


@pytest.mark.parametrize('kind', ['unix', 'tcp'])
@pytest.mark.parametrize('expect', [False, True])
@pytest.mark.parametrize('chunked', [False, True])
@pytest.mark.parametrize('method, path', [
    ('POST', '/v1/regions/r/fill'), ('POST', '/v1/session'), ('GET', '/v1/daemon'), ('DELETE', '/v1/regions/none'),
    ('PUT', '/v1/regions/r/memory?offset=0'), ('POST', '/v1/nothing-like-it'),
])
def test_huge_body(web, kind, expect, chunked, method, path):
    """Refused before it is read: nobody waits for 100 MB, or keeps them."""
    lines = ['Content-Type: application/json']
    lines += ['Transfer-Encoding: chunked'] if chunked else [f'Content-Length: {BODY_BYTES}']
    lines += ['Expect: 100-continue'] if expect else []
    with RawHttp(web.address(kind)) as http:
        assert http.send(web.head(method, path, *lines))
        if not expect:
            sent = send_much(http, chunked)
            # Chunks may come to 16 MiB before they are too many.
            assert sent < 40 * MIB
        try:
            answer = http.response()
            if answer.status == 100:
                send_much(http, chunked)
                answer = http.response()
        except Closed:
            answer = None
        # 416: such a body goes beyond the region.
        refused(answer, 400, 404, 405, 413, 416)
        http.wait_closed()


@pytest.mark.parametrize('request_body', [
    ('POST', '/v1/regions/r/fill', ['Content-Type: application/json', 'Content-Length: 35'], '{"offset":16,"length":16,'),
    ('POST', '/v1/regions/r/fill', ['Content-Type: application/json', 'Transfer-Encoding: chunked'], '23\r\n{"offset":16'),
    ('POST', '/v1/regions/r/fill', ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
     '22\r\n{"offset":16,"length":16,"value":9}\r\n'),
    ('PUT', '/v1/regions/r/memory?offset=16', ['Content-Length: 16'], '123456789'),
    ('PUT', '/v1/regions/r/memory?offset=16', ['Transfer-Encoding: chunked'], '9\r\n123456789\r\n'),
    ('PUT', '/v1/regions/r/memory?offset=16', ['Transfer-Encoding: chunked'], '9\r\n1234'),
    ('PUT', '/v1/regions/r/memory?offset=16', ['Transfer-Encoding: chunked'], '9'),
])
@pytest.mark.parametrize('reset', [False, True])
def test_truncated_body_changes_nothing(web, request_body, reset):
    method, path, lines, body = request_body
    assert web.ask(web.post('/v1/regions/r/fill', '{"offset":16,"length":16,"value":0}')).status == 204
    with RawHttp(web.tcp) as http:
        assert http.send(web.head(method, path, *lines) + body)
        if not reset:
            http.shutdown()
            refused(http.final(), 400)
            http.wait_closed()
    answer = web.ask(web.head('GET', '/v1/regions/r/memory?offset=16&length=16'))
    assert answer.status == 200 and answer.body == bytes(16)


@pytest.mark.parametrize('chunks', [
    'x\r\nabc\r\n0\r\n\r\n', '-1\r\nabc\r\n0\r\n\r\n', '+3\r\nabc\r\n0\r\n\r\n', '0x3\r\nabc\r\n0\r\n\r\n',
    '3 \r\nabc\r\n0\r\n\r\n', ' 3\r\nabc\r\n0\r\n\r\n', '\r\nabc\r\n0\r\n\r\n', '3\nabc\n0\n\n', '3\r\nabcd\r\n0\r\n\r\n',
    'ffffffffffffffff\r\nabc\r\n0\r\n\r\n', 'ffffffffffffffff1\r\nabc\r\n0\r\n\r\n',
    '8000000000000000\r\nabc\r\n0\r\n\r\n', '100000003\r\nabc\r\n0\r\n\r\n',
    '3;' + 'x' * 200000 + '\r\nabc\r\n0\r\n\r\n', '0' * 200000 + '3\r\nabc\r\n0\r\n\r\n',
    '3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n', '3\r\nabc\r\n0\r\nX: y\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n',
    '3\r\nabc\r\n0\r\n' + 'Trailer: x\r\n' * 20000 + '\r\n',
])
def test_bad_chunks(web, chunks):
    """A body that may end in two places must not be taken, or be taken for another request's beginning."""
    with RawHttp(web.unix) as http:
        http.send(web.head('PUT', '/v1/regions/r/memory?offset=32', 'Transfer-Encoding: chunked') + chunks)
        with contextlib.suppress(OSError):
            http.shutdown()
        refused(http.final(), 400, 413)
        # No second answer: nothing was left over.
        assert http.final() is None


# Ranges.

@pytest.mark.parametrize('value', [
    'bytes', 'bytes=', 'bytes=-', 'bytes=x-y', 'bytes=5-1', 'bytes=0-1-2', 'bytes=0--1', 'bytes=+0-1', 'bytes=0x0-0x1',
    'bytes=0-1;2-3', 'bytes =0-1', '=0-1', 'bytes=0-1,x', 'bytes=\xff-', 'bytes=' + ',' * 5000,
    'bytes=' + '9' * 5000, '-' * 5000,
])
def test_malformed_range(web, value):
    answer = web.ask(web.head('GET', '/v1/regions/r/memory', f'Range: {value}'))
    assert answer.status == 400 and answer.problem() == 'invalid-argument', answer


@pytest.mark.parametrize('value', [
    'bytes=67108864-', 'bytes=999999999-', 'bytes=67108864-67108865', 'bytes=-0', 'bytes=18446744073709551615-',
    'bytes=18446744073709551616-', 'bytes=' + '9' * 5000 + '-', 'bytes=' + ','.join(['0-0'] * 17),
])
def test_unsatisfiable_range(web, value):
    answer = web.ask(web.head('GET', '/v1/regions/r/memory', f'Range: {value}'))
    assert answer.status == 416 and answer.problem() == 'out-of-range', answer
    assert answer.header('content-range') == f'bytes */{REGION_BYTES}'


def test_ranges_are_clipped_and_never_longer_than_they_are(web):
    for value, offset, length in [('bytes=0-15', 0, 16), ('bytes=67108863-99999999999999999999', REGION_BYTES - 1, 1),
                                  ('bytes=-5', REGION_BYTES - 5, 5)]:
        answer = web.ask(web.head('GET', '/v1/regions/r/memory', f'Range: {value}'))
        assert answer.status == 206 and len(answer.body) == length, answer
        assert answer.header('content-range') == f'bytes {offset}-{offset + length - 1}/{REGION_BYTES}'


@pytest.mark.parametrize('query', [
    'offset=0&length=18446744073709551615', 'offset=18446744073709551615&length=1', 'offset=67108865&length=0',
    'offset=67108864&length=1', 'offset=18446744073709551615&length=18446744073709551615',
])
def test_bounds_in_the_query(web, query):
    answer = web.ask(web.head('GET', f'/v1/regions/r/memory?{query}'))
    assert answer.status == 416 and answer.problem() == 'out-of-range', answer


# Paths, queries and headers.

@pytest.mark.parametrize('query', [
    'offset=-1&length=1', 'offset=0x&length=1', 'offset=0y0&length=1', 'offset=&length=1', 'offset=0&offset=0&length=1', 'offset=0&length=1&x=1',
    'offset=0&len=1', 'offset=18446744073709551616&length=1', 'offset=0&length=1&%ff=1', 'offset=0&length=%',
    'offset=0&length=1&a=%zz', 'offset', 'OFFSET=0&length=1', 'offset=0&length=1;x=1', 'offset=0&length=' + '1' * 7000,
])
def test_bad_query(web, query):
    answer = web.ask(web.head('GET', f'/v1/regions/r/memory?{query}'))
    assert answer.status == 400 and answer.problem() == 'invalid-argument', answer


@pytest.mark.parametrize('path', [
    '/..', '/../etc/passwd', '/v1/../../etc/passwd', '/v1/regions/..', '/v1/regions/../regions/r/../..', '/%2e%2e/etc/passwd',
    '/v1/regions/%2e%2e%2fr', '/v1/regions/..%2f..%2fetc%2fpasswd', '/v1/regions/r%2fmemory', '/v1/regions/r%00',
    '/v1/regions/%00', '/v1/regions/%ff', '/v1/regions/%c0%ae%c0%ae', '/v1/regions/\xff', '/v1/regions/r%', '/v1/regions/r%4',
    '/v1/regions/r%zz', '//v1/regions', '/v1//regions', '/v1/regions//memory', '/v1/regions/r/', '/v1/regions/r/memory/', '/V1/regions',
    '/v1/regions/R', '/v1\\regions', '/v1/regions/%0d%0aSet-Cookie:%20x=1', '/v1/regions/r\x01', '/v1/regions/{}', '/v1/regions/*',
    '/v1/regions/' + 'a' * 65, '/v1/regions/' + 'a' * 8000, '/' + '/'.join(['a'] * 4000), '/' + '../' * 4000, '/v1/regions/r/peers/-1',
    '/v1/regions/r/watches/99999999999999999999', '*', 'x', '', '?', '/favicon.ico/..', '/index.html%00.png',
])
def test_odd_paths(web, path):
    for method in ('GET', 'DELETE', 'PUT'):
        answer = web.ask(web.head(method, path), 'tcp')
        if method == 'GET' and answer is not None and answer.status == 200:
            # What dots lead up to is the page at the top, and nothing above it.
            assert '..' in path and answer.header('content-type').startswith('text/html'), answer
        else:
            refused(answer, 400, 404, 405)


def test_response_is_not_split(web):
    """What came in an argument comes back only escaped."""
    answer = web.ask(web.head('GET', '/v1/regions/x%0d%0aX-Injected:%201%0d%0a%0d%0a<script>'))
    refused(answer, 400, 404)
    assert answer.header('x-injected') is None and b'\r\n' not in answer.body.strip()


@pytest.mark.parametrize('kind', ['unix', 'tcp'])
@pytest.mark.parametrize('request_text', [
    'GET /{long} HTTP/1.1\r\nHost: {host}\r\n\r\n', '{long} / HTTP/1.1\r\nHost: {host}\r\n\r\n',
    'GET / {long}\r\nHost: {host}\r\n\r\n', 'GET / HTTP/1.1\r\nHost: {long}\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: {host}\r\nX: {long}\r\n\r\n', 'GET / HTTP/1.1\r\nHost: {host}\r\n{long}: x\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: {host}\r\n{many}\r\n', 'GET /?{long} HTTP/1.1\r\nHost: {host}\r\n\r\n',
    'GET /v1/daemon HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {long}\r\n\r\n',
    'GET /v1/daemon HTTP/1.1\r\nHost: {host}\r\nCookie: ivshmemd-session={long}\r\n\r\n', '{long}', '\r\n' * 100000,
])
def test_overlong_heads(web, kind, request_text):
    """More than any head may have: 64 KiB."""
    many = ''.join(f'X-{i}: y\r\n' for i in range(20000))
    text = request_text.format(long='a' * 200000, many=many, host=web.host)
    with RawHttp(web.address(kind)) as http:
        http.send(text)
        with contextlib.suppress(OSError):
            http.shutdown()
        refused(http.final(), 400, 401, 404, 405, 413, 414, 431)
        http.wait_closed()


# More than one meaning.

SMUGGLED = 'GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'


def ambiguous(web):
    good, token, fill = f'Host: {web.host}\r\n', f'Authorization: Bearer {web.token}\r\n', 'POST /v1/regions/r/fill HTTP/1.1\r\n'
    json_type, body = 'Content-Type: application/json\r\n', '{"offset":48,"length":16,"value":9}'
    start = fill + good + token + json_type
    chunked = f'{len(body):x}\r\n{body}\r\n0\r\n\r\n'
    length = f'Content-Length: {len(body)}\r\n'
    return {
        'length-and-coding': start + length + 'Transfer-Encoding: chunked\r\n\r\n' + chunked,
        'coding-and-length': start + 'Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n' + chunked,
        'two-lengths': start + length + 'Content-Length: 0\r\n\r\n' + body,
        'two-equal-lengths': start + length + length + '\r\n' + body,
        'list-of-lengths': start + f'Content-Length: {len(body)}, {len(body)}\r\n\r\n' + body,
        'signed-length': start + f'Content-Length: +{len(body)}\r\n\r\n' + body,
        'negative-length': start + 'Content-Length: -1\r\n\r\n' + body,
        'hex-length': start + 'Content-Length: 0x23\r\n\r\n' + body,
        'length-with-tail': start + f'Content-Length: {len(body)}x\r\n\r\n' + body,
        'length-with-blank': start + f'Content-Length: {len(body)} 0\r\n\r\n' + body,
        'length-overflow': start + 'Content-Length: 18446744073709551651\r\n\r\n' + body,
        'length-empty': start + 'Content-Length:\r\n\r\n' + body,
        'coding-unknown': start + 'Transfer-Encoding: xchunked\r\n\r\n' + chunked,
        'coding-identity': start + 'Transfer-Encoding: identity\r\n' + length + '\r\n' + body,
        'coding-two': start + 'Transfer-Encoding: gzip, chunked\r\n\r\n' + chunked,
        'coding-twice': start + 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n' + chunked,
        'coding-hidden': start + length + 'Transfer-Encoding: \x0bchunked\r\n\r\n' + chunked,
        'coding-blank': start + length + 'Transfer-Encoding : chunked\r\n\r\n' + chunked,
        'coding-folded': start + length + 'Transfer-Encoding:\r\n chunked\r\n\r\n' + chunked,
        'coding-1.0': start.replace('HTTP/1.1', 'HTTP/1.0') + 'Transfer-Encoding: chunked\r\n\r\n' + chunked,
        'length-blank-before-colon': start + f'Content-Length : {len(body)}\r\n\r\n' + body,
        'length-folded': start + f'Content-Length:\r\n {len(body)}\r\n\r\n' + body,
        'fold': start + length + 'X: a\r\n b\r\n\r\n' + body,
        'fold-first': fill + ' ' + good + token + json_type + length + '\r\n' + body,
        'no-colon': start + length + 'nonsense\r\n\r\n' + body,
        'empty-name': start + length + ': x\r\n\r\n' + body,
        'name-with-blank': start + length + 'X Y: x\r\n\r\n' + body,
        'nul-in-header': start + length + 'X: a\0b\r\n\r\n' + body,
        'bare-cr': start + length + 'X: a\rTransfer-Encoding: chunked\r\n\r\n' + body,
        'bare-lf': (start + length + '\r\n').replace('\r\n', '\n') + body,
        'two-hosts': fill + good + 'Host: evil.example\r\n' + token + json_type + length + '\r\n' + body,
        'list-of-hosts': fill + f'Host: {web.host}, evil.example\r\n' + token + json_type + length + '\r\n' + body,
        'no-host': fill + token + json_type + length + '\r\n' + body,
        'empty-host': fill + 'Host:\r\n' + token + json_type + length + '\r\n' + body,
        'absolute-form': start.replace('/v1', 'http://evil.example/v1', 1) + length + '\r\n' + body,
        'user-in-host': fill + f'Host: evil.example@{web.host}\r\n' + token + json_type + length + '\r\n' + body,
        'two-tokens': start + f'Authorization: Bearer {web.token}\r\n' + length + '\r\n' + body,
        'two-types': start + 'Content-Type: text/plain\r\n' + length + '\r\n' + body,
        'version-2': start.replace('HTTP/1.1', 'HTTP/2.0') + length + '\r\n' + body,
        'version-odd': start.replace('HTTP/1.1', 'HTTP/1.1x') + length + '\r\n' + body,
        'version-huge': start.replace('HTTP/1.1', 'HTTP/99999999999.1') + length + '\r\n' + body,
        'version-lower': start.replace('HTTP/1.1', 'http/1.1') + length + '\r\n' + body,
        'blanks-in-line': start.replace(' HTTP/1.1', '  HTTP/1.1') + length + '\r\n' + body,
        'tab-in-line': start.replace(' HTTP/1.1', '\tHTTP/1.1') + length + '\r\n' + body,
    }


@pytest.mark.parametrize('kind', ['unix', 'tcp'])
@pytest.mark.parametrize('name', sorted(ambiguous(type('Nobody', (), {'host': 'x', 'token': 'x'}))))
def test_smuggling(web, kind, name):
    """What two programs might read differently is refused; what follows is no second request."""
    with RawHttp(web.address(kind)) as http:
        http.send(ambiguous(web)[name] + SMUGGLED)
        with contextlib.suppress(OSError):
            http.shutdown()
        answer = http.final()
        assert answer is not None, name
        refused(answer, 400, 401, 403, 413, 417, 501, 505)
        assert http.final() is None, name


@pytest.mark.parametrize('host', ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example',
                                  '127.0.0.1:x', '[::1', '127.0.0.1:80:80', '\xff', 'a' * 300])
def test_foreign_host_on_tcp(web, host):
    """A name that somebody made point here (DNS rebinding)."""
    answer = web.ask(f'GET /v1/daemon HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {web.token}\r\n\r\n', 'tcp')
    refused(answer, 400, 403)


@pytest.mark.parametrize('kind', ['unix', 'tcp'])
@pytest.mark.parametrize('text', [
    'GET /v1/daemon\r\n', 'GET /v1/daemon\r\n\r\n', 'GET /v1/daemon HTTP/1.0\r\n\r\n', 'GET / HTTP/1.0\r\n\r\n', 'GET /healthz HTTP/1.0\r\n\r\n',
    'GET /v1/daemon HTTP/0.9\r\n\r\n', 'GET\r\n\r\n', 'GET  HTTP/1.1\r\n\r\n', ' GET / HTTP/1.1\r\n\r\n', '\0\0\0\0', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'SSH-2.0-OpenSSH_9.2\r\n', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '\n' * 50, '\xff' * 5000,
    'l\0\0\1', 'GET / HTTP/1.1', 'GET / HTTP/1.1\r\nHost: {host}', 'GET / HTTP/1.1\r\nHost: {host}\r\n', '',
])
def test_no_http_at_all(web, kind, text):
    with RawHttp(web.address(kind)) as http:
        http.send(text.format(host=web.host))
        with contextlib.suppress(OSError):
            http.shutdown()
        answer = http.final()
        if 'HTTP/1.0' in text and answer is not None and answer.status == 200:
            assert kind == 'unix' or '/v1' not in text
        else:
            refused(answer, 400, 401, 404, 405, 501, 505)
        http.wait_closed()


@pytest.mark.parametrize('kind', ['unix', 'tcp'])
def test_http_1_0_without_host(web, kind):
    """libsoup 3.2 has criticals for it on a unix socket, which would end a daemon that takes them seriously."""
    for path in ('/healthz', '/v1/daemon', '/v1/regions/r/memory?offset=0&length=8', '/'):
        answer = web.ask(f'GET {path} HTTP/1.0\r\nAuthorization: Bearer {web.token}\r\n\r\n', kind)
        if answer is not None and answer.status != 200:
            assert answer.status == 400
            answer.problem()


@pytest.mark.parametrize('method', ['CONNECT', 'TRACE', 'OPTIONS', 'PATCH', 'PROPFIND', 'get', 'GETX', 'M-SEARCH', '{}', 'HEAD'])
@pytest.mark.parametrize('path', ['/v1/daemon', '/v1/regions/r/fill', '/v1/nothing', '*', '127.0.0.1:22', '/'])
def test_odd_methods(web, method, path):
    with RawHttp(web.tcp) as http:
        http.send(web.head(method, path))
        try:
            answer = http.response(head=method == 'HEAD')
        except Closed:
            return
        if method == 'HEAD':
            assert answer.status in (200, 400, 404, 405)
        elif method == 'OPTIONS' and answer.status in (200, 204):
            # Without a word of CORS: no page of another origin may do anything.
            assert answer.header('access-control-allow-origin') is None
        else:
            refused(answer, 400, 404, 405, 501)
            # What was sent never comes back (cross-site tracing).
            assert web.token.encode() not in answer.body
        if answer.status == 405:
            assert answer.header('allow')


@pytest.mark.parametrize('lines', [
    ['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'],
    ['Upgrade: websocket', 'Connection: Upgrade'], ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13'],
    ['Upgrade: TLS/1.0', 'Connection: Upgrade'], ['Connection: close, Host'], ['Connection: ' + 'x,' * 5000],
    ['Expect: 200-ok'], ['Expect: 100-continue, 100-continue'], ['Accept-Encoding: gzip;q=9, *;q=-1'], ['If-None-Match: ' + '"x",' * 5000], ['If-None-Match: "'],
    ['Accept: ' + '*/*;q=0.1,' * 5000], ['Cookie: ivshmemd-session'], ['Cookie: ' + ';' * 5000], ['Content-Length: 0'], ['Transfer-Encoding: chunked'],
    ['Origin: null'], ['Origin: http://evil.example'], ['Last-Event-ID: -1'], ['Content-Encoding: gzip'],
])
def test_odd_headers(web, lines):
    for path in ('/v1/daemon', '/v1/stream', '/v1/regions/r/memory?offset=0&length=8', '/'):
        with RawHttp(web.tcp) as http:
            http.send(web.head('GET', path, *lines) + ('0\r\n\r\n' if 'Transfer' in lines[0] else ''))
            answer = http.final()
            assert answer is None or answer.status in (200, 304, 400, 401, 403, 404, 406, 413, 417, 426, 431, 501), answer
            if answer is not None and answer.status >= 400:
                answer.problem()
            assert answer is None or answer.header('access-control-allow-origin') is None


@pytest.mark.parametrize('authorization', [
    None, '', 'Bearer', 'Bearer ', 'Bearer x', 'Basic dGVzdDp0ZXN0', 'bearer ivs_' + 'A' * 43, 'Bearer ivs_' + 'A' * 43, 'Bearer ivs_' + 'A' * 5000,
    'Bearer \xff', 'Bearer {token}x', 'Bearer {token},Bearer {token}', 'Digest {token}', '{token}',
])
def test_without_a_good_token_tcp_is_shut(web, authorization):
    line = '' if authorization is None else f'Authorization: {authorization.format(token=web.token)}\r\n'
    for path in ('/v1/daemon', '/v1/regions', '/v1/regions/r', '/v1/regions/r/memory', '/v1/events', '/v1/stream', '/metrics', '/v1/openapi.json'):
        answer = web.ask(f'GET {path} HTTP/1.1\r\nHost: {web.host}\r\n{line}\r\n', 'tcp')
        assert answer.status == 401 and answer.problem() == 'unauthenticated', (path, answer)
        assert 'bearer' in answer.header('www-authenticate').lower()
        assert web.token not in json.dumps(answer.json())


# Slow ones, many of them, and those who go.

def test_pipelined_requests(web):
    """Answered in their order, each once."""
    requests, count = '', 200
    for i in range(count):
        requests += web.head('GET', f'/v1/regions/r/memory?offset={i}&length={i + 1}') if i % 3 else web.head('GET', f'/v1/nothing/{i}')
    with RawHttp(web.tcp) as http:
        assert http.send(requests)
        for i in range(count):
            answer = http.response()
            if i % 3:
                assert answer.status == 200 and len(answer.body) == i + 1
            else:
                assert answer.status == 404
                answer.problem()


def test_pipelined_after_a_body_that_is_refused(web):
    """What follows is never read as a request while the body before it is not."""
    with RawHttp(web.unix) as http:
        http.send(web.head('POST', '/v1/regions/r/fill', 'Content-Type: application/json', f'Content-Length: {MIB}') + SMUGGLED * 10)
        refused(http.final(), 413)
        assert http.final() is None


def gone_in_the_middle(web):
    """Requests that are left before they are through."""
    fill = '{"offset":0,"length":16,"value":7}'
    return {
        'nothing': '', 'half-a-line': 'GET /v1', 'half-a-head': web.head()[:-2], 'whole-small': web.head(),
        'half-a-body': web.post('/v1/regions/r/fill', fill)[:-5].decode(), 'whole-body': web.post('/v1/regions/r/fill', fill).decode(),
        'expect': web.head('PUT', '/v1/regions/r/memory?offset=0', 'Expect: 100-continue', 'Content-Length: 1000000'),
        'large-answer': web.head('GET', '/v1/regions/r/memory'), 'ranges': web.head('GET', '/v1/regions/r/memory', 'Range: bytes=0-9999999,5-9999999'),
        'large-body': web.head('PUT', '/v1/regions/r/memory?offset=0', 'Content-Length: 16777216') + 'x' * MIB,
        'stream-body': web.head('PUT', '/v1/regions/r/memory?offset=65536&stream=1', f'Content-Length: {32 * MIB}') + '\0' * MIB,
        'wait': web.post('/v1/regions/r/wait', '{"offset":4096,"width":4,"op":"equals","value":"0x1","timeout_ms":null}').decode(),
        'events': web.head('GET', '/v1/events'),
        'stream': web.head('GET', '/v1/stream', 'Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='),
        'attach': web.post('/v1/regions', '{"name":"gone","plugin":"nothing-like-it"}').decode(),
        'pipelined': web.head() * 50,
    }


@pytest.mark.parametrize('kind', ['unix', 'tcp'])
@pytest.mark.parametrize('name', sorted(gone_in_the_middle(type('Nobody', (), {'head': lambda *_: '', 'post': lambda *_: b''}))))
def test_client_goes_in_the_middle(web, kind, name):
    """With and without a word, and with an answer that nobody has read; nothing of it stays."""
    before = web.descriptors()
    for ending in range(30):
        with RawHttp(web.address(kind)) as http:
            http.send(gone_in_the_middle(web)[name])
            if ending % 3 == 1:
                with contextlib.suppress(OSError):
                    http.shutdown()
            if ending % 3 == 2 and http.socket.fileno() >= 0:
                # Some of the answer is there, the rest is under way.
                http.socket.settimeout(0.02)
                with contextlib.suppress(TimeoutError):
                    http.fill()
    # The first one of its kind may make the daemon open something for good.
    wait_for(lambda: web.descriptors() <= before + 2, 20, 'the daemon to close what its clients left')


def test_waits_of_clients_that_went_are_given_back(web):
    """A caller has so many waits; one that hung up holds none."""
    for _again in range(3):
        clients = [RawHttp(web.unix) for _i in range(200)]
        for http in clients:
            http.send(web.post('/v1/regions/r/wait', '{"offset":4096,"width":4,"op":"equals","value":"0x1","timeout_ms":null}'))
        for http in clients:
            http.close()
    answer = wait_for(lambda: when_met(web), 10, 'a wait of a newcomer')
    assert answer.json()['met'] is True


def when_met(web):
    answer = web.ask(web.post('/v1/regions/r/wait', '{"offset":4096,"width":4,"op":"equals","value":"0x0","timeout_ms":1000}'))
    return answer if answer.status == 200 else None


@pytest.mark.parametrize('kind', ['unix', 'tcp'])
def test_who_does_not_read_delays_nobody(web, kind):
    """A large answer that is not read, many times over, and a newcomer who is served at once."""
    clients = [RawHttp(web.address(kind), receive_buffer=4096) for _i in range(20)]
    for http in clients:
        assert http.send(web.head('GET', '/v1/regions/r/memory'))
        assert http.take(1) == b'H'
    slowest = 0.0
    for _again in range(20):
        started = time.monotonic()
        web.check()
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 2 * SCALE
    limit = GROWTH_SANITIZED_BYTES if web.ivt.build.sanitized() else GROWTH_BYTES
    assert web.memory() - web.before < limit
    # And nothing turns while nobody reads.
    used, started = web.cpu_seconds(), time.monotonic()
    time.sleep(1)
    assert (web.cpu_seconds() - used) / (time.monotonic() - started) < 0.2
    for http in clients:
        http.close()


def test_slow_loris(own_web):
    """A head byte by byte has 20 seconds in all, and a small body 30; others notice nothing."""
    head, body = own_web.head(), own_web.head('POST', '/v1/regions/r/fill', 'Content-Type: application/json', 'Content-Length: 30000')
    heads = {RawHttp(own_web.tcp) for _i in range(50)}
    bodies = {RawHttp(own_web.tcp) for _i in range(50)}
    everybody = heads | bodies
    for http in bodies:
        assert http.send(body)
    started = time.monotonic()
    slowest, heads_gone, i = 0.0, None, 0
    while heads or bodies:
        heads = {http for http in heads if http.send(head[i] if i < len(head) - 4 else 'x')}
        bodies = {http for http in bodies if http.send(' ')}
        now = time.monotonic()
        if not heads and heads_gone is None:
            heads_gone = now - started
        own_web.check()
        slowest = max(slowest, time.monotonic() - now)
        assert now - started < 2 * BODY_SECONDS * SCALE, 'those who dribble are still there'
        time.sleep(0.2)
        i += 1
    assert slowest < 2 * SCALE
    assert HEADERS_SECONDS / 2 < heads_gone < 1.5 * HEADERS_SECONDS * SCALE
    for http in everybody:
        http.close()


def test_out_of_descriptors(own_web):
    """Who comes is kept waiting, quietly, and is served as soon as somebody has gone."""
    limits = resource.prlimit(own_web.daemon.pid, resource.RLIMIT_NOFILE)
    room = own_web.descriptors() + 20
    resource.prlimit(own_web.daemon.pid, resource.RLIMIT_NOFILE, (room, limits[1]))
    clients = [RawHttp(own_web.tcp) for _i in range(60)]
    for http in clients:
        http.send(own_web.head('POST', '/v1/regions/r/fill', 'Content-Type: application/json', 'Content-Length: 100'))
    own_web.daemon.wait_log('takes no new connections')
    used, started = own_web.cpu_seconds(), time.monotonic()
    time.sleep(1)
    assert (own_web.cpu_seconds() - used) / (time.monotonic() - started) < 0.2
    assert own_web.daemon.process.running()
    # Those who were let in are served.
    assert clients[0].send('{"offset":0,"length":16,"value":7}'.ljust(100))
    assert clients[0].response().status == 204
    for http in clients:
        http.close()
    own_web.check()
    assert own_web.daemon.log().count('takes no new connections') < 10
    resource.prlimit(own_web.daemon.pid, resource.RLIMIT_NOFILE, limits)
    own_web.check()


def test_random_bytes(web):
    """Heads with a few bytes changed, the same ones each time."""
    dice = 88172645463325252
    bases = [web.head(), web.post('/v1/regions/r/fill', '{"offset":0,"length":16,"value":7}').decode(),
             web.head('GET', '/v1/regions/r/memory', 'Range: bytes=0-15,20-'), web.head('PUT', '/v1/regions/r/memory?offset=64', 'Transfer-Encoding: chunked') + '3\r\nabc\r\n0\r\n\r\n']
    for round_ in range(600):
        data = bytearray(bases[round_ % len(bases)].encode('latin-1'))
        for _change in range(1 + round_ % 4):
            dice ^= (dice << 13) & 0xffffffffffffffff
            dice ^= dice >> 7
            dice ^= (dice << 17) & 0xffffffffffffffff
            at = dice % len(data)
            if dice & 0x100000:
                data[at] = (dice >> 32) & 0xff
            elif dice & 0x200000:
                del data[at:at + 1 + (dice >> 40) % 8]
            else:
                data[at:at] = data[(dice >> 24) % len(data):][:1 + (dice >> 44) % 16]
        with RawHttp(web.address('unix' if round_ % 2 else 'tcp')) as http:
            http.send(bytes(data))
            with contextlib.suppress(OSError):
                http.shutdown()
            answer = http.final()
            while answer is not None:
                if answer.status >= 400:
                    answer.problem()
                answer = http.final()


def test_end_with_clients_of_every_kind(own_web):
    """SIGTERM while they are all under way: a clean end, and in time."""
    clients = []
    for kind in ('unix', 'tcp'):
        for request in gone_in_the_middle(own_web).values():
            http = RawHttp(own_web.address(kind), receive_buffer=4096)
            http.send(request)
            clients.append(http)
    own_web.check_unharmed()
    started = time.monotonic()
    own_web.daemon.process.signal(signal.SIGTERM)
    assert own_web.daemon.process.wait() == 0
    assert time.monotonic() - started < 10 * SCALE
    for http in clients:
        http.close()
    own_web.daemon.checked = True
    own_web.check_unharmed = lambda: own_web.daemon.process.check(0)
