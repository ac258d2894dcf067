# SPDX-License-Identifier: LGPL-3.0-or-later
"""The daemon with PCI devices that umockdev plays: what no QEMU shows, and what needs no guest.

The BARs are ordinary files, so a region by way of sysfs is memory like any other. There is no vfio.
"""

import os
import shutil
import struct

import gi
import pytest

from ivt.client import DBusError

gi.require_version('UMockdev', '1.0')
from gi.repository import UMockdev  # noqa: E402  pylint: disable=wrong-import-position

MIB = 1 << 20
FIRST, SECOND, THIRD = '0000:00:04.0', '0000:00:05.0', '0001:00:04.0'
MANAGER = 'org.ivshmem.Daemon1.Manager'
MEMORY_AT = 0xfe00000000


def config_space(vectors):
    """An ivshmem device's, with memory accesses enabled."""
    space = bytearray(256)
    struct.pack_into('<HHHH', space, 0, 0x1af4, 0x1110, 0x0003, 0x0010 if vectors else 0)
    space[8] = 1
    space[0x18] = 0x0c
    if vectors:
        space[0x34] = 0x40
        struct.pack_into('<BBH', space, 0x40, 0x11, 0, vectors - 1)
    return bytes(space)


def resource_line(first, size, flags):
    return f'0x{first:016x} 0x{first + size - 1 if size else 0:016x} 0x{flags:016x}\n'


class Bed:
    """A /sys of its own, for the daemon that is started with environment."""

    def __init__(self):
        assert 'umockdev' in os.environ.get('LD_PRELOAD', ''), 'this file wants umockdev-wrapper around its Python'
        self.bed = UMockdev.Testbed.new()
        self.root = self.bed.get_root_dir()
        self.environment = {'UMOCKDEV_DIR': self.root}

    def file(self, path):
        return os.path.join(self.root, 'sys', path)

    def bar(self, address, bar):
        return self.file(f'devices/{address}/resource{bar}')

    def put(self, path, text):
        os.makedirs(os.path.dirname(self.file(path)), exist_ok=True)
        with open(self.file(path), 'w', encoding='ascii') as file:
            file.write(text)

    def plug(self, address, size, vectors=2, own_id=7, bars=None):
        """Its files are there before udev tells of it. bars: the text of its file `resource`."""
        bars = bars or (resource_line(0xfebf1000, 256, 0x40200)
                        + resource_line(0xfebf2000 if vectors else 0, 4096 if vectors else 0, 0x40200 if vectors else 0)
                        + resource_line(MEMORY_AT, size, 0x14220c))
        place = os.path.join('devices', address)
        registers = bytearray(4096)
        struct.pack_into('<I', registers, 8, own_id)
        self.put(f'{place}/revision', '0x01\n')
        with open(self.bar(address, 0), 'wb') as file:
            file.write(registers)
        for name in ('2', '2_wc'):
            with open(self.bar(address, name), 'wb') as file:
                file.truncate(size)
        with open(self.file(f'{place}/config'), 'wb') as file:
            file.write(config_space(vectors))
        self.bed.add_device(
            'pci', address, None,
            ['vendor', '0x1af4\n', 'device', '0x1110\n', 'class', '0x050000\n', 'enable', '1\n',
             'driver_override', '(null)\n', 'resource', bars],
            ['PCI_ID', '1AF4:1110', 'PCI_SLOT_NAME', address])

    def group(self, number, *addresses):
        place = self.file(f'kernel/iommu_groups/{number}/devices')
        os.makedirs(place, exist_ok=True)
        for address in addresses:
            os.symlink(f'../../kernel/iommu_groups/{number}', self.file(f'devices/{address}/iommu_group'))
            os.symlink(f'../../../../devices/{address}', os.path.join(place, address))

    def unplug(self, address):
        """As the kernel does it: first there is nothing left in sysfs, then it is told."""
        place = self.file(f'devices/{address}')
        os.unlink(self.file(f'bus/pci/devices/{address}'))
        for name in set(os.listdir(place)) - {'uevent', 'subsystem'}:
            os.unlink(os.path.join(place, name))
        self.bed.uevent(f'/sys/devices/{address}', 'remove')
        shutil.rmtree(place)

    def stop(self):
        self.bed = None  # which removes its files

    def sections(self):
        return []


@pytest.fixture(name='bed')
def _bed(ivt):
    return ivt.own(Bed())


@pytest.fixture(name='client')
def _client(ivt, bus, bed):
    """Of a daemon that runs on the bed."""
    ivt.daemon(bus, env=bed.environment, config='[daemon]\nlog-level=info\n')
    return ivt.client(bus)


def candidates(client):
    return {candidate['name']: candidate for candidate in client.manager('ListCandidates', 'guest-linux')}


def refused(client, code, *says, **options):
    with pytest.raises(DBusError) as caught:
        client.attach('guest-linux', 'refused', **options)
    assert caught.value.code == code, caught.value
    for part in says:
        assert part in caught.value.message


# --- candidates ---


def test_candidates(bed, client):
    assert candidates(client) == {}
    bed.plug(FIRST, 4 * MIB)
    bed.plug(SECOND, MIB, vectors=0)
    bed.plug(THIRD, 4 * MIB, bars=resource_line(0xfebf1000, 256, 0x40200) + 2 * resource_line(0, 0, 0))
    found = candidates(client)
    assert sorted(found) == [FIRST, SECOND, THIRD]

    first = found[FIRST]
    assert {key: first[key] for key in (
        'plugin', 'size', 'revision', 'type', 'vectors', 'bar0-bytes', 'bar1-bytes', 'enabled', 'write-combined',
        'best-way', 'sysfs', 'interrupts')} == {
            'plugin': 'guest-linux', 'size': 4 * MIB, 'revision': 1, 'type': 'doorbell', 'vectors': 2,
            'bar0-bytes': 256, 'bar1-bytes': 4096, 'enabled': True, 'write-combined': True,
            'best-way': 'sysfs', 'sysfs': 'open', 'interrupts': False}
    assert not {'driver', 'iommu-group', 'group-members', 'fault'} & set(first)
    assert first['vfio'].startswith('this machine has no IOMMU; start QEMU with')

    assert found[SECOND]['type'] == 'plain' and found[SECOND]['vectors'] == 0
    assert 'BAR2' in found[THIRD]['fault'] and found[THIRD]['best-way'] == 'none'


def test_groups_and_lockdown(bed, client):
    bed.plug(FIRST, 4 * MIB)
    bed.bed.add_device('pci', SECOND, None, ['class', '0x020000\n'], ['PCI_ID', '1AF4:1041'])
    bed.group(7, FIRST, SECOND)
    os.makedirs(bed.file('bus/pci/drivers/vfio-pci'))
    bed.put('kernel/security/lockdown', 'none [integrity] confidentiality\n')
    found = candidates(client)[FIRST]
    assert found['iommu-group'] == 7 and found['group-members'] == f'{SECOND} (no driver)'
    assert found['lockdown'] == 'integrity' and found['best-way'] == 'none'
    assert 'vfio-pci is not loaded' in found['vfio'] and 'modprobe vfio-pci' in found['vfio']
    assert 'locked down (integrity)' in found['sysfs'] and 'use vfio' in found['sysfs']
    refused(client, 'NotSupported', 'locked down', 'modprobe vfio-pci', device=FIRST)


def test_come_and_go(bed, client):
    assert candidates(client) == {}
    signals = client.signals(MANAGER)
    bed.plug(FIRST, MIB)
    signals.wait('CandidateAdded', 'guest-linux', FIRST)
    bed.plug(SECOND, MIB)
    signals.wait('CandidateAdded', 'guest-linux', SECOND)
    bed.unplug(FIRST)
    signals.wait('CandidateRemoved', 'guest-linux', FIRST)
    assert list(candidates(client)) == [SECOND]
    assert signals.of('CandidateAdded') == [('guest-linux', FIRST), ('guest-linux', SECOND)]
    assert signals.of('CandidateRemoved') == [('guest-linux', FIRST)]


# --- regions ---


def test_region(bed, client):
    bed.plug(FIRST, MIB, own_id=5)
    region = client.attach('guest-linux', 'demo')
    assert region.get('Size') == MIB and region.get('OwnId') == 5 and region.get('Vectors') == 0
    capabilities = set(region.get('Capabilities'))
    assert {'read', 'write', 'atomic', 'ring', 'own-id', 'memory-fd'} <= capabilities
    assert not {'receive', 'vector-fd', 'peers', 'join'} & capabilities

    region.write(MIB - 5, b'there')
    with open(bed.bar(FIRST, '2_wc'), 'rb') as file:
        file.seek(MIB - 5)
        assert file.read() == b'there'
    region.ring(9, 3)
    with open(bed.bar(FIRST, 0), 'rb') as file:
        file.seek(12)
        assert struct.unpack('<I', file.read(4)) == (9 << 16 | 3,)
    client.detach('demo')


def test_uncached(bed, client):
    bed.plug(FIRST, MIB, vectors=0)
    region = client.attach('guest-linux', 'demo', device='index:0', access='sysfs', memory='uc')
    region.write(0, b'x')
    with open(bed.bar(FIRST, 2), 'rb') as file:
        assert file.read(1) == b'x'
    assert not {'ring', 'own-id', 'receive'} & set(region.get('Capabilities'))


def test_which(bed, client):
    refused(client, 'NotFound', 'has no ivshmem device')
    bed.plug(FIRST, MIB)
    bed.plug(SECOND, 4 * MIB)
    bed.plug(THIRD, MIB)
    refused(client, 'Busy', '3 devices fit', FIRST, SECOND, THIRD)
    refused(client, 'Busy', '2 devices fit', FIRST, THIRD, device='size:1M')
    refused(client, 'NotFound', FIRST, device='00:06.0')
    refused(client, 'InvalidArgument', "device='eth0'", device='eth0')
    assert client.attach('guest-linux', 'by-size', device='size:4M').get('Size') == 4 * MIB


def test_faults(bed, client):
    """Each says what is wrong."""
    bed.plug(FIRST, MIB, bars=resource_line(0xfebf1000, 128, 0x40200) + resource_line(0xfebf2000, 4096, 0x40200)
             + resource_line(MEMORY_AT, MIB, 0x14220c))
    refused(client, 'NotSupported', '(BAR0) have 128 bytes', device=FIRST)
    bed.plug(SECOND, MIB, bars=resource_line(0xfebf1000, 256, 0x40200) + resource_line(0xfebf2000, 4096, 0x40200)
             + resource_line(0, 0, 0))
    refused(client, 'NotSupported', '(BAR2) was given no address', device=SECOND)
    bed.plug(THIRD, MIB)
    refused(client, 'NotSupported', 'this machine has no IOMMU', '-device intel-iommu', device=THIRD, access='vfio')


@pytest.mark.skipif(os.geteuid() != 0, reason='allowed: needs other users, so root')
def test_permission(bed, ivt, bus):
    bed.plug(FIRST, MIB)
    for bar in ('0', '2', '2_wc'):
        os.chmod(bed.bar(FIRST, bar), 0o600)
    everybody = ivt.bus(everybody=True)
    os.chmod(bed.root, 0o755)
    ivt.daemon(everybody, env=bed.environment, user=(65534, 65534), config='[daemon]\nallow-attach=*\nallow-see=*\n')
    client = ivt.client(everybody)
    found = candidates(client)[FIRST]
    assert 'user 65534 may not open' in found['sysfs'] and 'udev rules' in found['sysfs']
    refused(client, 'NotSupported', 'user 65534 may not open', device=FIRST)


def test_lost(bed, client):
    bed.plug(FIRST, MIB)
    region = client.attach('guest-linux', 'demo')
    region.write(0, b'x')
    bed.unplug(FIRST)
    region.wait_property('State', 'lost')
    with pytest.raises(DBusError) as caught:
        region.read(0, 1)
    assert caught.value.code == 'RegionLost'
    bed.plug(SECOND, MIB)
    assert client.attach('guest-linux', 'another').read(0, 1) == b'\0'


# --- the doctor says the same ---


def test_doctor(bed, client, ivt, bus):
    bed.plug(FIRST, MIB)
    bed.put('kernel/security/lockdown', 'none [integrity] confidentiality\n')
    found = candidates(client)[FIRST]
    findings = ivt.ctl('--bus-address', bus.address, '--json', 'doctor', bus=bus).json()['findings']
    of_device = [finding for finding in findings if finding['check'] == 'PCI 00:04.0']
    assert [finding['level'] for finding in of_device].count('problem') == 1
    said = {f"{finding['finding'].split(': ', 1)[-1]}; {finding['remedy']}" for finding in of_device}
    assert found['vfio'] in said
    assert any(text.endswith(found['sysfs'].split(': ', 1)[-1]) for text in said)
