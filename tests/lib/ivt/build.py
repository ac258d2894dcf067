# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where the source and the build are, and what the build has."""

import glob
import json
import os
import re
import shutil

SOURCE_DIR = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))


class Build:
    """A meson build tree: IVT_BUILD_DIR, else `build` beside the source."""

    def __init__(self):
        self.source_dir = os.environ.get('IVT_SOURCE_DIR', SOURCE_DIR)
        self.dir = os.environ.get('IVT_BUILD_DIR', os.path.join(self.source_dir, 'build'))
        self.ivshmemd = os.environ.get('IVT_IVSHMEMD', os.path.join(self.dir, 'daemon', 'ivshmemd'))
        self.ivshmemctl = os.environ.get('IVT_IVSHMEMCTL', os.path.join(self.dir, 'clients', 'ctl', 'ivshmemctl'))
        self.ivtool = os.path.join(self.dir, 'tests', 'guest', 'ivtool')
        self.forward = os.path.join(self.dir, 'tests', 'guest', 'forward')
        self.handover = os.path.join(self.dir, 'tests', 'guest', 'handover')
        self.figures = os.path.join(self.dir, 'tests', 'guest', 'figures')
        self._config = None

    def sanitized(self):
        """TRUE: memory and time say little, as a sanitizer takes its own."""
        with open(os.path.join(self.dir, 'meson-info', 'intro-buildoptions.json'), encoding='utf-8') as file:
            return any(option['name'] == 'b_sanitize' and option['value'] != 'none' for option in json.load(file))

    def has(self, feature):
        """feature: dbus, http or systemd, as config.h of the build says it."""
        if self._config is None:
            with open(os.path.join(self.dir, 'config.h'), encoding='utf-8') as file:
                self._config = dict(re.findall(r'#define (\w+) (.*)', file.read()))
        return self._config[f'IVD_WITH_{feature.upper()}'] == '1'

    def plugins(self):
        """The modules, which meson leaves in one folder each."""
        return sorted(path for path in glob.glob(os.path.join(self.dir, 'plugins', '*', '*.so'))
                      if not os.path.islink(path))

    def copy_plugins(self, into):
        """Into one folder that the daemon would take modules from: regular files, writable by us alone."""
        os.mkdir(into, 0o755)
        os.chmod(into, 0o755)
        for module in self.plugins():
            copy = shutil.copy(module, into)
            os.chmod(copy, 0o755)
        return into
