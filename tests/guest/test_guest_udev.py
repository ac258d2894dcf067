# SPDX-License-Identifier: LGPL-3.0-or-later
"""The udev rules, in a guest with Debian's systemd-udevd: who may do what with which device."""

import re

import pytest

import debian
from ivt import Qemu

MIB = 1 << 20
VECTORS = 4
DAEMON = 255
LIMIT = 60

OURS = '0000:00:10.0'       # alone in its IOMMU group
LEFT = '0000:00:11.0'       # the operator wants it for another driver
CLAIMED = '0000:00:12.0'    # driver_override is somebody else's already

LOCAL_RULES = f'''
SUBSYSTEM=="pci", KERNEL=="{LEFT}", ENV{{IVSHMEMD_BIND}}="no"
SUBSYSTEM=="pci", KERNEL=="{CLAIMED}", ATTR{{driver_override}}="pci-stub"
'''

# What /init has not done: kmod by name, users, and the manager of devices.
START = '''
ln -sf kmod /bin/modprobe
mkdir -p /run/udev /etc
systemd-sysusers 2>/dev/null
/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add
udevadm settle --timeout=60
'''

# Of a device: address, driver, its group's node with owner and mode.
SHOW = '''
for device in /sys/bus/pci/devices/*; do
  [ "$(cat $device/vendor):$(cat $device/device)" = 0x1af4:0x1110 ] || continue
  driver=none; group=none
  [ ! -e $device/driver ] || driver=$(basename $(readlink $device/driver))
  [ ! -e $device/iommu_group ] || group=/dev/vfio/$(basename $(readlink $device/iommu_group))
  echo $(basename $device) driver=$driver enable=$(cat $device/enable) \
    node=$(stat -c %U:%G:%a $group 2>/dev/null || echo none) \
    files=$(for name in resource0 resource2 resource2_wc; do stat -c %U:%G:%a $device/$name; done | sort -u)
done
'''
AS_IVSHMEMD = '/bin/setpriv --reuid ivshmemd --regid ivshmemd --clear-groups --bounding-set=-all --inh-caps=-all '

GIVEN = 'root:ivshmemd:660'


class Machine:
    """A guest, and the host's regions that its devices have joined."""

    def __init__(self, ivt):
        bus = ivt.bus()
        ivt.daemon(bus)
        client = ivt.client(bus)
        self.region, self.second = [client.attach('doorbell-server', name, size=MIB, vectors=VECTORS)
                                    for name in ('first', 'second')]
        memory = [argument for number in range(3) for argument in
                  ('-object', f'memory-backend-ram,id=m{number},size=1M,share=on')]
        installed = debian.installed(ivt)
        files = {**installed, **debian.udev(), **debian.modules(ivt, debian.VFIO),
                 '/etc/udev/rules.d/59-ivshmemd-local.rules': ivt.file('local.rules', LOCAL_RULES)}
        self.prefix = debian.prefix(installed)
        self.guest = ivt.guest([
            '-device', 'intel-iommu,intremap=on', *memory,
            *Qemu.doorbell(self.region.get('Options')['socket'], VECTORS, addr='0x10'),
            '-device', 'ivshmem-plain,memdev=m0,addr=0x11',
            '-device', 'ivshmem-plain,memdev=m1,addr=0x12',
            '-device', 'pcie-pci-bridge,id=shared,addr=0x13',
            '-device', 'ivshmem-plain,memdev=m2,bus=shared,addr=1',
            '-device', 'pci-testdev,bus=shared,addr=2',
            '-device', 'pcie-root-port,id=socket0,chassis=1,addr=0x14',
        ], files=files, append='intel_iommu=on', memory=192)
        self.guest.sh(START)

    def shown(self):
        """{address: {what: how}} of each ivshmem device."""
        found = {}
        for line in self.guest.sh(SHOW).splitlines():
            address, *words = line.split()
            found[address] = dict(word.split('=') for word in words)
        return found

    def as_ivshmemd(self, address, command):
        return self.guest.begin(f'IVTOOL_DEVICE={address} {AS_IVSHMEMD} ivtool {command}')


@pytest.fixture(scope='module')
def machine(module_ivt):
    return Machine(module_ivt)


def test_rules_are_read_without_complaint(machine):
    output = machine.guest.sh(f'udevadm test --action=add /sys/bus/pci/devices/{OURS} 2>&1')
    assert f"{machine.prefix}/lib/udev/ivshmemd-device prepare {OURS} bind'" in output
    assert not [line for line in output.splitlines() if re.search(r'ivshmemd.*\.rules:\d+', line)
                and re.search('nvalid|Unknown|gnor|fail', line)], output


def test_device_is_bound_and_given(machine):
    shown = machine.shown()[OURS]
    assert shown == {'driver': 'vfio-pci', 'enable': shown['enable'], 'node': GIVEN, 'files': GIVEN}
    assert int(shown['enable']) > 0


@pytest.mark.parametrize('address', [LEFT, CLAIMED])
def test_operators_word_goes_before(machine, address):
    """It is not bound, but its memory is for the daemon all the same."""
    assert machine.shown()[address] == {'driver': 'none', 'enable': '1', 'node': 'none', 'files': GIVEN}


def test_group_with_others_is_left_alone(machine):
    """Who may open the group may open the other device in it, too."""
    [shared] = [how for address, how in machine.shown().items() if not address.startswith('0000:00')]
    assert shared == {'driver': 'none', 'enable': '1', 'node': 'none', 'files': GIVEN}


def test_node_of_another_group_stays_roots(machine):
    """A device of another kind that an operator binds to vfio-pci."""
    assert machine.guest.sh('''
      device=$(dirname $(grep -lx 0x0005 /sys/bus/pci/devices/*/device))
      echo vfio-pci >$device/driver_override
      basename $device >/sys/bus/pci/drivers_probe
      udevadm settle
      stat -c %U:%G:%a /dev/vfio/$(basename $(readlink $device/iommu_group))
      echo >$device/driver_override
      basename $device >$device/driver/unbind
    ''') == 'root:root:600\n'


def test_nobody_in_particular_receives_interrupts(machine):
    """A program without a single capability, as the daemon's user."""
    seat = machine.guest
    signals = machine.region.subscribe()
    number = machine.as_ivshmemd(OURS, f'interrupts 2 {LIMIT} {DAEMON}')
    seat.wait_output(number, 'ready')
    (peer,) = machine.region.peers()
    for vector in (3, 1):
        machine.region.ring(peer, vector)
        assert signals.wait('Interrupt', timeout=LIMIT) == (vector, 1)
        signals.clear()
    assert seat.result(number) == 'ready\nvector 3\nvector 1\n'


def test_nobody_in_particular_maps_memory(machine):
    machine.guest.sh(f'test "$(IVTOOL_DEVICE={LEFT} {AS_IVSHMEMD} ivtool size)" = {MIB}')
    machine.guest.result(machine.as_ivshmemd(LEFT, 'write 4096 cafe'))
    assert machine.guest.result(machine.as_ivshmemd(LEFT, 'read 4096 2')) == 'cafe\n'


def test_strangers_get_nothing(machine):
    stranger = '/bin/setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all '
    for address, command in ((OURS, 'interrupts 1 1'), (LEFT, 'read 0 1')):
        with pytest.raises(AssertionError, match='Permission denied'):
            machine.guest.sh(f'IVTOOL_DEVICE={address} {stranger} ivtool {command}')


def test_hot_plug(machine):
    """Bound and given like the others; nothing has to be called for it."""
    known = machine.shown()
    machine.guest.qemu.plug(machine.second.get('Options')['socket'], VECTORS, 'hot', bus='socket0')
    machine.guest.sh('''
      until ls /dev/vfio | grep -q '[0-9]' && [ $(ls -d /sys/bus/pci/drivers/vfio-pci/0* | wc -l) = 2 ]; do sleep 0.1; done
      udevadm settle
    ''', timeout=LIMIT)
    [(address, shown)] = [(address, shown) for address, shown in machine.shown().items() if address not in known]
    assert (shown['driver'], shown['node'], shown['files']) == ('vfio-pci', GIVEN, GIVEN)
    number = machine.as_ivshmemd(address, f'interrupts 1 {LIMIT}')
    machine.guest.wait_output(number, 'ready')
    (peer,) = machine.second.peers()
    machine.second.ring(peer, 2)
    assert machine.guest.result(number) == 'ready\nvector 2\n'
    # And away again, while nobody holds it.
    machine.guest.qemu.unplug('hot')
    machine.guest.sh(f'while [ -e /sys/bus/pci/devices/{address} ]; do sleep 0.1; done', timeout=LIMIT)
    assert machine.shown() == known
