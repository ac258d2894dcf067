# SPDX-License-Identifier: LGPL-3.0-or-later
"""Devices that come and go: who is told, and regions that follow them (hotplug=true)."""

import json
import os
import re
import shutil
import time

import pytest

from ivt import DBusError, Deadline, wait_for
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


# --- regions that follow their device ---


def follow(name, device, **more):
    return '\n'.join([f'[region {name}]', 'plugin=devices', f'device={device}', 'hotplug=true',
                      *(f'{key}={value}' for key, value in more.items())]) + '\n'


def of_region(events, name, count):
    """What happened to it: (type, state) of so many events."""
    taken = []
    while len(taken) < count:
        event = events.take(SETTLED)
        if event.get('region') == name:
            taken.append((event['type'], event.get('state')))
    return taken


ATTACHED, DETACHED, LOST = ('region-attached', None), ('region-detached', None), ('state-changed', 'lost')


def test_config_without_its_device(ivt, bus):
    machine = Machine(ivt, bus, follow('demo', 'card'))
    assert machine.state('demo') is None
    assert "notice [demo] it is attached when a device that fits is there: device 'card' is not there" in machine.daemon.log()
    events = machine.events()
    machine.plug('other')
    assert events.take_type('candidate-added')['candidate'] == 'other'
    machine.plug('card')
    assert of_region(events, 'demo', 1) == [ATTACHED]
    machine.wait_state('demo', 'ready')
    assert machine.rest.get('/v1/regions/demo')['options']['hotplug'] is True
    machine.client.region('demo').write(0, b'here')

    # It goes: lost at once, and still there to be looked at.
    machine.unplug('card')
    assert of_region(events, 'demo', 1) == [LOST]
    machine.unplug('other')
    while events.take(SETTLED).get('candidate') != 'other':
        pass
    assert machine.state('demo') == 'lost'

    # It comes back: detached and attached anew.
    machine.plug('card')
    assert of_region(events, 'demo', 2) == [DETACHED, ATTACHED]
    machine.wait_state('demo', 'ready')
    assert machine.client.region('demo').read(0, 5) == b'none\n'
    assert machine.daemon.log().count('it is attached when a device') == 1


def test_out_and_in_at_once(ivt, bus):
    """So fast that the list is the same again: the region is lost all the same, and comes back."""
    machine = Machine(ivt, bus)
    machine.plug('card')
    machine.client.attach('devices', 'demo', device='card', hotplug=True)
    events = machine.events()
    for _ in range(3):
        machine.unplug('card')
        machine.plug('card')
        assert of_region(events, 'demo', 3) == [LOST, DETACHED, ATTACHED]
        machine.wait_state('demo', 'ready')


def test_tried_while_it_was_out(ivt, bus):
    """Where the list is the same again after a try that found nothing, it is worth another one."""
    machine = Machine(ivt, bus)
    machine.plug('card', 'away')
    machine.daemon.stop()
    machine = Machine(ivt, bus, follow('demo', 'card'))
    machine.daemon.wait_log('it is attached when a device that fits is there')
    events = machine.events()
    # Seen by the monitor, and not listed.
    machine.plug('.back')
    assert of_region(events, 'demo', 1) == [ATTACHED]
    machine.wait_state('demo', 'ready')


def test_another_device_comes(ivt, bus):
    """That one does not fit: the lost region goes, and comes when its own is there."""
    machine = Machine(ivt, bus)
    machine.plug('card')
    machine.client.attach('devices', 'demo', device='card', hotplug='true')
    events = machine.events()
    machine.unplug('card')
    assert of_region(events, 'demo', 1) == [LOST]
    machine.plug('other')
    assert of_region(events, 'demo', 1) == [DETACHED]
    machine.plug('card')
    assert of_region(events, 'demo', 1) == [ATTACHED]


def test_attach_needs_the_device(machine):
    with pytest.raises(DBusError) as caught:
        machine.client.attach('devices', 'demo', device='card', hotplug=True)
    assert caught.value.code == 'NotFound'
    events = machine.events()
    machine.plug('card')
    assert events.take_type('candidate-added')['candidate'] == 'card'
    machine.plug('later')
    assert events.take_type('candidate-added')['candidate'] == 'later'
    assert machine.state('demo') is None


def test_detach_ends_it(ivt, bus):
    machine = Machine(ivt, bus, follow('demo', 'card'))
    machine.plug('card')
    machine.wait_state('demo', 'ready')
    machine.client.detach('demo')
    events = machine.events()
    machine.unplug('card')
    machine.plug('card')
    machine.plug('later')
    while events.take(SETTLED).get('candidate') != 'later':
        pass
    assert machine.state('demo') is None
    with pytest.raises(DBusError) as caught:
        machine.client.detach('demo')
    assert caught.value.code == 'NotFound'
    # A region of the config has it again after the next start.
    machine.daemon.stop()
    machine = Machine(ivt, bus, follow('demo', 'card'))
    assert machine.state('demo') == 'ready'


@pytest.mark.parametrize('way', ['dbus', 'http'])
def test_detach_while_it_waits(ivt, bus, way):
    machine = Machine(ivt, bus, follow('demo', 'card'))
    if way == 'dbus':
        machine.client.detach('demo')
    else:
        assert machine.rest.ask('DELETE', '/v1/regions/demo')[0] == 204
        assert machine.rest.ask('DELETE', '/v1/regions/demo')[0] == 404
    events = machine.events('?type=candidate-added')
    machine.plug('card')
    events.take()
    machine.plug('later')
    events.take()
    assert machine.state('demo') is None


def test_attached_by_hand_meanwhile(ivt, bus):
    """Whoever attaches under that name has the say: without the rule it ends."""
    machine = Machine(ivt, bus, follow('demo', 'card'))
    machine.plug('other')
    machine.client.attach('devices', 'demo', device='other')
    events = machine.events()
    machine.unplug('other')
    assert of_region(events, 'demo', 1) == [LOST]
    machine.plug('card')
    while events.take(SETTLED).get('candidate') != 'card':
        pass
    machine.plug('later')
    while events.take(SETTLED).get('candidate') != 'later':
        pass
    assert machine.state('demo') == 'lost'


def test_persists(ivt, bus):
    machine = Machine(ivt, bus)
    machine.plug('card')
    machine.client.attach('devices', 'demo', device='card', hotplug=True, persist=True)
    machine.daemon.stop()
    machine.unplug('card')
    machine = Machine(ivt, bus, state_dir=machine.daemon.state_dir)
    assert machine.state('demo') is None
    machine.plug('card')
    machine.wait_state('demo', 'ready')
    machine.client.detach('demo')
    machine.daemon.stop()
    machine = Machine(ivt, bus, state_dir=machine.daemon.state_dir)
    assert machine.state('demo') is None and 'attached when' not in machine.daemon.log()


def test_what_goes_wrong_is_logged_once(ivt, bus):
    machine = Machine(ivt, bus, follow('demo', 'card'))
    events = machine.events()
    machine.plug('card', 'broken')
    assert events.take_type('candidate-added')['candidate'] == 'card'
    machine.daemon.wait_log("cannot attach it (until devices change): device 'card' is broken")
    for name in ('first', 'second'):
        machine.plug(name)
        assert events.take_type('candidate-added')['candidate'] == name
    # A property of the device is a change: its driver, say.
    machine.plug('card', 'working')
    assert of_region(events, 'demo', 1) == [ATTACHED]
    assert machine.daemon.log().count('is broken') == 1


def test_a_try_is_no_news(ivt, bus):
    """What a try that fails does to its device and undoes is no change that would be worth another try."""
    machine = Machine(ivt, bus, follow('demo', 'card'))
    machine.plug('card', 'busy')
    machine.daemon.wait_log('cannot attach it (until devices change): the device is busy')

    def tries():
        return machine.daemon.log().count('it is tried')

    def rests():
        """A try takes 0.6 s. To be sure of nothing takes time."""
        before = tries()
        time.sleep(3)
        return tries() == before
    wait_for(rests, 20, 'no more tries')
    assert tries() == 1 and machine.state('demo') is None
    # Another device is worth one.
    machine.plug('other')
    wait_for(lambda: tries() > 1, SETTLED, 'another try')
    wait_for(rests, 20, 'no more tries')
    assert tries() == 2


def test_plugins_that_cannot_tell(ivt, bus):
    machine = Machine(ivt, bus)
    with pytest.raises(DBusError) as caught:
        machine.client.attach('doorbell-server', 'demo', hotplug=True)
    assert caught.value.code == 'InvalidArgument'
    assert "plugin 'doorbell-server' cannot tell here when devices come and go" in str(caught.value)
    status, problem = machine.rest.ask('POST', '/v1/regions', {
        'name': 'demo', 'plugin': 'host-plain', 'options': {'path': '/dev/shm/x', 'hotplug': True}})
    assert status == 400 and "plugin 'host-plain'" in problem['detail']
    machine.daemon.stop()
    config = '[region demo]\nplugin=doorbell-server\nhotplug=true\n'
    log = ivt.daemon(bus, config=config, ready=False).expect_exit(1)
    assert re.search(r"ivshmemd\.conf:1: \[region demo\] has hotplug=true, but plugin 'doorbell-server' never tells", log)
