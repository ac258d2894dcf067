# SPDX-License-Identifier: LGPL-3.0-or-later
"""Parts of the Debian that builds, for guests that shall be like one: programs, kernel modules, an installed tree.

Each function returns {path in the guest: path here}, as Guest takes files.
"""

import os
import re

import kit

VFIO = kit.VFIO_MODULES
NETWORK = kit.NETWORK_MODULES

UNITS = '/lib/systemd/system'
UNITS_WANTED = [
    'sysinit.target', 'local-fs.target', 'local-fs-pre.target', 'swap.target', 'sockets.target', 'timers.target',
    'paths.target', 'slices.target', 'basic.target', 'multi-user.target', 'network.target', 'shutdown.target',
    'umount.target', 'systemd-journald.service', 'systemd-journald.socket', 'systemd-journald-dev-log.socket',
    'systemd-udevd.service', 'systemd-udevd-control.socket', 'systemd-udevd-kernel.socket',
    'systemd-udev-trigger.service', 'systemd-sysusers.service', 'systemd-tmpfiles-setup.service',
    'systemd-tmpfiles-setup-dev.service', 'kmod-static-nodes.service', 'modprobe@.service', 'dbus.service',
    'dbus.socket']
DAEMONS = ['systemd-journald']
CLIENTS = ['systemctl', 'journalctl', 'systemd-analyze', 'systemd-tmpfiles']
PLAIN_FILES = ['/usr/share/dbus-1/system.conf', '/usr/share/dbus-1/system.d/org.freedesktop.systemd1.conf',
               '/usr/lib/tmpfiles.d/systemd.conf', '/usr/lib/tmpfiles.d/var.conf']
# Does what the test says, as the first process does in the other guests.
SHELL = '''[Service]
ExecStart=/bin/busybox sh /init
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/ttyS0
'''

# What a shell script of ours may call, as Debian has it and not busybox.
COREUTILS = ['basename', 'cat', 'chgrp', 'chmod', 'id', 'ls', 'readlink', 'sleep', 'stat']


def programs(*paths):
    """With their libraries; a path may be a link to a program of another name."""
    return kit.with_libraries({path: os.path.realpath(path) for path in paths})


def tree(directory, at=None, skip=()):
    """Every file below directory, which is `at` in the guest. Links become what they lead to."""
    at = directory if at is None else at
    files = {}
    for folder, _folders, names in os.walk(directory, followlinks=False):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and name not in skip:
                files[os.path.join(at, os.path.relpath(path, directory))] = path
    return files


def modules(scope, names):
    """/lib/modules with these, and the tables by which kmod finds them."""
    sources = [os.path.join(kit.folder(), 'modules', f'{name}.ko') for name in names]
    version = kit.command('modinfo', '-F', 'vermagic', sources[0]).split()[0]
    root = scope.make_dir('modules')
    folder = os.path.join(root, 'lib', 'modules', version)
    os.makedirs(os.path.join(folder, 'kernel'))
    for source in sources:
        os.symlink(source, os.path.join(folder, 'kernel', os.path.basename(source)))
    for name in ('modules.order', 'modules.builtin'):
        with open(os.path.join(folder, name), 'w', encoding='utf-8'):
            pass
    kit.command('depmod', '-b', root, version)
    return tree(root, '/')


def installed(scope):
    """What `meson install` puts into place, as it is built."""
    root = scope.make_dir('installed')
    kit.command('meson', 'install', '--no-rebuild', '--quiet', '-C', scope.build.dir, '--destdir', root)
    return tree(root, '/', skip=('ivshmemctl.1', 'ivshmemd.8', 'ivshmemd.conf.5'))


def udev():
    """systemd-udevd with Debian's own rules."""
    return {**programs('/lib/systemd/systemd-udevd', '/bin/udevadm', '/bin/kmod', '/bin/dash', '/bin/setpriv', '/bin/systemd-sysusers',
                       *(f'/bin/{name}' for name in COREUTILS)),
            '/bin/sh': '/bin/dash',
            **tree('/lib/udev/rules.d'),
            '/usr/lib/sysusers.d/basic.conf': '/usr/lib/sysusers.d/basic.conf'}


def prefix(files):
    """Where an installed tree has its programs: /usr, /usr/local."""
    [path] = [path for path in files if path.endswith('/bin/ivshmemd')]
    return re.sub('/bin/ivshmemd$', '', path)


def links(directory, at):
    """Lines "TARGET LINK" of every symbolic link below directory, which is `at` in the guest."""
    for folder, folders, names in os.walk(directory):
        for name in folders + names:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                yield f'{os.readlink(path)} {os.path.join(at, os.path.relpath(path, directory))}'


def systemd(scope, enabled=(), files=None):
    """systemd as process 1 (rdinit=/init-systemd), with a bus, a journal, udev and nothing else.

    files: what else shall be there, with units among it; enabled: which of them start at boot.
    """
    found = {**udev(), **programs('/lib/systemd/systemd', *(f'/lib/systemd/{name}' for name in DAEMONS),
                                  *(f'/bin/{name}' for name in CLIENTS), '/usr/bin/dbus-daemon'),
             '/init-systemd': os.path.join(kit.HERE, 'init-systemd'),
             **{f'{UNITS}/{name}': os.path.realpath(f'{UNITS}/{name}') for name in UNITS_WANTED},
             **{path: path for path in PLAIN_FILES},
             '/etc/systemd/system/test-shell.service': scope.file('test-shell.service', SHELL),
             '/usr/lib/sysusers.d/dbus.conf': scope.file('dbus-user', 'u messagebus - "System Message Bus"\n'),
             '/etc/machine-id': scope.file('machine-id', f'{0x1234:032x}\n'),
             '/etc/nsswitch.conf': scope.file('nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files\n'),
             **(files or {})}
    kept = {f'{UNITS}/{name}' for name in UNITS_WANTED}
    wanted = [line for line in links(UNITS, UNITS)
              if os.path.join(UNITS, os.path.basename(line.split()[1])) in kept and '.wants/' in line]
    wanted += [f'{found_at} /etc/systemd/system/{target}.wants/{name}'
               for target, name in [('multi-user.target', 'test-shell.service'), *enabled]
               for found_at in found if os.path.basename(found_at) == name]
    found['/links'] = scope.file('links', ''.join(f'{line}\n' for line in wanted))
    return found
