# SPDX-License-Identifier: LGPL-3.0-or-later
"""The server against real QEMUs: whatever others do, each of them lives and answers.

No guest is booted: a QEMU with a stopped processor joins, keeps book of peers
and frees what it has to just the same.
"""

import os
import signal

import pytest

from ivt import Qemu, WireClient, wait_for
from ivt.qemu import QmpError

MACHINE = {'machine': 'pc', 'memory': 32}


class Server:
    """A region of the daemon's."""

    def __init__(self, daemon, client, **options):
        self.daemon = daemon
        self.client = client
        self.region = client.attach('doorbell-server', 'r', **options)
        self.path = self.region.get('Options')['socket']

    def peers(self):
        return self.region.peers()

    def wait_peers(self, count, timeout=60):
        wait_for(lambda: len(self.peers()) == count, timeout, f'{count} peers')


@pytest.fixture
def serve(daemon, client):
    return lambda **options: Server(daemon, client, **options)


def eventfds(pid):
    """The kernel's numbers of the eventfds that a process holds."""
    numbers = set()
    for fd in os.listdir(f'/proc/{pid}/fdinfo'):
        try:
            with open(f'/proc/{pid}/fdinfo/{fd}', encoding='ascii') as file:
                numbers |= {int(line.split()[1]) for line in file if line.startswith('eventfd-id:')}
        except FileNotFoundError:
            pass
    return numbers


def strangers(qemu, server):
    """Eventfds in QEMU that are nobody's at the server: its own, and those of leavers."""
    return len(eventfds(qemu.pid) - eventfds(server.daemon.pid))


def wait_told(qemu, server):
    """Until QEMU has taken what the server sent: an eventfd for each vector of each peer and of the daemon."""
    peers = server.peers()
    wanted = server.region.get('Vectors') * (len(peers) + 1)
    wait_for(lambda: len(eventfds(qemu.pid) & eventfds(server.daemon.pid)) == wanted, 60, f'{wanted} eventfds in QEMU')


def join(ivt, server, vectors=1, **keywords):
    """A QEMU that has joined; its monitor only answers when its device has been created."""
    before = len(server.peers())
    qemu = ivt.qemu(Qemu.doorbell(server.path, vectors), **MACHINE, **keywords)
    assert qemu.status() == 'prelaunch'
    server.wait_peers(before + 1)
    wait_told(qemu, server)
    return qemu


def visit(server, vectors, times):
    """Peers that come and go."""
    for _ in range(times):
        with WireClient(server.path, vectors=vectors) as visitor:
            assert visitor.id is not None


def assert_alive(*qemus):
    for qemu in qemus:
        assert qemu.status() in ('prelaunch', 'running')
        assert 'Too many eventfd' not in qemu.process.err()
        assert 'invalid' not in qemu.process.err()


@pytest.mark.parametrize('vectors', [1, 4, 64])
def test_joins_and_leaves(ivt, serve, vectors):
    server = serve(vectors=vectors)
    first = join(ivt, server, vectors)
    second = join(ivt, server, vectors)
    peers = server.peers()
    assert {peer['vectors'] for peer in peers.values()} == {vectors}
    assert {peer['pid'] for peer in peers.values()} == {first.pid, second.pid}
    assert {os.path.basename(peer['executable']) for peer in peers.values()} == {'qemu-system-x86_64'}

    second.qmp.command('quit')
    second.wait_exit()
    server.wait_peers(1)
    third = join(ivt, server, vectors)
    assert_alive(first, third)


@pytest.mark.parametrize('vectors', [1, 4, 64])
def test_reconnects_of_others(ivt, serve, vectors):
    """QEMU frees what it knows of a leaver and never makes it again: no id may come twice."""
    server = serve(vectors=vectors, max_peers=10)
    qemu = join(ivt, server, vectors)
    alone = strangers(qemu, server)
    visit(server, vectors, 300)
    server.wait_peers(1)
    late = join(ivt, server, vectors)
    assert max(server.peers()) > 300
    # It has heard of all who left, too.
    wait_told(qemu, server)
    wait_for(lambda: strangers(qemu, server) == alone, 60, 'the end of what leavers had')
    assert_alive(qemu, late)


def test_killed_qemu_leaves(ivt, serve):
    server = serve(vectors=4)
    signals = server.region.subscribe()
    stays = join(ivt, server, 4)
    killed = join(ivt, server, 4)
    witness = ivt.peer(server.path, vectors=4)
    signals.wait('PeerConnected', 1, 4)
    killed.kill()
    witness.wait_gone(1)
    signals.wait('PeerDisconnected', 1)
    server.wait_peers(2)
    assert_alive(stays)


def test_stopped_qemu_holds_up_nobody(ivt, serve):
    """One that takes nothing (SIGSTOP) and comes back finds what is left of the hundreds that it missed."""
    server = serve(vectors=4)
    sleeper = join(ivt, server, 4)
    sleeper.process.signal(signal.SIGSTOP)
    visit(server, 4, 100)
    awake = join(ivt, server, 4)
    assert_alive(awake)
    sleeper.process.signal(signal.SIGCONT)
    visit(server, 4, 3)
    assert_alive(sleeper, awake)


@pytest.mark.parametrize('vectors', [1, 4, 64])
def test_hot_plug_before_any_leave(ivt, serve, vectors):
    server = serve(vectors=vectors)
    other = join(ivt, server, vectors)
    qemu = ivt.qemu([], **MACHINE)
    plug(qemu, server, vectors)
    assert len(server.peers()) == 2
    unplug(qemu)
    server.wait_peers(1)
    assert_alive(qemu, other)


def plug(qemu, server, vectors):
    qemu.plug(server.path, vectors)
    wait_told(qemu, server)


def unplug(qemu):
    """The guest is not there to agree: a reset of the machine lets go of the device instead.

    No message may be on its way: QEMU would take it for the device that it has just freed.
    """
    qemu.qmp.command('set-action', reboot='reset')
    qemu.qmp.command('device_del', id='iv')
    qemu.qmp.command('system_reset')
    qemu.qmp.wait_event('DEVICE_DELETED', device='iv')
    qemu.qmp.command('chardev-remove', id='iv-chardev')


def test_unplug_when_leaves_are_withheld(ivt, serve):
    """device_del after a leave crashes QEMU, whoever the server is; unless it never hears of leaves."""
    server = serve(vectors=4, announce_leaves=False)
    other = join(ivt, server, 4)
    qemu = ivt.qemu([], **MACHINE)
    plug(qemu, server, 4)
    before = strangers(qemu, server)
    visit(server, 4, 20)
    # It keeps what they had, and does not know better.
    wait_for(lambda: strangers(qemu, server) == before + 4 * 20, 60, 'what 20 visitors had')
    unplug(qemu)
    server.wait_peers(1)
    assert_alive(qemu, other)
    # And in again, as somebody else.
    plug(qemu, server, 4)
    assert len(server.peers()) == 2
    assert_alive(qemu, other)


def test_refused_qemu_ends_with_an_error(ivt, serve):
    server = serve(allow_uids='54321')
    qemu = ivt.qemu(Qemu.doorbell(server.path), **MACHINE)
    assert qemu.wait_exit() == 1
    assert 'server sent version -1' in qemu.process.err()
    assert not server.peers()


def test_one_qemu_too_many(ivt, serve):
    server = serve(max_peers=1)
    first = join(ivt, server)
    second = ivt.qemu(Qemu.doorbell(server.path), **MACHINE)
    assert second.wait_exit() == 1
    assert_alive(first)
    # Hot plug is refused with an error, and the machine goes on.
    third = ivt.qemu([], **MACHINE)
    with pytest.raises(QmpError, match='server sent version -1'):
        third.plug(server.path)
    assert_alive(first, third)


def test_kicked_qemu_lives(ivt, serve):
    server = serve(vectors=4)
    stays = join(ivt, server, 4)
    kicked = join(ivt, server, 4)
    server.region.kick(next(id for id, peer in server.peers().items() if peer['pid'] == kicked.pid))
    server.wait_peers(1)
    assert_alive(stays, kicked)


def test_server_goes(ivt, serve):
    """QEMU goes on without its server; what it holds of peers still works."""
    server = serve(vectors=4)
    first = join(ivt, server, 4)
    second = join(ivt, server, 4)
    server.client.detach('r', force=True)
    assert_alive(first, second)
    late = ivt.qemu(Qemu.doorbell(server.path, 4), **MACHINE)
    assert late.wait_exit() == 1


def test_daemon_stops(ivt, serve, daemon):
    """The same when all of the daemon goes; and nobody hears of a leave."""
    server = serve(vectors=4)
    first = join(ivt, server, 4)
    second = join(ivt, server, 4)
    before = eventfds(first.pid)
    daemon.stop()
    assert_alive(first, second)
    assert eventfds(first.pid) == before


def test_smallest_and_largest(ivt, serve):
    server = serve(size=4096, vectors=2048)
    first = join(ivt, server, 2048)
    assert_alive(first)


def test_fewer_vectors_than_the_device(ivt, serve):
    server = serve(vectors=2)
    qemu = join(ivt, server, 4)
    visit(server, 2, 3)
    assert_alive(qemu)


def test_many_at_once(ivt, serve):
    server = serve(vectors=4)
    qemus = [ivt.qemu(Qemu.doorbell(server.path, 4), **MACHINE) for _ in range(8)]
    for qemu in qemus:
        assert qemu.status() == 'prelaunch'
    server.wait_peers(8)
    qemus[3].kill()
    server.wait_peers(7)
    assert_alive(*qemus[:3], *qemus[4:])
