# SPDX-License-Identifier: LGPL-3.0-or-later
"""The main job on real input: a Linux guest in QEMU and the daemon share memory and ring each other."""

import os
import select
import shlex
import time

import pytest

from ivt import Qemu, WireClient, wait_for

DAEMON = 255
ALL = 0xFFFFFFFF
MIB = 1 << 20
VECTORS = (1, 4, 64)
LIMIT = 60


class Seat:
    """A region of the daemon's and the device of a guest that has joined it."""

    def __init__(self, region, device=None):
        self.region = region
        self.device = device
        self.guest = None

    def tool(self, command):
        """A script that runs the guest's tool on this device."""
        return f'IVTOOL_DEVICE={self.device} ivtool {command}'

    def run(self, command):
        return self.guest.sh(self.tool(command)).strip()

    def id(self):
        return int(self.run('id'))

    def bytes(self, offset, length):
        return bytes.fromhex(self.run(f'read {offset} {length}'))

    def write(self, offset, data):
        self.run(f'write {offset} {data.hex()}')


@pytest.fixture(scope='module')
def seats(module_ivt):
    """One guest with a device on each of three regions, which have 1, 4 and 64 vectors."""
    bus = module_ivt.bus()
    module_ivt.daemon(bus)
    client = module_ivt.client(bus)
    seats, devices = {}, []
    for slot, vectors in enumerate(VECTORS, 0x10):
        region = client.attach('doorbell-server', f'r{vectors}', size=4 * MIB, vectors=vectors)
        seats[vectors] = Seat(region, f'0000:00:{slot:02x}.0')
        devices += Qemu.doorbell(region.get('Options')['socket'], vectors, f'iv{vectors}', addr=hex(slot))
    guest = module_ivt.guest(devices)
    for seat in seats.values():
        seat.guest = guest
        seat.run('arm')
    return seats


@pytest.fixture
def seat(seats):
    return seats[4]


# Memory.

@pytest.mark.parametrize('vectors', VECTORS)
def test_guest_is_a_peer(seats, vectors):
    seat = seats[vectors]
    (peer,) = seat.region.peers().values()
    assert peer['id'] == seat.id()
    assert peer['vectors'] == vectors
    assert peer['pid'] == seat.guest.qemu.pid
    assert int(seat.run('size')) == seat.region.get('Size') == 4 * MIB


@pytest.mark.parametrize('vectors', VECTORS)
def test_bytes_both_ways(seats, vectors):
    seat = seats[vectors]
    for offset, data in [(0, b'from the daemon'), (4 * MIB - 4, b'last'), (123457, bytes(range(256)))]:
        seat.region.write(offset, data)
        assert seat.bytes(offset, len(data)) == data
    for offset, data in [(8192, b'from the guest'), (4 * MIB - 1, b'!'), (65537, bytes(range(255, 0, -1)))]:
        seat.write(offset, data)
        assert seat.region.read(offset, len(data)) == data


def test_regions_are_apart(seats):
    for vectors, seat in seats.items():
        seat.region.write(3 * MIB, bytes([vectors]) * 8)
    for vectors, seat in seats.items():
        assert seat.bytes(3 * MIB, 8) == bytes([vectors]) * 8


def test_daemon_waits_for_the_guest(seat):
    pending = seat.region.begin('Wait', 16384, 4, 'equals', '0x64636261', LIMIT * 10 ** 6, {})
    seat.write(16384, b'abcd')
    assert pending.result() == (True, '0x64636261')


def test_guest_waits_for_the_daemon(seat):
    number = seat.guest.begin('echo waiting; ' + seat.tool(f'await 20480 {b"now".hex()} {LIMIT}'))
    seat.guest.wait_output(number, 'waiting')
    seat.region.write(20480, b'now')
    assert seat.guest.result(number) == 'waiting\n'


def test_atomics_and_the_guest_see_one_word(seat):
    seat.write(24576, (41).to_bytes(8, 'little'))
    assert seat.region.atomic('add', 24576, 8, '0x1') == ('0x29', True)
    assert seat.bytes(24576, 8) == (42).to_bytes(8, 'little')


# The guest rings.

@pytest.mark.parametrize('vectors', VECTORS)
def test_guest_rings_the_daemon(ivt, seats, vectors):
    """Each vector arrives as itself, as a signal on the bus."""
    seat = seats[vectors]
    signals = seat.region.subscribe()
    for vector in sorted({0, 1, 3, vectors // 2, vectors - 1}):
        if vector < vectors:
            seat.run(f'ring {DAEMON} {vector}')
            assert signals.wait('Interrupt', timeout=LIMIT) == (vector, 1)
            signals.clear()
    signals.stop()
    seat.region.call('Unsubscribe')


def test_guest_rings_many_times(seat):
    """What the signals sum up to is what was rung."""
    signals = seat.region.subscribe()
    seat.guest.sh('i=0; while [ $i -lt 200 ]; do ' + seat.tool(f'ring {DAEMON} $((i % 2 + 1))') + '; i=$((i+1)); done')
    assert [signals.wait_sum(100, vector, timeout=LIMIT) for vector in (1, 2)] == [100, 100]
    assert not [values for values in signals.of('Interrupt') if values[0] not in (1, 2)]
    signals.stop()
    seat.region.call('Unsubscribe')


def test_absent_doorbells_are_ignored(seat):
    signals = seat.region.subscribe()
    for peer, vector in [(DAEMON, 4), (DAEMON, 200), (9, 0), (65535, 3)]:
        seat.run(f'ring {peer} {vector}')
    seat.run(f'ring {DAEMON} 0')
    assert signals.wait('Interrupt', timeout=LIMIT) == (0, 1)
    signals.stop()
    seat.region.call('Unsubscribe')


def test_guest_rings_a_program(seat):
    """A program that has taken the vector's own descriptor hears it, and the daemon is not in between."""
    eventfd = seat.region.open_vector(3, exclusive=True)
    try:
        seat.run(f'ring {DAEMON} 3')
        assert select.select([eventfd], [], [], LIMIT)[0]
        assert os.eventfd_read(eventfd) == 1
    finally:
        os.close(eventfd)


# The guest is rung. Its pending bits stay set, so each vector serves one test of one device.

@pytest.mark.parametrize('vectors, rung', [(1, [0]), (64, [63, 0, 31, 32])])
def test_daemon_rings_the_guest(seats, vectors, rung):
    seat = seats[vectors]
    assert seat.run('pending') == ''
    for count, vector in enumerate(rung, 1):
        assert seat.region.ring(seat.id(), vector) == 1
        seat.run(f'await-pending {vector} {LIMIT}')
        assert sorted(map(int, seat.run('pending').split())) == sorted(rung[:count])


def test_command_line_rings_the_guest(ivt, seat):
    result = ivt.ctl('ring', 'r4', str(seat.id()), '1', bus=BusOf(seat))
    assert result.code == 0, result
    seat.run(f'await-pending 1 {LIMIT}')


def test_joined_program_rings_the_guest(ivt, seat):
    """A socket from the daemon makes a program a peer like the guest."""
    with WireClient(fd=seat.region.join(), vectors=4) as peer:
        assert peer.map()[8192:8206] == b'from the guest'
        peer.ring(seat.id(), 2)
        seat.run(f'await-pending 2 {LIMIT}')
        # And the guest knows of it without being told by the test.
        seat.run(f'ring {peer.id} 1')
        assert peer.wait_ring(1, LIMIT) == 1


def test_everybody_is_rung(ivt, seat):
    with WireClient(seat.region.get('Options')['socket'], vectors=4) as other:
        assert seat.region.ring(ALL, 3) == 2
        assert other.wait_ring(3, LIMIT) == 1
        seat.run(f'await-pending 3 {LIMIT}')


class BusOf:
    """The bus of a seat's region, for ivshmemctl."""

    def __init__(self, seat):
        self.address = seat.region.client.address


# Others come and go.

def test_guest_lives_through_300_reconnects(seat):
    path = seat.region.get('Options')['socket']
    for round_number in range(300):
        with WireClient(path, vectors=4) as visitor:
            if round_number % 100 == 0:
                seat.run(f'ring {visitor.id} 2')
                assert visitor.wait_ring(2, LIMIT) == 1
    wait_for(lambda: len(seat.region.peers()) == 1, what='the last visitor to be gone')
    test_bytes_both_ways({4: seat}, 4)
    assert seat.guest.qemu.status() == 'running'
    assert 'Too many' not in seat.guest.qemu.process.err()


# Guests of their own.

@pytest.fixture
def serve(client):
    def make(**options):
        region = client.attach('doorbell-server', 'own', **{'size': MIB, 'vectors': 4, **options})
        return Seat(region)
    return make


def test_interrupts_in_the_guest(ivt, serve):
    """A driver in the guest gets each vector as an MSI-X interrupt, and answers on the same one."""
    seat = serve()
    arguments = shlex.split(ivt.ctl('qemu-args', 'own', bus=BusOf(seat)).out)
    seat.guest = ivt.guest(arguments, vfio=True)
    signals = seat.region.subscribe()
    (peer,) = seat.region.peers()
    number = seat.guest.begin(f'ivtool interrupts 4 {LIMIT} {DAEMON}')
    seat.guest.wait_output(number, 'ready')
    for vector in (2, 0, 3, 1):
        seat.region.ring(peer, vector)
        seat.guest.wait_output(number, f'vector {vector}\n')
        assert signals.wait('Interrupt', timeout=LIMIT) == (vector, 1)
        signals.clear()
    assert seat.guest.result(number).split('\n')[1:5] == [f'vector {vector}' for vector in (2, 0, 3, 1)]


def test_two_guests(ivt, serve):
    """They ring each other without the daemon, which sees what they write."""
    seat = serve()
    devices = Qemu.doorbell(seat.region.get('Options')['socket'], 4)
    guests = [ivt.guest(devices, name=name, wait=False) for name in ('first', 'second')]
    for guest in guests:
        guest.wait_ready()
    ids = [int(guest.sh('ivtool arm; ivtool id')) for guest in guests]
    assert sorted(ids) == list(seat.region.peers())
    for (here, there), peer in zip((guests, reversed(guests)), reversed(ids)):
        here.sh(f'ivtool write {peer} {peer + 0x40:02x}; ivtool ring {peer} 1')
        there.sh(f'ivtool await-pending 1 {LIMIT}')
        assert there.sh(f'ivtool pending; ivtool read {peer} 1') == f'1\n{peer + 0x40:02x}\n'
    assert seat.region.read(0, 2) == b'@A'


def test_hot_plug_and_unplug(ivt, serve):
    """Into a running guest and out of it again, while others come and go."""
    seat = serve(announce_leaves=False)
    path = seat.region.get('Options')['socket']
    seat.guest = ivt.guest(machine='pc')
    signals = seat.region.subscribe()
    for name in ('first', 'second'):
        with WireClient(path, vectors=4):
            seat.guest.qemu.plug(path, 4, name)
            seat.guest.sh('until ivtool size; do sleep 0.1; done >/dev/null 2>&1', timeout=LIMIT)
            (peer,) = [peer['id'] for peer in seat.region.peers().values() if peer['pid'] == seat.guest.qemu.pid]
            seat.region.write(0, name.encode())
            assert bytes.fromhex(seat.guest.sh(f'ivtool read 0 {len(name)}')) == name.encode()
            assert int(seat.guest.sh('ivtool id')) == peer
        signals.wait('PeerConnected', peer, 4, timeout=LIMIT)
        seat.guest.qemu.unplug(name)
        signals.wait('PeerDisconnected', peer, timeout=LIMIT)
        seat.guest.sh('while ivtool size; do sleep 0.1; done >/dev/null 2>&1', timeout=LIMIT)
    assert seat.region.peers() == {}
    assert seat.guest.qemu.status() == 'running'


def test_killed_guest_is_gone_within_a_second(ivt, serve):
    seat = serve()
    seat.guest = ivt.guest(Qemu.doorbell(seat.region.get('Options')['socket'], 4))
    (peer,) = seat.region.peers()
    signals = seat.region.subscribe()
    started = time.monotonic()
    seat.guest.qemu.kill()
    signals.wait('PeerDisconnected', peer, timeout=LIMIT)
    assert time.monotonic() - started < 1
    assert seat.region.peers() == {}


def test_daemon_is_restarted_under_a_guest(ivt, bus):
    """Without a service manager nothing is kept, but the guest goes on, and a guest that comes later finds a server."""
    daemon = ivt.daemon(bus)
    client = ivt.client(bus)
    region = client.attach('doorbell-server', 'own', size=MIB, vectors=1, persist=True)
    guest = ivt.guest(Qemu.doorbell(region.get('Options')['socket'], 1))
    guest.sh('ivtool write 0 6869')
    daemon.stop()
    assert guest.sh('ivtool read 0 2') == '6869\n'
    ivt.daemon(bus, state_dir=daemon.state_dir)
    assert guest.sh('ivtool id; ivtool ring 255 0; ivtool read 0 2') == '0\n6869\n'
    assert region.get('State') == 'ready'
    assert guest.qemu.status() == 'running'


def test_plain_file(ivt, client):
    """No server at all: host-plain and ivshmem-plain on one file."""
    path = f'/dev/shm/{os.path.basename(ivt.dir)}'
    try:
        region = client.attach('host-plain', 'plain', path=path, size=MIB, create=True)
        guest = ivt.guest(shlex.split(ivt.ctl('qemu-args', 'plain', bus=BusOf(Seat(region))).out))
        region.write(4096, b'from the daemon')
        assert bytes.fromhex(guest.sh('ivtool read 4096 15')) == b'from the daemon'
        guest.sh('ivtool write 1048572 cafe0001')
        assert region.read(MIB - 4, 4) == bytes.fromhex('cafe0001')
    finally:
        if os.path.exists(path):
            os.unlink(path)
