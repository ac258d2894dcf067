# SPDX-License-Identifier: LGPL-3.0-or-later
"""Devices that are plugged into a running guest and pulled out of it, and the regions that follow them."""

import pytest

from ivt import DBusError
from ivt.wait import Deadline

MIB = 1 << 20
# Plugged devices sit behind ports of their own: the root bus takes none at run time.
PORTS = ['-device', 'pcie-root-port,id=port1,chassis=1,slot=1', '-device', 'pcie-root-port,id=port2,chassis=2,slot=2']
# The guest blinks its lamp for five seconds before it lets a device go.
LIMIT = 90
CONFIG = '''
[region by-vfio]
plugin=guest-linux
device=size:1M
hotplug=true

[region by-sysfs]
plugin=guest-linux
device=size:2M
access=sysfs
hotplug=true
'''
WAYS = {'by-vfio': ('port1', 1), 'by-sysfs': ('port2', 2)}


class Machine:
    """A host with a region for each way, and a guest that follows them."""

    def __init__(self, ivt):
        bus = ivt.bus()
        ivt.daemon(bus)
        client = ivt.client(bus)
        self.sockets = {name: ivt.path(f'{name}.sock') for name in WAYS}
        self.hosts = {name: client.attach('doorbell-server', name, size=WAYS[name][1] * MIB, vectors=4,
                                          socket=self.sockets[name]) for name in WAYS}
        self.guest = ivt.guest_daemon(PORTS, config=CONFIG, vfio=True)
        self.client = self.guest.client
        self.events = self.guest.events()

    def plug(self, name):
        self.guest.guest.qemu.plug(self.sockets[name], 4, name, WAYS[name][0])

    def unplug(self, name):
        self.guest.guest.qemu.unplug(name)

    def expect(self, *kinds):
        """Events of these types, in any order and each once. {type: event}"""
        seen = {}
        deadline = Deadline(LIMIT)
        while len(seen) < len(kinds):
            event = self.events.take(deadline.left())
            kind = event['type'] + (f' {event["state"]}' if event['type'] == 'state-changed' else '')
            if kind in kinds:
                assert kind not in seen, event
                seen[kind] = event
        return seen


@pytest.fixture(name='machine', scope='module')
def _machine(module_ivt):
    return Machine(module_ivt)


@pytest.mark.parametrize('name', WAYS)
def test_plug_and_pull(machine, name):
    host, region = machine.hosts[name], machine.guest.region(name)
    assert any(f'[{name}] it is attached when a device that fits is there' in line
               for line in machine.guest.log().splitlines())
    for turn in (1, 2):
        machine.plug(name)
        first = {'candidate-added', 'region-attached'} | ({'region-detached'} if turn > 1 else set())
        events = machine.expect(*first)
        address = events['candidate-added']['candidate']
        assert events['candidate-added']['plugin'] == 'guest-linux'
        assert region.get('State') == 'ready'
        text = f'turn {turn}'.encode()
        host.write(0, text)
        assert region.read(0, len(text)) == text
        assert ('receive' in region.get('Capabilities')) == (name == 'by-vfio')

        machine.unplug(name)
        events = machine.expect('state-changed lost', 'candidate-removed')
        assert events['state-changed lost']['region'] == name
        assert events['candidate-removed']['candidate'] == address
        with pytest.raises(DBusError) as caught:
            region.read(0, 1)
        assert caught.value.code == 'RegionLost'
    assert machine.guest.running()
