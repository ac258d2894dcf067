# SPDX-License-Identifier: LGPL-3.0-or-later
"""A plugin that is built from the installed header alone, as anybody would."""

import os
import shutil
import subprocess

import pytest

LIMIT = 120


def run(*command, **more):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT,
                            check=False, **more)
    assert result.returncode == 0, f'{command}\n{result.stdout}'
    return result.stdout


@pytest.fixture(name='include', scope='module')
def _include(tmp_path_factory):
    """Where `meson install` has put the headers."""
    build = os.environ.get('IVT_BUILD_DIR', os.path.join(os.path.dirname(__file__), '..', '..', 'build'))
    root = tmp_path_factory.mktemp('installed')
    run('meson', 'install', '-C', build, '--no-rebuild', '--destdir', str(root))
    headers = list(root.rglob('ivshmem/plugin.h'))
    assert len(headers) == 1, headers
    return headers[0].parent.parent


@pytest.fixture(name='module', params=['cc', 'clang'])
def _module(request, include, tmp_path, ivt):
    """outside.so, built in a folder of its own."""
    if shutil.which(request.param) is None:
        pytest.skip(f'allowed: there is no {request.param}')
    folder = tmp_path / 'somewhere'
    folder.mkdir(mode=0o755)
    shutil.copy(os.path.join(ivt.build.source_dir, 'tests', 'plugin', 'modules', 'outside.c'), folder)
    run(request.param, '-std=c11', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter', '-fvisibility=hidden',
        '-fPIC', '-shared', '-Wl,-z,defs', f'-I{include}', '-o', 'outside.so', 'outside.c', cwd=folder)
    os.chmod(folder / 'outside.so', 0o755)
    return folder / 'outside.so'


def test_needs_nothing_of_ours(module):
    needed = [line.split('[')[1].rstrip(']') for line in run('readelf', '-d', str(module)).splitlines()
              if 'NEEDED' in line]
    assert needed == ['libc.so.6']
    exported = [line.split() for line in run('nm', '-D', '--defined-only', str(module)).splitlines()]
    assert [name for _, _, name in exported] == ['ivshmem_plugin_v1']


def test_is_a_good_plugin(module, ivt):
    program = os.path.join(ivt.build.dir, 'tests', 'plugin', 'check-module')
    told = run(program, str(module), 'size=1M')
    assert '# outside 1.0, LGPL-3.0-or-later: memory of its own and one vector' in told
    assert 'ok 3 /check-module/monitor\n' in told
    assert 'ok 5 /check-module/cycles\n' in told
    assert 'not ok' not in told
