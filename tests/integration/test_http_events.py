# SPDX-License-Identifier: LGPL-3.0-or-later
"""Server-sent events at /v1/events, as curl, browsers and thousands of listeners hear them."""

import base64
import hashlib
import os
import re
import secrets
import select
import socket
import ssl
import time

import pytest

from ivt import wait_for
from ivt.live import Events, Flow, Rest, WebSocket
from ivt.rawhttp import RawHttp
from ivt.wait import Deadline

LOG_EVENTS = 16384
STREAMS = 2048
STREAMS_PER_CALLER = 1024
VECTORS = 64
OWN_ID = 255


class Service:
    """A daemon with HTTP on a unix socket and on TCP, and regions to make something happen in."""

    def __init__(self, ivt, bus, config='', roles=(), state_dir=None, scheme='http'):
        self.ivt = ivt
        self.path = ivt.path('http.sock')
        self.tokens = {}
        lines = []
        for name, role in roles:
            self.tokens[name] = 'ivs_' + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b'=').decode()
            digest = hashlib.sha256(self.tokens[name].encode()).hexdigest()
            lines.append(f'{name} sha256:{digest} {role}\n')
        file = ivt.file('tokens', ''.join(lines))
        os.chmod(file, 0o600)
        self.daemon = ivt.daemon(bus, config=f'[daemon]\nlog-level=info\n[http]\ntokens={file}\n{config}', state_dir=state_dir,
                                 args=['--http', f'unix:{self.path}', '--http', '127.0.0.1:0'])
        port = wait_for(lambda: re.search(rf'listening on {scheme}://127\.0\.0\.1:(\d+)\n', self.daemon.log()))
        self.tcp = ('127.0.0.1', int(port.group(1)))
        self.rest = ivt.own(Rest(self.path))
        self.pid = self.daemon.pid

    def attach(self, name='demo', vectors=VECTORS):
        """The region's socket."""
        path = self.ivt.path(f'{name}.sock')
        status, answer = self.rest.ask('POST', '/v1/regions', {'name': name, 'plugin': 'doorbell-server', 'options': {
            'size': '1M', 'vectors': vectors, 'socket': path}})
        assert status == 201, answer
        return path

    def peer(self, name='demo', vectors=VECTORS):
        peer = self.ivt.peer(self.attach(name, vectors), vectors=vectors)
        peer.wait_peer(OWN_ID, vectors)
        return peer

    def events(self, *arguments, address=None, **keywords):
        return self.ivt.own(Events(address or self.path, *arguments, **keywords))

    def serial(self):
        return self.rest.get('/v1/daemon')['event_serial']

    def metric(self, name):
        text = self.rest.get('/metrics').decode()
        return float(re.search(rf'^{re.escape(name)} (\S+)$', text, re.M).group(1))

    def flood(self, peer, events):
        """Interrupts until there were so many events more."""
        until = self.serial() + events
        while self.serial() < until:
            for vector in range(len(peer.peers[OWN_ID])):
                peer.ring(OWN_ID, vector)

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def memory(self):
        with open(f'/proc/{self.pid}/status', encoding='ascii') as status:
            return int(re.search(r'^VmRSS:\s*(\d+) kB', status.read(), re.M).group(1)) * 1024

    def check_growth(self, before, limit):
        """limit: in bytes; a sanitizer, which keeps what was freed for a while, says nothing of it."""
        with open(f'/proc/{self.pid}/maps', encoding='ascii') as maps:
            if 'asan' not in maps.read():
                assert self.memory() - before < limit


@pytest.fixture
def service(ivt, bus):
    return Service(ivt, bus)


# What is heard.

def test_head_and_records(service):
    with service.events() as events:
        assert events.header('Content-Type') == 'text/event-stream'
        assert events.header('Cache-Control') == 'no-store'
        assert events.header('X-Accel-Buffering') == 'no'
        assert events.header('Connection') == 'close'
        assert events.header('Content-Length') is None and events.header('Transfer-Encoding') is None
        peer = service.peer()
        attached = events.take_type('region-attached')
        assert attached['region'] == 'demo' and attached['plugin'] == 'doorbell-server'
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z', attached['time'])
        connected = events.take_type('peer-connected')
        assert (connected['id'], connected['vectors'], connected['serial']) == (peer.id, VECTORS, attached['serial'] + 1)
        peer.ring(OWN_ID, 3)
        interrupt = events.take_type('interrupt')
        assert (interrupt['region'], interrupt['vector'], interrupt['count']) == ('demo', 3, 1)
        peer.stop()
        assert events.take_type('peer-disconnected')['id'] == connected['id']
        assert service.rest.ask('DELETE', '/v1/regions/demo')[0] == 204
        assert events.take_type('region-detached')['region'] == 'demo'


def test_curl(ivt, service):
    """Unbuffered by curl -N, over TCP as over the unix socket; what happened before is not told."""
    peer = service.peer()
    curl = ivt.process(['curl', '-sN', '--unix-socket', service.path, 'http://localhost/v1/events?type=interrupt'])
    curl.wait_out('retry: 1000')
    peer.ring(OWN_ID, 1)
    curl.wait_out('"vector":1,"count":1}\n\n')
    assert re.fullmatch(r'retry: 1000\n\nid: \d+\nevent: interrupt\ndata: \{.*\}\n\n', curl.out())


def test_what_is_heard_can_be_looked_up(service):
    """An event is not told before the snapshot that has it."""
    with service.events('?type=region-attached,region-detached') as events:
        for number in range(50):
            service.attach(f'r{number}', vectors=1)
            heard = events.take()
            assert service.rest.ask('GET', f'/v1/regions/{heard["region"]}')[0] == 200
            assert service.serial() >= heard['serial']


def test_head_request(service):
    """What a GET would say: no length, and an end with the connection."""
    with RawHttp(service.path) as raw:
        raw.send('HEAD /v1/events HTTP/1.1\r\nHost: x\r\n\r\n')
        answer = raw.response(head=True)
        assert (answer.status, answer.header('Content-Type')) == (200, 'text/event-stream')
        assert answer.header('Content-Length') is None and answer.header('Transfer-Encoding') is None
        assert answer.header('Connection').lower() == 'close' and answer.header('Cache-Control') == 'no-store'
    with RawHttp(service.path) as raw:
        raw.send('HEAD /v1/events?type=nothing HTTP/1.1\r\nHost: x\r\n\r\n')
        assert raw.response(head=True).status == 400


def test_filters(service):
    one, two = service.peer('one'), service.peer('two')
    region = service.events('?region=one')
    both = service.events('?region=one,two&type=interrupt')
    repeated = service.events('?region=one&region=two&type=interrupt&type=region-detached')
    types = service.events('?type=peer-disconnected')
    later = service.events('?region=later')
    one.ring(OWN_ID, 0)
    assert region.take_type('interrupt')['region'] == 'one'
    assert both.take_type('interrupt')['region'] == 'one'
    assert repeated.take_type('interrupt')['region'] == 'one'
    two.ring(OWN_ID, 0)
    assert both.take_type('interrupt')['region'] == 'two'
    assert repeated.take_type('interrupt')['region'] == 'two'
    two.stop()
    assert types.take_type('peer-disconnected')['region'] == 'two'
    service.attach('later')
    assert later.take_type('region-attached')['region'] == 'later'
    one.ring(OWN_ID, 1)
    assert region.take_type('interrupt')['vector'] == 1
    assert both.take_type('interrupt')['vector'] == 1
    for listener in (types, later):
        assert listener.silent()


@pytest.mark.parametrize('query, header, said', [
    ('?region=..', None, "'..' is no region name"),
    ('?region=', None, 'region'),
    ('?region=a,,b', None, 'region'),
    ('?type=interrupts', None, 'interrupt, peer-connected'),
    ('?type=', None, 'type'),
    ('?types=interrupt', None, 'types'),
    ('?last_event_id=x', None, "last_event_id is 'x'"),
    ('?last_event_id=-1', None, 'is a number'),
    ('?last_event_id=1&last_event_id=2', None, 'last_event_id'),
    ('?last_event_id=18446744073709551616', None, 'is a number'),
    ('', '1.5', "Last-Event-ID is '1.5'"),
    ('', '1 ', None),
    ('', 'x', 'Last-Event-ID'),
    ('?region=%ff', None, 'UTF-8'),
])
def test_bad_requests(service, query, header, said):
    headers = {} if header is None else {'Last-Event-ID': header}
    with Events(service.path, query, headers) as events:
        if said is None:
            assert events.status == 200, 'blanks around a header are no part of it'
            return
        assert events.status == 400
        assert events.problem['type'] == 'urn:ivshmem:error:invalid-argument'
        assert said in events.problem['detail']


# Coming back.

def test_resume(service):
    peer = service.peer()
    with service.events() as events:
        peer.ring(OWN_ID, 0)
        first = events.take_type('interrupt')
    for vector in (1, 2, 3):
        peer.ring(OWN_ID, vector)
        wait_for(lambda count=vector: service.serial() >= first['serial'] + count)
    with service.events(headers={'Last-Event-ID': events.last_id}) as again:
        assert [again.take()['vector'] for _ in range(3)] == [1, 2, 3]
    with service.events(f'?last_event_id={events.last_id}') as again:
        assert [again.take()['vector'] for _ in range(3)] == [1, 2, 3]
    # A browser that comes back has the old query and a newer header.
    with service.events(f'?last_event_id={events.last_id}', {'Last-Event-ID': again.last_id}) as again:
        assert again.silent()
        peer.ring(OWN_ID, 4)
        assert again.take()['vector'] == 4


def test_resume_over_restart(ivt, bus):
    """An id of an earlier run: how much was lost nobody knows, and the ids do not come again."""
    service = Service(ivt, bus)
    events = service.events()
    service.peer()
    events.take_type('region-attached')
    last = events.take_type('peer-connected')
    service.daemon.stop()
    events.wait_end()
    again = Service(ivt, bus, state_dir=service.daemon.state_dir)
    back = again.events(headers={'Last-Event-ID': events.last_id})
    lost = back.take_type('lost')
    assert lost['count'] is None
    assert lost['serial'] >= last['serial']
    again.attach('other')
    assert back.take_type('region-attached')['serial'] == lost['serial'] + 1
    with again.events(headers={'Last-Event-ID': str((1 << 64) - 1)}) as future:
        assert future.take_type('lost')['count'] is None
        assert future.take_type('region-attached')['region'] == 'other'


def test_resume_after_too_much(service):
    """More is gone than is kept: one record says exactly how much, and the rest is there."""
    peer = service.peer()
    begin = service.serial()
    service.flood(peer, LOG_EVENTS + 1000)
    with service.events(headers={'Last-Event-ID': str(begin)}) as events:
        lost = events.take_type('lost')
        # What has happened since may push out more, but not unnoticed.
        assert lost['count'] == lost['serial'] - begin >= 1000
        assert events.take()['serial'] == lost['serial'] + 1


# Who does not keep up.

@pytest.mark.parametrize('way', ['unix', 'tcp'])
def test_stalled_reader(ivt, bus, way):
    """It gets one lost record for each gap, and no event is unaccounted for; others hear all meanwhile."""
    service = Service(ivt, bus, roles=[('all', 'viewer')])
    peer = service.peer()
    keywords = {'address': service.tcp, 'token': service.tokens['all']} if way == 'tcp' else {}
    stalled = service.events('?type=interrupt', receive_bytes=4096, **keywords)
    begin = service.serial()
    for _ in range(3):
        service.flood(peer, LOG_EVENTS)
    end = service.serial()
    serial, gaps = begin, []
    while serial < end:
        event = stalled.take()
        if event['type'] == 'lost':
            assert event['count'] == event['serial'] - serial
            gaps.append(event['count'])
        else:
            assert event['serial'] == serial + 1
        serial = event['serial']
    assert gaps and sum(gaps) > LOG_EVENTS
    assert service.metric('ivshmem_http_events_lost_total') == sum(gaps)


def test_stalled_readers_cost_nothing(service):
    """A hundred that do not read hold neither memory nor the one that does."""
    peer = service.peer()
    for _ in range(100):
        service.events(receive_bytes=4096)
    reader = service.events('?type=interrupt')
    service.flood(peer, LOG_EVENTS)
    before = service.memory()
    begin = service.serial()
    service.flood(peer, LOG_EVENTS)
    service.check_growth(before, 16 << 20)
    peer.ring(OWN_ID, 0)
    heard = 0
    while heard <= begin:
        heard = reader.take()['serial']


# Who may hear what.

def test_permission(ivt, bus):
    """A token with a pattern hears of its regions, also when they are gone; nothing of what belongs to none."""
    service = Service(ivt, bus, roles=[('mine', 'viewer mine-*'), ('all', 'viewer')])
    mine = service.events(address=service.tcp, token=service.tokens['mine'])
    asked = service.events('?region=secret', address=service.tcp, token=service.tokens['mine'])
    everything = service.events(address=service.tcp, token=service.tokens['all'])
    service.attach('secret')
    service.attach('mine-1')
    assert service.rest.ask('DELETE', '/v1/regions/secret')[0] == 204
    assert service.rest.ask('DELETE', '/v1/regions/mine-1')[0] == 204
    assert mine.take_type('region-attached')['region'] == 'mine-1'
    assert mine.take_type('region-detached')['region'] == 'mine-1'
    assert [everything.take()['region'] for _ in range(4)] == ['secret', 'mine-1', 'secret', 'mine-1']
    assert asked.silent()
    assert mine.silent()


def test_needs_a_token(service):
    with Events(service.tcp) as events:
        assert events.status == 401
        assert events.header('WWW-Authenticate') == 'Bearer'


def test_changes_are_their_watchers(ivt, bus):
    """What a watch finds goes to whoever made it, on whichever connection, and to nobody else."""
    service = Service(ivt, bus, roles=[('a', 'reader'), ('b', 'admin')])
    peer = service.peer()
    first = service.events('?type=changed', address=service.tcp, token=service.tokens['a'])
    second = service.events('?type=changed', address=service.tcp, token=service.tokens['a'])
    other = service.events('?type=changed', address=service.tcp, token=service.tokens['b'])
    root = service.events('?type=changed')
    rest = ivt.own(Rest(service.tcp, service.tokens['a']))
    status, answer = rest.ask('POST', '/v1/regions/demo/watches', {'offset': 0, 'length': 4096, 'min_interval_ms': 1})
    assert status == 201, answer
    peer.map()[100:104] = b'news'
    for listener in (first, second):
        changed = listener.take_type('changed')
        assert changed['watch'] == answer['watch'] and changed['region'] == 'demo'
        assert changed['offset'] <= 100 < 104 <= changed['offset'] + changed['length']
    assert other.silent() and root.silent()


# Through TLS.

@pytest.fixture
def secure(ivt, bus):
    """A daemon that speaks TLS on TCP; how to connect to it."""
    key, certificate = ivt.path('key.pem'), ivt.path('certificate.pem')
    ivt.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
             '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate])
    service = Service(ivt, bus, f'tls-certificate={certificate}\ntls-key={key}\n', roles=[('all', 'operator')],
                      scheme='https')
    service.secured = {'address': service.tcp, 'token': service.tokens['all'],
                       'tls': ssl.create_default_context(cafile=certificate)}
    return service


def test_tls(secure):
    peer = secure.peer()
    events = secure.events('?type=interrupt', **secure.secured)
    stream = secure.ivt.own(WebSocket(**secure.secured))
    stream.call('subscribe', type='interrupt')
    for number in range(20):
        peer.ring(OWN_ID, number)
        assert events.take()['vector'] == number
        assert stream.event()['vector'] == number
    big = stream.call('read', region='demo', offset=0, length=64 * 1024)['data']
    assert len(big) == 87384
    assert stream.call('write', region='demo', offset=0, data=big[:43692 * 4 // 4][:40000]) == {}
    descriptors = secure.descriptors()
    events.close()
    stream.close()
    wait_for(lambda: secure.descriptors() <= descriptors - 2)


def test_tls_stalled_reader(secure):
    """What TLS was given once it is given again, whatever happens meanwhile."""
    peer = secure.peer()
    stalled = secure.events('?type=interrupt', receive_bytes=4096, **secure.secured)
    serial = secure.serial()
    secure.flood(peer, LOG_EVENTS + 5000)
    end, lost = secure.serial(), 0
    while serial < end:
        event = stalled.take()
        if event['type'] == 'lost':
            assert event['count'] == event['serial'] - serial
            lost += event['count']
        else:
            assert event['serial'] == serial + 1
        serial = event['serial']
    assert lost > 0


def test_tls_daemon_stops(secure):
    """It says farewell, so that the end is no attack."""
    events = secure.events(**secure.secured)
    secure.daemon.stop()
    assert events.socket.recv(1) == b'', 'and no SSLEOFError'


# Many.

def test_thousand_listeners(service):
    """All at once, each hears each event, in order; then they go, and nothing stays."""
    peer = service.peer()
    descriptors = service.descriptors()
    listeners = [service.events('?type=interrupt', begun=False) for _ in range(1000)]
    for listener in listeners:
        listener.begin()
        assert listener.status == 200
    assert service.metric('ivshmem_http_open_streams{kind="events"}') == 1000
    sent = 50
    for number in range(sent):
        peer.ring(OWN_ID, number)
    wanted = None
    for listener in listeners:
        heard = [listener.take(30) for _ in range(sent)]
        assert sorted(event['vector'] for event in heard) == list(range(sent))
        wanted = wanted or heard
        assert heard == wanted
    for listener in listeners:
        listener.close()
    # Nothing but the poller of the streams may stay.
    wait_for(lambda: service.descriptors() <= descriptors + 1, 20, 'their descriptors to be closed')
    assert service.metric('ivshmem_http_open_streams{kind="events"}') == 0
    assert service.metric('ivshmem_http_events_lost_total') == 0


def test_limits(ivt, bus):
    """So many of one caller, so many in all, and not one more; room that is made is used."""
    service = Service(ivt, bus, roles=[('a', 'viewer'), ('b', 'viewer'), ('c', 'viewer')])
    listeners = []

    def fill(token):
        new = [service.events(address=service.tcp, token=service.tokens[token], begun=False)
               for _ in range(STREAMS_PER_CALLER)]
        for listener in new:
            assert listener.begin().status == 200
        listeners.extend(new)

    def refused(token):
        with Events(service.tcp, token=service.tokens[token]) as events:
            assert events.status == 429
            assert events.problem['type'] == 'urn:ivshmem:error:limit'
            return events.problem['detail']
    fill('a')
    assert '1024 of them yours' in refused('a')
    fill('b')
    assert len(listeners) == STREAMS
    assert '2048 event streams are open, 0 of them yours' in refused('c')
    with WebSocket(service.tcp, token=service.tokens['c']) as socket_:
        assert socket_.status == 429
    listeners.pop().close()

    def accepted():
        with Events(service.tcp, token=service.tokens['c']) as events:
            return events.status == 200
    wait_for(accepted, 10, 'room for one more')
    assert refused('a')


# Its end.

@pytest.mark.parametrize('how', ['close', 'half', 'reset'])
def test_hang_up(ivt, bus, how):
    """Noticed at once, though nothing happens; by TCP as well."""
    service = Service(ivt, bus, roles=[('all', 'viewer')])
    service.rest.get('/v1/daemon')
    descriptors = service.descriptors()
    listeners = [service.events() for _ in range(10)]
    listeners += [service.events(address=service.tcp, token=service.tokens['all']) for _ in range(10)]
    assert service.descriptors() >= descriptors + 20
    for listener in listeners:
        if how == 'half':
            listener.socket.shutdown(socket.SHUT_WR)
            listener.wait_end(2)
        elif how == 'reset':
            listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        listener.close()
    wait_for(lambda: service.descriptors() <= descriptors + 1, 5, 'their descriptors to be closed')


def test_chatter_is_thrown_away(service):
    """A client may send what it likes, and hears its events."""
    peer = service.peer()
    with service.events('?type=interrupt') as events:
        events.socket.sendall(b'GET / HTTP/1.1\r\n\r\n' * 10000)
        peer.ring(OWN_ID, 5)
        assert events.take()['vector'] == 5


def test_daemon_stops(service):
    """Every stream ends cleanly."""
    listeners = [service.events() for _ in range(50)]
    service.daemon.stop()
    for listener in listeners:
        listener.wait_end()


def test_idle_daemon_does_not_wake(service):
    """With listeners there is nothing to do but a sign of life now and then."""
    listeners = [service.events() for _ in range(100)]

    def switches():
        total = 0
        for task in os.listdir(f'/proc/{service.pid}/task'):
            with open(f'/proc/{service.pid}/task/{task}/status', encoding='ascii') as status:
                total += int(re.search(r'^voluntary_ctxt_switches:\s*(\d+)', status.read(), re.M).group(1))
        return total
    wait_for(lambda: (lambda a: (time.sleep(0.5), a == switches())[1])(switches()), 10, 'the daemon to rest')
    before = switches()
    time.sleep(3)
    assert switches() - before <= 2
    assert len(listeners) == 100


def test_signs_of_life(service):
    """What takes time, together: a comment every 15 seconds, the end of one that takes nothing for a minute, and
    a WebSocket that is asked and does not answer."""
    peer = service.peer()
    idle = service.events('?type=candidate-added')
    silent = service.ivt.own(WebSocket(service.path))
    stalled = service.events(receive_bytes=4096)
    service.flood(peer, 3000)
    begin = time.monotonic()
    assert idle.until(b'\n\n', 17) == b':'
    assert 13 < time.monotonic() - begin < 17
    assert idle.until(b'\n\n', 17) == b':'
    assert silent.receive(20)[0] == 9
    assert 28 < time.monotonic() - begin < 34
    silent.wait_end(35)
    assert 57 < time.monotonic() - begin < 66
    gone = Deadline(20)
    while service.metric('ivshmem_http_open_streams{kind="events"}') > 1:
        assert not gone.over(), 'the stalled one is still there'
        select.select([], [], [], 0.2)
    assert time.monotonic() - begin > 55
    stalled.wait_end()
    peer.ring(OWN_ID, 0)
    assert isinstance(idle, Flow)
