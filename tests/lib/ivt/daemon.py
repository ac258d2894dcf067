# SPDX-License-Identifier: LGPL-3.0-or-later
"""The daemon under test."""

import os
import signal

from .process import Process, TestFailure
from .wait import wait_for


class Daemon:
    """Runs ivshmemd. Scope.daemon() also waits until it is ready.

    bus: the Bus to be on (None: a build or a test without one).
    session: find the bus by --session and the environment rather than by --bus-address.
    config: the text of a config file (None: no --config).
    user: (uid, gid) to run as.
    """

    def __init__(self, scope, bus=None, *, config=None, session=False, args=(), env=None,
                 user=None, state_dir=None, plugin_dir=None, watchdog_usec=None, name='ivshmemd'):
        build = scope.build
        self.directory = scope.make_dir(name)
        self.runtime_dir = self.make_dir('run', 0o700)
        self.state_dir = state_dir or self.make_dir('state', 0o700)
        self.plugin_dir = plugin_dir or scope.plugin_dir()
        self.bus = bus
        self.notify = scope.notify(f'{name}.notify') if build.has('systemd') else None
        if user is not None:
            for path in (self.runtime_dir, self.state_dir):
                os.chown(path, *user)
        argv = [build.ivshmemd]
        if bus is not None:
            argv += ['--session'] if session else ['--bus-address', bus.address]
        if config is not None:
            self.config = os.path.join(self.directory, 'ivshmemd.conf')
            with open(self.config, 'w', encoding='utf-8') as file:
                file.write(config)
            argv += ['--config', self.config]
        argv += ['--state-dir', self.state_dir, '--plugin-dir', self.plugin_dir, *args]
        self.process = Process(argv, self.directory, name, env={
            'G_DEBUG': 'fatal-criticals',
            'G_MESSAGES_DEBUG': None,
            'HOME': self.directory,
            'XDG_RUNTIME_DIR': self.runtime_dir,
            'XDG_CONFIG_HOME': os.path.join(self.directory, 'xdg-config'),
            'XDG_STATE_HOME': os.path.join(self.directory, 'xdg-state'),
            'DBUS_SESSION_BUS_ADDRESS': bus.address if bus is not None else None,
            'NOTIFY_SOCKET': self.notify.path if self.notify is not None else None,
            'WATCHDOG_USEC': str(watchdog_usec) if watchdog_usec is not None else None,
            **(env or {}),
        }, user=user)
        self.pid = self.process.pid
        self.checked = False

    def make_dir(self, name, mode):
        path = os.path.join(self.directory, name)
        os.mkdir(path)
        os.chmod(path, mode)
        return path

    def must_run(self):
        if not self.process.running():
            self.process.fail(f'ended with {self.process.child.returncode} before it was ready')

    def wait_ready(self, scope, timeout=30):
        """READY=1; without libsystemd the name on the bus, which is owned last but for that."""
        if self.notify is not None:
            self.notify.wait('READY', '1', timeout=timeout, alive=self.must_run)
        elif self.bus is not None:
            client = scope.client(self.bus)

            def owned():
                self.must_run()
                return client.owner()
            wait_for(owned, timeout, 'the daemon to own its name')

    def log(self):
        return self.process.err()

    def wait_log(self, text, timeout=10):
        return self.process.wait_err(text, timeout)

    def wait_log_line(self, text, timeout=10):
        """The first whole line of the log that has text in it."""
        def look():
            lines = self.log().rpartition('\n')[0].splitlines()
            return next((line for line in lines if text in line), None)
        self.wait_log(text, timeout)
        return wait_for(look, timeout, f'a line with {text!r}')

    def end(self, timeout=30):
        """SIGTERM, and the exit code."""
        self.process.signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def expect_exit(self, code, timeout=30):
        """For a daemon that ends by itself. Its log is returned."""
        self.process.wait(timeout)
        self.checked = True
        self.process.check(code)
        return self.log()

    def kill(self):
        """SIGKILL: as if it had crashed. What it leaves behind is not held against it."""
        self.process.kill()
        self.checked = True

    def left_behind(self):
        """Everything in the runtime directory that is not a directory."""
        return [os.path.join(folder, name) for folder, _dirs, names in os.walk(self.runtime_dir) for name in names]

    def stop(self):
        if self.checked:
            return
        self.checked = True
        running = self.process.running()
        self.end()
        self.process.check(0)
        if not running:
            raise TestFailure('the daemon had ended before the test did')
        if self.notify is not None and not self.notify.said('STOPPING', '1'):
            raise TestFailure('the daemon did not say STOPPING=1')
        if self.left_behind():
            raise TestFailure(f'the daemon left behind: {self.left_behind()}')

    def sections(self):
        yield from self.process.sections()
