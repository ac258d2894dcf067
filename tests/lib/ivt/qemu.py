# SPDX-License-Identifier: LGPL-3.0-or-later
"""A QEMU, always with accel=tcg: a /dev/kvm that is there need not work, and then the guest hangs without a word."""

import json
import os
import re
import socket
import subprocess

from .process import Process
from .wait import Deadline, wait_for

BINARY = 'qemu-system-x86_64'


class QmpError(Exception):
    """What QEMU answered to a command."""


class Qmp:
    """The monitor, over a unix socket."""

    def __init__(self, path, must_run, timeout=60):
        self.must_run = must_run
        deadline = Deadline(timeout)

        def connect():
            must_run()
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            try:
                connection.connect(path)
                return connection
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                return None
        self.socket = wait_for(connect, deadline.left(), 'the QMP socket')
        self.events = []
        self._rest = b''
        # A QEMU that waits for a server inside a device's creation says nothing until that is over.
        assert 'QMP' in self.read(deadline.left())
        self.command('qmp_capabilities', timeout=deadline.left())

    def read(self, timeout):
        deadline = Deadline(timeout)
        while b'\n' not in self._rest:
            self.socket.settimeout(max(deadline.left(), 0.001))
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                raise TimeoutError(f'QMP said nothing for {deadline.seconds:g} s') from None
            except ConnectionResetError:
                data = b''
            if not data:
                # QEMU is about to end, and has said why.
                wait_for(self.must_run, what='the end of a QEMU whose monitor hung up')
            self._rest += data
        line, self._rest = self._rest.split(b'\n', 1)
        return json.loads(line)

    def command(self, command, timeout=60, **arguments):
        """The answer's `return`. Keys with an underscore are written with a dash where QMP has one: use QMP's."""
        message = {'execute': command}
        if arguments:
            message['arguments'] = arguments
        self.socket.sendall(json.dumps(message).encode() + b'\n')
        deadline = Deadline(timeout)
        while True:
            answer = self.read(deadline.left())
            if 'event' in answer:
                self.events.append(answer)
            elif 'error' in answer:
                raise QmpError(answer['error']['desc'])
            else:
                return answer['return']

    def wait_event(self, name, timeout=60, **data):
        """The first event of that name (and with that data) since the last wait for it."""
        deadline = Deadline(timeout)
        while True:
            for event in self.events:
                if event['event'] == name and data.items() <= event.get('data', {}).items():
                    self.events.remove(event)
                    return event
            message = self.read(deadline.left())
            if 'event' in message:
                self.events.append(message)

    def close(self):
        self.socket.close()


class Qemu:
    """args: what comes after the machine. kernel, initrd, append: a guest to boot; without, the CPU stays stopped.

    The guest's first serial port is standard input and output of the process:
    what it prints is collected in a file, and write() types.
    """

    def __init__(self, scope, args=(), *, machine='q35', memory=128, kernel=None, initrd=None, append='',
                 name='qemu', qmp_timeout=60):
        directory = scope.make_dir(name)
        self.qmp_path = os.path.join(directory, 'qmp')
        argv = [BINARY, '-M', f'{machine},accel=tcg', '-m', memory, '-nodefaults', '-no-user-config',
                '-display', 'none', '-no-reboot', '-qmp', f'unix:{self.qmp_path},server=on,wait=off',
                '-chardev', 'stdio,id=serial0,signal=off', '-serial', 'chardev:serial0']
        if kernel is not None:
            argv += ['-kernel', kernel, '-initrd', initrd, '-append', append]
        else:
            argv += ['-S']
        self.process = Process(argv + list(args), directory, name, stdin=subprocess.PIPE)
        self.pid = self.process.pid
        self.qmp_timeout = qmp_timeout
        self._qmp = None

    @staticmethod
    def doorbell(path, vectors=1, name='iv', **properties):
        """The arguments by which a QEMU joins the server at path."""
        more = ''.join(f',{key}={value}' for key, value in properties.items())
        return ['-chardev', f'socket,path={path},id={name}-chardev',
                '-device', f'ivshmem-doorbell,id={name},vectors={vectors},chardev={name}-chardev{more}']

    @property
    def qmp(self):
        """Connects at first use; that it does proves that every device has been created."""
        if self._qmp is None:
            self._qmp = Qmp(self.qmp_path, self.must_run, self.qmp_timeout)
        return self._qmp

    def must_run(self):
        if not self.process.running():
            self.process.fail(f'ended with {self.process.child.returncode}')

    def status(self):
        """QEMU answers, so its main loop is alive."""
        return self.qmp.command('query-status')['status']

    def plug(self, path, vectors=1, name='iv', bus=None):
        """Hot plug: a connection to the server at path and a device on it."""
        self.qmp.command('chardev-add', id=f'{name}-chardev', backend={'type': 'socket', 'data': {
            'addr': {'type': 'unix', 'data': {'path': path}}, 'server': False}})
        device = {'driver': 'ivshmem-doorbell', 'id': name, 'vectors': vectors, 'chardev': f'{name}-chardev'}
        if bus is not None:
            device['bus'] = bus
        self.qmp.command('device_add', **device)

    def unplug(self, name='iv'):
        """The server sees the leave only when the connection goes, too. A stopped guest never answers device_del."""
        self.qmp.command('device_del', id=name)
        self.qmp.wait_event('DEVICE_DELETED', device=name)
        self.qmp.command('chardev-remove', id=f'{name}-chardev')

    def forwarded_ports(self):
        """{port in the guest: port here} of every hostfwd=."""
        table = self.qmp.command('human-monitor-command', **{'command-line': 'info usernet'})
        found = re.findall(r'HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)', table)
        return {int(there): int(here) for here, there in found}

    def serial(self):
        return self.process.out()

    def write(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait_exit(self, timeout=60):
        return self.process.wait(timeout)

    def kill(self):
        self.process.kill()

    def stop(self):
        """A QEMU that ended by a signal crashed, unless the test killed it by kill()."""
        if self._qmp is not None:
            self._qmp.close()
        if self.process.running():
            self.process.kill()
        elif self.process.child.returncode < 0 and self.process.child.returncode != -9:
            self.process.fail(f'crashed with signal {-self.process.child.returncode}')
        self.process.close()

    def sections(self):
        yield from self.process.sections()
