# SPDX-License-Identifier: LGPL-3.0-or-later
"""The D-Bus face of the daemon, each method and rule of it, with GDBus, busctl and gdbus as clients."""

import os
import re
import struct
import time

import pytest

from ivt import DBusError
from ivt.client import OBJECT_MANAGER, REGION, ROOT, Client, options

MIB = 1 << 20
ALL = 0xFFFFFFFF
FOREVER = (1 << 64) - 1
NOBODY = (65534, 65534)


@pytest.fixture
def region(client):
    return client.attach('doorbell-server', 'demo', size='4M', vectors=4)


def refuses(code, call, *arguments, says=None, **keywords):
    with pytest.raises(DBusError) as caught:
        call(*arguments, **keywords)
    assert caught.value.code == code, caught.value
    for text in [says] if isinstance(says, str) else says or []:
        assert text in caught.value.message, caught.value.message


def peer_of(ivt, region, vectors=4):
    return ivt.peer(region.get('Options')['socket'], vectors=vectors)


# Attaching.

def test_region_appears_with_all_its_properties(client, region):
    properties = region.properties()
    assert properties['Name'] == 'demo'
    assert properties['Plugin'] == 'doorbell-server'
    assert properties['State'] == 'ready'
    assert properties['Size'] == 4 * MIB
    assert properties['OwnId'] == 255
    assert properties['Vectors'] == 4
    assert properties['Generation'] == 1
    assert properties['PeerCount'] == 0
    assert set(properties['Capabilities']) >= {'read', 'write', 'atomic', 'ring', 'receive', 'own-id', 'peers',
                                               'peer-vectors', 'memory-fd', 'vector-fd', 'join'}
    assert client.objects() == {region.path: {REGION: {**properties, 'Statistics': region.get('Statistics')}}}


def test_own_id_and_lists_take_numbers(client):
    region = client.attach('doorbell-server', 'numbers', size=MIB, own_id=7, allow_uids=os.getuid())
    assert region.get('OwnId') == 7


def test_attach_checks_name_then_duplicate_then_plugin_then_options(client, region):
    assert region.get('State') == 'ready'
    bad = options(nonsense=1)
    for name in ['', '-x', 'a/b', 'x' * 65, 'ä']:
        refuses('InvalidArgument', client.manager, 'Attach', 'no-such-plugin', name, bad, says='region name')
    refuses('Exists', client.manager, 'Attach', 'no-such-plugin', 'demo', bad, says="'demo'")
    refuses('NotFound', client.manager, 'Attach', 'no-such-plugin', 'other', bad, says=['no-such-plugin', 'host-plain'])
    refuses('InvalidArgument', client.manager, 'Attach', 'doorbell-server', 'other', bad, says=['nonsense', 'vectors'])
    assert list(client.objects()) == [region.path]


def test_options_take_native_types_and_text(client):
    client.attach('doorbell-server', 'native', size=MIB, vectors=2, announce_leaves=False)
    client.attach('doorbell-server', 'text', size='1M', vectors='2', announce_leaves='false')
    native, text = (client.region(name).get('Options') for name in ('native', 'text'))
    assert native.pop('socket') != text.pop('socket')
    assert native == text


@pytest.mark.parametrize('option', [
    {'size': '3M'}, {'size': 0}, {'size': 2048}, {'size': -4096}, {'size': '4Q'}, {'size': '99999999999G'},
    {'vectors': 0}, {'vectors': 2049}, {'vectors': -1}, {'vectors': 'four'}, {'mode': '0999'}, {'socket': 'relative'},
    {'socket': '/dev/shm/../etc/x'}, {'own_id': 70000}, {'announce_leaves': 'perhaps'},
])
def test_bad_option_values_are_named_and_leave_nothing(client, option):
    (name, value), = option.items()
    with pytest.raises(DBusError) as caught:
        client.attach('doorbell-server', 'bad', **option)
    assert caught.value.code in ('InvalidArgument', 'OutOfRange', 'Limit'), caught.value
    assert name.replace('_', '-') in caught.value.message or str(value) in caught.value.message
    assert client.objects() == {}
    client.attach('doorbell-server', 'bad', size='1M')


def test_names_are_escaped_in_paths(client):
    for name in ['0digit', 'a.b-c_d', 'Z']:
        client.attach('doorbell-server', name, size='1M')
    assert sorted(client.objects()) == sorted(client.region(n).path for n in ['0digit', 'a.b-c_d', 'Z'])


def test_persisted_region_is_there_after_a_restart(ivt, bus):
    daemon = ivt.daemon(bus)
    client = ivt.client(bus)
    client.attach('doorbell-server', 'kept', size='1M', vectors=3, persist=True)
    client.attach('doorbell-server', 'gone', size='1M')
    daemon.stop()
    ivt.daemon(bus, state_dir=daemon.state_dir)
    assert list(client.objects()) == [client.region('kept').path]
    assert client.region('kept').get('Vectors') == 3
    client.detach('kept')


# Activity.

def test_activity_counts_what_changes_if_asked(ivt, bus):
    daemon = ivt.daemon(bus)
    client = ivt.client(bus)
    client.attach('doorbell-server', 'quiet', size='1M')
    region = client.attach('doorbell-server', 'watched', size='1M', activity=True, persist=True)
    refuses('InvalidArgument', client.attach, 'doorbell-server', 'bad', size='1M', activity='often', says='activity')
    assert region.get('Options')['activity'] is True
    assert 'activity' not in client.region('quiet').get('Options')
    signals = region.client.signals(REGION, region.path)
    value = 0

    def counted():
        # What is written before the first look is not told: until then there is nothing to compare with.
        nonlocal value
        value = value % 255 + 1
        region.write(8192, bytes([value]))
        return region.get('Statistics')['changed_blocks'] > 0
    client.wait(counted)
    statistics = region.get('Statistics')
    assert statistics['changed_bytes'] == 4096 * statistics['changed_blocks']
    assert client.region('quiet').get('Statistics')['changed_bytes'] == 0
    assert signals.of('Changed') == []
    daemon.stop()
    ivt.daemon(bus, state_dir=daemon.state_dir)
    assert client.region('watched').get('Options')['activity'] is True


# Reading and writing.

def test_bytes(region):
    region.write(0, b'hello')
    assert region.read(0, 5) == b'hello'
    region.write(4 * MIB - 1, b'!')
    assert region.read(4 * MIB - 2, 2) == b'\0!'
    assert region.read(4 * MIB, 0) == b''
    region.write(4 * MIB, b'')
    region.fill(100, 3, 0xAB)
    assert region.read(99, 5) == b'\0\xab\xab\xab\0'
    region.fill(0, 4 * MIB, 0)
    assert region.read(0, MIB) == bytes(MIB)


@pytest.mark.parametrize('offset, length', [
    (4 * MIB + 1, 0), (4 * MIB, 1), (4 * MIB - 1, 2), (FOREVER, 1), (FOREVER - 3, 8), (0, FOREVER), (1, FOREVER),
    (1 << 63, 1), (0, 4 * MIB + 1),
])
def test_a6_15_bounds(region, offset, length):
    refuses('OutOfRange', region.read, offset, length, says=str(offset))
    refuses('OutOfRange', region.fill, offset, length, 1)
    if length <= MIB:
        refuses('OutOfRange', region.write, offset, b'x' * length)
    assert region.read(0, 64) == bytes(64)


def test_one_transfer_is_at_most_a_mebibyte(region):
    data = os.urandom(MIB)
    region.write(1, data)
    assert region.read(1, MIB) == data
    refuses('TooLarge', region.read, 0, MIB + 1, says='OpenMemory')
    refuses('TooLarge', region.write, 0, bytes(MIB + 1), says='OpenMemory')
    assert region.read(0, 1) == b'\0'


def test_atomics(region):
    region.write(8, struct.pack('<Q', 0xFF))
    assert region.atomic('add', 8, 1, '0x2') == ('0xff', True)
    assert region.atomic('or', 8, 2, '0x100') == ('0x1', True)
    assert region.atomic('and', 8, 4, '0xff00') == ('0x101', True)
    assert region.atomic('xor', 8, 8, '0x1') == ('0x100', True)
    assert region.atomic('exchange', 8, 8, '0xffffffffffffffff') == ('0x101', True)
    assert region.atomic('compare-and-set', 8, 8, '0x5', '0x4') == ('0xffffffffffffffff', False)
    assert region.atomic('compare-and-set', 8, 8, '0x5', '0xffffffffffffffff') == ('0xffffffffffffffff', True)
    assert region.read(8, 8) == struct.pack('<Q', 5)
    if 'atomic16' in region.get('Capabilities'):
        wide = '0x' + '12' * 16
        assert region.atomic('exchange', 32, 16, wide) == ('0x0', True)
        assert region.atomic('compare-and-set', 32, 16, '0x1', wide) == (wide, True)
        refuses('Misaligned', region.atomic, 'add', 40, 16, '0x1')
    assert region.atomic('add', 61, 2, '0x1') == ('0x0', True)  # unaligned, within a line
    refuses('Misaligned', region.atomic, 'add', 63, 2, '0x1')


@pytest.mark.parametrize('op, width, value, expected, code', [
    ('nand', 4, '0x1', '', 'InvalidArgument'), ('add', 3, '0x1', '', 'InvalidArgument'),
    ('add', 0, '0x1', '', 'InvalidArgument'), ('add', 32, '0x1', '', 'InvalidArgument'),
    ('add', 1, '0x100', '', 'InvalidArgument'), ('add', 4, '', '', 'InvalidArgument'),
    ('add', 4, '0xzz', '', 'InvalidArgument'), ('add', 4, '-1', '', 'InvalidArgument'),
    ('compare-and-set', 4, '0x1', '', 'InvalidArgument'), ('compare-and-set', 1, '0x1', '0x100', 'InvalidArgument'),
])
def test_bad_atomics(region, op, width, value, expected, code):
    refuses(code, region.atomic, op, 0, width, value, expected)
    assert region.read(0, 16) == bytes(16)


def test_wait_that_is_met_at_once_and_one_that_is_not(region):
    region.write(0, b'\x07')
    assert region.wait(0, 1, 'equals', '0x7', 0) == (True, '0x7')
    assert region.wait(0, 1, 'at-least', '0x3', 0) == (True, '0x7')
    assert region.wait(0, 1, 'differs', '0x7', 0) == (False, '0x7')
    begin = time.monotonic()
    assert region.wait(0, 4, 'equals', '0x8', 200_000) == (False, '0x7')
    assert 0.2 <= time.monotonic() - begin < 5


def test_wait_ends_when_the_value_comes_and_swaps(region):
    pending = region.begin('Wait', 16, 4, 'equals', '0x5', FOREVER, options(set='0x6'))
    region.client.pause(50)
    assert not pending.done
    region.write(16, struct.pack('<I', 5))
    assert pending.result() == (True, '0x5')
    assert region.read(16, 4) == struct.pack('<I', 6)


def test_wait_of_a_region_that_is_detached_ends_with_closed(client, region):
    pending = region.begin('Wait', 0, 8, 'equals', '0x1', FOREVER, {})
    region.client.pause(50)
    client.detach('demo')
    refuses('Closed', pending.result, 5)


def test_waits_have_limits(region):
    waits = [region.begin('Wait', 0, 4, 'equals', '0x1', FOREVER, {}) for _ in range(256)]
    refuses('Limit', region.wait, 0, 4, 'equals', '0x1', FOREVER)
    region.write(0, b'\x01')
    assert all(wait.result() == (True, '0x1') for wait in waits)
    assert region.wait(0, 4, 'equals', '0x1', FOREVER) == (True, '0x1')


def test_waits_of_a_caller_that_leaves_are_given_back(ivt, bus, region):
    other = Client(bus.address)
    waits = [other.region('demo').begin('Wait', 0, 4, 'equals', '0x1', FOREVER, {}) for _ in range(256)]
    other.wait(lambda: region.get('State') == 'ready')
    other.stop()
    del waits
    again = ivt.client(bus).region('demo')
    assert again.wait(0, 4, 'equals', '0x1', 1000) == (False, '0x0')


# Rings and peers.

def test_rings_reach_the_right_vector_and_are_counted(ivt, region):
    first, second = peer_of(ivt, region), peer_of(ivt, region)
    first.wait_peer(second.id, 4)
    assert region.ring(first.id, 2) == 1
    assert first.wait_ring(2) == 1
    assert region.ring(first.id, ALL) == 4
    assert region.ring(ALL, 1) == 2
    assert region.ring(ALL, ALL) == 8
    assert [first.wait_ring(v) for v in range(4)] == [2, 3, 2, 2]
    assert [second.wait_ring(v) for v in range(4)] == [1, 2, 1, 1]
    refuses('OutOfRange', region.ring, first.id, 4, says='0 to 3')
    refuses('NotFound', region.ring, 77, 0, says='77')


def test_a6_4_interrupt_signal_names_the_vector(ivt, region):
    signals = region.subscribe()
    peer = peer_of(ivt, region)
    peer.wait_peer(255, 4)
    peer.ring(255, 3)
    signals.wait('Interrupt', 3, 1)
    for _ in range(10):
        peer.ring(255, 1)
    assert signals.wait_sum(10, 1) == 10
    assert not [values for values in signals.of('Interrupt') if values[0] not in (1, 3)]
    region.client.wait(lambda: region.get('Statistics')['interrupts_received'] == 11)


def test_a6_11_signals_are_bounded_and_sums_exact(ivt, region):
    signals = region.subscribe()
    peer = peer_of(ivt, region)
    peer.wait_peer(255, 4)
    begin = time.monotonic()
    for _ in range(5000):
        peer.ring(255, 0)
    assert signals.wait_sum(5000, 0) == 5000
    assert len(signals.of('Interrupt')) <= 2 + 10 * (time.monotonic() - begin)


def test_signals_go_to_subscribers_only(ivt, bus, region):
    silent = ivt.client(bus).signals(REGION)
    peer = peer_of(ivt, region)
    peer.wait_peer(255, 4)
    signals = region.subscribe()
    peer.ring(255, 0)
    signals.wait('Interrupt', 0)
    assert silent.seen == []
    region.call('Unsubscribe')
    signals.clear()
    peer.ring(255, 0)
    region.client.wait(lambda: region.get('Statistics')['interrupts_received'] == 2)
    assert signals.of('Interrupt') == []


def test_peers_are_listed_with_who_they_are(ivt, region):
    signals = region.subscribe()
    peer = peer_of(ivt, region)
    signals.wait('PeerConnected', peer.id, 4)
    assert region.get('PeerCount') == 1
    listed = region.peers()[peer.id]
    assert (listed['pid'], listed['uid'], listed['gid']) == (os.getpid(), os.getuid(), os.getgid())
    assert listed['executable'] == os.readlink('/proc/self/exe')
    assert listed['vectors'] == 4
    peer.close()
    signals.wait('PeerDisconnected', peer.id)
    assert region.peers() == {}


def test_kick(ivt, region):
    peer = peer_of(ivt, region)
    region.wait_property('PeerCount', 1)
    refuses('NotFound', region.kick, peer.id + 1)
    region.kick(peer.id)
    peer.wait_closed()
    region.wait_property('PeerCount', 0)


# Handing over.

def test_memory_is_handed_over_whole_or_read_only(region):
    fd, offset, size = region.open_memory()
    assert (offset, size) == (0, 4 * MIB)
    os.pwrite(fd, b'by hand', 10)
    assert region.read(10, 7) == b'by hand'
    os.close(fd)
    fd, _offset, _size = region.open_memory(read_only=True)
    assert os.pread(fd, 7, 10) == b'by hand'
    with pytest.raises(OSError):
        os.pwrite(fd, b'x', 0)
    os.close(fd)
    refuses('InvalidArgument', region.open_memory, readonly=True, says=['readonly', 'read-only'])


def test_vectors_are_handed_over(ivt, bus, region):
    peer = peer_of(ivt, region)
    peer.wait_peer(255, 4)
    fed = region.open_vector(1)
    peer.ring(255, 1, 5)
    region.client.wait(lambda: region.get('Statistics')['interrupts_received'] == 5)
    assert os.eventfd_read(fed) == 5

    holder = Client(bus.address)
    real = holder.region('demo').open_vector(2, exclusive=True)
    refuses('Busy', region.open_vector, 2, exclusive=True)
    peer.ring(255, 2, 7)
    assert os.eventfd_read(real) == 7
    assert region.get('Statistics')['interrupts_received'] == 5
    peer.ring(255, 2, 9)
    holder.stop()
    # What was rung meanwhile is not lost: the daemon reads it when the holder has left.
    region.client.wait(lambda: region.get('Statistics')['interrupts_received'] == 14)
    os.close(real)
    os.close(fed)
    refuses('OutOfRange', region.open_vector, 4)


def test_doorbells_are_handed_over(ivt, region):
    """Whoever writes the descriptor rings, without the daemon."""
    peer = peer_of(ivt, region)
    doorbell = region.open_doorbell(peer.id, 2)
    os.eventfd_write(doorbell, 3)
    assert peer.wait_ring(2) == 3
    os.close(doorbell)
    own = region.open_doorbell(255, 1)
    os.eventfd_write(own, 1)
    region.client.wait(lambda: region.get('Statistics')['interrupts_received'] == 1)
    os.close(own)
    refuses('OutOfRange', region.open_doorbell, peer.id, 4)
    refuses('NotFound', region.open_doorbell, 77, 0)
    refuses('NotFound', region.open_doorbell, 0xFFFFFFFF, 0)


def test_join_makes_a_new_peer_under_the_callers_name(ivt, region):
    peer = ivt.peer(fd=region.join(), vectors=4)
    region.wait_property('PeerCount', 1)
    assert region.peers()[peer.id]['uid'] == os.getuid()
    assert region.peers()[peer.id]['pid'] == os.getpid()
    peer.wait_peer(255, 4)
    region.ring(peer.id, 3)
    assert peer.wait_ring(3) == 1
    with peer.map() as memory:
        memory[0:4] = b'join'
    assert region.read(0, 4) == b'join'


# Watches.

def test_watch_tells_what_changed_and_only_its_owner(ivt, bus, region):
    signals = region.client.signals(REGION, region.path)
    others = ivt.client(bus).region('demo').subscribe()
    watch = region.call('Watch', 8192, 100, 10_000)
    region.client.pause(100)
    region.write(8000, b'outside')
    region.write(8192 + 50, b'inside')
    _watch, offset, length = signals.wait('Changed', watch)
    assert 8192 <= offset <= 8242 and offset + length >= 8248
    assert others.of('Changed') == []
    assert region.call('ListWatches') == [{'watch': watch, 'offset': 8192, 'length': 100, 'min_interval_usec': 10_000}]
    assert ivt.client(bus).region('demo').call('ListWatches') == []
    refuses('NotFound', ivt.client(bus).region('demo').call, 'Unwatch', watch)
    region.call('Unwatch', watch)
    refuses('NotFound', region.call, 'Unwatch', watch)


def test_watch_limits(region):
    refuses('InvalidArgument', region.call, 'Watch', 0, 0, 10_000)
    refuses('InvalidArgument', region.call, 'Watch', 0, 1, 999, says='1000')
    refuses('OutOfRange', region.call, 'Watch', 4 * MIB, 1, 1000)
    for _ in range(64):
        region.call('Watch', 0, 1, 60_000_000)
    refuses('Limit', region.call, 'Watch', 0, 1, 60_000_000)


# The list of regions.

def test_region_that_is_not_there_is_not_found(client, region):
    for name in ['nope', '0', 'a.b']:
        refuses('NotFound', client.region(name).read, 0, 1, says='region')
        refuses('NotFound', client.region(name).get, 'Size')
    client.detach('demo')
    refuses('NotFound', region.read, 0, 1)


def test_object_manager_and_property_signals(client):
    added = client.signals(OBJECT_MANAGER, ROOT)
    region = client.attach('doorbell-server', 'late', size='1M')
    path, interfaces = added.wait('InterfacesAdded', region.path)
    assert interfaces[REGION]['Size'] == MIB
    changed = client.signals('org.freedesktop.DBus.Properties', region.path)
    fd = region.join()
    client.wait(lambda: any(values[1].get('PeerCount') == 1 for values in changed.of('PropertiesChanged')))
    refuses('Busy', client.detach, 'late', says='force')
    client.detach('late', force=True)
    assert added.wait('InterfacesRemoved', path)[1] == [REGION]
    assert client.objects() == {}
    refuses('NotFound', client.detach, 'late')
    os.close(fd)


def test_subscriber_is_told_of_the_end(client, region):
    signals = region.subscribe()
    client.detach('demo')
    signals.wait('StateChanged', 'closed')


# Real clients that nobody here wrote.

def test_busctl_and_gdbus(ivt, bus, region):
    region.write(0, b'\x2a')
    name = 'org.ivshmem.Daemon1'
    tree = ivt.run(['busctl', '--address', bus.address, 'tree', '--list', name]).out
    assert region.path in tree
    read = ivt.run(['busctl', '--address', bus.address, 'call', name, region.path, REGION, 'Read', 'tt', '0', '2']).out
    assert read.split() == ['ay', '2', '42', '0']
    size = ivt.run(['busctl', '--address', bus.address, 'get-property', name, region.path, REGION, 'Size']).out
    assert size.split() == ['t', str(4 * MIB)]
    introspected = ivt.run(['gdbus', 'introspect', '--address', bus.address, '--dest', name, '--object-path',
                            region.path]).out
    assert 'OpenVector' in introspected and 'Generation' in introspected
    called = ivt.run(['gdbus', 'call', '--address', bus.address, '--dest', name, '--object-path', region.path,
                      '--method', f'{REGION}.Ring', '1', '0'])
    assert called.code != 0 and 'org.ivshmem.Error.NotFound' in called.err


# Who may.

CONFIG = '''
[region open]
plugin=doorbell-server
size=1M
allow-read=user:nobody
allow-handover=user:nobody

[region shut]
plugin=doorbell-server
size=1M
'''


def call_as_nobody(ivt, bus, path, method, *arguments):
    return ivt.run(['gdbus', 'call', '--address', bus.address, '--dest', 'org.ivshmem.Daemon1', '--object-path', path,
                    '--method', method, *arguments], user=NOBODY)


@pytest.mark.skipif(os.getuid() != 0, reason='allowed: needs root to become another user')
def test_who_is_not_allowed_is_denied(ivt):
    bus = ivt.bus(everybody=True)
    ivt.daemon(bus, config=CONFIG)
    open_path, shut_path = f'{ROOT}/region/open', f'{ROOT}/region/shut'
    assert call_as_nobody(ivt, bus, open_path, f'{REGION}.Read', '0', '1').code == 0
    assert call_as_nobody(ivt, bus, open_path, 'org.freedesktop.DBus.Properties.GetAll', REGION).code == 0
    for path, method, arguments in [
            (open_path, f'{REGION}.Write', ['0', '[byte 1]']),
            (open_path, f'{REGION}.Ring', ['1', '0']),
            (open_path, f'{REGION}.OpenMemory', ['{}']),
            (open_path, f'{REGION}.Join', []),
            (shut_path, f'{REGION}.Join', []),
            (shut_path, f'{REGION}.OpenVector', ['0', '{}']),
            (open_path, f'{REGION}.Wait', ['0', '4', 'equals', '0', '0', "{'set': <'1'>}"]),
            (shut_path, f'{REGION}.Read', ['0', '1']),
            (shut_path, f'{REGION}.Subscribe', []),
            (shut_path, 'org.freedesktop.DBus.Properties.Get', [REGION, 'Size']),
            (shut_path, 'org.freedesktop.DBus.Properties.GetAll', [REGION]),
            (ROOT, 'org.ivshmem.Daemon1.Manager.Attach', ['doorbell-server', 'mine', '{}']),
            (ROOT, 'org.ivshmem.Daemon1.Manager.Detach', ['open', '{}']),
            (ROOT, 'org.ivshmem.Daemon1.Manager.ListCandidates', ['host-plain'])]:
        result = call_as_nobody(ivt, bus, path, method, *arguments)
        assert result.code != 0, f'{method} {arguments}: {result.out}'
        assert 'org.ivshmem.Error.Denied' in result.err, result.err
    seen = call_as_nobody(ivt, bus, ROOT, f'{OBJECT_MANAGER}.GetManagedObjects').out
    assert open_path in seen and shut_path not in seen
    assert re.search(r'PeerCount', seen)
