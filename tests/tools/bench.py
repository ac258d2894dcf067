#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Runs the benchmarks that a build tree knows, and prints their rows as one table or one JSON document."""

import argparse
import json
import os
import subprocess
import sys

COLUMNS = ('', 'ours', 'unit', "the peer's", 'peer or limit', 'ratio', 'spread')


def known(build):
    listing = subprocess.run(['meson', 'introspect', '--benchmarks', build], stdout=subprocess.PIPE, check=True)
    return {entry['name']: entry for entry in json.loads(listing.stdout)}


def run(entry, options):
    """The document of one program; None when it failed, which it has said on standard error."""
    try:
        done = subprocess.run(entry['cmd'] + options, env={**os.environ, **entry['env']}, cwd=entry['workdir'],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=entry['timeout'], check=False)
    except subprocess.TimeoutExpired:
        print(f'{entry["name"]} did not end within {entry["timeout"]} s', file=sys.stderr)
        return None
    if done.returncode != 0:
        print(f'{entry["name"]} ended with {done.returncode}', file=sys.stderr)
        return None
    return json.loads(done.stdout)


def cells(row):
    first = [row['name'], f'{row["value"]:.5g}', row['unit']]
    if 'peer' not in row:
        return first + [''] * 4
    return first + [f'{row["peer_value"]:.5g}', row['peer'], f'{row["ratio"]:.3f}',
                    f'{row["ratio_low"]:.3f}..{row["ratio_high"]:.3f}']


def print_table(rows):
    lines = [COLUMNS] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    for line in lines:
        left = [cell.rjust(width) if i in (1, 3, 5) else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(line, widths))]
        print('  '.join(left).rstrip())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--rounds', type=int)
    parser.add_argument('build')
    parser.add_argument('names', nargs='*')
    arguments = parser.parse_args()
    programs = known(arguments.build)
    unknown = set(arguments.names) - set(programs)
    if unknown:
        sys.exit(f'no benchmark {", ".join(sorted(unknown))}; there are: {", ".join(sorted(programs))}')
    options = ['--json'] + (['--rounds', str(arguments.rounds)] if arguments.rounds is not None else [])
    documents = []
    for name in arguments.names or programs:
        print(f'{name}...', file=sys.stderr)
        documents.append(run(programs[name], options))
    good = [document for document in documents if document is not None]
    if arguments.json:
        print(json.dumps(good, indent=1))
    else:
        print_table([row for document in good for row in document['rows']])
        for document in good:
            for note in document.get('notes', []):
                print(f'{document["program"]}: {note}')
    return 0 if len(good) == len(documents) else 1


if __name__ == '__main__':
    sys.exit(main())
