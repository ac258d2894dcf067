# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every way into an ivshmem device of a real guest: what each gives, what closes it, and what is said then.

Each kind of machine boots once, with every device that its tests need; a
device is known in the guest by the size of its region.
"""

import http.client
import os
import threading

import pytest

from ivt import DBusError, Qemu
from ivt.client import MANAGER, ROOT, options
from ivt.live import Events

MIB = 1 << 20
HOST_ID = 255
LIMIT = 60
BASE = {'read', 'write', 'atomic'}
VFIO = BASE | {'ring', 'receive', 'own-id', 'vector-fd'}
SYSFS = BASE | {'ring', 'own-id', 'memory-fd'}
PCI = '/sys/bus/pci'
# Sizes in MiB of the regions that a q35 has, and the vectors of those with a doorbell.
DOORBELLS = {1: 4, 2: 256, 4: 300, 8: 4, 16: 4}
PLAIN = 64


class Host:
    """A host's daemon with a region of each size."""

    def __init__(self, ivt):
        self.ivt = ivt
        bus = ivt.bus()
        self.http_path = ivt.path('http.sock')
        ivt.daemon(bus, args=['--http', f'unix:{self.http_path}'])
        self.client = ivt.client(bus)

    def serve(self, size, vectors=4):
        return self.client.attach('doorbell-server', f'size{size}', size=size * MIB, vectors=vectors)

    def events(self):
        return self.ivt.own(Events(self.http_path, '?type=interrupt'))


class Machine:
    """A guest's daemon. regions: {MiB: the host's region}"""

    def __init__(self, guest, regions):
        self.guest = guest
        self.client = guest.client
        self.regions = regions

    def candidates(self):
        return {entry['size'] // MIB: entry for entry in self.client.manager('ListCandidates', 'guest-linux')}

    def attach(self, size, **options):
        return self.client.attach('guest-linux', f'r{size}', device=f'size:{size}M', **options)

    def refuse(self, code, size, **options):
        """The sentence of the error."""
        with pytest.raises(DBusError) as caught:
            self.attach(size, **options)
        assert caught.value.code == code, caught.value
        return caught.value.message

    def detach(self, size):
        self.client.detach(f'r{size}')

    def attribute(self, size, name):
        return self.guest.sh(f'cat {PCI}/devices/{self.candidates()[size]["name"]}/{name}').strip()

    def driver(self, size):
        return self.candidates()[size].get('driver')

    def own_id(self, size):
        (peer,) = self.regions[size].peers()
        return peer


def doorbell(path, size, vectors, **more):
    return Qemu.doorbell(path, vectors, f'iv{size}', **more)


def prove_memory(inside, outside):
    outside.write(4096, b'from the host')
    assert inside.read(4096, 13) == b'from the host'
    inside.write(8192, b'from the guest')
    assert outside.read(8192, 14) == b'from the guest'
    outside.write(12288, bytes(8))
    assert inside.atomic('add', 12288, 8, '0x7') == ('0x0', True)
    assert outside.read(12288, 1) == b'\x07'


def prove_rings_out(inside, outside):
    signals = outside.subscribe()
    assert inside.ring(HOST_ID, 2) == 1
    assert signals.wait('Interrupt', timeout=LIMIT) == (2, 1)
    signals.stop()
    outside.call('Unsubscribe')


def prove_interrupts(machine, size, inside, vectors):
    signals = inside.subscribe()
    for vector in vectors:
        machine.regions[size].ring(inside.get('OwnId'), vector)
        assert signals.wait('Interrupt', timeout=LIMIT) == (vector, 1)
        signals.clear()
    signals.stop()
    inside.call('Unsubscribe')


def prove_polling(inside, outside):
    """wait needs no interrupt."""
    outside.write(0, bytes(4))
    pending = inside.begin('Wait', 0, 4, 'equals', '0x64636261', LIMIT * 10 ** 6, {}, timeout=LIMIT)
    outside.write(0, b'abcd')
    assert pending.result(LIMIT) == (True, '0x64636261')


@pytest.fixture(scope='module')
def host(module_ivt):
    return Host(module_ivt)


@pytest.fixture(scope='module')
def q35(module_ivt, host):
    """An IOMMU, and behind it on pcie.0: 1, 2 and 4 MiB and a plain one; 8 MiB behind a bridge with a network
    device; 16 MiB on a root port of its own."""
    regions = {size: host.serve(size, vectors) for size, vectors in DOORBELLS.items()}
    paths = {size: region.get('Options')['socket'] for size, region in regions.items()}
    file = f'/dev/shm/{os.path.basename(module_ivt.dir)}.plain'
    regions[PLAIN] = host.client.attach('host-plain', 'plain', path=file, size=PLAIN * MIB, create=True, keep=False)
    devices = ['-object', f'memory-backend-file,id=plain,share=on,mem-path={file},size={PLAIN}M',
               '-device', 'ivshmem-plain,memdev=plain']
    for size in (1, 2, 4):
        devices += doorbell(paths[size], size, DOORBELLS[size])
    devices += ['-device', 'pcie-root-port,id=port0,chassis=1', '-device', 'pcie-pci-bridge,id=bridge,bus=port0']
    devices += doorbell(paths[8], 8, 4, bus='bridge', addr='1')
    devices += ['-netdev', 'user,id=neighbour,restrict=on',
                '-device', 'virtio-net-pci,netdev=neighbour,romfile=,bus=bridge,addr=2']
    devices += ['-device', 'pcie-root-port,id=port1,chassis=2']
    devices += doorbell(paths[16], 16, 4, bus='port1')
    yield Machine(module_ivt.guest_daemon(devices, vfio=True, name='q35'), regions)
    host.client.detach('plain')


# q35 with an IOMMU.

def test_candidates(q35):
    found = q35.candidates()
    assert sorted(found) == sorted([*DOORBELLS, PLAIN])
    for size, entry in found.items():
        assert entry['type'] == ('plain' if size == PLAIN else 'doorbell')
        assert entry['vectors'] == DOORBELLS.get(size, 0)
        assert (entry['bar0-bytes'], entry['revision']) == (256, 1)
        assert entry['sysfs'] == 'open'
        assert 'CONFIG_VFIO_NOIOMMU' in entry['vfio-noiommu']
        assert entry['iommufd'] != 'open'
    assert found[1]['vfio'] == 'open' and found[1]['best-way'] == 'vfio'
    assert 'group-members' not in found[1]
    assert '(virtio-pci)' in found[8]['group-members']


def test_auto_is_vfio(q35):
    region = q35.attach(1)
    assert region.get('Options')['access'] == 'vfio'
    assert set(region.get('Capabilities')) >= VFIO
    assert (region.get('OwnId'), region.get('Vectors'), region.get('Reason')) == (q35.own_id(1), 4, '')
    prove_memory(region, q35.regions[1])
    prove_rings_out(region, q35.regions[1])
    prove_interrupts(q35, 1, region, (3, 0, 2, 1))
    q35.detach(1)


@pytest.mark.parametrize('memory', ['wc', 'uc'])
def test_memory_kinds(q35, memory):
    """Write-combined memory from sysfs and vfio's interrupts at one time; or everything from vfio."""
    region = q35.attach(1, memory=memory)
    assert region.get('Options')['memory'] == memory
    assert set(region.get('Capabilities')) - {'atomic16'} == VFIO | ({'memory-fd'} if memory == 'wc' else set())
    prove_memory(region, q35.regions[1])
    prove_interrupts(q35, 1, region, (0, 3))
    q35.detach(1)


def test_forced_sysfs(q35):
    region = q35.attach(1, access='sysfs')
    assert set(region.get('Capabilities')) - {'atomic16'} == SYSFS
    assert region.get('OwnId') == q35.own_id(1)
    assert 'interrupts' in region.get('Reason') and region.get('Reason') in q35.guest.log()
    prove_memory(region, q35.regions[1])
    prove_rings_out(region, q35.regions[1])
    prove_polling(region, q35.regions[1])
    with pytest.raises(DBusError) as caught:
        region.open_vector(0)
    assert caught.value.code == 'NotSupported' and region.get('Reason') in caught.value.message
    q35.regions[1].write(4096, b'0123')
    assert q35.guest.sh('handover memory r1 4096 61626364') == b'0123'.hex() + '\n'
    assert q35.regions[1].read(4096, 4) == b'abcd'
    q35.detach(1)


def test_driver_is_given_back(q35):
    """As before: no driver, no override. And only what the daemon itself had done is undone."""
    assert q35.driver(1) is None
    q35.attach(1)
    assert q35.driver(1) == 'vfio-pci'
    q35.detach(1)
    assert q35.driver(1) is None
    assert q35.attribute(1, 'driver_override') == '(null)'
    name = q35.candidates()[1]['name']
    q35.guest.sh(f'echo vfio-pci >{PCI}/devices/{name}/driver_override; echo {name} >{PCI}/drivers_probe')
    q35.attach(1)
    q35.detach(1)
    assert q35.driver(1) == 'vfio-pci'
    q35.guest.sh(f'echo {name} >{PCI}/drivers/vfio-pci/unbind; echo >{PCI}/devices/{name}/driver_override')


def test_plain(q35):
    region = q35.attach(PLAIN)
    assert set(region.get('Capabilities')) - {'atomic16'} == BASE | {'memory-fd'}
    assert (region.get('OwnId'), region.get('Vectors')) == (-1, 0)
    prove_memory(region, q35.regions[PLAIN])
    prove_polling(region, q35.regions[PLAIN])
    with pytest.raises(DBusError) as caught:
        region.ring(HOST_ID, 0)
    assert caught.value.code == 'NotSupported'
    q35.detach(PLAIN)


@pytest.mark.parametrize('size', [2, 4])
def test_more_vectors_than_fit(q35, size):
    """Halved until the kernel has room for them, and said so."""
    region = q35.attach(size)
    vectors, wanted = region.get('Vectors'), DOORBELLS[size]
    assert vectors in (wanted // 2, wanted // 4), vectors
    assert str(wanted) in region.get('Reason') and str(vectors - 1) in region.get('Reason')
    assert region.get('Reason') in q35.guest.log()
    prove_interrupts(q35, size, region, (0, vectors // 2, vectors - 1))
    prove_memory(region, q35.regions[size])
    # What is rung beyond them reaches nobody, and nobody else.
    signals = region.subscribe()
    q35.regions[size].ring(region.get('OwnId'), wanted - 1)
    q35.regions[size].ring(region.get('OwnId'), 1)
    assert signals.wait('Interrupt', timeout=LIMIT) == (1, 1)
    assert signals.of('Interrupt') == [(1, 1)]
    signals.stop()
    q35.detach(size)


def test_group_with_a_neighbour(q35):
    """Behind a bridge all devices are one group; whoever has a driver is in the way, and is named."""
    neighbour = q35.candidates()[8]['group-members']
    address = next(word for word in neighbour.split(', ') if 'virtio-pci' in word).split()[0]
    message = q35.refuse('Busy', 8, access='vfio') if q35.candidates()[8]['vfio'] == 'open' \
        else q35.refuse('NotSupported', 8, access='vfio')
    assert address in message and 'virtio-pci' in message, message
    region = q35.attach(8)
    assert region.get('Options')['access'] == 'sysfs'
    assert address in region.get('Reason')
    prove_memory(region, q35.regions[8])
    q35.detach(8)
    # The remedy works.
    q35.guest.sh(f'echo {address} >{PCI}/drivers/virtio-pci/unbind')
    region = q35.attach(8)
    assert region.get('Options')['access'] == 'vfio', region.get('Reason')
    prove_interrupts(q35, 8, region, (1, 3))
    q35.detach(8)
    q35.guest.sh(f'echo {address} >{PCI}/drivers/virtio-pci/bind')


def test_group_of_another_process(q35):
    name = q35.candidates()[1]['name']
    number = q35.guest.guest.begin(f'export IVTOOL_DEVICE={name}; ivtool interrupts 1 {LIMIT} >/tmp/ivtool 2>&1 & '
                                   'echo $! >/run/ivtool.pid; until grep -q ready /tmp/ivtool; do sleep 0.02; done')
    q35.guest.guest.result(number)
    message = q35.refuse('Busy', 1, access='vfio')
    assert 'another process' in message, message
    q35.guest.sh('kill $(cat /run/ivtool.pid); while [ -e /proc/$(cat /run/ivtool.pid)/fd/0 ]; do sleep 0.02; done')
    region = q35.attach(1)
    assert region.get('Options')['access'] == 'vfio'
    prove_interrupts(q35, 1, region, (2,))
    q35.detach(1)
    q35.guest.sh(f'echo {name} >{PCI}/drivers/vfio-pci/unbind; echo >{PCI}/devices/{name}/driver_override')


def test_unbound_under_us(q35):
    """The region is lost, the daemon lives, and the device can be attached again."""
    region = q35.attach(1)
    name = q35.candidates()[1]['name']
    q35.guest.sh(f'echo {name} >{PCI}/drivers/vfio-pci/unbind', timeout=LIMIT)
    region.wait_property('State', 'lost', LIMIT)
    assert name in region.get('Reason')
    for call in (lambda: region.read(0, 4), lambda: region.ring(HOST_ID, 0), lambda: region.open_memory()):
        with pytest.raises(DBusError) as caught:
            call()
        assert caught.value.code == 'RegionLost', caught.value
    q35.detach(1)
    region = q35.attach(1)
    prove_memory(region, q35.regions[1])
    prove_interrupts(q35, 1, region, (1,))
    q35.detach(1)


def test_one_region_at_a_time(q35):
    """By vfio. Those that come at the same moment do not take the device from each other."""
    address = q35.candidates()[1]['name']
    calls = [q35.client.begin(ROOT, MANAGER, 'Attach', 'guest-linux', f'same{i}', options(device=address))
             for i in range(4)]
    attached = []
    for number, call in enumerate(calls):
        try:
            call.result(LIMIT)
            attached.append(f'same{number}')
        except DBusError as error:
            assert error.code == 'Busy' and 'another region' in error.message, error
    (name,) = attached
    region = q35.client.region(name)
    assert (region.get('State'), region.get('Options')['access']) == ('ready', 'vfio')
    prove_interrupts(q35, 1, region, (0, 3))
    assert 'another region' in q35.refuse('Busy', 1, access='sysfs')
    q35.client.detach(name)
    assert (q35.driver(1), q35.attribute(1, 'driver_override')) == (None, '(null)')


@pytest.mark.parametrize('how', ['unbind', 'remove'])
def test_a_lost_region_takes_nothing_back(q35, how):
    """Its device may be another region's by then."""
    lost = q35.attach(1)
    name = q35.candidates()[1]['name']
    if how == 'unbind':
        q35.guest.sh(f'echo {name} >{PCI}/drivers/vfio-pci/unbind', timeout=LIMIT)
        lost.wait_property('State', 'lost', LIMIT)
        with pytest.raises(DBusError) as caught:
            q35.client.attach('guest-linux', 'next', device=name)
        assert caught.value.code == 'Busy' and 'lost' in caught.value.message
        q35.detach(1)
        return
    q35.guest.sh(f'echo 1 >{PCI}/devices/{name}/remove; echo 1 >{PCI}/rescan', timeout=LIMIT)
    lost.wait_property('State', 'lost', LIMIT)
    region = q35.client.attach('guest-linux', 'next', device=name)
    q35.detach(1)
    prove_interrupts(q35, 1, region, (1,))
    assert region.get('State') == 'ready'
    q35.client.detach('next')


class Readers:
    """Read the region without end, over HTTP, until it is gone."""

    def __init__(self, guest, name):
        self.guest = guest
        self.path = f'/v1/regions/{name}/memory'
        self.reads = 0
        self.last = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.last is None:
            try:
                answer = self.guest.http.get(self.path)
            except http.client.IncompleteRead:
                # It had begun; an answer cannot be taken back, only cut.
                continue
            if answer.status == 200:
                self.reads += 1
            else:
                self.last = answer


@pytest.mark.parametrize('access, memory, how', [
    ('vfio', 'wc', 'remove'), ('vfio', 'uc', 'remove'), ('sysfs', 'auto', 'remove'), ('vfio', 'uc', 'device_del')])
def test_surprise_removal(q35, access, memory, how):
    """Pulled out under who reads, reads no further, waits and listens: the kernel is not kept waiting, the region
    is lost, nothing is touched after that, and the daemon lives."""
    size = 16
    region = q35.attach(size, access=access, memory=memory)
    name = q35.candidates()[size]['name']
    signals = region.subscribe()
    waiter = region.begin('Wait', 0, 8, 'equals', '0xffffffffffffffff', LIMIT * 10 ** 6, {}, timeout=LIMIT)
    stalled = q35.guest.stall(f'/v1/regions/r{size}/memory')
    readers = Readers(q35.guest, f'r{size}')
    q35.client.wait(lambda: readers.reads > 0, LIMIT, 'the first read')
    if how == 'remove':
        q35.guest.sh(f'echo 1 >{PCI}/devices/{name}/remove', timeout=LIMIT)
    else:
        q35.guest.guest.qemu.unplug(f'iv{size}')
    signals.wait('StateChanged', 'lost', timeout=LIMIT)
    readers.thread.join(LIMIT)
    assert readers.last is not None and readers.last.code() == 'region-lost', readers.last
    for call in (lambda: waiter.result(LIMIT), lambda: region.read(0, 4), lambda: region.ring(HOST_ID, 0)):
        with pytest.raises(DBusError) as caught:
            call()
        assert caught.value.code == 'RegionLost', caught.value
    assert size not in q35.candidates()
    assert name in region.get('Reason')
    signals.stop()
    stalled.close()
    q35.detach(size)
    if how == 'remove':
        q35.guest.sh(f'echo 1 >{PCI}/rescan')
        region = q35.attach(size)
        prove_interrupts(q35, size, region, (0,))
        prove_memory(region, q35.regions[size])
        q35.detach(size)
    assert q35.guest.running()


def test_which_device(q35):
    with pytest.raises(DBusError) as caught:
        q35.client.attach('guest-linux', 'which')
    assert caught.value.code in ('Busy', 'InvalidArgument') and q35.candidates()[1]['name'] in caught.value.message
    assert 'there' in q35.refuse('NotFound', 3)


# Other machines.

@pytest.fixture(scope='module')
def one(host):
    """A region for each of the machines below, one after the other."""
    return host.serve(128)


def boot(ivt, one, **keywords):
    return Machine(ivt.guest_daemon(doorbell(one.get('Options')['socket'], 128, 4), **keywords), {128: one})


def test_without_iommu(ivt, one):
    """A pc has none: sysfs by itself, and why there are no interrupts."""
    machine = boot(ivt, one, machine='pc', name='pc')
    entry = machine.candidates()[128]
    assert entry['best-way'] == 'sysfs' and 'IOMMU' in entry['vfio'] and 'iommu-group' not in entry
    region = machine.attach(128)
    assert set(region.get('Capabilities')) - {'atomic16'} == SYSFS
    assert 'IOMMU' in region.get('Reason') and 'intel-iommu' in region.get('Reason')
    assert region.get('OwnId') == machine.own_id(128)
    prove_memory(region, one)
    prove_rings_out(region, one)
    prove_polling(region, one)
    machine.detach(128)
    assert 'IOMMU' in machine.refuse('NotSupported', 128, access='vfio')
    # Hot unplug on a machine whose way says nothing of it by itself.
    region = machine.attach(128)
    machine.guest.guest.qemu.unplug('iv128')
    region.wait_property('State', 'lost', LIMIT)
    assert machine.candidates() == {}


def test_locked_down(ivt, one):
    """As with Secure Boot: vfio alone."""
    machine = boot(ivt, one, vfio=True, append='lockdown=integrity', name='lockdown')
    # Where nothing says so, one learns it by trying.
    assert 'locked down' in machine.refuse('Denied', 128, access='sysfs')
    machine.guest.sh('mount -t securityfs securityfs /sys/kernel/security')
    entry = machine.candidates()[128]
    assert entry['lockdown'] == 'integrity' and entry['best-way'] == 'vfio' and 'locked down' in entry['sysfs']
    message = machine.refuse('NotSupported', 128, access='sysfs')
    assert 'locked down' in message and 'vfio' in message
    region = machine.attach(128)
    assert region.get('Options')['access'] == 'vfio'
    assert set(region.get('Capabilities')) - {'atomic16'} == VFIO
    prove_memory(region, one)
    prove_rings_out(region, one)
    prove_interrupts(machine, 128, region, (0, 3))
    machine.detach(128)
    assert 'locked down' in machine.refuse('Denied', 128, memory='wc')


def test_without_interrupt_remapping(ivt, one):
    """Refused by the kernel, explained with its remedy, which works."""
    machine = boot(ivt, one, vfio=True, intremap=False, name='remap')
    parameter = '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts'
    with pytest.raises(DBusError) as caught:
        machine.attach(128, access='vfio')
    assert caught.value.code in ('Denied', 'NotSupported')
    assert 'intremap=on' in caught.value.message and parameter in caught.value.message
    region = machine.attach(128)
    assert region.get('Options')['access'] == 'sysfs' and parameter in region.get('Reason')
    machine.detach(128)
    machine.guest.sh(f'echo Y >{parameter}')
    region = machine.attach(128)
    assert region.get('Options')['access'] == 'vfio', region.get('Reason')
    prove_memory(region, one)
    prove_interrupts(machine, 128, region, (1, 2))
    # A daemon that stops leaves nothing bound: only it knows what there was before.
    device = f'{PCI}/devices/{machine.candidates()[128]["name"]}'
    assert machine.driver(128) == 'vfio-pci'
    machine.guest.end()
    assert machine.guest.sh(f'cat {device}/driver_override; test -e {device}/driver || echo none') == '(null)\nnone\n'
