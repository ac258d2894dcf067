# SPDX-License-Identifier: LGPL-3.0-or-later
"""A region's bytes over HTTP: to the byte at every edge, in bounded memory, whoever breaks off or does not read."""

import concurrent.futures
import itertools
import os
import re
import shutil
import socket
import tempfile

import pytest

from ivt import wait_for
from ivt.http import Http, make_token, port_of
from ivt.rawhttp import Closed, RawHttp

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
SIZE = MIB + 1
# As in daemon/base/ivd-limits.h.
UPLOAD_BYTES = 16 * MIB
STAGED_BYTES_PER_CALLER = 64 * MIB
PIECE_BYTES = 256 * KIB
RANGES = 16
# What a transfer of any length may add to the daemon's own memory.
GROWTH_BYTES = 6 * MIB
CLIENTS = 64
EVIL = b'evil-bytes-that-must-not-be-logged'

NUMBERS = itertools.count()


def pattern(size, seed=0):
    """Bytes of which no two neighbouring pieces are the same."""
    block = bytes((i * 7 + (i >> 8) * 13 + seed) & 0xff for i in range(65536 + 1))
    return (block * (size // len(block) + 1))[:size]


class Web:
    """A daemon on a unix socket and on TCP; its regions are files in shared memory."""

    def __init__(self, ivt, directory, sizes, options=None, content=None):
        self.ivt, self.directory = ivt, directory
        secrets = {role: make_token() for role in ('admin', 'operator', 'reader', 'viewer')}
        tokens = ivt.file(f'tokens{next(NUMBERS)}',
                          ''.join(f'{role} {digest} {role}\n' for role, (_secret, digest) in secrets.items()))
        os.chmod(tokens, 0o600)
        config = f'[daemon]\nlog-level=info\n[http]\ntokens={tokens}\n'
        for name, size in sizes.items():
            with open(self.file(name), 'wb') as file:
                file.write(content or b'')
                file.truncate(size)
            config += f'[region {name}]\nplugin=host-plain\npath={self.file(name)}\n{options or ""}\n'
        self.unix = ivt.path(f'http{next(NUMBERS)}.sock')
        bus = ivt.bus() if ivt.build.has('dbus') else None
        self.daemon = ivt.daemon(bus, config=config,
                                 args=['--http', f'unix:{self.unix}', '--http', '127.0.0.1:0'])
        self.tcp = ('127.0.0.1', port_of(self.daemon))
        self.roles = {role: Http(self.tcp, secret) for role, (secret, _digest) in secrets.items()}
        self.own = Http(self.unix)

    def file(self, name):
        return os.path.join(self.directory, name)

    def bytes(self, name='r', offset=0, length=None):
        """As the file has them."""
        with open(self.file(name), 'rb') as file:
            file.seek(offset)
            return file.read() if length is None else file.read(length)

    def get(self, query='', name='r', **headers):
        return self.own.get(f'/v1/regions/{name}/memory{query}',
                            headers={key.replace('_', '-'): value for key, value in headers.items()})

    def range(self, header, **headers):
        return self.get(Range=header, **headers)

    def put(self, query, body, name='r', **headers):
        return self.own.ask('PUT', f'/v1/regions/{name}/memory{query}', body=body,
                            headers={key.replace('_', '-'): value for key, value in headers.items()})

    def statistics(self, name='r'):
        return self.own.get(f'/v1/regions/{name}').json()['statistics']

    def raw(self, **keywords):
        return RawHttp(self.unix, **keywords)

    def begin_put(self, query, length, *lines, name='r'):
        """A connection on which the head of an upload has been sent. length None: it comes in chunks."""
        raw = self.raw()
        framing = 'Transfer-Encoding: chunked' if length is None else f'Content-Length: {length}'
        raw.send('\r\n'.join([f'PUT /v1/regions/{name}/memory{query} HTTP/1.1', 'Host: x', framing, *lines, '', '']))
        return raw

    def begin_get(self, name='r', **keywords):
        """A download whose head has been read."""
        raw = self.raw(**keywords)
        raw.send(f'GET /v1/regions/{name}/memory HTTP/1.1\r\nHost: x\r\n\r\n')
        head = raw.response(head=True)
        assert head.status == 200
        return raw, int(head.header('content-length'))

    def connections(self):
        return self.own.get('/v1/daemon').json()['http']['connections']

    def wait_alone(self):
        """Until every other connection is known to have ended, and what hung on it."""
        wait_for(lambda: self.connections() == 1, 30, 'the other connections to end')

    def memory(self):
        """Bytes that are the daemon's own, without those of regions."""
        with open(f'/proc/{self.daemon.pid}/status', encoding='ascii') as file:
            return int(re.search(r'RssAnon:\s+(\d+) kB', file.read()).group(1)) * 1024


@pytest.fixture
def shared():
    """A directory in shared memory."""
    path = tempfile.mkdtemp(prefix='ivt-', dir='/dev/shm')
    yield path
    shutil.rmtree(path)


@pytest.fixture
def web(ivt, shared):
    return Web(ivt, shared, {'r': SIZE}, content=pattern(SIZE))


@pytest.fixture
def big(ivt, shared):
    """A region that takes more than one upload at once."""
    return Web(ivt, shared, {'r': UPLOAD_BYTES + 2 * MIB})


@pytest.fixture
def huge(ivt, shared):
    """A GiB of holes."""
    return Web(ivt, shared, {'r': GIB})


def chunks(data, size=8192):
    """data as a chunked body."""
    pieces = [data[at:at + size] for at in range(0, len(data), size)]
    return b''.join(b'%x\r\n%s\r\n' % (len(piece), piece) for piece in pieces) + b'0\r\n\r\n'


def refuses(answer, status, code, *says):
    assert (answer.status, answer.code()) == (status, code), answer
    for text in says:
        assert text in answer.json()['detail'], answer


# Reading.

def test_whole_region(web):
    answer = web.get()
    assert answer.status == 200
    assert answer.body == pattern(SIZE)
    assert answer.headers['content-type'] == 'application/octet-stream'
    assert answer.headers['content-length'] == str(SIZE)
    assert answer.headers['accept-ranges'] == 'bytes'
    assert answer.headers['cache-control'] == 'no-store'
    assert 'etag' not in answer.headers
    assert 'last-modified' not in answer.headers


@pytest.mark.parametrize('query', ['', '?offset=5', '?length=0', f'?offset={SIZE}', '?offset=1&length=4096'])
def test_head_is_get_without_the_bytes(web, query):
    before = web.statistics()['read_bytes']
    with web.raw() as raw:
        raw.send(f'HEAD /v1/regions/r/memory{query} HTTP/1.1\r\nHost: x\r\n\r\n')
        head = raw.response(head=True)
        # The next answer comes right behind it.
        raw.send(f'GET /v1/regions/r/memory{query} HTTP/1.1\r\nHost: x\r\n\r\n')
        answer = raw.response()
    assert head.status == answer.status == 200
    assert int(head.header('content-length')) == len(answer.body)
    names = {'date'}
    assert [pair for pair in head.headers if pair[0] not in names] == \
        [pair for pair in answer.headers if pair[0] not in names]
    assert web.statistics()['read_bytes'] == before + len(answer.body)


LENGTHS = [0, 1, 63, 64, 4095, 4096, 4097, 16 * KIB, 16 * KIB + 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, MIB, SIZE]


@pytest.mark.parametrize('length', LENGTHS)
def test_written_and_read_back(web, length):
    for offset in sorted({0, 1, 4095, SIZE - length}):
        if offset + length > SIZE:
            continue
        data, before = pattern(length, seed=offset + 99), web.bytes()
        assert web.put(f'?offset={offset}', data).status == 204
        assert web.bytes() == before[:offset] + data + before[offset + length:]
        answer = web.get(f'?offset={offset}&length={length}')
        assert answer.status == 200
        assert answer.body == data
        assert answer.headers['content-length'] == str(length)
        assert 'content-range' not in answer.headers


def test_query_numbers(web):
    content = pattern(SIZE)
    for query, expected in [('?offset=0x10&length=0X2', content[16:18]), ('?offset=16&length=2', content[16:18]),
                            ('?length=3', content[:3]), (f'?offset={SIZE - 2}', content[-2:]),
                            ('?length=010', content[:10]), ('?', content)]:
        answer = web.get(query)
        assert answer.status == 200, query
        assert answer.body == expected, query


@pytest.mark.parametrize('query', [
    '?offset=', '?offset=-1', '?offset=%2B1', '?offset=1K', '?offset=1.0', '?offset=1e3', '?offset=0x', '?offset=0xg',
    '?offset=18446744073709551616', '?length=abc', '?offset=1&offset=1', '?offset', '?ofset=1', '?offset=1&x=2',
    '?stream=1',
])
def test_query_refused(web, query):
    refuses(web.get(query), 400, 'invalid-argument', 'query')
    if query != '?stream=1':
        refuses(web.put(query, b'x'), 400, 'invalid-argument', 'query')


@pytest.mark.parametrize('offset,length', [
    (SIZE + 1, None), (SIZE, 1), (0, SIZE + 1), (SIZE - 1, 2), ((1 << 64) - 1, 1), (1, (1 << 64) - 1),
    ((1 << 64) - 1, (1 << 64) - 1), ((1 << 63), (1 << 63)),
])
def test_query_out_of_range(web, offset, length):
    answer = web.get(f'?offset={offset}' + (f'&length={length}' if length is not None else ''))
    refuses(answer, 416, 'out-of-range', str(offset), str(SIZE))
    assert answer.headers['content-range'] == f'bytes */{SIZE}'


# Ranges.

@pytest.mark.parametrize('header,first,last', [
    ('bytes=0-0', 0, 0), ('bytes=0-', 0, SIZE - 1), (f'bytes={SIZE - 1}-', SIZE - 1, SIZE - 1),
    (f'bytes=0-{SIZE - 1}', 0, SIZE - 1), (f'bytes=0-{SIZE}', 0, SIZE - 1), (f'bytes={SIZE - 1}-{SIZE * 9}', SIZE - 1, SIZE - 1),
    ('bytes=-1', SIZE - 1, SIZE - 1), (f'bytes=-{SIZE}', 0, SIZE - 1), (f'bytes=-{SIZE + 1}', 0, SIZE - 1),
    (f'bytes={PIECE_BYTES - 1}-{PIECE_BYTES}', PIECE_BYTES - 1, PIECE_BYTES), ('BYTES=3-4', 3, 4), ('bytes= 3-4 ,', 3, 4),
    ('bytes=5-99999999999999999999999', 5, SIZE - 1), (f'bytes=7-8,{SIZE}-', 7, 8),
])
def test_one_range(web, header, first, last):
    answer = web.range(header)
    assert answer.status == 206
    assert answer.body == pattern(SIZE)[first:last + 1]
    assert answer.headers['content-range'] == f'bytes {first}-{last}/{SIZE}'
    assert answer.headers['content-length'] == str(last + 1 - first)
    assert answer.headers['content-type'] == 'application/octet-stream'


@pytest.mark.parametrize('header', [f'bytes={SIZE}-', f'bytes={SIZE}-{SIZE}', 'bytes=-0', f'bytes={SIZE + 5}-,-0',
                                    'bytes=99999999999999999999999-'])
def test_range_unsatisfied(web, header):
    answer = web.range(header)
    refuses(answer, 416, 'out-of-range')
    assert answer.headers['content-range'] == f'bytes */{SIZE}'


@pytest.mark.parametrize('header', ['bytes=', 'bytes', 'bytes=a-b', 'bytes=5', 'bytes=2-1', 'bytes=--1', 'bytes=1-2;3-4',
                                    'bytes=0x1-2', 'bytes 0-1'])
def test_range_not_understood(web, header):
    refuses(web.range(header), 400, 'invalid-argument', 'Range')


def parse_multipart(answer):
    """[(content-range, bytes)], every byte accounted for."""
    kind, boundary = re.fullmatch(r'(multipart/byteranges); boundary=([-\w]{20,70})', answer.headers['content-type']).groups()
    assert kind == 'multipart/byteranges'
    assert answer.headers['content-length'] == str(len(answer.body))
    body, marker, parts = b'\r\n' + answer.body, f'\r\n--{boundary}'.encode(), []
    pieces = body.split(marker)
    assert pieces[0] == b''
    assert pieces[-1] == b'--\r\n'
    for piece in pieces[1:-1]:
        head, _blank, data = piece.partition(b'\r\n\r\n')
        lines = dict(line.split(': ', 1) for line in head.decode().removeprefix('\r\n').split('\r\n'))
        assert set(lines) == {'Content-Type', 'Content-Range'}
        assert lines['Content-Type'] == 'application/octet-stream'
        parts.append((lines['Content-Range'], data))
    return parts


@pytest.mark.parametrize('ranges', [
    [(0, 0), (5, 9)], [(9, 20), (0, 3), (SIZE - 1, SIZE - 1)], [(0, SIZE - 1)] * 3, [(1, 1)] * RANGES,
    [(i * PIECE_BYTES - 1, i * PIECE_BYTES) for i in range(1, 4)],
])
def test_several_ranges(web, ranges):
    answer = web.range('bytes=' + ', '.join(f'{first}-{last}' for first, last in ranges))
    assert answer.status == 206
    assert 'content-range' not in answer.headers
    content = pattern(SIZE)
    assert parse_multipart(answer) == [(f'bytes {first}-{last}/{SIZE}', content[first:last + 1]) for first, last in ranges]


def test_boundary_is_another_each_time(web):
    types = {web.range('bytes=0-0,2-2').headers['content-type'] for _ in range(3)}
    assert len(types) == 3


def test_too_many_ranges(web):
    answer = web.range('bytes=' + ','.join(f'{i}-{i}' for i in range(RANGES + 1)))
    refuses(answer, 416, 'out-of-range', str(RANGES))


def test_range_and_query_together(web):
    for query in ['?offset=0', '?length=1', '?offset=0&length=1']:
        refuses(web.get(query, Range='bytes=0-0'), 400, 'invalid-argument', 'Range', 'query')


def test_what_makes_a_range_not_count(web):
    for headers in [{'If_Range': '"x"'}, {'If_Range': 'Sun, 22 Nov 2026 17:22:17 GMT'}]:
        answer = web.range('bytes=0-0', **headers)
        assert (answer.status, len(answer.body)) == (200, SIZE)
    answer = web.range('lines=0-0')
    assert (answer.status, len(answer.body)) == (200, SIZE)
    # RFC 9110, 14.2: a range is for GET alone.
    head = web.own.ask('HEAD', '/v1/regions/r/memory', headers={'Range': 'bytes=0-0'})
    assert (head.status, head.headers['content-length']) == (200, str(SIZE))


# Writing.

def test_put_answers_without_a_body(web):
    with web.raw() as raw:
        for _again in range(2):
            raw.send('PUT /v1/regions/r/memory?offset=3 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi')
            answer = raw.response()
            assert (answer.status, answer.header('content-length')) == (204, None)
    assert web.bytes(offset=2, length=4) == pattern(SIZE)[2:3] + b'hi' + pattern(SIZE)[5:6]


def test_put_of_nothing(web):
    before = web.bytes()
    for offset in [0, 5, SIZE]:
        assert web.put(f'?offset={offset}', b'').status == 204
        with web.begin_put(f'?offset={offset}', None) as raw:
            raw.send(b'0\r\n\r\n')
            assert raw.response().status == 204
    with web.raw() as raw:
        raw.send('PUT /v1/regions/r/memory?offset=0 HTTP/1.1\r\nHost: x\r\n\r\n')
        assert raw.response().status == 204
    refuses(web.put(f'?offset={SIZE + 1}', b''), 416, 'out-of-range')
    assert web.bytes() == before


def test_put_needs_an_offset(web):
    refuses(web.put('', b'x'), 400, 'invalid-argument', 'offset')
    refuses(web.put('?stream=1', b'x'), 400, 'invalid-argument', 'offset')
    refuses(web.put('?offset=0&stream=perhaps', b'x'), 400, 'invalid-argument', 'stream')


def test_put_headers(web):
    refuses(web.put('?offset=0', b'x', Content_Range='bytes 0-0/1'), 400, 'invalid-argument', 'Content-Range')
    refuses(web.put('?offset=0', b'x', Content_Encoding='gzip'), 400, 'invalid-argument', 'Content-Encoding')
    assert web.bytes() == pattern(SIZE)
    assert web.put('?offset=0', b'x', Content_Encoding='Identity', Content_Type='text/html').status == 204
    assert web.bytes(length=1) == b'x'


@pytest.mark.parametrize('query', ['?offset={}', '?offset={}&stream=1'])
def test_put_out_of_range_before_its_body(web, query):
    for offset, length in [(SIZE, 1), (SIZE - 1, 2), (0, SIZE + 1), (1, 1 << 62)]:
        with web.begin_put(query.format(offset), length) as raw:
            answer = raw.response()
            assert (answer.status, answer.problem()) == (416, 'out-of-range')
    assert web.bytes() == pattern(SIZE)


def test_put_too_large_before_its_body(big):
    with big.begin_put('?offset=0', UPLOAD_BYTES + 1) as raw:
        answer = raw.response()
        assert (answer.status, answer.problem()) == (413, 'too-large')
        assert 'stream=1' in answer.json()['detail']
    with big.begin_put('?offset=0', UPLOAD_BYTES + 1, 'Expect: 100-continue') as raw:
        assert raw.response().status == 413
    with big.begin_put('?offset=0', UPLOAD_BYTES, 'Expect: 100-continue') as raw:
        assert raw.response().status == 100


@pytest.mark.parametrize('chunked', [False, True])
def test_largest_put(big, chunked):
    data = pattern(UPLOAD_BYTES)
    with big.begin_put('?offset=1', None if chunked else len(data)) as raw:
        raw.send(chunks(data) if chunked else data)
        assert raw.response().status == 204
    assert big.bytes() == b'\0' + data + bytes(2 * MIB - 1)
    assert big.statistics()['written_bytes'] == UPLOAD_BYTES


@pytest.mark.parametrize('chunked', [False, True])
def test_one_byte_too_many(big, chunked):
    data = pattern(UPLOAD_BYTES + 1)
    with big.begin_put('?offset=1', None if chunked else len(data)) as raw:
        raw.send(chunks(data) if chunked else data)
        answer = raw.response()
    assert (answer.status, answer.problem()) == (413, 'too-large')
    assert not any(big.bytes())
    assert big.statistics()['written_bytes'] == 0
    # With stream=1 it is fine.
    with big.begin_put('?offset=1&stream=1', None if chunked else len(data)) as raw:
        raw.send(chunks(data) if chunked else data)
        assert raw.response().status == 204
    assert big.bytes() == b'\0' + data + bytes(2 * MIB - 2)


def test_chunks_past_the_end_change_nothing(web):
    with web.begin_put(f'?offset={SIZE - 100000}', None) as raw:
        raw.send(chunks(pattern(100001, 7)))
        answer = raw.response()
    assert (answer.status, answer.problem()) == (416, 'out-of-range')
    assert web.bytes() == pattern(SIZE)


def test_stream_past_the_end_says_how_far_it_got(web):
    offset = SIZE - 100000
    with web.begin_put(f'?offset={offset}&stream=1', None) as raw:
        raw.send(chunks(EVIL * (100001 // len(EVIL) + 1)))
        answer = raw.response()
    assert (answer.status, answer.problem()) == (416, 'out-of-range')
    written = int(re.search(r'(\d+) bytes from offset \d+ on have been written', answer.json()['detail']).group(1))
    assert 0 < written <= 100000
    after = web.bytes()
    assert after[:offset] == pattern(SIZE)[:offset]
    assert after[offset:offset + written] == (EVIL * SIZE)[:written]
    assert after[offset + written:] == pattern(SIZE)[offset + written:]
    assert web.statistics()['written_bytes'] == written
    web.daemon.wait_log(f'{written} bytes from offset {offset} on were written')
    assert EVIL.decode() not in web.daemon.log()


@pytest.mark.parametrize('chunked', [False, True])
def test_broken_off_changes_nothing(web, chunked):
    """At every stage: nothing sent, some of it, all but the last byte or the last chunk."""
    data = pattern(300 * KIB, 1)
    body = chunks(data) if chunked else data
    for sent in [0, 1, len(body) // 2, len(body) - (len(b'0\r\n\r\n') if chunked else 1)]:
        with web.begin_put('?offset=0', None if chunked else len(data)) as raw:
            raw.send(body[:sent])
    web.wait_alone()
    assert web.bytes() == pattern(SIZE)
    assert web.statistics()['written_bytes'] == 0


def test_stream_broken_off_is_logged(web):
    data = (EVIL * SIZE)[:300 * KIB]
    with web.begin_put('?offset=5&stream=1', MIB - 4) as raw:
        raw.send(data)
        wait_for(lambda: web.bytes(offset=5, length=len(data)) == data, 10, 'what was sent to be written')
    web.daemon.wait_log(f'an upload broke off: {len(data)} bytes from offset 5 on were written')
    assert web.bytes() == pattern(SIZE)[:5] + data + pattern(SIZE)[5 + len(data):]
    assert web.statistics()['written_bytes'] == len(data)
    assert EVIL.decode() not in web.daemon.log()


@pytest.mark.parametrize('header, value, status', [
    ('If-Match', '*', 204), ('If-Match', '"x"', 412), ('If-Match', 'W/"x"', 412), ('If-Match', '*, "x"', 412),
    ('If-None-Match', '*', 412), ('If-None-Match', '"x"', 204)])
def test_conditions(web, header, value, status):
    """The bytes are there and have no ETag: none that is named is theirs."""
    answer = web.put('?offset=0', b'condition', **{header: value})
    assert answer.status == status, answer
    assert (web.bytes(length=9) == b'condition') == (status == 204)
    if status == 412:
        assert answer.code() == 'precondition' and header in answer.json()['detail']


def test_room_for_uploads_is_limited(big):
    """All of one caller that are under way together; whoever else comes has room."""
    full = [big.begin_put('?offset=0', UPLOAD_BYTES, 'Expect: 100-continue')
            for _ in range(STAGED_BYTES_PER_CALLER // UPLOAD_BYTES)]
    for raw in full:
        assert raw.response().status == 100
    with big.begin_put('?offset=0', 1) as raw:
        answer = raw.response()
        assert (answer.status, answer.problem()) == (429, 'limit')
        assert 'stream=1' in answer.json()['detail']
    assert big.put('?offset=0&stream=1', b'now').status == 204
    for role in ('admin', 'operator'):
        assert big.roles[role].ask('PUT', '/v1/regions/r/memory?offset=0', body=b'other').status == 204
    full.pop().close()
    wait_for(lambda: big.put('?offset=0', b'then').status == 204, 10, 'room')
    assert big.bytes(length=4) == b'then'
    for raw in full:
        raw.close()


# Who may, and what is counted.

def test_permissions(web):
    memory = '/v1/regions/r/memory'
    assert web.roles['reader'].get(memory).status == 200
    assert web.roles['operator'].ask('PUT', f'{memory}?offset=0', body=b'x').status == 204
    refuses(web.roles['viewer'].get(memory), 403, 'denied')
    refuses(web.roles['reader'].ask('PUT', f'{memory}?offset=0', body=b'y'), 403, 'denied')
    refuses(Http(web.tcp).get(memory), 401, 'unauthenticated')
    refuses(web.own.get('/v1/regions/none/memory'), 404, 'not-found')
    refuses(web.own.ask('PUT', '/v1/regions/none/memory?offset=0', body=b'y'), 404, 'not-found')
    assert web.bytes(length=1) == b'x'


def test_read_only_region(ivt, shared):
    web = Web(ivt, shared, {'r': 4096}, options='read-only=true')
    assert web.get().body == bytes(4096)
    refuses(web.put('?offset=0', b'x'), 501, 'not-supported', 'write')


def test_statistics(web):
    before = web.statistics()
    web.get('?offset=0&length=1000')
    web.range('bytes=0-9,20-29')
    web.put('?offset=0', b'12345')
    web.put('?offset=0&stream=1', b'123')
    web.get(f'?offset={SIZE + 1}')
    web.put(f'?offset={SIZE + 1}', b'')
    web.roles['viewer'].get('/v1/regions/r/memory')
    after = web.statistics()
    assert {key: after[key] - before[key] for key in after if after[key] != before[key]} == {
        'read_bytes': 1020, 'written_bytes': 8, 'operations': 7, 'errors': 3}


# Memory, and others.

def test_a_gibibyte_each_way_in_little_memory(ivt, huge):
    def measure(transfer):
        """The most that it took while the transfer ran."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running, most = pool.submit(transfer), 0
            while not concurrent.futures.wait([running], 0.02).done:
                most = max(most, huge.memory())
            running.result()
        return most

    def download():
        raw, length = huge.begin_get()
        view, left = memoryview(bytearray(MIB)), length - len(raw.buffer)
        while left > 0:
            got = raw.socket.recv_into(view)
            assert got > 0
            left -= got
        raw.close()

    def upload():
        block = pattern(MIB)
        with huge.begin_put('?offset=0&stream=1', GIB) as raw:
            for _ in range(GIB // MIB):
                raw.socket.sendall(block)
            assert raw.response().status == 204

    # What a first request takes for good is not of interest.
    huge.get('?length=1000000')
    huge.put('?offset=0&stream=1', pattern(MIB))
    before = huge.memory()
    peaks = [measure(download), measure(upload), measure(download)]
    assert huge.bytes(offset=GIB - MIB) == pattern(MIB)
    if not ivt.build.sanitized():
        assert max(peaks) - before < GROWTH_BYTES, [peak - before for peak in peaks]


def test_many_at_once_beside_one_that_never_reads(ivt, shared):
    size = 4 * MIB
    web = Web(ivt, shared, {'r': size}, content=pattern(size))
    stuck, _length = web.begin_get()
    wrong = []

    def client(number):
        raw, length = web.begin_get()
        body = raw.take(length)
        raw.close()
        if body != pattern(size):
            wrong.append(number)
        # And small ones in between.
        assert web.get(f'?offset={number}&length=64').body == pattern(size)[number:number + 64]

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    assert not wrong
    # The stuck one goes on where it stood.
    assert stuck.take(size) == pattern(size)
    stuck.close()


def test_uploads_at_once(ivt, shared):
    """Each to a place of its own, half of them kept aside and half of them as they come."""
    size, each = 16 * MIB, 16 * MIB // CLIENTS
    web = Web(ivt, shared, {'r': size})

    def client(number):
        query = f'?offset={number * each}' + ('&stream=1' if number % 2 else '')
        return web.put(query, pattern(each, number)).status

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        assert set(pool.map(client, range(CLIENTS))) == {204}
    for number in range(CLIENTS):
        assert web.bytes(offset=number * each, length=each) == pattern(each, number)


# What vanishes meanwhile.

def read_some(raw):
    """Enough to see that it flows, little enough for most of it to be still to come."""
    raw.take(64 * KIB)


def test_file_cut_under_a_download(huge):
    raw, length = huge.begin_get(receive_buffer=64 * KIB)
    read_some(raw)
    os.truncate(huge.file('r'), 4096)
    with pytest.raises(Closed):
        raw.take(length - 64 * KIB)
    raw.close()
    refuses(huge.get(), 503, 'region-lost')
    assert huge.own.get('/v1/regions/r').json()['state'] == 'lost'
    assert huge.statistics()['errors'] == 2


def test_file_cut_under_uploads(huge):
    stream = huge.begin_put('?offset=0&stream=1', GIB)
    stream.send(pattern(MIB))
    staged = huge.begin_put('?offset=0', 2 * MIB)
    staged.send(pattern(MIB))
    wait_for(lambda: huge.statistics()['written_bytes'] == MIB, 10, 'the stream to be written')
    os.truncate(huge.file('r'), 4096)
    stream.send(pattern(MIB))
    answer = stream.response()
    assert (answer.status, answer.problem()) == (503, 'region-lost')
    assert re.search(rf'{MIB} bytes from offset 0 on have been written', answer.json()['detail'])
    staged.send(pattern(MIB))
    answer = staged.response()
    assert (answer.status, answer.problem()) == (503, 'region-lost')
    stream.close()
    staged.close()


def test_detach_under_a_download(huge):
    raw, length = huge.begin_get(receive_buffer=64 * KIB)
    read_some(raw)
    assert huge.own.ask('DELETE', '/v1/regions/r').status == 204
    with pytest.raises(Closed):
        raw.take(length - 64 * KIB)
    raw.close()
    refuses(huge.get(), 404, 'not-found')


def test_detach_under_uploads(huge):
    stream = huge.begin_put('?offset=0&stream=1', GIB)
    stream.send(pattern(MIB))
    staged = huge.begin_put('?offset=0', 2 * MIB)
    staged.send(pattern(MIB))
    wait_for(lambda: huge.statistics()['written_bytes'] == MIB, 10, 'the stream to be written')
    assert huge.own.ask('DELETE', '/v1/regions/r').status == 204
    for raw in (stream, staged):
        raw.send(pattern(MIB))
        answer = raw.response()
        assert (answer.status, answer.problem()) == (409, 'closed')
        raw.close()
    assert huge.bytes(length=2 * MIB) == pattern(MIB) + bytes(MIB)


SMALL_MOUNT = '''#!/bin/sh
exec unshare --mount {more} sh -c 'mount -t tmpfs -o size=1M none {path} && truncate -s 4M {path}/r && exec "$@"' \\
  sh {ivshmemd} "$@"
'''


def test_file_system_without_room(ivt, shared):
    more = '' if os.geteuid() == 0 else '--map-root-user'
    probe = ivt.run(['unshare', '--mount', *more.split(), 'mount', '-t', 'tmpfs', 'none', shared])
    if probe.code != 0:
        pytest.skip('allowed: a file system cannot be mounted here: needs root or user namespaces')
    script = ivt.file('ivshmemd', SMALL_MOUNT.format(more=more, path=shared, ivshmemd=ivt.build.ivshmemd))
    os.chmod(script, 0o755)
    ivt.build.ivshmemd = script
    web = Web(ivt, shared, {'r': 4 * MIB})
    assert web.put('?offset=0', pattern(256 * KIB)).status == 204
    refuses(web.put('?offset=0', pattern(3 * MIB)), 507, 'no-space')
    refuses(web.put(f'?offset={2 * MIB}&stream=1', pattern(2 * MIB)), 507, 'no-space', 'have been written')
    # The region has stayed.
    assert web.get('?length=1000').body == pattern(1000)
    assert web.own.get('/v1/regions/r').json()['state'] == 'ready'


def test_shut_down_under_transfers(huge):
    """Nothing waits for clients that do not move."""
    stuck, _length = huge.begin_get(receive_buffer=64 * KIB)
    half = huge.begin_put('?offset=0', UPLOAD_BYTES)
    half.send(pattern(MIB))
    stream = huge.begin_put('?offset=0&stream=1', GIB)
    stream.send(pattern(MIB))
    assert huge.daemon.end(10) == 0
    huge.daemon.checked = True
    huge.daemon.process.check(0)
    for raw in (stuck, half, stream):
        raw.close()


# As people use it.

def test_curl(ivt, web):
    url = f'http://127.0.0.1:{web.tcp[1]}/v1/regions/r/memory'
    header = [f'-HAuthorization: {web.roles["operator"].headers["Authorization"]}']
    curl = ['curl', '--silent', '--show-error', '--fail', '--max-time', '30', *header]
    path = ivt.path('dump')
    assert ivt.run([*curl, '-o', path, url]).code == 0
    with open(path, 'rb') as file:
        assert file.read() == pattern(SIZE)
    # One that was broken off goes on.
    os.truncate(path, 1000)
    assert ivt.run([*curl, '-o', path, '--continue-at', '-', url]).code == 0
    with open(path, 'rb') as file:
        assert file.read() == pattern(SIZE)
    assert ivt.run([*curl, '-r', '0-3,8-9', url]).code == 0
    with open(path, 'wb') as file:
        file.write(pattern(SIZE - 10, 3))
    assert ivt.run([*curl, '-T', path, f'{url}?offset=0xa']).code == 0
    assert web.bytes() == pattern(10) + pattern(SIZE - 10, 3)
    # From a pipe it comes in chunks.
    assert ivt.run([*curl, '-T', '-', f'{url}?offset=0&stream=1'], data=b'from a pipe').code == 0
    assert web.bytes(length=11) == b'from a pipe'


def test_slow_reader_over_tcp(web):
    """Window after window of it, without the daemon being asked to hold more."""
    with socket.create_connection(web.tcp) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        token, length = web.roles['reader'].headers['Authorization'], 150000
        connection.sendall(f'GET /v1/regions/r/memory?length={length} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n\r\n'.encode())
        body = b''.join(iter(lambda: connection.recv(2048), b''))
    assert body.partition(b'\r\n\r\n')[2] == pattern(length)
