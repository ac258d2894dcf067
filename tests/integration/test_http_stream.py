# SPDX-License-Identifier: LGPL-3.0-or-later
"""The WebSocket at /v1/stream: operations and events, limits, and what a client must not do."""

import asyncio
import base64
import json
import os
import socket
import struct

import pytest
import websockets

from ivt import wait_for
from ivt.live import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Refused, Rest, WebSocket
from test_http_events import LOG_EVENTS, OWN_ID, VECTORS, Service

MESSAGE_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
IN_FLIGHT = 64
WAITS = 1024
FOREVER = None

NORMAL, GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED, INVALID_DATA, TOO_BIG = 1000, 1001, 1002, 1003, 1007, 1009


class Talk(Service):
    """And a peer in it."""

    def __init__(self, ivt, bus, **keywords):
        super().__init__(ivt, bus, **keywords)
        self.guest = self.peer('demo')

    def socket(self, address=None, **keywords):
        return self.ivt.own(WebSocket(address or self.path, **keywords))

    def open_sockets(self):
        return self.metric('ivshmem_http_open_streams{kind="websocket"}')


@pytest.fixture
def talk(ivt, bus):
    return Talk(ivt, bus)


def refused(stream, op, **fields):
    with pytest.raises(Refused) as info:
        stream.call(op, **fields)
    return info.value.code, info.value.problem['detail']


def zeros(count):
    return WebSocket.frame(TEXT, b'{"id":1,"op":"read","region":"demo","offset":0,"length":%d}' % count)


def waiting(number):
    return {'id': number, 'op': 'wait', 'region': 'demo', 'offset': 0, 'width': 4, 'operator': 'equals',
            'value': '0x1', 'timeout_ms': FOREVER}


# The handshake.

@pytest.mark.parametrize('headers, said', [
    ({'Upgrade': 'h2c'}, 'Upgrade: websocket'),
    ({'Connection': 'keep-alive'}, 'Connection: Upgrade'),
    ({'Sec-WebSocket-Version': '8'}, 'must be 13'),
    ({'Sec-WebSocket-Key': 'short'}, '16 bytes'),
    ({'Sec-WebSocket-Key': ''}, '16 bytes'),
    ({'Sec-WebSocket-Key': base64.b64encode(bytes(17)).decode()}, '16 bytes'),
])
def test_bad_handshake(talk, headers, said):
    with WebSocket(talk.path, headers) as stream:
        assert stream.status == 400
        assert said in stream.problem['detail']
        assert stream.header('Sec-WebSocket-Version') == '13'


def test_no_handshake(talk):
    assert talk.rest.ask('GET', '/v1/stream')[0] == 400
    assert talk.rest.ask('HEAD', '/v1/stream') == (400, b'')
    assert talk.rest.ask('POST', '/v1/stream')[0] == 405
    with WebSocket(talk.tcp) as stream:
        assert stream.status == 401


def test_foreign_page(ivt, bus):
    """A page of another origin gets nowhere, not even with a token."""
    service = Talk(ivt, bus, roles=[('a', 'viewer')])
    with WebSocket(service.tcp, {'Origin': 'https://evil.example'}, token=service.tokens['a']) as stream:
        assert stream.status == 403


def test_a_library_of_others(ivt, bus):
    """python3-websockets, over TCP with a token: rings, subscribes, pings, closes."""
    service = Talk(ivt, bus, roles=[('o', 'operator')])

    async def converse():
        async with websockets.connect(f'ws://127.0.0.1:{service.tcp[1]}/v1/stream', compression='deflate',
                                      extra_headers={'Authorization': f'Bearer {service.tokens["o"]}'}) as stream:
            await stream.send('{"id":1,"op":"subscribe","region":"demo"}')
            assert 'after' in json.loads(await stream.recv())['result']
            service.guest.ring(OWN_ID, 2)
            event = json.loads(await stream.recv())['event']
            assert (event['type'], event['vector']) == ('interrupt', 2)
            await stream.send(json.dumps({'id': 2, 'op': 'ring', 'region': 'demo', 'peer': service.guest.id, 'vector': 1}))
            assert json.loads(await stream.recv()) == {'id': 2, 'result': {'sent': 1}}
            await asyncio.wait_for(await stream.ping(), 10)
            await stream.close()
            return stream.close_code
    assert asyncio.run(converse()) == NORMAL
    assert service.guest.wait_ring(1) == 1


# What is said.

def test_operations(talk):
    stream = talk.socket()
    assert stream.call('write', region='demo', offset=10, data=base64.b64encode(b'hello').decode()) == {}
    assert talk.guest.map()[10:15] == b'hello'
    assert base64.b64decode(stream.call('read', region='demo', offset=9, length=7)['data']) == b'\0hello\0'
    assert stream.call('fill', region='demo', offset=0, length=4, value=0xff) == {}
    assert stream.call('atomic', region='demo', offset=64, width=8, operator='add', value='0x5') \
        == {'old': '0x0', 'done': True}
    assert stream.call('wait', region='demo', offset=64, width=8, operator='equals', value='0x5') \
        == {'met': True, 'value': '0x5'}
    assert stream.call('ring', region='demo', peer=talk.guest.id, vector=0) == {'sent': 1}
    assert stream.call('ring', region='demo', peer='all', vector='all') == {'sent': VECTORS}
    assert [peer['id'] for peer in stream.call('list-peers', region='demo')['peers']] == [talk.guest.id]
    watch = stream.call('watch', region='demo', offset=0, length=64)['watch']
    assert [row['watch'] for row in stream.call('list-watches', region='demo')['watches']] == [watch]
    assert stream.call('unwatch', region='demo', watch=watch) == {}
    assert stream.call('kick', region='demo', peer=talk.guest.id) == {}
    talk.guest.wait_closed()


def test_attach_and_detach(talk):
    stream = talk.socket()
    path = talk.ivt.path('other.sock')
    assert stream.call('attach', plugin='doorbell-server', name='other',
                       options={'size': '4K', 'socket': path}) == {'region': 'other'}
    assert talk.rest.get('/v1/regions/other')['state'] == 'ready'
    assert 'loaded' in refused(stream, 'list-candidates', plugin='nothing')[1]
    assert stream.call('list-candidates', plugin='host-plain')['candidates'] is not None
    assert stream.call('detach', region='other', force=True) == {}
    assert talk.rest.ask('GET', '/v1/regions/other')[0] == 404


def test_many_at_a_time(talk):
    """Answers come as they are ready, each with its id."""
    stream = talk.socket()
    stream.say(waiting(1))
    for number in range(2, 100):
        stream.say({'id': number, 'op': 'read', 'region': 'demo', 'offset': number, 'length': 1})
    assert {stream.hear()['id'] for _ in range(2, 100)} == set(range(2, 100))
    talk.guest.map()[0:4] = b'\1\0\0\0'
    assert stream.hear() == {'id': 1, 'result': {'met': True, 'value': '0x1'}}


@pytest.mark.parametrize('text, code, said', [
    ('', 'invalid-argument', None),
    ('[]', 'invalid-argument', None),
    ('{"id":1,"op":"ring"', 'invalid-argument', None),
    ('{"id":1,"id":2,"op":"ring"}', 'invalid-argument', None),
    ('{"op":"ring","region":"demo","peer":0,"vector":0}', 'invalid-argument', 'no id'),
    ('{"id":-1,"op":"ring"}', 'invalid-argument', 'id'),
    ('{"id":1.5,"op":"ring"}', 'invalid-argument', 'id'),
    ('{"id":{},"op":"ring"}', 'invalid-argument', 'id'),
    ('{"id":7}', 'invalid-argument', 'op'),
    ('{"id":7,"op":3}', 'invalid-argument', 'op'),
    ('{"id":7,"op":"rung"}', 'invalid-argument', "no operation 'rung'"),
    ('{"id":7,"op":"open-memory","region":"demo"}', 'not-supported', 'D-Bus'),
    ('{"id":7,"op":"ring","peer":0,"vector":0}', 'invalid-argument', 'region'),
    ('{"id":7,"op":"ring","region":"demo","peer":0}', 'invalid-argument', 'vector'),
    ('{"id":7,"op":"wait","region":"demo","offset":0,"width":4,"value":"0x1"}', 'invalid-argument', 'operator'),
    ('{"id":7,"op":"ring","region":"demo","peer":0,"vector":0,"x":1}', 'invalid-argument', 'x'),
    ('{"id":7,"op":"ring","region":"nowhere","peer":0,"vector":0}', 'not-found', 'nowhere'),
    ('{"id":7,"op":"ring","region":"demo","peer":9,"vector":0}', 'not-found', '9'),
    ('{"id":7,"op":"read","region":"demo","offset":1048576,"length":1}', 'out-of-range', None),
    ('{"id":7,"op":"write","region":"demo","offset":0,"data":"a"}', 'invalid-argument', 'base64'),
    ('{"id":7,"op":"subscribe","region":["demo",".."]}', 'invalid-argument', 'region name'),
    ('{"id":7,"op":"subscribe","type":"x"}', 'invalid-argument', 'event type'),
    ('{"id":7,"op":"subscribe","after":"x"}', 'invalid-argument', 'after'),
    ('{"id":7,"op":"subscribe","before":1}', 'invalid-argument', 'before'),
    ('{"id":7,"op":"unsubscribe","region":"demo"}', 'invalid-argument', 'region'),
    ('\x00', 'invalid-argument', None),
])
def test_errors(talk, text, code, said):
    """Each is answered, and the conversation goes on."""
    stream = talk.socket()
    stream.send(WebSocket.frame(TEXT, text.encode()))
    message = stream.hear()
    assert message['error']['type'] == f'urn:ivshmem:error:{code}'
    assert said is None or said in message['error']['detail']
    assert ('id' in message) == ('"id":7' in text)
    assert message.get('id', 7) == 7
    assert stream.call('read', region='demo', offset=0, length=1) == {'data': 'AA=='}


def test_ids(talk):
    stream = talk.socket()
    for number in (0, 1, (1 << 53), str((1 << 64) - 1)):
        stream.say({'id': number, 'op': 'unsubscribe'})
        assert stream.hear() == {'id': number, 'result': {}}


def test_permissions(ivt, bus):
    service = Talk(ivt, bus, roles=[('v', 'viewer d*'), ('o', 'operator other*')])
    viewer = service.socket(service.tcp, token=service.tokens['v'])
    other = service.socket(service.tcp, token=service.tokens['o'])
    viewer.call('subscribe')
    other.call('subscribe')
    assert refused(viewer, 'ring', region='demo', peer=0, vector=0)[0] == 'denied'
    assert refused(viewer, 'read', region='demo', offset=0, length=1)[0] == 'denied'
    assert refused(other, 'ring', region='demo', peer=0, vector=0)[0] == 'denied'
    service.guest.ring(OWN_ID, 1)
    assert viewer.event()['vector'] == 1
    service.attach('other1')
    assert other.event()['region'] == 'other1'


# Events.

def test_subscriptions(talk):
    stream = talk.socket()
    silent = talk.socket()
    after = stream.call('subscribe', region='demo', type=['interrupt', 'peer-connected'])['after']
    assert after == talk.serial()
    talk.guest.ring(OWN_ID, 0)
    assert stream.event()['serial'] == after + 1
    # Another takes its place, and can go back.
    assert stream.call('subscribe', after=after) == {'after': after}
    assert stream.event()['serial'] == after + 1
    talk.attach('more')
    assert stream.event()['type'] == 'region-attached'
    stream.say({'op': 'unsubscribe'})
    assert stream.call('unsubscribe') == {}
    talk.guest.ring(OWN_ID, 1)
    wait_for(lambda: talk.serial() == after + 3)
    assert stream.call('read', region='demo', offset=0, length=0) == {'data': ''}
    assert not stream.events and not silent.buffer
    stream.say({'op': 'subscribe', 'after': 0})
    assert stream.event()['type'] in ('lost', 'region-attached')


def test_an_event_is_there_before_its_answer(talk):
    """Who attaches hears of it before the answer; who hears of it can look."""
    stream = talk.socket()
    stream.call('subscribe')
    for number in range(20):
        stream.call('attach', plugin='doorbell-server', name=f'r{number}',
                    options={'size': '4K', 'socket': talk.ivt.path(f'r{number}.sock')})
        assert [event['region'] for event in stream.events] == [f'r{number}']
        stream.events.clear()


def test_watch_ends_with_its_socket(talk):
    """What it finds goes to that socket alone."""
    stream, other = talk.socket(), talk.socket()
    listener = talk.events('?type=changed')
    for each in (stream, other):
        each.call('subscribe', type='changed')
    watch = stream.call('watch', region='demo', offset=0, length=64, min_interval_ms=1)['watch']
    talk.guest.map()[0:4] = b'news'
    assert stream.event()['watch'] == watch
    assert listener.silent() and not other.fill(0)
    assert talk.rest.get('/v1/regions/demo/watches') == {'watches': []}
    begin = talk.serial()
    stream.close()
    wait_for(lambda: talk.open_sockets() == 1)
    # A socket's end is the main thread's business as well: it is over when that has answered.
    talk.rest.get('/v1/regions/demo/peers')
    talk.guest.map()[0:4] = b'more'
    talk.guest.ring(OWN_ID, 0)
    wait_for(lambda: talk.serial() > begin)
    assert talk.serial() == begin + 1, 'nothing but the ring'


def test_wait_ends_with_its_socket(talk):
    """Waits that nobody waits for any more hold no place: more than there may be at once, one after the other."""
    for _ in range(WAITS // IN_FLIGHT + 4):
        stream = talk.socket()
        for number in range(IN_FLIGHT):
            stream.say(waiting(number))
        stream.send(WebSocket.frame(PING))
        assert stream.receive()[0] == PONG, 'none was refused'
        stream.close()
        wait_for(lambda: talk.open_sockets() == 0)


def test_slow_reader(talk):
    """It costs a bounded amount of memory, and is told exactly what it missed."""
    stream = talk.socket(receive_bytes=4096)
    serial = stream.call('subscribe', type='interrupt')['after']
    talk.flood(talk.guest, 3000)
    before = talk.memory()
    talk.flood(talk.guest, LOG_EVENTS + 3000)
    talk.check_growth(before, 16 << 20)
    end, lost = talk.serial(), 0
    while serial < end:
        event = stream.event()
        if event['type'] == 'lost':
            assert event['count'] == event['serial'] - serial
            lost += event['count']
        else:
            assert event['serial'] == serial + 1
        serial = event['serial']
    assert lost > 0


# Limits.

def test_message_limit(talk):
    """At the limit, over all fragments, and one past it."""
    room = len('{"id":1,"op":"write","region":"demo","offset":0,"data":""}')
    longest = MESSAGE_BYTES - room
    data = base64.b64encode(bytes(longest // 4 * 3)).decode()
    text = json.dumps({'id': 1, 'op': 'write', 'region': 'demo', 'offset': 0, 'data': data}, separators=(',', ':'))
    text += ' ' * (MESSAGE_BYTES - len(text))
    stream = talk.socket()
    stream.send(WebSocket.frame(TEXT, text.encode()))
    assert stream.hear() == {'id': 1, 'result': {}}
    half = len(text) // 2
    stream.send(WebSocket.frame(TEXT, text[:half].encode(), fin=False))
    stream.send(WebSocket.frame(CONTINUATION, text[half:].encode()))
    assert stream.hear() == {'id': 1, 'result': {}}
    stream.send(WebSocket.frame(TEXT, (text + ' ').encode()))
    assert stream.wait_close() == TOO_BIG
    stream.wait_end(2)
    fragments = talk.socket()
    fragments.send(WebSocket.frame(TEXT, text.encode(), fin=False))
    fragments.send(WebSocket.frame(CONTINUATION, b' '))
    assert fragments.wait_close() == TOO_BIG


def test_announced_but_not_sent(talk):
    stream = talk.socket()
    stream.send(b'\x81\xff' + struct.pack('>Q', 1 << 62) + b'\0\0\0\0')
    assert stream.wait_close() == TOO_BIG


def test_read_limit(talk):
    stream = talk.socket()
    assert len(base64.b64decode(stream.call('read', region='demo', offset=0, length=READ_BYTES)['data'])) == READ_BYTES
    code, detail = refused(stream, 'read', region='demo', offset=0, length=READ_BYTES + 1)
    assert code == 'too-large' and '/memory' in detail


def test_requests_in_flight(talk):
    stream = talk.socket()
    for number in range(IN_FLIGHT + 1):
        stream.say(waiting(number))
    message = stream.hear()
    assert message['id'] == IN_FLIGHT
    assert message['error']['type'] == 'urn:ivshmem:error:limit'
    talk.guest.map()[0:4] = b'\1\0\0\0'
    assert sorted(stream.hear()['id'] for _ in range(IN_FLIGHT)) == list(range(IN_FLIGHT))
    assert stream.call('read', region='demo', offset=0, length=1)


def test_big_answers_wait_for_their_reader(talk):
    """Many large reads whose answers nobody takes hold up no more than their share, and all come in the end."""
    talk.rest.get('/v1/daemon')
    before = talk.memory()
    streams = [talk.socket(receive_bytes=4096) for _ in range(10)]
    count = 100
    for stream in streams:
        stream.socket.settimeout(0.5)
        try:
            stream.send(zeros(READ_BYTES) * count)
        except socket.timeout:
            raise AssertionError('requests are small: the kernel holds them') from None
    talk.rest.get('/v1/daemon')
    talk.check_growth(before, 20 << 20)
    for stream in streams:
        for _ in range(count):
            assert len(stream.hear(30)['result']['data']) == READ_BYTES // 3 * 4 + 4


# What a client must not do.

@pytest.mark.parametrize('data, status', [
    (b'\x81\x01x', PROTOCOL_ERROR),
    (WebSocket.frame(TEXT | 0x40, b'{}'), PROTOCOL_ERROR),
    (WebSocket.frame(3, b'x'), PROTOCOL_ERROR),
    (WebSocket.frame(CONTINUATION, b'x'), PROTOCOL_ERROR),
    (WebSocket.frame(PING, b'x', fin=False), PROTOCOL_ERROR),
    (WebSocket.frame(PING, b'x' * 126), PROTOCOL_ERROR),
    (WebSocket.frame(TEXT, b'{', fin=False) + WebSocket.frame(TEXT, b'}'), PROTOCOL_ERROR),
    (WebSocket.frame(TEXT, b'\xff'), INVALID_DATA),
    (WebSocket.frame(BINARY, b'{}'), UNSUPPORTED),
    (WebSocket.frame(CLOSE, b'\x03'), PROTOCOL_ERROR),
    (WebSocket.frame(CLOSE, struct.pack('>H', 1005)), PROTOCOL_ERROR),
    (WebSocket.frame(CLOSE, struct.pack('>H', 1000) + b'\xff'), INVALID_DATA),
])
def test_violations(talk, data, status):
    """It is told why, and the connection ends; what it sends after that is nothing any more."""
    stream = talk.socket()
    stream.send(data + WebSocket.frame(TEXT, b'{"id":1,"op":"unsubscribe"}'))
    assert stream.wait_close() == status
    stream.wait_end(2)
    stream.close()
    wait_for(lambda: talk.open_sockets() == 0, 2)


def test_close(talk):
    for payload, status in ((struct.pack('>H', 1000) + b'bye', 1000), (struct.pack('>H', 3456), 3456), (b'', None)):
        stream = talk.socket()
        stream.send(WebSocket.frame(CLOSE, payload))
        assert stream.wait_close() == status
        stream.wait_end(2)


def test_close_is_not_waited_for_long(talk):
    """A client that does not close its side after the farewell is cut off."""
    stream = talk.socket()
    stream.send(WebSocket.frame(3, b''))
    assert stream.wait_close() == PROTOCOL_ERROR
    wait_for(lambda: talk.open_sockets() == 0, 8, 'the daemon to give it up')


def test_ping(talk):
    stream = talk.socket()
    stream.send(WebSocket.frame(PING, b'x' * 125) + WebSocket.frame(PONG, b'unasked') + WebSocket.frame(PING))
    assert stream.receive() == (PONG, b'x' * 125)
    assert stream.receive() == (PONG, b'')
    # In the middle of a message.
    stream.send(WebSocket.frame(TEXT, b'{"id":1,', fin=False) + WebSocket.frame(PING, b'now')
                + WebSocket.frame(CONTINUATION, b'"op":"unsubscribe"}'))
    assert stream.receive() == (PONG, b'now')
    assert stream.hear() == {'id': 1, 'result': {}}


def test_byte_by_byte(talk):
    stream = talk.socket()
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    for byte in WebSocket.frame(TEXT, b'{"id":5,"op":"unsubscribe"}') + WebSocket.frame(PING, b'p'):
        stream.send(bytes([byte]))
    assert stream.hear() == {'id': 5, 'result': {}}
    assert stream.receive() == (PONG, b'p')


def test_ping_flood(talk):
    """Answers that nobody takes do not pile up."""
    stream = talk.socket(receive_bytes=4096)
    before = talk.memory()
    stream.socket.setblocking(False)
    pings = WebSocket.frame(PING, b'x' * 125) * 1000
    sent, blocked = 0, 0
    while sent < 64 << 20 and blocked < 50:
        try:
            sent += stream.socket.send(pings[sent % len(pings):])
            blocked = 0
        except BlockingIOError:
            blocked += 1
            talk.rest.get('/v1/daemon')
    assert blocked, 'it is made to wait'
    talk.check_growth(before, 4 << 20)
    assert talk.rest.get('/v1/daemon')['regions'] == 1


def test_noise(talk):
    """Whatever bytes come, the daemon lives."""
    for _ in range(50):
        stream = talk.socket()
        try:
            stream.send(os.urandom(5000))
            stream.wait_end(8)
        except (BrokenPipeError, ConnectionResetError):
            pass
        stream.close()
    assert talk.rest.get('/v1/daemon')['regions'] == 1


def test_hang_up(talk):
    """In the middle of anything."""
    descriptors = talk.descriptors()
    for cut in (0, 1, 3, 6, 10, 30):
        stream = talk.socket()
        stream.call('subscribe')
        stream.send(zeros(READ_BYTES) * 10 + zeros(10)[:cut])
        stream.close()
    wait_for(lambda: talk.open_sockets() == 0)
    wait_for(lambda: talk.descriptors() <= descriptors + 1)


def test_daemon_stops(talk):
    """It says why."""
    streams = [talk.socket() for _ in range(10)]
    talk.guest.stop()
    talk.daemon.stop()
    for stream in streams:
        assert stream.wait_close() == GOING_AWAY
        stream.wait_end()


def test_rest_of_the_same_caller(talk):
    """A socket has a caller of its own: its watches are not those of REST."""
    stream = talk.socket()
    stream.call('watch', region='demo', offset=0, length=8)
    rest = talk.ivt.own(Rest(talk.path))
    assert rest.get('/v1/regions/demo/watches') == {'watches': []}
    assert len(stream.call('list-watches', region='demo')['watches']) == 1
