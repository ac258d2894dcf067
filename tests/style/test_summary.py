# SPDX-License-Identifier: LGPL-3.0-or-later
"""The sum of all tests: what is skipped must not pass for what has passed."""

import json
import os
import subprocess
import sys

import pytest

SUMMARY = os.path.join(os.path.dirname(__file__), '..', 'tools', 'summary.py')


def sum_up(tmp_path, stdout, result='OK', no_skip=False):
    logs = tmp_path / 'gcc' / 'meson-logs'
    logs.mkdir(parents=True)
    log = logs / 'dev.json'
    log.write_text(json.dumps({'name': 'one', 'result': result, 'duration': 1.0, 'stdout': stdout}) + '\n')
    env = {**os.environ, 'CI': '', 'IVT_NO_SKIP': '1' if no_skip else ''}
    run = subprocess.run([sys.executable, SUMMARY, str(log)], env=env, capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout.splitlines()[-1]


@pytest.mark.parametrize('stdout, no_skip, code, line', [
    ('1..2\nok 1 a\nok 2 b\n', True, 0, '2 passed, 0 failed, 0 skipped'),
    ('1..2\nok 1 a\nnot ok 2 b\n', False, 1, '1 passed, 1 failed, 0 skipped'),
    ('1..2\nok 1 a\nok 2 b # SKIP no such thing\n', False, 0, '1 passed, 0 failed, 1 skipped'),
    ('1..2\nok 1 a\nok 2 b # SKIP no such thing\n', True, 1, '1 passed, 1 failed, 0 skipped'),
    ('1..2\nok 1 a\nok 2 b # SKIP allowed: no such thing\n', True, 0, '1 passed, 0 failed, 1 skipped'),
    ('1..0 # SKIP no such thing\n', False, 1, '0 passed, 0 failed, 1 skipped'),
    ('1..0 # SKIP no such thing\n', True, 1, '0 passed, 1 failed, 0 skipped'),
    ('1..0 # SKIP allowed: no such thing\n', True, 1, '0 passed, 0 failed, 1 skipped'),
], ids=str)
def test_tap(tmp_path, stdout, no_skip, code, line):
    result = 'SKIP' if stdout.startswith('1..0') else 'OK'
    assert sum_up(tmp_path, stdout, result, no_skip) == (code, line)
