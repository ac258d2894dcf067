# SPDX-License-Identifier: LGPL-3.0-or-later
"""Makes the library of tests/lib and its fixtures known to every Python test."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
pytest_plugins = ['ivt.plugin']
