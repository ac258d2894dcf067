# SPDX-License-Identifier: LGPL-3.0-or-later
"""Start, idleness and end of the daemon, as a service manager and the kernel see them."""

import os
import re
import signal
import time

import pytest

from ivt import Bus, WireClient, wait_for
from ivt.process import sanitizer_environment

SERVED = '''
[region {name}]
plugin=doorbell-server
size=1M
vectors=4
socket={socket}
'''
IDLE_REGIONS = 10
IDLE_SECONDS = 3


def served(ivt, *names):
    return ''.join(SERVED.format(name=name, socket=ivt.path(f'{name}.sock')) for name in names)


# The service manager.

def test_ready_stopping(ivt, bus):
    """Ready is when everything answers: the bus has the name, and regions of the config are there."""
    daemon = ivt.daemon(bus, config=served(ivt, 'demo'))
    client = ivt.client(bus)
    assert client.region('demo').get('State') == 'ready'
    with WireClient(ivt.path('demo.sock'), vectors=4) as peer:
        assert peer.id == 0
    assert daemon.notify.said('STATUS')[0]['STATUS'] == 'Serving 1 regions'
    assert len(daemon.notify.said('READY')) == 1
    daemon.stop()
    assert len(daemon.notify.said('STOPPING')) == 1
    assert client.owner() is None
    assert not os.path.exists(ivt.path('demo.sock'))


def test_watchdog(ivt, bus):
    daemon = ivt.daemon(bus, watchdog_usec=200_000)
    started = time.monotonic()
    daemon.notify.wait('WATCHDOG', '1', count=5)
    # Half of the time that it is given, so five take half a second.
    assert 0.3 < time.monotonic() - started < 5


def test_no_watchdog_unless_asked(ivt, bus):
    daemon = ivt.daemon(bus, watchdog_usec=None)
    daemon.stop()
    assert daemon.notify.said('WATCHDOG') == []


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_clean_end(ivt, bus, number):
    """With a region, a peer, a subscriber and calls under way; what the sanitizers say is heard in the end."""
    daemon = ivt.daemon(bus, config=served(ivt, 'demo'))
    client = ivt.client(bus)
    region = client.region('demo')
    region.subscribe()
    pending = region.begin('Wait', 0, 4, 'equals', '0x1', (1 << 64) - 1, {})
    watch = region.call('Watch', 0, 4096, 1000)
    peer = ivt.peer(ivt.path('demo.sock'), vectors=4)
    memory, _offset, size = region.open_memory()
    daemon.process.signal(number)
    assert daemon.process.wait() == 0
    peer.wait_closed()
    assert watch > 0
    with pytest.raises(Exception, match='(?i)closed|no reply|noreply|disconnected'):
        pending.result()
    # What was handed over lives on.
    assert os.pwrite(memory, b'still', size - 5) == 5
    assert peer.map()[-5:] == b'still'
    os.close(memory)
    daemon.checked = True
    daemon.process.check(0)
    assert daemon.left_behind() == []


def test_end_at_once(ivt, bus):
    """A signal before it is ready is no reason to crash, whenever it comes."""
    for pause in (0, 0.005, 0.02, 0.05):
        daemon = ivt.daemon(bus, config=served(ivt, 'demo'), ready=False)
        # Until it has its own handler the signal ends it as it ends any process.
        wait_for(lambda: handles(daemon.pid, signal.SIGTERM) or not daemon.process.running(), what='the handler')
        time.sleep(pause)
        daemon.end()
        daemon.checked = True
        daemon.process.check(0)
        assert daemon.left_behind() == []
        assert not os.path.exists(ivt.path('demo.sock'))


def handles(pid, number):
    try:
        with open(f'/proc/{pid}/status', encoding='ascii') as status:
            caught = re.search(r'^SigCgt:\s*([0-9a-f]+)$', status.read(), re.M)
    except FileNotFoundError:
        return False
    return caught is not None and bool(int(caught.group(1), 16) >> (number - 1) & 1)


def test_crash_is_cleaned_up_after(ivt, bus):
    """A socket that a killed daemon left is no obstacle to the next."""
    daemon = ivt.daemon(bus, config=served(ivt, 'demo'))
    daemon.kill()
    assert os.path.exists(ivt.path('demo.sock'))
    ivt.daemon(bus, config=served(ivt, 'demo'), state_dir=daemon.state_dir)
    with WireClient(ivt.path('demo.sock'), vectors=4) as peer:
        assert peer.id == 0


def test_bus_goes_away(ivt, bus):
    """Guests do not feel it; when the bus is there again, so is the daemon."""
    daemon = ivt.daemon(bus, config=served(ivt, 'demo'))
    peer = ivt.peer(ivt.path('demo.sock'), vectors=4)
    bus.stop()
    daemon.wait_log('not on the bus')
    newcomer = ivt.peer(ivt.path('demo.sock'), vectors=4)
    peer.wait_peer(newcomer.id, 4)
    ivt.own(Bus(os.path.dirname(bus.socket))).wait_ready()
    client = ivt.client(bus)
    client.wait(client.owner, 30, 'the daemon to be back on the bus')
    assert sorted(client.region('demo').peers()) == [peer.id, newcomer.id]


# What it refuses.

def refused(ivt, bus, *says, **keywords):
    """The daemon must end with 1 and one sentence that has all of these words, and own nothing."""
    daemon = ivt.daemon(bus, ready=False, **keywords)
    log = daemon.expect_exit(1)
    for text in says:
        assert text in log, log
    assert len([line for line in log.splitlines() if 'error' in line]) <= 1, log
    assert daemon.notify.said('READY') == []
    assert daemon.left_behind() == []


@pytest.mark.parametrize('text, line, says', [
    ('[daemon]\nlog-level=notice\ncolour=red\n', 3, 'colour'),
    ('[demon]\n', 1, 'demon'),
    ('\n[region demo]\nsize=1M\n', None, 'plugin'),
    ('[region demo]\nplugin=no-such\n', None, 'no-such'),
    ('[region demo]\nplugin=doorbell-server\nvectors=0\n', None, 'vectors'),
    ('[region demo]\nplugin=doorbell-server\nnonsense=1\n', None, 'nonsense'),
    ('[region a/b]\nplugin=doorbell-server\n', 1, 'a/b'),
    ('[region demo]\nplugin=doorbell-server\n[region demo]\nplugin=doorbell-server\n', 3, 'demo'),
])
def test_bad_config(ivt, bus, text, line, says):
    """File and line, the bad word, and nothing started."""
    place = 'ivshmemd.conf:' + (f'{line}:' if line is not None else '')
    refused(ivt, bus, place, says, config=text)
    assert ivt.client(bus).owner() is None


def test_missing_config(ivt, bus):
    refused(ivt, bus, '/nonexistent/file', args=['--config', '/nonexistent/file'])


def test_unwritable_state_dir(ivt, bus):
    path = ivt.file('not-a-directory', '')
    refused(ivt, bus, path, state_dir=path)


@pytest.mark.skipif(os.getuid() != 0, reason='allowed: needs root to become another user')
def test_state_dir_of_somebody_else(ivt):
    bus = ivt.bus(everybody=True)
    daemon_dir = ivt.make_dir('foreign')
    os.chmod(daemon_dir, 0o700)
    daemon = ivt.daemon(bus, ready=False, args=['--state-dir', daemon_dir], user=(65534, 65534))
    assert daemon_dir in daemon.expect_exit(1)


def test_missing_plugin_dir(ivt, bus):
    refused(ivt, bus, '/nonexistent/plugins', plugin_dir='/nonexistent/plugins')


def test_no_bus(ivt):
    class Nowhere:
        """Nobody listens here."""
        address = 'unix:path=/nonexistent/bus'
    refused(ivt, Nowhere, '/nonexistent/bus', config=served(ivt, 'demo'))
    assert not os.path.exists(ivt.path('demo.sock'))


def test_second_daemon_on_the_bus(ivt, bus):
    ivt.daemon(bus)
    client = ivt.client(bus)
    owner = client.owner()
    refused(ivt, bus, 'org.ivshmem.Daemon1', config=served(ivt, 'demo'))
    assert client.owner() == owner
    assert client.objects() == {}


@pytest.mark.parametrize('arguments', [['--nonsense'], ['word'], ['--session', '--system'], ['--bus-address']])
def test_bad_command_line(ivt, arguments):
    result = ivt.run([ivt.build.ivshmemd, *arguments])
    assert result.code == 2
    assert arguments[0] in result.err
    assert '--help' in result.err


def test_help_and_version(ivt):
    assert re.fullmatch(r'ivshmemd \d+\.\d+\.\d+\n', ivt.run([ivt.build.ivshmemd, '--version']).out)
    text = ivt.run([ivt.build.ivshmemd, '--help']).out
    for option in ('--session', '--system', '--bus-address', '--config', '--config-dir', '--state-dir', '--plugin-dir'):
        assert option in text


# Where it is without being told.

def test_session_paths(ivt, bus):
    """--session: config, state, and sockets in the user's own directories."""
    home = ivt.make_dir('home')
    config, runtime, state = (os.path.join(home, name) for name in ('config', 'run', 'state'))
    os.makedirs(os.path.join(config, 'ivshmemd', 'regions.d'))
    os.mkdir(runtime, 0o700)
    with open(os.path.join(config, 'ivshmemd', 'ivshmemd.conf'), 'w', encoding='utf-8') as file:
        file.write('[region one]\nplugin=doorbell-server\n')
    with open(os.path.join(config, 'ivshmemd', 'regions.d', '10-two.conf'), 'w', encoding='utf-8') as file:
        file.write('[region two]\nplugin=doorbell-server\n')
    daemon = ivt.process([ivt.build.ivshmemd, '--session', '--plugin-dir', ivt.plugin_dir()], env={
        'HOME': home, 'XDG_CONFIG_HOME': config, 'XDG_RUNTIME_DIR': runtime, 'XDG_STATE_HOME': state,
        'DBUS_SESSION_BUS_ADDRESS': bus.address, 'NOTIFY_SOCKET': None})
    client = ivt.client(bus)
    wait_for(lambda: client.owner() is not None or not daemon.running(), what='the daemon')
    for name in ('one', 'two'):
        assert client.region(name).get('Options')['socket'] == os.path.join(runtime, 'ivshmemd', f'{name}.sock')
    assert os.stat(os.path.join(state, 'ivshmemd')).st_mode & 0o777 == 0o700
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert not os.path.exists(runtime) or [files for _path, _dirs, files in os.walk(runtime) if files] == []


# What it costs when nothing happens.

def switches(pid):
    """How often each thread has gone to sleep of its own will: once for each wake-up."""
    counts = {}
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/status', encoding='utf-8') as status:
            counts[task] = int(re.search(r'^voluntary_ctxt_switches:\s*(\d+)', status.read(), re.M).group(1))
    return counts


def settled(pid):
    """Two looks, a while apart, between which nothing has woken up: the start's last threads have ended."""
    before = switches(pid)
    time.sleep(0.5)
    return switches(pid) == before


def test_idle_daemon_sleeps(ivt, bus):
    """Ten regions with a peer each, a subscriber, a watchdog of a minute: not one wake-up."""
    names = [f'r{number}' for number in range(IDLE_REGIONS)]
    daemon = ivt.daemon(bus, config=served(ivt, *names), watchdog_usec=120_000_000)
    client = ivt.client(bus)
    for name in names:
        client.region(name).subscribe()
        ivt.peer(ivt.path(f'{name}.sock'), vectors=4)
    wait_for(lambda: settled(daemon.pid), 30, 'the daemon to settle')
    before = switches(daemon.pid)
    time.sleep(IDLE_SECONDS)
    assert switches(daemon.pid) == before
    # It was asleep, not dead.
    assert client.region('r0').read(0, 1) == b'\0'


def test_descriptors_are_given_back(ivt, bus):
    """A hundred regions, peers and hand-overs later it holds what it held before."""
    daemon = ivt.daemon(bus)
    client = ivt.client(bus)

    def descriptors():
        return len(os.listdir(f'/proc/{daemon.pid}/fd'))

    def use(number):
        region = client.attach('doorbell-server', f'r{number}', size='1M', vectors=8)
        with WireClient(region.get('Options')['socket'], vectors=8), WireClient(fd=region.join(), vectors=8):
            os.close(region.open_memory()[0])
            os.close(region.open_vector(1))
            region.call('Watch', 0, 64, 1000)
        client.detach(f'r{number}', force=True)

    use(0)
    before = descriptors()
    for number in range(100):
        use(number)
    wait_for(lambda: descriptors() <= before, what=f'no more than {before} descriptors')


def test_sanitizer_options_are_understood(ivt, bus):
    """What tests/lib sets for the daemon is what makes a leak fatal; it must not be lost on the way."""
    daemon = ivt.daemon(bus)
    with open(f'/proc/{daemon.pid}/environ', 'rb') as file:
        environment = dict(entry.split(b'=', 1) for entry in file.read().split(b'\0') if b'=' in entry)
    for name, value in sanitizer_environment(daemon.process.sanitizer_prefix).items():
        assert environment[name.encode()].decode() == value
