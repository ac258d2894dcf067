# SPDX-License-Identifier: LGPL-3.0-or-later
"""docs/http.md is run: its commands in order, and what they print is compared with what it shows."""

import doctest
import os
import re
import socket
import subprocess

import pytest

from ivt.wait import SCALE

SECONDS = 30
# Tables are wider or narrower from one time to the next.
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MARK = 'the-end-of-it'


def read_blocks(ivt):
    """(language, text, line) of each block, in order."""
    path = os.path.join(ivt.build.source_dir, 'docs', 'http.md')
    with open(path, encoding='utf-8') as file:
        text = file.read()
    for match in re.finditer(r'^```(\w+)\n(.*?)^```$', text, re.M | re.S):
        yield match.group(1), match.group(2), text.count('\n', 0, match.start()) + 2


def read_commands(block, line):
    """(command, what it shall print, line)."""
    found = []
    for number, text in enumerate(block.splitlines(), line):
        if text.startswith('$ '):
            found.append((text[2:], [], number))
        else:
            found[-1][1].append(text)
    return [(command, '\n'.join(lines), number) for command, lines, number in found]


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Shell:
    """One bash for all commands, so that what one sets another finds."""

    def __init__(self, ivt):
        path = os.pathsep.join([os.path.dirname(ivt.build.ivshmemctl), os.environ['PATH']])
        environment = {**os.environ, 'PATH': path, 'HOME': ivt.make_dir('home'), 'LC_ALL': 'C.UTF-8',
                       'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nonexistent/bus'}
        environment = {key: value for key, value in environment.items() if not key.lower().endswith('_proxy')}
        # The leak sanitizer fails now and then where a thread of TLS ends with the program, and its words would
        # be taken for the program's; test_ctl.py looks for leaks.
        environment['ASAN_OPTIONS'] = 'detect_leaks=0'
        self.child = subprocess.Popen(['bash', '--norc', '--noprofile'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, env=environment, cwd=ivt.make_dir('work'),
                                      encoding='utf-8')

    def run(self, command):
        self.child.stdin.write(f'{command}\nprintf "\\n{MARK}\\n"\n')
        self.child.stdin.flush()
        lines = []
        while (line := self.child.stdout.readline()) != f'{MARK}\n':
            assert line, f'bash has ended after {command!r}: {lines}'
            lines.append(line)
        # The newline before the mark is ours.
        return ''.join(lines).removesuffix('\n')

    def stop(self):
        self.child.stdin.close()
        self.child.wait(SECONDS * SCALE)
        self.child.stdout.close()

    def sections(self):
        return []


class Document:
    """The daemon of the document, and where its places are here."""

    def __init__(self, ivt):
        self.ivt = ivt
        self.socket = ivt.path('http.sock')
        self.state_dir = ivt.make_dir('state')
        os.chmod(self.state_dir, 0o700)
        self.places = {
            '/run/ivshmemd/http.sock': self.socket,
            '/etc/ivshmemd': ivt.make_dir('etc'),
            '/etc/prometheus': ivt.make_dir('prometheus'),
            '/usr/share/ivshmemd/prometheus': os.path.join(ivt.build.source_dir, 'data', 'prometheus'),
            '127.0.0.1:8086': f'127.0.0.1:{free_port()}',
            '127.0.0.1:8443': f'127.0.0.1:{free_port()}',
        }
        for name in ('ivshmemd.pem', 'ivshmemd-token'):
            with open(os.path.join(self.places['/etc/prometheus'], name), 'w', encoding='utf-8'):
                pass
        self.bus = ivt.bus() if ivt.build.has('dbus') else None
        self.daemon = None
        self.shell = ivt.own(Shell(ivt))
        self.start('[http]\nlisten=unix:/run/ivshmemd/http.sock\n')

    def here(self, text):
        for place, ours in self.places.items():
            text = text.replace(place, ours)
        return text

    def start(self, config):
        if self.daemon is not None:
            self.daemon.stop()
        self.daemon = self.ivt.daemon(self.bus, config=self.here(config), state_dir=self.state_dir)

    def run(self, block, line):
        for command, expected, number in read_commands(block, line):
            printed = self.shell.run(self.here(command))
            want, got = self.here(expected), printed.rstrip('\n')
            if want != got and not doctest.OutputChecker().check_output(want + '\n', got + '\n', FLAGS):
                pytest.fail(f'docs/http.md:{number}: $ {command}\nis to print:\n{want}\nbut prints:\n{got}',
                            pytrace=False)

    def check_prometheus(self, text):
        path = self.ivt.file('prometheus.yml', self.here(text))
        result = self.ivt.run(['promtool', 'check', 'config', path])
        assert result.code == 0, result


def test_document(ivt):
    if not ivt.build.has('http'):
        pytest.skip('allowed: the build has no HTTP')
    document = Document(ivt)
    seen = set()
    for language, text, line in read_blocks(ivt):
        seen.add(language)
        if language == 'console':
            document.run(text, line)
        elif language == 'ini':
            document.start(text)
        elif language == 'yaml':
            document.check_prometheus(text)
        else:
            pytest.fail(f'docs/http.md:{line}: what is to be done with {language}?')
    assert seen == {'console', 'ini', 'yaml'}


def test_it_would_notice(ivt):
    """A document that is wrong fails."""
    document = Document(ivt)
    document.run('$ echo one\none\n$ printf two\ntwo\n$ printf "a\\nb\\n"\na\n...\n', 1)
    with pytest.raises(pytest.fail.Exception, match='is to print'):
        document.run('$ echo one\ntwo\n', 1)
