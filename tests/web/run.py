#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Runs one test of the web page: run.py TEST.mjs [ARGUMENT...].

Its packages come from npm by the lock file beside this, into the build directory.
"""

import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(SOURCE, 'clients', 'web'))

from build import Missing, install_packages  # noqa: E402 # beside the page that it builds


class Options:
    source = HERE
    node = shutil.which('node')
    npm = shutil.which('npm')


def main():
    build = os.environ['IVT_BUILD_DIR']
    place = os.path.join(build, 'tests', 'web', 'npm')
    try:
        install_packages(Options, place)
    except Missing as missing:
        print(f'1..0 # SKIP the packages of the tests could not be had: {missing}'.replace('\n', ' '))
        return
    os.environ['IVT_NODE_MODULES'] = os.path.join(place, 'node_modules')
    test, *arguments = sys.argv[1:]
    os.execv(Options.node, ['node', '--test-reporter=tap', os.path.join(HERE, test), *arguments])


if __name__ == '__main__':
    main()
