#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""The rules of the house that a machine can check.

check(root, files) gives a list of 'file:line: what is wrong'. Comments and
strings are blanked before most rules look, so that they speak of code only.
"""

import collections
import os
import re
import subprocess
import sys

LICENCE = 'SPDX-License-Identifier: LGPL-3.0-or-later'
FILE_LINES = 600
# Tables of cases make a test long without making it hard to read.
TEST_FILE_LINES = 1200
FUNCTION_LINES = 100
LINE_BYTES = 180

# Rooms of daemon/ by height. An include points down, or stays in its room.
HEIGHT = {
    'base': 0, 'platform': 1, 'memory': 2, 'model': 3, 'plugin': 4, 'access': 4, 'config': 5,
    'operation': 6, 'export': 7, 'daemon.h': 8, 'daemon.c': 8, 'main.c': 9,
}
# What stands beside the daemon knows its vocabulary at most, a client also its system calls.
OUTSIDE = {'plugins': {'ivshmem'}, 'clients': {'ivshmem', 'base', 'platform'}, 'include': {'ivshmem'}}

# Who may ask which operating system this is.
PLATFORM_FOLDERS = ('daemon/platform/', 'plugins/', 'include/', 'tests/')
PLATFORM_MACRO = re.compile(r'\b(_WIN32|__CYGWIN__|__linux__|__unix__|__APPLE__|__FreeBSD__|G_OS_WIN32|G_OS_UNIX)\b')

DEFINITION = re.compile(r'^(\w+) \(')
TYPE = re.compile(r'^(?:typedef (?:struct|union|enum)(?: \w+)?(?: \w+;)?$|G_DECLARE_)')
NAME_OF_TYPEDEF = re.compile(r'^\} (\w+);|^typedef (?:struct|union|enum) \w+ (\w+);', re.M)
# Functions whose names others chose.
FOREIGN_NAMES = re.compile(r'^(main|LLVMFuzzer\w+|__wrap_\w+|__real_\w+)$')
PREFIXES = {'daemon': re.compile(r'^ivd_'), 'tests/lib': re.compile(r'^ivt_')}
TYPE_PREFIXES = {'daemon': re.compile(r'^_?Ivd[A-Z]'), 'include': re.compile(r'^_?Ivshmem[A-Z]')}
UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
MACHINE_PATHS = re.compile(r'(?<![\w.$}])/(work|root|farm)/')


def blank(text):
    """The same text with every comment, string and character literal as spaces."""
    def spaces(match):
        return re.sub(r'[^\n]', ' ', match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', spaces, text, flags=re.S)


def keep_includes(text):
    """blank() takes the names of headers for strings; here they stay."""
    return [(number, match.group(1), match.group(2))
            for number, line in enumerate(text.split('\n'), 1)
            if (match := re.match(r'#\s*include\s+([<"])([^>"]+)[>"]', line))]


class Source:
    """One C file."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split('\n')
        self.code = blank(text).split('\n')
        self.includes = keep_includes(text)
        self.in_tests = path.startswith('tests/')

    def functions(self):
        """(name, first line, last line, static) of every function: bodies begin and end in column 0."""
        start = None
        for number, line in enumerate(self.code, 1):
            if line == '{' and start is None:
                start = number
            elif line == '}' and start is not None:
                head = self.head(start)
                if head is not None:
                    yield (*head, number)
                start = None

    def head(self, body):
        """The name of the function whose body starts there, its line, and whether it is static."""
        for number in range(body - 1, max(0, body - 40), -1):
            match = DEFINITION.match(self.code[number - 1])
            if match:
                return match.group(1), number, 'static' in self.code[number - 2].split()
            if self.code[number - 1].startswith('}'):
                return None
        return None


def check_first_line(path, text):
    # A script has its interpreter first.
    head = text.split('\n')[:3]
    if not any(LICENCE in line for line in head):
        yield 1, f'no line "{LICENCE}" at the top'


def check_lengths(source):
    limit = TEST_FILE_LINES if source.in_tests else FILE_LINES
    if len(source.lines) - 1 > limit:
        yield limit, f'{len(source.lines) - 1} lines, and {limit} is the limit: is it one noun?'
    for number, line in enumerate(source.lines, 1):
        if len(line) > LINE_BYTES:
            yield number, f'{len(line)} columns, and {LINE_BYTES} is the limit'
    for name, first, _static, last in source.functions():
        if last - first + 1 > FUNCTION_LINES:
            yield first, f'{name} has {last - first + 1} lines, and {FUNCTION_LINES} is the limit'


def check_words(source):
    for number, line in enumerate(source.code, 1):
        if re.search(r'\bgoto\b', line):
            yield number, 'goto'
    for number, line in enumerate(source.lines, 1):
        if UNFINISHED.search(line):
            yield number, 'unfinished work belongs into an issue'


def check_includes(source):
    # Those are built as somebody else's, from the installed header alone.
    if not source.path.endswith('.c') or source.path.startswith('tests/plugin/modules/'):
        return
    if not source.includes or source.includes[0][2] != 'config.h':
        yield 1, 'the first include is not "config.h"'
        return
    own = source.path[:-2].split('/')
    for index, (number, kind, name) in enumerate(source.includes):
        if kind == '"' and name.removesuffix('.h').split('/') in (own[-1:], own[-2:]) and index != 1:
            yield number, f'its own header {name} does not come right after config.h'


def room(path):
    parts = path.split('/')
    return parts[1] if parts[0] == 'daemon' else None


def check_arrows(source):
    """What a room includes by its path: "model/ivd-region.h"."""
    top = source.path.split('/')[0]
    for number, kind, name in source.includes:
        target = name.split('/')[0]
        if kind != '"' or target not in HEIGHT or ('/' not in name and target not in ('daemon.h',)):
            continue
        here = room(source.path)
        if here is not None:
            if here == target.removesuffix('.h') + '.c' or here == target or HEIGHT[target] < HEIGHT[here]:
                continue
            yield number, f'{here} may not include {name}: includes point down (base, platform, memory, model, ...)'
        elif top in OUTSIDE and target not in OUTSIDE[top]:
            yield number, f'{top} may not include {name}'


def check_preprocessor(source):
    """Where the system is asked, and conditions inside of functions."""
    bodies = [(first, last) for _name, first, _static, last in source.functions()]
    for number, line in enumerate(source.code, 1):
        if not re.match(r'\s*#\s*(if|ifdef|ifndef|elif)\b', line):
            continue
        if PLATFORM_MACRO.search(line) and not source.path.startswith(PLATFORM_FOLDERS):
            yield number, 'only platform/ and plugins ask which operating system this is'
        if not source.in_tests and any(first < number < last for first, last in bodies):
            yield number, 'a condition of the preprocessor inside a function: make it another file or another function'


def folder_rule(rules, path):
    return next((rule for folder, rule in rules.items() if path.startswith(folder + '/')), None)


def check_names(source):
    rule = folder_rule(PREFIXES, source.path)
    if rule is not None and source.path.endswith('.c'):
        for name, first, static, _last in source.functions():
            if not static and not rule.match(name) and not FOREIGN_NAMES.match(name):
                yield first, f'{name} is not static, and its name does not begin as {rule.pattern}'
    rule = folder_rule(TYPE_PREFIXES, source.path)
    if rule is not None and source.path.endswith('.h'):
        for number, name in types(source):
            if not rule.match(name):
                yield number, f'the name of the type {name} does not begin as {rule.pattern}'


def types(source):
    """(line, name) of each type that the file defines or declares."""
    text = '\n'.join(source.code)
    for match in NAME_OF_TYPEDEF.finditer(text):
        yield text.count('\n', 0, match.start()) + 1, match.group(1) or match.group(2)


def program(source):
    """Whom a type that only one file sees could be confused with: those who read the same program."""
    if source.path.endswith('.h'):
        return 'everybody'
    parts = source.path.split('/')
    if source.in_tests:
        return source.path
    return '/'.join(parts[:1] if parts[0] == 'daemon' else parts[:2])


def check_types_once(sources):
    """A type has one home."""
    homes = collections.defaultdict(list)
    for source in sources:
        for number, name in types(source):
            homes[program(source), name].append((source.path, number))
    for (_program, name), places in sorted(homes.items()):
        for path, number in places[1:]:
            yield path, number, f'the type {name} is in {places[0][0]} already'


RULES = (check_lengths, check_words, check_includes, check_arrows, check_preprocessor, check_names)


def check(files):
    """files: {path: text}. What is wrong, in the order of the files."""
    problems, sources = [], []
    for path, text in sorted(files.items()):
        found = list(check_first_line(path, text))
        for number, line in enumerate(text.split('\n'), 1):
            if MACHINE_PATHS.search(line):
                found.append((number, 'a path of somebody\'s machine'))
        if path.endswith(('.c', '.h')):
            source = Source(path, text)
            sources.append(source)
            for rule in RULES:
                found += rule(source)
        problems += [f'{path}:{number}: {message}' for number, message in found]
    problems += [f'{path}:{number}: {message}' for path, number, message in check_types_once(sources)]
    return problems


def tree_files(root, *patterns):
    """Paths of the tree that git knows, or of an unpacked archive."""
    listing = subprocess.run(['git', '-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if listing.returncode == 0:
        paths = listing.stdout.decode().split('\0')
    else:
        paths = [os.path.relpath(os.path.join(folder, name), root)
                 for folder, folders, names in os.walk(root) for name in names
                 if not os.path.relpath(folder, root).startswith(('build', '.git'))]
    return sorted(path for path in paths if path.endswith(patterns) and os.path.isfile(os.path.join(root, path)))


def read_tree(root):
    files = {}
    for path in tree_files(root, '.c', '.h', '.py', '.sh'):
        with open(os.path.join(root, path), encoding='utf-8') as file:
            files[path] = file.read()
    return files


if __name__ == '__main__':
    FOUND = check(read_tree(sys.argv[1] if len(sys.argv) > 1 else '.'))
    print('\n'.join(FOUND))
    sys.exit(1 if FOUND else 0)
