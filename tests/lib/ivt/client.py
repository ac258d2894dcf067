# SPDX-License-Identifier: LGPL-3.0-or-later
"""A D-Bus client over Gio: calls with descriptors, signals, objects."""

import os
import warnings

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from .wait import SCALE, wait_for  # noqa: E402

BUS_NAME = 'org.ivshmem.Daemon1'
ROOT = '/org/ivshmem/Daemon1'
MANAGER = 'org.ivshmem.Daemon1.Manager'
REGION = 'org.ivshmem.Daemon1.Region'
PROPERTIES = 'org.freedesktop.DBus.Properties'
OBJECT_MANAGER = 'org.freedesktop.DBus.ObjectManager'
ERROR_PREFIX = 'org.ivshmem.Error.'
CALL_SECONDS = 30

# Arguments of every method, so that a test writes values only.
SIGNATURES = {
    'Attach': '(ssa{sv})', 'Detach': '(sa{sv})', 'ListCandidates': '(s)',
    'Read': '(tt)', 'Write': '(tay)', 'Fill': '(tty)', 'Atomic': '(stuss)',
    'Wait': '(tussta{sv})', 'Ring': '(uu)', 'ListPeers': '()', 'Kick': '(u)',
    'OpenMemory': '(a{sv})', 'OpenVector': '(ua{sv})', 'OpenDoorbell': '(uu)', 'Join': '()',
    'Watch': '(ttt)', 'Unwatch': '(u)', 'ListWatches': '()', 'Subscribe': '()', 'Unsubscribe': '()',
}


class DBusError(Exception):
    """name: the D-Bus name; code: the project's own error (`OutOfRange`), or None."""

    def __init__(self, error):
        self.name = Gio.dbus_error_get_remote_error(error) if Gio.dbus_error_is_remote_error(error) else None
        self.message = error.message.removeprefix(f'GDBus.Error:{self.name}: ')
        self.code = None
        if self.name and self.name.startswith(ERROR_PREFIX):
            self.code = self.name[len(ERROR_PREFIX):]
        super().__init__(f'{self.name}: {self.message}')


def variant(value):
    """A Python value as what a{sv} options carry; a GLib.Variant stays as it is."""
    if isinstance(value, GLib.Variant):
        return value
    if isinstance(value, bool):
        return GLib.Variant('b', value)
    if isinstance(value, int):
        return GLib.Variant('t' if value >= 0 else 'x', value)
    if isinstance(value, str):
        return GLib.Variant('s', value)
    raise TypeError(f'no D-Bus type for {value!r}')


def options(**values):
    """Keyword arguments as a{sv}; own_id becomes own-id."""
    return {key.replace('_', '-'): variant(value) for key, value in values.items()}


def escape(name):
    """As sd_bus_path_encode does it."""
    def keep(index, byte):
        return byte < 128 and (chr(byte).isalpha() or (index > 0 and chr(byte).isdigit()))
    raw = name.encode()
    return ''.join(chr(byte) if keep(i, byte) else f'_{byte:02x}' for i, byte in enumerate(raw)) or '_'


def unpack(value):
    """As GLib.Variant.unpack, but bytes for ay: a mebibyte in a list of numbers is too slow to test with."""
    if value.get_type_string() == 'ay':
        return value.get_data_as_bytes().get_data() or b''
    if value.get_type_string() == 'v':
        return unpack(value.get_variant())
    if value.get_type_string().startswith('('):
        return tuple(unpack(value.get_child_value(i)) for i in range(value.n_children()))
    return value.unpack()


def parameters(signature, arguments):
    """The tuple of a call; bytes are taken for ay without a detour over a list."""
    if signature is None or signature == '()':
        return None
    children = []
    for kind, argument in zip(children_of(signature), arguments, strict=True):
        if kind == 'ay' and isinstance(argument, (bytes, bytearray)):
            data = GLib.Bytes.new(bytes(argument))
            children.append(GLib.Variant.new_from_bytes(GLib.VariantType.new(kind), data, True))
        else:
            children.append(GLib.Variant(kind, argument))
    return GLib.Variant.new_tuple(*children)


class Pending:
    """A call under way."""

    def __init__(self, client):
        self.client = client
        self.done = False
        self.values = None
        self.error = None
        self.cancellable = Gio.Cancellable()

    def finish(self, connection, result):
        self.done = True
        try:
            self.values = self.client.answer(*connection.call_with_unix_fd_list_finish(result))
        except GLib.Error as error:
            self.error = DBusError(error)

    def result(self, timeout=CALL_SECONDS):
        self.client.wait(lambda: self.done, timeout, 'an answer')
        if self.error is not None:
            raise self.error
        return self.values


class Signals:
    """What came in of one subscription: (path, member, values), oldest first."""

    def __init__(self, client, interface, path, member):
        self.client = client
        self.seen = []
        self.id = client.connection.signal_subscribe(
            None, interface, member, path, None, Gio.DBusSignalFlags.NONE, self.take)

    def take(self, _connection, _sender, path, _interface, member, values, *_data):
        self.seen.append((path, member, unpack(values)))

    def of(self, member):
        self.client.iterate()
        return [values for _path, name, values in self.seen if name == member]

    def wait(self, member, *values, timeout=10):
        """Until a signal with these values (a prefix of its arguments) has come."""
        def found():
            for candidate in self.of(member):
                if candidate[:len(values)] == values:
                    return [candidate]
            return None
        return self.client.wait(found, timeout, f'the signal {member}{values}; so far {self.seen}')[0]

    def wait_sum(self, total, *key, member='Interrupt', timeout=10):
        """Until the last argument of all such signals adds up to total: interrupts come with counts."""
        def enough():
            return sum(values[-1] for values in self.of(member) if values[:len(key)] == key) >= total
        self.client.wait(enough, timeout, f'{total} × {member}{key}')
        return sum(values[-1] for values in self.of(member) if values[:len(key)] == key)

    def clear(self):
        self.client.iterate()
        self.seen.clear()

    def stop(self):
        self.client.connection.signal_unsubscribe(self.id)


class Client:
    """One connection to a bus, with the daemon's names filled in."""

    def __init__(self, address, name=BUS_NAME):
        self.address = address
        self.name = name
        # A context of its own would hide signals from a plain loop; this one is the thread's default.
        self.context = GLib.MainContext.default()
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        self.connection.set_exit_on_close(False)

    def iterate(self):
        while self.context.iteration(False):
            pass

    def wait(self, condition, timeout=10, what=None):
        return wait_for(condition, timeout, what, step=lambda: self.pause(50))

    def pause(self, milliseconds):
        """Blocks in the main loop until something happens there, but not for longer."""
        source = GLib.timeout_add(milliseconds, lambda: GLib.SOURCE_CONTINUE)
        self.context.iteration(True)
        GLib.source_remove(source)
        self.iterate()

    @staticmethod
    def answer(values, fd_list):
        """What a method returned: None, one value or a tuple; an h is replaced by an open descriptor."""
        values_type = values.get_type_string()
        fds = list(fd_list.steal_fds()) if fd_list is not None else []
        unpacked = list(unpack(values))
        if fds:
            for i, kind in enumerate(children_of(values_type)):
                if kind == 'h':
                    unpacked[i] = fds[unpacked[i]]
        if len(unpacked) <= 1:
            return unpacked[0] if unpacked else None
        return tuple(unpacked)

    def begin(self, path, interface, method, *arguments, signature=None, timeout=CALL_SECONDS):
        pending = Pending(self)
        self.connection.call_with_unix_fd_list(
            self.name, path, interface, method, parameters(signature or SIGNATURES.get(method), arguments), None,
            Gio.DBusCallFlags.NO_AUTO_START, int(timeout * SCALE * 1000), None, pending.cancellable,
            lambda connection, result: pending.finish(connection, result))
        return pending

    def call(self, path, interface, method, *arguments, signature=None, timeout=CALL_SECONDS):
        return self.begin(path, interface, method, *arguments, signature=signature, timeout=timeout).result(timeout + 5)

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, 'Get', interface, name, signature='(ss)')

    def get_all(self, path, interface):
        return self.call(path, PROPERTIES, 'GetAll', interface, signature='(s)')

    def signals(self, interface=None, path=None, member=None):
        return Signals(self, interface, path, member)

    def owner(self, name=None):
        """The unique name behind a well-known one, or None."""
        try:
            return unpack(self.connection.call_sync(
                'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'GetNameOwner',
                GLib.Variant('(s)', (name or self.name,)), None, Gio.DBusCallFlags.NONE, 10000, None))[0]
        except GLib.Error:
            return None

    # The daemon's objects.

    def manager(self, method, *arguments, **keywords):
        return self.call(ROOT, MANAGER, method, *arguments, **keywords)

    def objects(self):
        """ObjectManager: {path: {interface: {property: value}}}."""
        return self.call(ROOT, OBJECT_MANAGER, 'GetManagedObjects', signature='()')

    def attach(self, plugin, name, **option_values):
        """Attaches, and returns the region. socket='…', own_id=3 and so on are the options."""
        path = self.manager('Attach', plugin, name, options(**option_values))
        region = Region(self, name)
        assert path == region.path, f'{path} is not {region.path}'
        return region

    def detach(self, name, force=False):
        return self.manager('Detach', name, options(force=True) if force else {})

    def region(self, name):
        return Region(self, name)

    def stop(self):
        if not self.connection.is_closed():
            self.connection.close_sync(None)
        self.iterate()

    def sections(self):
        return []


class Region:
    """A region's methods by their names in lower case: region.read(0, 4)."""

    def __init__(self, client, name):
        self.client = client
        self.name = name
        self.path = f'{ROOT}/region/{escape(name)}'

    def call(self, method, *arguments, **keywords):
        return self.client.call(self.path, REGION, method, *arguments, **keywords)

    def begin(self, method, *arguments, **keywords):
        return self.client.begin(self.path, REGION, method, *arguments, **keywords)

    def get(self, name):
        return self.client.get(self.path, REGION, name)

    def properties(self):
        return self.client.get_all(self.path, REGION)

    def wait_property(self, name, value, timeout=10):
        self.client.wait(lambda: self.get(name) == value, timeout, f'{name} = {value!r} of {self.name}')

    def read(self, offset, length):
        return self.call('Read', offset, length)

    def write(self, offset, data):
        return self.call('Write', offset, data)

    def fill(self, offset, length, value):
        return self.call('Fill', offset, length, value)

    def atomic(self, op, offset, width, value, expected=''):
        return self.call('Atomic', op, offset, width, value, expected)

    def wait(self, offset, width, op, value, timeout_usec, **option_values):
        return self.call('Wait', offset, width, op, value, timeout_usec, options(**option_values))

    def ring(self, peer, vector):
        return self.call('Ring', peer, vector)

    def peers(self):
        """{id: {key: value}}"""
        return {peer['id']: peer for peer in self.call('ListPeers')}

    def kick(self, peer):
        return self.call('Kick', peer)

    def open_memory(self, **option_values):
        """(descriptor, offset, size)"""
        return self.call('OpenMemory', options(**option_values))

    def open_vector(self, vector, **option_values):
        return self.call('OpenVector', vector, options(**option_values))

    def open_doorbell(self, peer, vector):
        return self.call('OpenDoorbell', peer, vector)

    def join(self):
        """A connected socket's descriptor."""
        return self.call('Join')

    def subscribe(self):
        """The region's signals; the subscription is made before this returns."""
        signals = self.client.signals(REGION, self.path)
        self.call('Subscribe')
        return signals


def children_of(signature):
    """The types inside a tuple's. (GVariantType.next reads past what PyGObject copied.)"""
    kinds, inside, start, depth = [], signature[1:-1], 0, 0
    for at, sign in enumerate(inside):
        depth += (sign in '({') - (sign in ')}')
        if depth == 0 and sign != 'a':
            kinds.append(inside[start:at + 1])
            start = at + 1
    return kinds


def close_all(fds):
    for fd in fds:
        os.close(fd)


# PyGObject 3.42 warns about GLib's own deprecated spellings; they are not ours.
warnings.filterwarnings('ignore', category=DeprecationWarning, module='gi')
