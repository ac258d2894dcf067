# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the tests of ivshmemd in Python stand on.

A test asks for the fixture `ivt` (a Scope) and gets everything else from it:
a private bus, a daemon, raw peers, a QEMU. The scope owns them, ends them in
reverse order, checks that each ended well, and shows their logs if the test
failed. Nothing here sleeps for a fixed time: it waits for a condition, and
every wait has a limit.
"""

from .build import Build
from .bus import Bus
from .client import Client, DBusError, Pending
from .daemon import Daemon
from .guest import Guest
from .guest_daemon import GuestDaemon
from .notify import Notify
from .process import Process, TestFailure
from .qemu import Qemu, Qmp, QmpError
from .scope import Scope
from .server import WireServer
from .wait import Deadline, wait_for
from .wire import WireClient

__all__ = [
    'Build', 'Bus', 'Client', 'DBusError', 'Daemon', 'Deadline', 'Guest',
    'GuestDaemon', 'Notify', 'Pending', 'Process', 'Qemu', 'Qmp', 'QmpError', 'Scope',
    'TestFailure', 'WireClient', 'WireServer', 'wait_for',
]
