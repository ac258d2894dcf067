# SPDX-License-Identifier: LGPL-3.0-or-later
"""The linters, over every file of the tree."""

import os
import re
import subprocess

import pytest

from check_source import check, read_tree, tree_files
from ivt.build import SOURCE_DIR, Build

HEADERS = tree_files(SOURCE_DIR, '.h')
PUBLIC_HEADERS = [path.removeprefix('include/') for path in HEADERS if path.startswith('include/')]
COMPILERS = {
    'gcc': ['gcc', '-std=c11'],
    'clang': ['clang', '-std=c11'],
    'mingw-gcc': ['x86_64-w64-mingw32-gcc-posix', '-std=c11'],
    'g++': ['g++', '-std=c++17', '-x', 'c++'],
    'clang++': ['clang++', '-std=c++17', '-x', 'c++'],
}

# Not misspelt: a macro of man pages, and a wrong word that a test needs.
WORDS = 'nd,atach'


def files(*patterns):
    return [os.path.join(SOURCE_DIR, path) for path in tree_files(SOURCE_DIR, *patterns)]


def run(*argv, **keywords):
    """Fails with what the tool said."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, encoding='utf-8', errors='replace', cwd=SOURCE_DIR, **keywords)
    if done.returncode != 0:
        pytest.fail(f'{argv[0]} ended with {done.returncode}:\n{done.stdout[-8000:]}', pytrace=False)
    return done.stdout


def test_source():
    problems = check(read_tree(SOURCE_DIR))
    if problems:
        pytest.fail('\n'.join(problems), pytrace=False)


def test_xml():
    run('xmllint', '--noout', '--nonet', *files('.xml'))


def test_interfaces_are_described_once():
    """No member is there twice, and every argument has a name: clients are generated from it."""
    for path in files('.xml'):
        with open(path, encoding='utf-8') as file:
            text = file.read()
        for interface in re.findall(r'<interface name="[^"]+">(.*?)</interface>', text, re.S):
            members = re.findall(r'<(?:method|signal|property) name="(\w+)"', interface)
            assert len(members) == len(set(members))
        assert not [tag for tag in re.findall(r'<arg [^>]*>', text) if 'name="' not in tag]


def shell_scripts():
    for path in files(''):
        with open(path, 'rb') as file:
            first = file.read(64).split(b'\n')[0]
        if re.match(rb'#!.*\b(sh|bash)\b', first) or path.endswith('.sh'):
            yield path


def test_shell():
    # Sources are found beside the scripts; busybox's sh is a plain one.
    run('shellcheck', '-x', '--source-path=SCRIPTDIR', *shell_scripts())


def test_spelling():
    # The fuzzer's corpus is noise, so are hashes, and the licence is not ours.
    paths = [path for path in files('') if '/corpus/' not in path and '/tests/data/' not in path
             and os.path.basename(path) not in ('COPYING', 'package-lock.json')]
    run('codespell', '--check-filenames', f'--ignore-words-list={WORDS}', *paths)


def test_man_pages():
    for path in files('.1', '.5', '.8'):
        assert run('groff', '-man', '-ww', '-b', '-z', '-rLL=100n', path) == ''


def test_python_compiles():
    for path in files('.py'):
        with open(path, encoding='utf-8') as file:
            compile(file.read(), path, 'exec')


@pytest.mark.parametrize('compiler', COMPILERS)
@pytest.mark.parametrize('header', PUBLIC_HEADERS)
def test_public_header_stands_alone(ivt, compiler, header):
    """Nothing before it, no GLib, no GNU extensions; twice, for its guard."""
    source = ivt.file('alone.c', f'#include <{header}>\n#include <{header}>\nint not_empty (void);\n')
    run(*COMPILERS[compiler], '-fsyntax-only', '-Wall', '-Wextra', '-Wpedantic', '-Werror',
        '-I', os.path.join(SOURCE_DIR, 'include'), source)


@pytest.mark.parametrize('header', [path for path in HEADERS if path.startswith('daemon/')])
def test_header_stands_alone(ivt, header):
    """A header of the daemon needs nothing included before it."""
    source = ivt.file('alone.c', f'#include "{header.removeprefix("daemon/")}"\n')
    flags = run('pkg-config', '--cflags', 'gio-2.0', 'gio-unix-2.0', 'gmodule-2.0', 'json-glib-1.0', 'libsoup-3.0').split()
    run('gcc', '-std=gnu11', '-D_GNU_SOURCE', '-fsyntax-only', '-Wall', '-Werror', *flags, '-I', Build().dir,
        '-I', os.path.join(SOURCE_DIR, 'daemon'), '-I', os.path.join(SOURCE_DIR, 'include'), source)


def test_tests_of_the_seeds_table_exist():
    """docs/seed.md names test programs, and cases by their numbers: all of them are there."""
    table = read(os.path.join(SOURCE_DIR, 'docs', 'seed.md')).decode()
    sources = ''.join(read(path).decode() for path in files('.c', '.py') if '/tests/' in path)
    named = re.findall(r'`((?:unit|plugin|integration|guest|style)/[\w./-]+)`', table)
    assert len(named) > 40
    for name in named:
        paths = [os.path.join(SOURCE_DIR, 'tests', name + end) for end in ('', '.c')]
        assert any(map(os.path.isfile, paths)), f'{name} is no test'
    for case in re.findall(r'` ([ab]\d-\d+)', table):
        assert f'{case}-' in sources, f'no test has {case} in its name'


def test_packages_are_named_once():
    """tests/tools/packages is the only list; no set has a package twice."""
    with open(os.path.join(SOURCE_DIR, 'tests', 'tools', 'packages'), encoding='utf-8') as file:
        rows = [tuple(line.split()) for line in file if line.strip() and not line.startswith('#')]
    assert all(len(row) in (2, 3) for row in rows)
    assert len(rows) == len({row[:2] for row in rows})
    installers = [path for path in files('') if not path.startswith(os.path.join(SOURCE_DIR, 'tests', 'style'))
                  and b'apt-get' in read(path) and b' install ' in read(path)]
    assert [os.path.relpath(path, SOURCE_DIR) for path in installers] == ['tests/tools/common.sh']


def read(path):
    with open(path, 'rb') as file:
        return file.read()
