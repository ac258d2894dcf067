# SPDX-License-Identifier: LGPL-3.0-or-later
"""Two guests and the host on one region, each with the whole daemon: the guests' by guest-linux, on a stock kernel."""

import threading

import pytest

from ivt import DBusError, Qemu, wait_for
from ivt.http import Http
from ivt.live import Events

MIB = 1 << 20
SIZE = 4 * MIB
VECTORS = 4
HOST_ID = 255
LIMIT = 60
# What each of the three owns of the region.
PART_BYTES = 65536
ROUNDS = 12
BURST = 100
CONFIG = '''
[region shared]
plugin=guest-linux
'''


class Seat:
    """One of the three: its daemon's region over the bus, over HTTP, and its events both ways."""

    def __init__(self, name, region, http, events, part):
        self.name = name
        self.region = region
        self.http = http
        self.listener = events
        self.part = part * PART_BYTES
        self.id = region.get('OwnId')
        self.signals = region.subscribe()

    def heard(self):
        """{vector: count}, of the signals so far."""
        sums = {}
        for vector, count in self.signals.of('Interrupt'):
            sums[vector] = sums.get(vector, 0) + count
        return sums

    def statistics(self):
        return self.region.get('Statistics')

    def post(self, what, **data):
        answer = self.http.ask('POST', f'/v1/regions/shared/{what}', data=data)
        assert answer.status in (200, 204), answer
        return answer.json() if answer.status == 200 else None


class House:
    def __init__(self, ivt):
        self.ivt = ivt
        bus = ivt.bus()
        self.http_path = ivt.path('http.sock')
        ivt.daemon(bus, args=['--http', f'unix:{self.http_path}'])
        self.client = ivt.client(bus)
        self.shared = self.client.attach('doorbell-server', 'shared', size=SIZE, vectors=VECTORS)
        self.socket = self.shared.get('Options')['socket']
        self.guests = {name: self.boot(name) for name in ('first', 'second')}
        self.host = Seat('host', self.shared, Http(self.http_path),
                         ivt.own(Events(self.http_path, '?type=interrupt')), 0)
        self.seats = [self.host]
        for part, (name, guest) in enumerate(self.guests.items(), 1):
            guest.wait_ready()
            self.seats.append(self.seat(name, guest, part))

    def boot(self, name):
        return self.ivt.guest_daemon(Qemu.doorbell(self.socket, VECTORS), vfio=True, config=CONFIG, name=name,
                                     wait=False)

    @staticmethod
    def seat(name, guest, part):
        return Seat(name, guest.region('shared'), guest.http, guest.events('?type=interrupt'), part)

    def pairs(self):
        return [(sender, receiver) for sender in self.seats for receiver in self.seats if sender is not receiver]


@pytest.fixture(scope='module')
def house(module_ivt):
    return House(module_ivt)


@pytest.fixture
def host(house):
    return house.seats[0]


@pytest.fixture
def first(house):
    return house.seats[1]


def vector_of(sender, receiver, round_number):
    """Changes with every round; at one receiver the two senders never share one."""
    return (round_number + sender.part // PART_BYTES + 2 * (receiver.part // PART_BYTES)) % VECTORS


def take_interrupt(seat, vector):
    """The next interrupt is this one."""
    event = seat.listener.take(LIMIT)
    assert (event['type'], event['region'], event['vector'], event['count']) == ('interrupt', 'shared', vector, 1), \
        (seat.name, vector, event)


# What they are.

def test_attached_with_everything(house):
    for seat in house.seats[1:]:
        properties = seat.region.properties()
        assert properties['State'] == 'ready'
        assert properties['Plugin'] == 'guest-linux'
        assert (properties['Size'], properties['Vectors']) == (SIZE, VECTORS)
        assert properties['Reason'] == ''
        assert set(properties['Capabilities']) >= {'read', 'write', 'atomic', 'ring', 'receive', 'own-id',
                                                   'vector-fd', 'memory-fd'}
        assert not set(properties['Capabilities']) & {'peers', 'peer-vectors', 'join'}
    assert sorted(seat.id for seat in house.seats[1:]) == sorted(house.shared.peers())


# What they do to each other.

def test_everybody_rings_everybody(house):
    """In lockstep nothing coalesces: each ring is one event, of its vector, at its receiver, over HTTP and the bus."""
    expected = {seat.name: {} for seat in house.seats}
    for round_number in range(ROUNDS):
        for sender, receiver in house.pairs():
            vector = vector_of(sender, receiver, round_number)
            message = f'{sender.name} to {receiver.name}, {round_number}'.encode().ljust(64)
            offset = sender.part + 64 * (receiver.part // PART_BYTES)
            sender.region.write(offset, message)
            sender.region.ring(receiver.id, vector)
            take_interrupt(receiver, vector)
            assert receiver.region.read(offset, 64) == message
            sums = expected[receiver.name]
            sums[vector] = sums.get(vector, 0) + 1
    for seat in house.seats:
        total = sum(expected[seat.name].values())
        wait_for(lambda seat=seat, total=total: sum(seat.heard().values()) >= total, LIMIT,
                 f'{total} interrupts at {seat.name}, of which came {seat.heard()}')
        assert seat.heard() == expected[seat.name]


def test_all_bytes_of_all_parts(house):
    """Each fills its own part; all three then see the same."""
    for seat in house.seats:
        pattern = bytes((seat.part // PART_BYTES * 85 + i * 7) & 0xff for i in range(PART_BYTES))
        seat.region.write(seat.part, pattern)
        for other in house.seats:
            assert other.region.read(seat.part, PART_BYTES) == pattern, (seat.name, other.name)


FENCE = 0


def hears_nothing(seat, seconds=0.3):
    try:
        seat.listener.take(seconds)
    except EOFError:
        return not seat.listener.ended
    return False


def drain(seat):
    """Takes every event of the rings so far: once it has heard itself it has heard the others, but for what the
    daemon holds back for a moment."""
    seat.region.ring(seat.id, FENCE)
    while seat.listener.take(LIMIT)['vector'] != FENCE:
        pass
    while not hears_nothing(seat):
        pass


def test_burst_is_heard(house):
    """Rings at full speed coalesce in a guest: at least one, never more than were rung; then one more is one more."""
    for sender, receiver in house.pairs():
        drain(receiver)
        before = receiver.statistics()['interrupts_received']
        for call in [sender.region.begin('Ring', receiver.id, 3, timeout=LIMIT) for _ in range(BURST)]:
            call.result(LIMIT)
        drain(receiver)
        # Less the fence.
        heard = receiver.statistics()['interrupts_received'] - before - 1
        assert 1 <= heard <= BURST, (sender.name, receiver.name)
        if receiver is house.seats[0]:
            assert heard == BURST
        sender.region.ring(receiver.id, 3)
        take_interrupt(receiver, 3)
        assert receiver.statistics()['interrupts_received'] == before + 1 + heard + 1


def test_many_senders_at_once(house):
    """Two ring one at the same time, each on a vector of its own, over HTTP; who listens mixes nothing up."""
    for receiver in house.seats:
        senders = [seat for seat in house.seats if seat is not receiver]
        drain(receiver)
        before = receiver.heard()
        threads = [threading.Thread(target=lambda sender=sender, vector=vector: [
            sender.post('ring', peer=receiver.id, vector=vector) for _ in range(20)])
            for vector, sender in enumerate(senders, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        house.client.wait(lambda: all(receiver.heard().get(vector, 0) > before.get(vector, 0) for vector in (1, 2)),
                          LIMIT, f'both vectors at {receiver.name}')
        drain(receiver)
        new = {vector: count - before.get(vector, 0) for vector, count in receiver.heard().items()
               if count != before.get(vector, 0) and vector != FENCE}
        assert set(new) == {1, 2} and all(1 <= count <= 20 for count in new.values()), (receiver.name, new)


def test_ring_oneself(house):
    for seat in house.seats:
        drain(seat)
        assert seat.region.ring(seat.id, 1) == 1
        take_interrupt(seat, 1)


def test_rings_that_reach_nobody(house):
    """An absent peer is not known to a guest, so that ring is sent; what QEMU would take for another vector is not."""
    for seat in house.seats:
        drain(seat)
    first = house.seats[1]
    assert first.region.ring(200, 1) == 1
    for peer, vector in [(HOST_ID, 256), (HOST_ID, 1 << 16), (1 << 16, 0)]:
        with pytest.raises(DBusError) as caught:
            first.region.ring(peer, vector)
        assert caught.value.code in ('OutOfRange', 'NotFound'), caught.value
    first.region.ring(HOST_ID, VECTORS)
    assert all(hears_nothing(seat) for seat in house.seats)


# What the issue "Core" offers, from inside the guest.

def test_memory(first, host):
    first.region.write(MIB, b'edge')
    assert host.region.read(MIB, 4) == b'edge'
    first.region.fill(MIB, 4096, 0x5a)
    assert host.region.read(MIB, 4096) == b'\x5a' * 4096
    assert first.region.read(SIZE, 0) == b''
    first.region.write(SIZE - 1, b'!')
    assert host.region.read(SIZE - 1, 1) == b'!'
    for offset, length in [(SIZE, 1), (SIZE - 1, 2), ((1 << 64) - 1, 2)]:
        with pytest.raises(DBusError) as caught:
            first.region.read(offset, length)
        assert caught.value.code == 'OutOfRange'


def test_atomics(first, host):
    for width in (1, 2, 4, 8):
        first.region.fill(MIB, 64, 0)
        full = (1 << 8 * width) - 1
        assert first.region.atomic('add', MIB, width, '0x5') == ('0x0', True)
        assert host.region.atomic('or', MIB, width, '0x8') == ('0x5', True)
        assert first.region.atomic('xor', MIB, width, hex(full)) == ('0xd', True)
        assert first.region.atomic('and', MIB, width, '0xf') == (hex(full ^ 0xd), True)
        assert first.region.atomic('exchange', MIB, width, '0x7') == ('0x2', True)
        assert first.region.atomic('compare-and-set', MIB, width, '0x9', '0x6') == ('0x7', False)
        assert first.region.atomic('compare-and-set', MIB, width, '0x9', '0x7') == ('0x7', True)
        assert host.region.read(MIB, width) == (9).to_bytes(width, 'little')


def test_atomics_from_both_sides(house, first, host):
    """No addition is lost between two machines."""
    first.region.fill(MIB, 8, 0)
    calls = [seat.region.begin('Atomic', 'add', MIB, 8, '0x1', '', timeout=LIMIT) for _ in range(100) for seat in house.seats]
    for call in calls:
        call.result(LIMIT)
    assert host.region.read(MIB, 8) == (300).to_bytes(8, 'little')


def test_wait(first, host):
    """Met by what another machine writes, with and without a ring; swaps; and ends in time."""
    first.region.fill(MIB, 16, 0)
    assert first.region.wait(MIB, 4, 'equals', '0x1', 20000) == (False, '0x0')
    for ring in (False, True):
        host.region.fill(MIB, 16, 0)
        pending = first.region.begin('Wait', MIB, 8, 'at-least', '0x10', LIMIT * 10 ** 6, {}, timeout=LIMIT)
        host.region.write(MIB, (0x20).to_bytes(8, 'little'))
        if ring:
            host.region.ring(first.id, 0)
        assert pending.result(LIMIT) == (True, '0x20')
    assert first.region.wait(MIB, 8, 'differs', '0x0', 0, set='0x99') == (True, '0x20')
    assert host.region.read(MIB, 1) == b'\x99'


def test_watch(first, host):
    drain(first)
    watch = first.region.call('Watch', MIB, 8192, 1000)
    host.region.write(MIB + 4096 + 100, b'changed')
    found = first.signals.wait('Changed', watch, timeout=LIMIT)
    assert found[1] <= MIB + 4096 + 100 < found[1] + found[2]
    first.region.call('Unwatch', watch)


def test_dump_and_restore(house, host):
    guest = house.guests['first']
    pattern = bytes(i * 31 & 0xff for i in range(8192))
    host.region.write(2 * MIB, pattern)
    done = guest.ctl('dump', 'shared', '/tmp/image')
    assert done.code == 0, done
    assert int(guest.sh('stat -c %s /tmp/image')) == SIZE
    host.region.fill(2 * MIB, 8192, 0)
    done = guest.ctl('restore', 'shared', '/tmp/image')
    assert done.code == 0, done
    assert host.region.read(2 * MIB, 8192) == pattern


def test_cli_in_the_guest(house, host):
    guest = house.guests['first']
    assert guest.ctl('write', 'shared', '--offset', '1M', data=b'from the command line').code == 0
    assert host.region.read(MIB, 21) == b'from the command line'
    assert guest.ctl('read', 'shared', '--offset', '1M', '--length', '21', '--format', 'raw').raw \
        == b'from the command line'
    drain(host)
    assert guest.ctl('ring', 'shared', str(HOST_ID), '2').code == 0
    take_interrupt(host, 2)
    shown = guest.ctl('show', 'shared')
    assert shown.code == 0 and 'guest-linux' in shown.out, shown
    refused = guest.ctl('peers', 'shared')
    assert refused.code == 1 and 'peers' in refused.err, refused


def test_memory_handed_over(house, host):
    """A program in the guest maps the region itself."""
    guest = house.guests['first']
    host.region.write(MIB, b'0123')
    assert guest.sh('handover memory shared 1048576 61626364') == b'0123'.hex() + '\n'
    assert host.region.read(MIB, 4) == b'abcd'


@pytest.mark.parametrize('kind', ['fed', 'exclusive'])
def test_vector_handed_over(house, first, host, kind):
    """A program in the guest hears a vector itself; exclusive: the daemon does not, until it is given back."""
    guest = house.guests['first']
    drain(first)
    number = guest.guest.begin(f'handover vector shared 2 {kind} 2 {LIMIT}')
    guest.guest.wait_output(number, 'ready')
    host.region.ring(first.id, 2)
    guest.guest.wait_output(number, 'rung 1\n')
    host.region.ring(first.id, 1)
    take_interrupt(first, 2 if kind == 'fed' else 1)
    if kind == 'fed':
        take_interrupt(first, 1)
    host.region.ring(first.id, 2)
    assert guest.guest.result(number) == 'ready\nrung 1\nrung 1\n'
    if kind == 'fed':
        take_interrupt(first, 2)

    def given_back():
        host.region.ring(first.id, 2)
        return not hears_nothing(first)
    wait_for(given_back, LIMIT, 'the daemon to hear the vector again')
    drain(first)


@pytest.mark.parametrize('kind', ['fed', 'exclusive'])
def test_echo_by_descriptors(house, first, kind):
    """A program that holds OpenVector and OpenDoorbell answers each ring once, on that vector alone."""
    guest = house.guests['first']
    with house.ivt.peer(house.socket, vectors=VECTORS) as peer:
        peer.wait_peer(first.id, VECTORS)
        # What the one before has said must not be taken for this one's.
        guest.sh('rm -f /tmp/echo\n'
                 f'figures echo {kind} shared 2 {peer.id} </dev/null >/tmp/echo 2>&1 & echo $! >/tmp/echo.pid\n'
                 'until grep -q . /tmp/echo 2>/dev/null; do sleep 0.02; done; cat /tmp/echo; grep -q ready /tmp/echo')
        for _ in range(100):
            peer.ring(first.id, 2)
            assert peer.wait_ring(2, LIMIT) == 1
        assert not any(peer.rung(vector) for vector in range(VECTORS))
        guest.sh('kill $(cat /tmp/echo.pid)')
    drain(first)


# REST from the host into a guest.

def test_rest(first, host):
    path = '/v1/regions/shared'
    shown = first.http.get(path).json()
    assert (shown['plugin'], shown['own_id'], shown['vectors'], shown['size']) \
        == ('guest-linux', first.id, VECTORS, SIZE)
    assert first.http.ask('PUT', f'{path}/memory?offset={MIB}', body=b'over http').status == 204
    assert host.region.read(MIB, 9) == b'over http'
    assert first.http.get(f'{path}/memory', headers={'Range': f'bytes={MIB}-{MIB + 8}'}).body == b'over http'
    whole = first.http.get(f'{path}/memory').body
    assert len(whole) == SIZE and whole[MIB:MIB + 9] == b'over http'
    first.post('fill', offset=MIB, length=8, value=0)
    assert first.post('atomic', op='add', offset=MIB, width=8, value='0x2a') == {'old': '0x0', 'done': True}
    assert host.region.read(MIB, 1) == b'\x2a'
    drain(host)
    assert first.post('ring', peer=HOST_ID, vector=3) == {'sent': 1}
    take_interrupt(host, 3)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        first.post('wait', offset=MIB, width=8, op='equals', value='0x7', timeout_ms=LIMIT * 1000)))
    thread.start()
    host.region.write(MIB, b'\x07')
    thread.join(LIMIT)
    assert answers == [{'met': True, 'value': '0x7'}]
    assert first.http.get(f'{path}/peers').code() == 'not-supported'
    assert 'ivshmem_interrupts_received_total{region="shared",vector="0"}' in first.http.get('/metrics').body.decode()


# One of them goes, and comes back.

def test_killed_guest_comes_back(house, first, host):
    """With a new id, since the others knew the old one; they are told, and rings flow again."""
    old = house.seats[2]
    drain(host)
    drain(first)
    gone = house.ivt.own(Events(house.http_path, '?type=peer-disconnected,peer-connected'))
    old.signals.stop()
    house.guests['second'].kill()
    host.signals.wait('PeerDisconnected', old.id, timeout=LIMIT)
    event = gone.take(LIMIT)
    assert event['type'] == 'peer-disconnected', event
    # Into the void: the guest does not know, and nothing breaks.
    assert first.region.ring(old.id, 1) == 1

    guest = house.boot('second')
    house.guests['second'] = guest
    guest.wait_ready()
    new = house.seat('second', guest, 2)
    house.seats[2] = new
    assert new.id not in (old.id, first.id, HOST_ID)
    host.signals.wait('PeerConnected', new.id, VECTORS, timeout=LIMIT)
    assert sorted(house.shared.peers()) == sorted([first.id, new.id])
    for sender, receiver in house.pairs():
        drain(receiver)
        sender.region.ring(receiver.id, 2)
        take_interrupt(receiver, 2)
    assert new.region.read(old.part, 64) == host.region.read(old.part, 64)


def test_daemon_restarted_in_a_guest(house, first, host):
    """The daemon alone: the device stays bound to vfio, and is there again."""
    guest = house.guests['first']
    guest.end()
    assert sorted(house.shared.peers()) == sorted(seat.id for seat in house.seats[1:])
    host.region.ring(first.id, 1)
    guest.start()
    again = house.seat('first', guest, 1)
    house.seats[1] = again
    assert again.id == first.id
    drain(again)
    host.region.ring(again.id, 2)
    take_interrupt(again, 2)
