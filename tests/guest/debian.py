# SPDX-License-Identifier: LGPL-3.0-or-later
"""Parts of the Debian that builds, for guests that shall be like one: programs, kernel modules, an installed tree.

Each function returns {path in the guest: path here}, as Guest takes files.
"""

import os
import re

import kit

VFIO = kit.VFIO_MODULES
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
