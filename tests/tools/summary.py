#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Adds up the logs of several runs of `meson test`, and shows the end of what failed.

usage: summary.py [--broken BUILD]... LOG.json...
"""

import argparse
import json
import os
import re
import sys
from collections import Counter

TAIL_LINES = 60
GOOD = ('OK', 'EXPECTEDFAIL', 'SKIP')
NO_SKIP = os.environ.get('CI') == 'true' or os.environ.get('IVT_NO_SKIP') == '1'
ALLOWED = 'allowed:'
PLAN = re.compile(r'1\.\.\d+\s*(?:#\s*SKIP\S*\s*(.*))?', re.I)
TAP = re.compile(r'^(not )?ok\b(?:[^#]*)(?:#\s*(SKIP|TODO)\S*\s*(.*))?', re.I)
PYTEST = re.compile(r'(\d+) (passed|failed|error|errors|skipped)\b')


def count_tap(lines):
    """Cases of a program that speaks TAP, and why some were skipped."""
    counts, reasons = Counter(), []
    for line in lines:
        plan = PLAN.fullmatch(line)
        match = TAP.match(line)
        if plan is not None and plan.group(1) is not None:
            # All of it.
            bad, directive, reason = None, 'SKIP', plan.group(1)
        elif match is not None:
            bad, directive, reason = match.groups()
        else:
            continue
        if directive and directive.upper() == 'SKIP':
            refused = NO_SKIP and not reason.startswith(ALLOWED)
            counts['failed' if refused else 'skipped'] += 1
            reasons.append(f'{line} (must not be skipped here)' if refused else line)
        else:
            counts['failed' if bad and not directive else 'passed'] += 1
    return counts, reasons


def count_pytest(lines):
    """Cases of a file of pytest; it has said itself why some were skipped."""
    counts = Counter()
    for number, word in PYTEST.findall(lines[-1]):
        counts[{'passed': 'passed', 'skipped': 'skipped'}.get(word, 'failed')] += int(number)
    return counts, [line for line in lines if line.startswith(('SKIPPED ', 'FAILED: must not'))]


def count(test):
    lines = test.get('stdout', '').splitlines()
    if lines and re.fullmatch(r'.*\d+ \w+.* in [\d.]+s.*', lines[-1]):
        counts, reasons = count_pytest(lines)
    elif any(re.fullmatch(r'1\.\.\d+.*', line) for line in lines):
        counts, reasons = count_tap(lines)
    else:
        counts, reasons = Counter(), []
    if test['result'] not in GOOD and not counts['failed']:
        counts['failed'] = 1
    elif not sum(counts.values()):
        counts['skipped' if test['result'] == 'SKIP' else 'passed'] = 1
    return counts, reasons


def show_failure(build, test):
    print(f'\n==== {build}: {test["name"]}: {test["result"]} after {test["duration"]:.0f} s')
    for stream in ('stdout', 'stderr'):
        lines = test.get(stream, '').splitlines()
        if lines:
            print(f'---- {stream}{", its end" if len(lines) > TAIL_LINES else ""}:')
            print('\n'.join(lines[-TAIL_LINES:]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--broken', action='append', default=[], metavar='BUILD', help='a build that failed')
    parser.add_argument('logs', nargs='*')
    arguments = parser.parse_args()
    totals, skips = Counter(failed=len(arguments.broken)), []
    for log in arguments.logs:
        build = log.split('/')[-3]
        with open(log, encoding='utf-8') as file:
            for line in file:
                test = json.loads(line)
                counts, reasons = count(test)
                totals += counts
                skips += [f'{build}: {test["name"]}: {reason}' for reason in reasons]
                if counts['failed']:
                    show_failure(build, test)
    for reason in skips:
        print(f'skipped: {reason}')
    for build in arguments.broken:
        print(f'\n==== {build}: could not be built or tested; see above')
    print(f'\n{totals["passed"]} passed, {totals["failed"]} failed, {totals["skipped"]} skipped')
    return 1 if totals['failed'] or not totals['passed'] else 0


if __name__ == '__main__':
    sys.exit(main())
