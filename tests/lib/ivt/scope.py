# SPDX-License-Identifier: LGPL-3.0-or-later
"""Owns everything that a test starts."""

import itertools
import json
import os
import shutil
import tempfile
from contextlib import contextmanager

from .build import Build
from .bus import Bus
from .client import Client
from .daemon import Daemon
from .guest import Guest
from .guest_daemon import GuestDaemon
from .notify import Notify
from .process import Process
from .qemu import Qemu
from .server import WireServer
from .wire import WireClient


class Result:
    """How a command ended."""

    def __init__(self, process):
        self.argv = process.argv
        self.code = process.child.returncode
        self.out = process.out()
        self.err = process.err()

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return self.out.splitlines()

    def __repr__(self):
        return f'{" ".join(self.argv)}\nended with {self.code}\n{self.out}{self.err}'


class Scope:
    """What it makes lives in one short directory (a socket's path may have 107 bytes) and ends with it."""

    def __init__(self):
        self.build = Build()
        self.dir = tempfile.mkdtemp(prefix='ivt-', dir='/tmp')
        os.chmod(self.dir, 0o755)
        self.owned = []
        self.shared_paths = []
        self.numbers = itertools.count()
        self.kept_sections = None
        self._plugin_dir = None

    # Ownership.

    def own(self, thing):
        """thing.stop() is called at the end, in reverse order of owning; thing.sections() when the test failed."""
        self.owned.append(thing)
        return thing

    def sections(self):
        if self.kept_sections is not None:
            yield from self.kept_sections
            return
        for thing in self.owned:
            yield from thing.sections()

    def end(self):
        """Stops everything, also after a failure, and keeps the logs; the first failure is the test's."""
        failure = None
        for thing in reversed(self.owned):
            try:
                thing.stop()
            except Exception as error:  # pylint: disable=broad-except
                failure = failure or error
        for process in self.processes():
            if process.running():
                process.kill()
        self.kept_sections = list(self.sections())
        shutil.rmtree(self.dir)
        for path in self.shared_paths:
            if os.path.exists(path):
                os.unlink(path)
        if failure is not None:
            raise failure

    def processes(self):
        for thing in self.owned:
            process = thing if isinstance(thing, Process) else getattr(thing, 'process', None)
            if process is not None:
                yield process

    def make_dir(self, name):
        """A directory of its own; a name that is taken gets a number."""
        path = os.path.join(self.dir, name)
        if os.path.exists(path):
            path = os.path.join(self.dir, f'{name}-{next(self.numbers)}')
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)
        return path

    def path(self, name):
        return os.path.join(self.dir, name)

    def shared_path(self, name):
        """In /dev/shm; what is there at the end is removed."""
        path = f'/dev/shm/ivt-{name}-{os.getpid()}'
        self.shared_paths.append(path)
        return path

    def file(self, name, text):
        path = self.path(name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    # The parts.

    def plugin_dir(self):
        if self._plugin_dir is None:
            self._plugin_dir = self.build.copy_plugins(self.path('plugins'))
        return self._plugin_dir

    def bus(self, **keywords):
        return self.own(Bus(self.make_dir('bus'), **keywords)).wait_ready()

    def notify(self, name='notify'):
        return self.own(Notify(self.make_dir(name)))

    def daemon(self, bus=None, ready=True, **keywords):
        """ready=False: does not wait (for a daemon that must refuse to start)."""
        daemon = self.own(Daemon(self, bus, **keywords))
        if ready:
            daemon.wait_ready(self)
        return daemon

    def client(self, bus):
        return self.own(Client(bus.address))

    def peer(self, path=None, **keywords):
        return self.own(WireClient(path, **keywords))

    def server(self, name='server.sock', **keywords):
        return self.own(WireServer(self.path(name), **keywords))

    def qemu(self, args=(), **keywords):
        return self.own(Qemu(self, args, **keywords))

    def guest(self, args=(), **keywords):
        return Guest(self, args, **keywords)

    def guest_daemon(self, args=(), *, wait=True, **keywords):
        """The whole daemon in a guest. wait=False: returns while it boots."""
        daemon = self.own(GuestDaemon(self, args, **keywords))
        if wait:
            daemon.wait_ready()
        return daemon

    def process(self, argv, **keywords):
        """Any other program, ended at the latest with the test."""
        name = os.path.basename(str(argv[0]))
        process = Process(argv, self.make_dir(name), **keywords)
        return self.own(_Loose(process)).process

    def run(self, argv, *, data=None, timeout=60, **keywords):
        """Runs a command to its end. data: bytes for its standard input."""
        directory = self.make_dir(os.path.basename(str(argv[0])))
        with self.input(data, directory) as stdin:
            process = Process(argv, directory, stdin=stdin, **keywords)
        try:
            process.wait(timeout)
        except TimeoutError:
            process.kill()
            raise
        process.check(None)
        return Result(process)

    @contextmanager
    def input(self, data, directory):
        if data is None:
            yield None
            return
        path = os.path.join(directory, 'stdin')
        with open(path, 'wb') as file:
            file.write(data)
        with open(path, 'rb') as file:
            yield file

    def ctl(self, *arguments, bus=None, env=None, data=None, timeout=60, user=None):
        """ivshmemctl, whose session bus is `bus` and who finds no other."""
        return self.run([self.build.ivshmemctl, *arguments], data=data, timeout=timeout, user=user, env={
            'DBUS_SESSION_BUS_ADDRESS': bus.address if bus is not None else 'unix:path=/nonexistent/bus',
            'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent/bus',
            'NO_COLOR': '1', 'LC_ALL': 'C.UTF-8', **(env or {})})


class _Loose:
    """A process that the test may leave running."""

    def __init__(self, process):
        self.process = process

    def stop(self):
        if self.process.running():
            self.process.kill()
        self.process.close()
        self.process.check(None)

    def sections(self):
        yield from self.process.sections()
