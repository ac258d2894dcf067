# SPDX-License-Identifier: LGPL-3.0-or-later
"""Devices that come and go: who is told, and regions that follow them (hotplug=true)."""

import json
import os
import re
import shutil

import pytest

from ivt import Deadline, wait_for
from ivt.http import make_token, port_of
from ivt.live import Events, Rest, WebSocket

SIZE = 65536
MANAGER = 'org.ivshmem.Daemon1.Manager'
# A change is told after 2 s at the latest, and a busy machine takes its time.
SETTLED = 10


class Machine:
    """A daemon with the plugin `devices`, and the folder of its devices."""

    def __init__(self, ivt, bus, config='', args=(), **keywords):
        self.ivt = ivt
        self.bus = bus
        if not hasattr(ivt, 'devices'):
            ivt.devices = ivt.make_dir('devices')
            ivt.modules = ivt.plugin_dir()
            module = shutil.copy(os.path.join(ivt.build.dir, 'tests', 'plugin', 'modules', 'devices.so'), ivt.modules)
            os.chmod(module, 0o755)
        self.path = ivt.path('http.sock')
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.daemon = ivt.daemon(bus, config=f'[daemon]\nlog-level=info\n{config}', plugin_dir=ivt.modules,
                                 env={'IVT_DEVICES': ivt.devices}, args=['--http', f'unix:{self.path}', *args],
                                 **keywords)
        self.client = ivt.client(bus)
        self.rest = ivt.own(Rest(self.path))

    def device(self, name):
        return os.path.join(self.ivt.devices, name)

    def plug(self, name, driver='none'):
        """Whole at once, as a device is."""
        hidden = self.device('.' + name)
        with open(hidden, 'w', encoding='ascii') as file:
            file.write(driver + '\n')
            file.truncate(SIZE)
        os.rename(hidden, self.device(name))

    def unplug(self, name):
        os.unlink(self.device(name))

    def events(self, *arguments):
        return self.ivt.own(Events(self.path, *arguments))

    def state(self, name):
        """None: there is no such region."""
        return next((region['state'] for region in self.rest.get('/v1/regions')['regions'] if region['name'] == name),
                    None)

    def wait_state(self, name, state):
        wait_for(lambda: self.state(name) == state, 20, f'region {name} to be {state}')


@pytest.fixture(name='machine')
def _machine(ivt, bus):
    return Machine(ivt, bus)


# --- events ---


def test_each_once_everywhere(machine, ivt):
    machine.client.manager('ListCandidates', 'devices')
    signals = machine.client.signals(MANAGER)
    events = machine.events('?type=candidate-added&type=candidate-removed')
    of_a_region = machine.events('?region=demo')
    socket = ivt.own(WebSocket(machine.path))
    socket.call('subscribe', type='candidate-removed')

    machine.plug('first')
    added = events.take_type('candidate-added')
    assert {key: added[key] for key in added if key not in ('serial', 'time', 'monotonic_us')} == {
        'type': 'candidate-added', 'plugin': 'devices', 'candidate': 'first'}
    assert [candidate['name'] for candidate in machine.rest.get('/v1/plugins/devices/candidates')['candidates']] == ['first']
    machine.plug('first', 'another')  # its properties are no news of their own
    machine.unplug('first')
    assert events.take_type('candidate-removed')['candidate'] == 'first'
    machine.plug('second')
    assert events.take_type('candidate-added')['candidate'] == 'second'
    machine.unplug('second')
    assert events.take_type('candidate-removed')['candidate'] == 'second'

    assert [socket.event()['candidate'] for _ in range(2)] == ['first', 'second']
    signals.wait('CandidateRemoved', 'devices', 'second')
    assert [(member, values) for _path, member, values in signals.seen] == [
        ('CandidateAdded', ('devices', 'first')), ('CandidateRemoved', ('devices', 'first')),
        ('CandidateAdded', ('devices', 'second')), ('CandidateRemoved', ('devices', 'second'))]
    assert {path for path, _member, _values in signals.seen} == {'/org/ivshmem/Daemon1'}
    assert events.silent() and of_a_region.silent()


def test_the_first_list_is_no_news(ivt, bus):
    machine = Machine(ivt, bus)
    machine.plug('there')
    machine.daemon.stop()
    machine = Machine(ivt, bus)
    machine.plug('later')
    events = machine.events('?type=candidate-added')
    # What was there before anybody asked would have come before.
    resumed = ivt.own(Events(machine.path, '?type=candidate-added', headers={'Last-Event-ID': '1'}))
    resumed.take_type('lost')
    machine.plug('last')
    assert events.take()['candidate'] in ('later', 'last')
    assert resumed.take()['candidate'] in ('later', 'last')
    assert 'there' not in {event['candidate'] for event in everything(events) + everything(resumed)}


def everything(events):
    """What is there already."""
    taken = []
    while not events.silent():
        taken.append(events.take())
    return taken


@pytest.mark.parametrize('way', ['dbus', 'http'])
def test_monitor(machine, ivt, way):
    where = ['--bus-address', machine.bus.address] if way == 'dbus' else ['--url', f'unix:{machine.path}']
    command = [ivt.build.ivshmemctl, *where, 'monitor']
    text = ivt.process([*command, '--count', '2'])
    lines = ivt.process([*command, '--json', '--count', '2'])
    named = ivt.process([*command, 'demo', '--count', '1'])
    for monitor in (text, named):
        monitor.wait_err('following 0 regions')
    ready = ivt.process([*command, '--count', '1'])
    ready.wait_err('following 0 regions')
    # With --json it says nothing of its own: it may have begun after the first.
    machine.plug('first')
    ready.wait()
    assert ready.out().split(' ', 1)[1] == '- candidate-added plugin=devices candidate=first\n'
    machine.unplug('first')
    text.wait()
    assert [line.split(' ', 1)[1] for line in text.out().splitlines()] == [
        '- candidate-added plugin=devices candidate=first', '- candidate-removed plugin=devices candidate=first']
    for number in range(20):
        if not lines.running():
            break
        machine.plug(f'more-{number}')
        machine.events('?type=candidate-added')
        wait_for(lambda: not lines.running() or f'more-{number}' in lines.out(), 10, 'the monitor to hear of it')
    for line in lines.out().splitlines():
        event = json.loads(line)
        assert event['plugin'] == 'devices' and event['type'].startswith('candidate-') and 'region' not in event
    assert named.running() and named.out() == ''


def test_who_is_told(ivt, bus):
    """Whoever may list them, and nobody else."""
    (viewer, all_hash), (stranger, some_hash) = make_token(), make_token()
    tokens = ivt.file('tokens', f'all {all_hash} viewer\nsome {some_hash} viewer demo\n')
    os.chmod(tokens, 0o600)
    machine = Machine(ivt, bus, f'[http]\ntokens={tokens}\n', args=['--http', '127.0.0.1:0'])
    address = ('127.0.0.1', port_of(machine.daemon))
    told = ivt.own(Events(address, '?type=candidate-added', token=viewer))
    not_told = ivt.own(Events(address, token=stranger))
    machine.plug('device')
    assert told.take_type('candidate-added')['candidate'] == 'device'
    assert not_told.silent()


@pytest.mark.skipif(os.geteuid() != 0, reason='allowed: needs another user, so root')
def test_who_is_told_on_the_system_bus(ivt):
    machine = Machine(ivt, ivt.bus(everybody=True))
    stranger = ivt.process([ivt.build.ivshmemctl, '--bus-address', machine.bus.address, 'monitor', '--count', '1'],
                           user=(65534, 65534))
    stranger.wait_err('following 0 regions')
    signals = machine.client.signals(MANAGER)
    machine.client.objects()
    machine.plug('device')
    signals.wait('CandidateAdded', 'devices', 'device')
    assert stranger.running() and stranger.out() == ''


def test_a_storm_is_few_lists(machine):
    """Devices that come and go as fast as they can: the end is told, and in time."""
    events = machine.events('?type=candidate-added')
    deadline = Deadline(SETTLED)
    while not deadline.over() and events.silent(0.01):
        machine.plug('flapping')
        machine.unplug('flapping')
        machine.plug('steady')
    assert events.take_type('candidate-added', 1)['candidate'] in ('flapping', 'steady')
