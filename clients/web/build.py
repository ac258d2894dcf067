#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Bundles the web page and makes a GResource of it, in C.

Packages come from npm by the lock file into the build directory, once for each
lock file. Where they cannot be had the page says what is missing and how it is
built, unless --required: then the build fails.
"""

import argparse
import gzip
import hashlib
import html
import os
import shutil
import subprocess
import sys
import tempfile

PREFIX = '/org/ivshmem/Daemon1/web'
FILES = ('index.html', 'app.js', 'app.css', 'favicon.svg', 'licenses.txt')
# What becomes so much smaller that a client should be given that.
GZIPPED = ('index.html', 'app.js', 'app.css', 'licenses.txt')
NPM_SECONDS = 300


class Missing(Exception):
    """Why there is no page."""


def read(*path):
    with open(os.path.join(*path), 'rb') as file:
        return file.read()


def write(content, *path):
    with open(os.path.join(*path), 'wb') as file:
        file.write(content)


def run(what, *argv, **keywords):
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, encoding='utf-8', errors='replace', timeout=NPM_SECONDS, **keywords)
    except subprocess.TimeoutExpired as error:
        raise Missing(f'{what} took longer than {NPM_SECONDS} s') from error
    except OSError as error:
        raise Missing(f'{what} could not be started: {error.strerror}') from error
    if done.returncode != 0:
        raise Missing(f'{what} ended with {done.returncode}:\n{done.stdout[-4000:]}')


def install_packages(options, place):
    """node_modules as the lock file says, in place. A stamp tells for which lock file it is."""
    wanted = hashlib.sha256(read(options.source, 'package-lock.json')).hexdigest().encode()
    stamp = os.path.join(place, 'node_modules', '.lock-file')
    if os.path.exists(stamp) and read(stamp) == wanted:
        return
    if not options.npm or not options.node:
        raise Missing('npm was not found')
    os.makedirs(place, exist_ok=True)
    for name in ('package.json', 'package-lock.json', '.npmrc'):
        shutil.copyfile(os.path.join(options.source, name), os.path.join(place, name))
    # No script of a package runs, whatever the user's settings are.
    run('npm', options.npm, 'ci', '--ignore-scripts', '--prefer-offline', '--fetch-retries=1', cwd=place)
    write(wanted, stamp)


def bundle(options, place, output):
    """The page's files in output, and what they were made of."""
    inputs = os.path.join(output, 'inputs')
    run('the bundler', options.node, os.path.join(options.source, 'bundle.mjs'), options.source, place, output)
    names = read(inputs).decode().split('\n')
    os.remove(inputs)
    return [name for name in names if name]


def explain(options, output, why):
    """A page that says why there is none."""
    text = read(options.source, 'missing.html').decode()
    write(text.replace('@WHY@', html.escape(why)).encode(), output, 'index.html')
    write(read(options.source, 'missing.css'), output, 'app.css')
    write(b'', output, 'app.js')
    write(b'', output, 'licenses.txt')
    return [os.path.join(options.source, name) for name in ('missing.html', 'missing.css')]


def compile_resources(options, output):
    lines = []
    for name in FILES:
        lines.append(f'<file>{name}</file>')
        if name in GZIPPED:
            # The same bytes every time: no time, no name.
            write(gzip.compress(read(output, name), 9, mtime=0), output, f'{name}.gz')
            lines.append(f'<file>{name}.gz</file>')
    description = os.path.join(output, 'web.gresource.xml')
    write(f'<gresources><gresource prefix="{PREFIX}">{"".join(lines)}</gresource></gresources>'.encode(), description)
    for kind, target in (('--generate-source', options.c), ('--generate-header', options.h)):
        run('glib-compile-resources', options.compiler, description, f'--sourcedir={output}', kind,
            '--internal', '--c-name=ivd_web', f'--target={target}')


def escape(path):
    return path.replace(' ', '\\ ')


def build(options, output):
    place = os.path.join(os.path.dirname(os.path.abspath(options.c)), 'npm')
    try:
        if options.disabled:
            raise Missing('this build was set up with -Dweb=disabled')
        install_packages(options, place)
        inputs = bundle(options, place, output)
    except Missing as missing:
        if options.required:
            raise
        if not options.disabled:
            print(f'WARNING: the daemon is built without its web page: {missing}\n'
                  'To try again: touch clients/web/package.json, then build.', file=sys.stderr)
        inputs = explain(options, output, str(missing))
    write(read(options.source, 'favicon.svg'), output, 'favicon.svg')
    compile_resources(options, output)
    inputs += [os.path.join(options.source, name)
               for name in ('package.json', 'package-lock.json', 'bundle.mjs', 'favicon.svg')]
    write(f'{escape(options.c)}: {" ".join(escape(name) for name in inputs)}\n'.encode(), options.depfile)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--source', required=True)
    parser.add_argument('--node', default='')
    parser.add_argument('--npm', default='')
    parser.add_argument('--compiler', required=True, help='glib-compile-resources')
    parser.add_argument('--required', action='store_true')
    parser.add_argument('--disabled', action='store_true')
    parser.add_argument('--depfile', required=True)
    parser.add_argument('c')
    parser.add_argument('h')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as output:
        try:
            build(options, output)
        except Missing as missing:
            sys.exit(f'the web page could not be built: {missing}')


if __name__ == '__main__':
    main()
