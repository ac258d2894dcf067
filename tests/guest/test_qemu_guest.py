# SPDX-License-Identifier: LGPL-3.0-or-later
"""The main job on real input: a Linux guest in QEMU and the daemon share a region and ring each other."""

import pytest

MIB = 1 << 20
VECTORS = 4
DAEMON = 255


@pytest.fixture
def region(client):
    return client.attach('doorbell-server', 'lab', size='1M', vectors=VECTORS)


@pytest.fixture
def join(ivt, region):
    """Boots a guest that has joined the region."""
    def boot(**keywords):
        socket = region.get('Options')['socket']
        return ivt.guest(['-chardev', f'socket,path={socket},id=c',
                          '-device', f'ivshmem-doorbell,vectors={VECTORS},chardev=c'], **keywords)
    return boot


def test_bytes_and_rings_without_a_driver(region, join):
    signals = region.subscribe()
    guest = join()
    own = int(guest.sh('ivtool id'))
    assert list(region.peers()) == [own]
    signals.wait('PeerConnected', own, VECTORS)

    region.write(4096, b'from the daemon')
    assert bytes.fromhex(guest.sh('ivtool read 4096 15')) == b'from the daemon'
    pending = region.begin('Wait', MIB - 4, 4, 'equals', '0x100feca', 30_000_000, {})
    guest.sh(f'ivtool write {MIB - 4} cafe0001')
    assert region.read(MIB - 4, 4) == bytes.fromhex('cafe0001')
    assert pending.result() == (True, '0x100feca')

    # The guest rings the daemon: each ring comes as a signal with its own vector.
    for vector in (3, 0, 2, 1):
        guest.sh(f'ivtool ring {DAEMON} {vector}')
        signals.wait('Interrupt', vector, 1)
    assert sorted(signals.of('Interrupt')) == [(vector, 1) for vector in range(VECTORS)]

    # The daemon rings the guest: the vector's bit appears, and no other.
    guest.sh('ivtool arm')
    assert region.ring(own, 2) == 1
    guest.sh('ivtool await-pending 2 30')
    assert guest.sh('ivtool pending') == '2\n'

    guest.qemu.kill()
    signals.wait('PeerDisconnected', own)
    assert region.peers() == {}


def test_interrupts_with_vfio(region, join):
    guest = join(vfio=True)
    own = next(iter(region.peers()))
    number = guest.begin('ivtool interrupts 3 60')
    guest.wait_output(number, 'ready')
    for vector in (1, 3, 0):
        assert region.ring(own, vector) == 1
        guest.wait_output(number, f'vector {vector}')
    assert guest.result(number) == 'ready\nvector 1\nvector 3\nvector 0\n'


def test_two_guests_and_the_daemon(region, join):
    first, second = join(name='first'), join(name='second')
    ids = [int(guest.sh('ivtool id')) for guest in (first, second)]
    assert list(region.peers()) == sorted(ids)
    second.sh('ivtool arm')
    first.sh(f'ivtool ring {ids[1]} 1')
    second.sh('ivtool await-pending 1 30')
    first.sh('ivtool write 64 0a0b')
    assert second.sh('ivtool read 64 2').strip() == '0a0b'
    assert region.read(64, 2) == b'\x0a\x0b'
