# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is installed beside the programs, judged by those who read it."""

import os
import re
import shutil

import pytest

OWNER = '''
import sys
from gi.repository import Gio, GLib
bus = Gio.DBusConnection.new_for_address_sync(
    sys.argv[1], Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
loop = GLib.MainLoop()
Gio.bus_own_name_on_connection(
    bus, 'org.ivshmem.Daemon1', Gio.BusNameOwnerFlags.NONE,
    lambda *_: print('owned', flush=True), lambda *_: (print('refused', flush=True), loop.quit()))
loop.run()
'''

# As the system's own: nobody owns or calls anything unless a file allows it.
SYSTEM_BUS = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>{policy}</include>
</busconfig>
'''

# Accounts of every Debian, in the parts of ours: (uid, gid).
ROOT = (0, 0)
DAEMON = (1, 1)     # daemon, as ivshmemd
MEMBER = (5, 60)    # games, whose group is ours
STRANGER = (65534, 65534)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='allowed: needs other users, so root')


def built(ivt, name):
    return os.path.join(ivt.build.dir, 'data', name)


def policy(ivt):
    return os.path.join(ivt.build.source_dir, 'data', 'dbus', 'org.ivshmem.Daemon1.conf')


class SystemBus:
    def __init__(self, ivt):
        with open(policy(ivt), encoding='utf-8') as file:
            text = file.read()
        text, users = re.subn('user="ivshmemd"', 'user="daemon"', text)
        text, groups = re.subn('group="ivshmem"', 'group="games"', text)
        assert users == 1 and groups == 1
        self.ivt = ivt
        self.socket = ivt.path('system-bus')
        self.address = f'unix:path={self.socket}'
        config = ivt.file('system.conf', SYSTEM_BUS.format(
            socket=self.socket, policy=ivt.file('org.ivshmem.Daemon1.conf', text)))
        self.process = ivt.process(['dbus-daemon', '--nofork', '--nopidfile', '--print-address', '--config-file', config])
        self.process.wait_out('unix:')

    def own(self, user):
        owner = self.ivt.process(['/usr/bin/python3', '-c', OWNER, self.address], user=user)
        owner.wait_out('\n')
        return owner.out().strip()

    def ping(self, user):
        return self.ivt.run(['busctl', f'--address={self.address}', 'call', 'org.ivshmem.Daemon1', '/',
                             'org.freedesktop.DBus.Peer', 'Ping'], user=user)


@needs_root
def test_policy_who_may_call(ivt):
    bus = SystemBus(ivt)
    assert bus.own(DAEMON) == 'owned'
    for user in (ROOT, DAEMON, MEMBER):
        assert bus.ping(user).code == 0, user
    refused = bus.ping(STRANGER)
    assert refused.code != 0
    assert 'Access denied' in refused.err


@needs_root
@pytest.mark.parametrize(('user', 'answer'), [
    (ROOT, 'owned'), (DAEMON, 'owned'), (MEMBER, 'refused'), (STRANGER, 'refused')])
def test_policy_who_may_be_the_daemon(ivt, user, answer):
    assert SystemBus(ivt).own(user) == answer


def test_policy_is_valid(ivt):
    dtd = '/usr/share/xml/dbus-1/busconfig.dtd'
    valid = ['--dtdvalid', dtd] if os.path.exists(dtd) else []
    result = ivt.run(['xmllint', '--nonet', '--noout', *valid, policy(ivt)])
    assert result.code == 0, result


def test_session_service(ivt):
    if not ivt.build.has('dbus'):
        pytest.skip('allowed: built without D-Bus')
    with open(built(ivt, 'org.ivshmem.Daemon1.service'), encoding='utf-8') as file:
        lines = file.read().splitlines()
    assert '[D-BUS Service]' in lines
    assert 'Name=org.ivshmem.Daemon1' in lines
    [command] = [line for line in lines if line.startswith('Exec=')]
    assert re.fullmatch(r'Exec=/\S+/bin/ivshmemd --session', command)


def unit(ivt):
    """The unit, with a program that is there; its socket beside it."""
    if not ivt.build.has('systemd'):
        pytest.skip('allowed: built without systemd')
    with open(built(ivt, 'ivshmemd.service'), encoding='utf-8') as file:
        text, changed = re.subn(r'(?m)^ExecStart=\S+/ivshmemd ', 'ExecStart=/bin/true ', file.read())
    assert changed == 1
    text = re.sub('(?m)^Documentation=.*', '', text)
    if ivt.build.has('http'):
        with open(built(ivt, 'ivshmemd.socket'), encoding='utf-8') as file:
            ivt.file('ivshmemd.socket', re.sub('(?m)^Documentation=.*', '', file.read()))
    return ivt.file('ivshmemd.service', text)


def test_unit_is_valid(ivt):
    result = ivt.run(['systemd-analyze', 'verify', unit(ivt)])
    complaints = [line for line in result.err.splitlines() if 'ivshmemd' in line]
    assert result.code == 0 and not complaints, result


def test_socket_unit_is_valid(ivt):
    if not ivt.build.has('http'):
        pytest.skip('allowed: built without HTTP')
    socket = unit(ivt).replace('.service', '.socket')
    result = ivt.run(['systemd-analyze', 'verify', socket])
    complaints = [line for line in result.err.splitlines() if 'ivshmemd' in line]
    assert result.code == 0 and not complaints, result
    with open(socket, encoding='utf-8') as file:
        lines = file.read().splitlines()
    assert 'FileDescriptorName=http' in lines
    assert 'SocketMode=0660' in lines and 'SocketGroup=ivshmem' in lines
    # Where the daemon of the unit would make its own.
    assert 'ListenStream=%t/ivshmemd/http.sock' in lines


def test_unit_is_hardened(ivt):
    result = ivt.run(['systemd-analyze', 'security', '--offline=true', '--threshold=25', unit(ivt)])
    assert result.code == 0, result


def test_users_and_directories(ivt):
    if not ivt.build.has('systemd'):
        pytest.skip('allowed: built without systemd')
    root = ivt.make_dir('root')
    os.mkdir(os.path.join(root, 'etc'))
    for kind in ('sysusers', 'tmpfiles'):
        folder = os.path.join(root, 'usr', 'lib', f'{kind}.d')
        os.makedirs(folder)
        shutil.copy(built(ivt, f'{kind}-ivshmemd.conf'), os.path.join(folder, 'ivshmemd.conf'))
    if os.geteuid() != 0:
        pytest.skip('allowed: only root makes users')
    result = ivt.run(['systemd-sysusers', f'--root={root}', 'ivshmemd.conf'])
    assert result.code == 0, result
    with open(os.path.join(root, 'etc', 'group'), encoding='utf-8') as file:
        groups = [line.split(':')[0] for line in file]
    assert groups.count('ivshmem') == 1 and groups.count('ivshmemd') == 1
    with open(os.path.join(root, 'etc', 'passwd'), encoding='utf-8') as file:
        [user] = [line.rstrip('\n').split(':') for line in file if line.startswith('ivshmemd:')]
    assert user[6].endswith('/nologin')
    result = ivt.run(['systemd-tmpfiles', f'--root={root}', '--create', 'ivshmemd.conf'])
    assert result.code == 0, result
    made = {os.path.join(folder, name).removeprefix(root): os.stat(os.path.join(folder, name))
            for folder, names, _files in os.walk(root) for name in names if name == 'ivshmemd'}
    modes = sorted(oct(status.st_mode & 0o7777) for status in made.values())
    assert modes == ['0o700', '0o755'], made
    assert {status.st_uid for status in made.values()} == {int(user[2])}
