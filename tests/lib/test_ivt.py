# SPDX-License-Identifier: LGPL-3.0-or-later
"""The library that the tests stand on, tested itself: what it must catch is made to happen."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap

import pytest
from gi.repository import Gio, GLib

from ivt import Client, DBusError, Process, Qemu, TestFailure, WireClient, wait_for
from ivt import client as ivt_client
from ivt.build import SOURCE_DIR
from ivt.process import SANITIZER_EXIT

FAKE_XML = '''
<node><interface name="org.ivshmem.Daemon1.Region">
  <method name="Read"><arg type="t" direction="in"/><arg type="t" direction="in"/><arg type="ay" direction="out"/></method>
  <method name="Write"><arg type="t" direction="in"/><arg type="ay" direction="in"/></method>
  <method name="OpenMemory"><arg type="a{sv}" direction="in"/>
    <arg type="h" direction="out"/><arg type="t" direction="out"/><arg type="t" direction="out"/></method>
  <method name="Kick"><arg type="u" direction="in"/></method>
</interface></node>
'''


class FakeRegion:
    """Answers on a bus as a region would: in this process, so that the test sees both sides."""

    def __init__(self, bus):
        self.client = Client(bus.address, 'org.example.Fake')
        self.written = {}
        self.memory = os.memfd_create('fake', os.MFD_CLOEXEC)
        self.client.connection.call_sync(
            'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'RequestName',
            GLib.Variant('(su)', (ivt_client.BUS_NAME, 4)), None, Gio.DBusCallFlags.NONE, 10000, None)
        info = Gio.DBusNodeInfo.new_for_xml(FAKE_XML).interfaces[0]
        self.path = f'{ivt_client.ROOT}/region/fake'
        self.client.connection.register_object(self.path, info, self.call, None, None)

    def call(self, _connection, _sender, _path, _interface, method, values, invocation):
        arguments = ivt_client.unpack(values)
        if method == 'Write':
            self.written[arguments[0]] = arguments[1]
            invocation.return_value(None)
        elif method == 'Read':
            invocation.return_value(ivt_client.parameters('(ay)', [self.written[arguments[0]][:arguments[1]]]))
        elif method == 'OpenMemory':
            fds = Gio.UnixFDList.new()
            index = fds.append(self.memory)
            invocation.return_value_with_unix_fd_list(GLib.Variant('(htt)', (index, 0, 1 << 40)), fds)
        else:
            invocation.return_dbus_error('org.ivshmem.Error.NotFound', f'no peer {arguments[0]}')

    def emit(self, member, signature, *values):
        self.client.connection.emit_signal(None, self.path, ivt_client.REGION, member, GLib.Variant(signature, values))

    def stop(self):
        os.close(self.memory)
        self.client.stop()

    def sections(self):
        return []


# Waiting and processes.

def test_wait_for():
    steps = []
    assert wait_for(lambda: len(steps) >= 3 and 'done', step=lambda: steps.append(1)) == 'done'
    with pytest.raises(TimeoutError, match='a miracle'):
        wait_for(lambda: False, 0.01, 'a miracle')


def test_process(ivt):
    process = ivt.process(['sh', '-c', 'echo out; echo err >&2; exit 7'])
    assert process.wait() == 7
    assert (process.out(), process.err()) == ('out\n', 'err\n')
    process.check(7)
    with pytest.raises(TestFailure, match='ended with 7, not 0'):
        process.check(0)


def test_process_says_why_text_never_came(ivt):
    process = ivt.process(['sh', '-c', 'echo one'])
    process.wait_out('one')
    with pytest.raises(TestFailure, match="before it said 'two'"):
        process.wait_out('two')


def test_sanitizer_reports_are_heard(ivt):
    """Also of a program that exits with 0 and says nothing on standard error."""
    process = ivt.process(['sh', '-c', 'echo "ERROR: LeakSanitizer" >"${ASAN_OPTIONS##*log_path=}.1"'])
    process.wait()
    with pytest.raises(TestFailure, match='LeakSanitizer'):
        process.check(0)
    with pytest.raises(TestFailure, match='LeakSanitizer'):
        ivt.owned.pop().stop()


def test_real_sanitizer_ends_with_our_code(ivt):
    """The options are spelled as the compiler's runtime understands them."""
    source = ivt.file('leak.c', '#include <stdlib.h>\nint main (void) { volatile char *p = malloc (7); p = 0; return p != 0; }\n')
    program = ivt.path('leak')
    subprocess.run(['cc', '-g', '-fsanitize=address', '-o', program, source], check=True)
    process = ivt.process([program])
    assert process.wait() == SANITIZER_EXIT
    assert 'LeakSanitizer' in process.sanitizer_reports()
    ivt.owned.pop()


def test_children_end_with_the_test(ivt):
    """As when meson's time limit kills pytest."""
    script = textwrap.dedent(f'''
        import sys
        sys.path.insert(0, {os.path.join(SOURCE_DIR, 'tests', 'lib')!r})
        from ivt import Process
        process = Process(['sh', '-c', 'echo up; exec sleep 1000'], {ivt.dir!r})
        process.wait_out('up')
        print(process.pid, flush=True)
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    ''')
    process = ivt.process([sys.executable, '-c', script])
    assert process.wait() == -signal.SIGKILL
    pid = int(process.out())

    def gone():
        try:
            with open(f'/proc/{pid}/stat', encoding='utf-8') as stat:
                return stat.read().split()[2] == 'Z'
        except FileNotFoundError:
            return True
    wait_for(gone, what='the orphan to end')


# The bus and its clients.

def test_bus_is_private(ivt):
    one, two = ivt.bus(), ivt.bus()
    FakeRegion(one).stop()
    fake = ivt.own(FakeRegion(one))
    assert ivt.client(one).owner() == fake.client.connection.get_unique_name()
    assert ivt.client(two).owner() is None


def test_calls(ivt, bus):
    fake = ivt.own(FakeRegion(bus))
    client = ivt.client(bus)
    region = client.region('fake')
    data = bytes(range(256)) * 4096
    assert region.write(2 ** 63, data) is None
    assert fake.written == {2 ** 63: data}
    assert region.read(2 ** 63, 5) == data[:5]
    assert region.read(2 ** 63, 0) == b''
    with pytest.raises(DBusError) as caught:
        region.kick(5)
    assert caught.value.code == 'NotFound'
    assert caught.value.message == 'no peer 5'


def test_descriptors(ivt, bus):
    fake = ivt.own(FakeRegion(bus))
    descriptor, offset, size = ivt.client(bus).region('fake').open_memory(read_only=True)
    try:
        assert os.fstat(descriptor).st_ino == os.fstat(fake.memory).st_ino
        assert (offset, size) == (0, 1 << 40)
    finally:
        os.close(descriptor)


def test_signals(ivt, bus):
    fake = ivt.own(FakeRegion(bus))
    client = ivt.client(bus)
    signals = client.signals(ivt_client.REGION, fake.path)
    client.owner()
    fake.emit('Interrupt', '(ut)', 1, 2)
    fake.emit('Interrupt', '(ut)', 3, 1)
    fake.emit('Interrupt', '(ut)', 1, 5)
    assert signals.wait('Interrupt', 3) == (3, 1)
    assert signals.wait_sum(7, 1) == 7
    assert signals.of('Interrupt') == [(1, 2), (3, 1), (1, 5)]
    with pytest.raises(TimeoutError):
        signals.wait('Interrupt', 2, timeout=0.05)


def test_option_values():
    values = ivt_client.options(own_id=3, read_only=True, path='x', size=GLib.Variant('u', 1))
    assert {key: value.get_type_string() for key, value in values.items()} == {
        'own-id': 't', 'read-only': 'b', 'path': 's', 'size': 'u'}


@pytest.mark.parametrize('signature, kinds', [
    ('()', []), ('(tay)', ['t', 'ay']), ('(ssa{sv})', ['s', 's', 'a{sv}']), ('(h(tt)aa{sv}b)', ['h', '(tt)', 'aa{sv}', 'b'])])
def test_children_of(signature, kinds):
    assert ivt_client.children_of(signature) == kinds


@pytest.mark.parametrize('name, escaped', [
    ('demo', 'demo'), ('9a', '_39a'), ('a9', 'a9'), ('a.b-c_d', 'a_2eb_2dc_5fd')])
def test_escape(name, escaped):
    assert ivt_client.escape(name) == escaped


@pytest.mark.skipif(os.geteuid() != 0, reason='allowed: only root can be another user')
def test_open_bus_lets_others_in(ivt):
    """Nobody's user reaches the bus that is open to everybody, and not the other one."""
    results = []
    for everybody in (True, False):
        bus = ivt.bus(everybody=everybody)
        results.append(ivt.run(['gdbus', 'call', '--address', bus.address, '--dest', 'org.freedesktop.DBus', '--object-path',
                                '/', '--method', 'org.freedesktop.DBus.GetId'], user=(65534, 65534)).code)
    assert results[0] == 0
    assert results[1] != 0


# The service manager.

def test_notify(ivt):
    notify = ivt.notify()
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(notify.path)
        sender.send(b'READY=1\nSTATUS=at work')
        socket.send_fds(sender, [b'BARRIER=1'], [write])
    os.close(write)
    assert notify.wait('READY', '1')[0]['STATUS'] == 'at work'
    notify.wait('BARRIER', '1')
    # Every copy of the write end is closed: what the sender waits for.
    assert os.read(read, 1) == b''
    os.close(read)
    assert notify.said('STOPPING') == []


# The protocol.

def test_peer(ivt):
    server = ivt.server()
    own, other = server.eventfds(2), server.eventfds(3)
    peer = ivt.peer(server.path, greet=False)
    connection = server.accept()
    server.greet(connection, 9, own, [(4, other)])
    peer.greet(vectors=2)
    assert peer.id == 9
    assert peer.order[:3] == [(0, False), (9, False), (-1, True)]
    assert len(peer.peers[4]) == 3

    peer.map()[100:103] = b'abc'
    assert os.pread(server.memory_fd, 3, 100) == b'abc'
    peer.ring(4, 2)
    assert os.eventfd_read(other[2]) == 1
    os.eventfd_write(own[1], 5)
    assert peer.wait_ring(1) == 5
    assert not peer.rung(0)

    server.send(connection, 5, other[0])
    peer.wait_peer(5)
    server.send(connection, 4)
    peer.wait_gone(4)
    connection.close()
    peer.wait_closed()


def test_peer_reads_split_messages_and_refuses_cut_ones(ivt):
    server = ivt.server()
    peer = ivt.peer(server.path, greet=False)
    connection = server.accept()
    for byte in struct.pack('<q', 77):
        connection.sendall(bytes([byte]))
    assert peer.receive() == (77, [])
    connection.sendall(b'\0\0\0')
    connection.close()
    with pytest.raises(AssertionError, match='middle of a message'):
        peer.receive()


def test_peer_notices_what_a_server_must_not_do(ivt):
    server = ivt.server()
    peer = ivt.peer(server.path, greet=False)
    connection = server.accept()
    server.greet(connection, 1, server.eventfds(1))
    peer.greet()
    server.send(connection, 12)
    with pytest.raises(AssertionError, match='peer 12 left that never came'):
        peer.step()
    server.send(connection, 1)
    with pytest.raises(AssertionError, match='own id without'):
        peer.step()


# QEMU.

def test_qemu_joins(ivt):
    server = ivt.server()
    qemu = ivt.qemu(Qemu.doorbell(server.path, 2))
    connection = server.accept()
    server.greet(connection, 3, server.eventfds(2))
    assert qemu.status() == 'prelaunch'
    qemu.kill()
    assert connection.recv(1) == b''


def test_qemu_that_ends_is_noticed(ivt):
    qemu = ivt.qemu(['-device', 'no-such-device'])
    with pytest.raises(TestFailure, match='no-such-device'):
        qemu.status()


# The runner of the daemon.

FAKE_DAEMON = '''#!/usr/bin/python3
import os, signal, socket, sys
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ['NOTIFY_SOCKET'])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
notify.send(b'READY=1')
signal.sigwait([signal.SIGTERM])
fault = os.environ.get('FAULT', '')
if fault != 'silent':
    notify.send(b'STOPPING=1')
if fault == 'litter':
    open(os.environ['XDG_RUNTIME_DIR'] + '/left.sock', 'w').close()
sys.exit(5 if fault == 'code' else 0)
'''


@pytest.fixture
def fake_daemon(ivt, monkeypatch):
    """Starts a script in the daemon's place."""
    path = ivt.file('fake-daemon', FAKE_DAEMON)
    os.chmod(path, 0o755)
    monkeypatch.setattr(ivt.build, 'ivshmemd', path)
    monkeypatch.setattr(ivt.build, 'has', lambda feature: True)
    return lambda fault='': ivt.daemon(env={'FAULT': fault})


def test_daemon(fake_daemon):
    daemon = fake_daemon()
    assert daemon.process.running()
    daemon.stop()
    assert daemon.notify.said('STOPPING', '1')


@pytest.mark.parametrize('fault, message', [
    ('silent', 'did not say STOPPING'), ('litter', 'left behind.*left.sock'), ('code', 'ended with 5, not 0')])
def test_daemon_faults(fake_daemon, fault, message):
    daemon = fake_daemon(fault)
    with pytest.raises(TestFailure, match=message):
        daemon.stop()


def test_daemon_that_ended_early(fake_daemon):
    daemon = fake_daemon()
    daemon.end()
    with pytest.raises(TestFailure, match='ended before the test did'):
        daemon.stop()


def test_daemon_that_never_started(ivt, monkeypatch):
    path = ivt.file('broken', '#!/bin/sh\necho no good >&2\nexit 3\n')
    os.chmod(path, 0o755)
    monkeypatch.setattr(ivt.build, 'ivshmemd', path)
    monkeypatch.setattr(ivt.build, 'has', lambda feature: True)
    with pytest.raises(TestFailure, match='(?s)ended with 3 before it was ready.*no good'):
        ivt.daemon()
    assert ivt.daemon(ready=False).expect_exit(3) == 'no good\n'
    ivt.owned = [thing for thing in ivt.owned if not isinstance(getattr(thing, 'process', None), Process)]


# What pytest makes of it.

def run_pytest(ivt, body, no_skip=False):
    os.mkdir(ivt.path('inner'))
    ivt.file('inner/test_inner.py', 'import pytest\n' + textwrap.dedent(body))
    ivt.file('inner/conftest.py', 'pytest_plugins = ["ivt.plugin"]\n')
    return ivt.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-rs', '--rootdir', ivt.path('inner'),
                    ivt.path('inner/test_inner.py')],
                   env={'PYTHONPATH': os.path.join(SOURCE_DIR, 'tests', 'lib'), 'IVT_NO_SKIP': '1' if no_skip else '0', 'CI': None})


SKIP = '''
    def test_good():
        pass
    def test_skipped():
        pytest.skip({reason!r})
'''


@pytest.mark.parametrize('reason, no_skip, code', [
    ('just so', False, 0), ('just so', True, 1), ('allowed: no hugepages', True, 0)])
def test_skips(ivt, reason, no_skip, code):
    result = run_pytest(ivt, SKIP.format(reason=reason), no_skip)
    assert result.code == code, result
    assert reason in result.out


@pytest.mark.parametrize('reason, no_skip, code', [
    ('just so', False, 77), ('just so', True, 1), ('allowed: no hugepages', True, 77)])
def test_all_skipped(ivt, reason, no_skip, code):
    result = run_pytest(ivt, f'pytest.skip({reason!r}, allow_module_level=True)\n', no_skip)
    assert result.code == code, result


def test_file_without_tests_fails(ivt):
    assert run_pytest(ivt, 'x = 1\n').code == 5


def test_failure_shows_logs_and_ends_children(ivt):
    result = run_pytest(ivt, '''
        def test_bad(ivt):
            process = ivt.process(['sh', '-c', 'echo pid $$; echo the reason >&2; exec sleep 1000'])
            process.wait_err('the reason')
            assert False
    ''')
    assert result.code == 1
    assert 'the reason' in result.out
    pid = int(re.search(r'^pid (\d+)$', result.out, re.M).group(1))
    assert not os.path.exists(f'/proc/{pid}')


def test_failing_end_shows_logs(ivt):
    result = run_pytest(ivt, '''
        def test_bad(ivt):
            process = ivt.process(['sh', '-c', 'echo "the leak" >"${ASAN_OPTIONS##*log_path=}.1"'])
            process.wait()
    ''')
    assert result.code == 1
    assert 'a sanitizer reports' in result.out


def test_wire_client_closes_what_it_got(ivt):
    server = ivt.server()
    peer = WireClient(server.path, greet=False)
    server.greet(server.accept(), 1, server.eventfds(2))
    before = len(os.listdir('/proc/self/fd'))
    peer.greet(vectors=2)
    assert len(os.listdir('/proc/self/fd')) == before + 3
    peer.close()
    assert len(os.listdir('/proc/self/fd')) == before - 1
