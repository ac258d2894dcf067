# SPDX-License-Identifier: LGPL-3.0-or-later
"""`./dev run`: what a newcomer sees first."""

import json
import os
import re
import signal
import subprocess

import pytest

from ivt import wait_for


@pytest.fixture
def dev(ivt):
    """Starts ./dev with a TMPDIR of its own, on a machine without a session bus."""
    def start(*arguments, bus=None):
        temporary = ivt.make_dir('temporary')
        process = ivt.process([os.path.join(ivt.build.source_dir, 'dev'), *arguments], env={
            'TMPDIR': temporary, 'IVT_BUILD_DIR': ivt.build.dir, 'XDG_RUNTIME_DIR': None,
            'DBUS_SESSION_BUS_ADDRESS': bus.address if bus is not None else 'unix:path=/nonexistent'})
        process.temporary = temporary
        return process
    return start


def check_tour(text):
    """The main job, each step with the answer that matters."""
    assert re.search(r'^demo +doorbell-server +ready', text, re.M)
    assert '|hello, guest....|' in text
    assert re.search(r'add --offset 64 --width 8 --value 1\n0x29$', text, re.M)
    assert re.search(r'(?s)The watch says:.*\bchanged watch=', text)
    assert re.search(r'^ +0 +4 +\d+', text, re.M), 'the peer with its process'
    assert '1 sent' in text
    assert 'interrupt vector=2 count=1' in text
    assert 'interrupt vector=1 count=1' in text
    assert re.search(r'peer-connected id=0 vectors=4(?s:.*)peer-disconnected id=0', text)
    assert re.search(r'^-chardev socket,path=\S+,id=\S+ -device ivshmem-doorbell,vectors=4,chardev=\S+$', text, re.M)


def check_http(run):
    """What it says of HTTP is true, and a login counts once."""
    assert '{"sent":0}' in run.out()
    assert 'ivshmem_region_size_bytes{region="demo"} 1048576' in run.out()
    command = re.search(r'^(curl -H .*)$', run.out(), re.M).group(1)
    answer = subprocess.run(command + ' --silent', shell=True, check=True, capture_output=True, text=True, timeout=20)
    assert [region['name'] for region in json.loads(answer.stdout)['regions']] == ['demo']
    url, login = re.search(r'^(http://127\.0\.0\.1:\d+)/#login=(\S+)$', run.out(), re.M).groups()

    def log_in():
        return subprocess.run(['curl', '--silent', '--include', '-H', 'Content-Type: application/json', '-d',
                               json.dumps({'token': login}), f'{url}/v1/session'],
                              check=True, capture_output=True, text=True, timeout=20).stdout
    first = log_in()
    assert first.startswith('HTTP/1.1 204') and 'HttpOnly; SameSite=Strict' in first
    assert log_in().startswith('HTTP/1.1 401')
    page = subprocess.run(['curl', '--silent', f'{url}/'], check=True, capture_output=True, text=True, timeout=20)
    assert '<html' in page.stdout


def test_once(dev):
    run = dev('run', '--once')
    assert run.wait(60) == 0, run.out() + run.err()
    check_tour(run.out())
    assert 'another terminal' not in run.out()
    assert os.listdir(run.temporary) == []


def test_stays_until_ctrl_c(ivt, dev):
    run = dev('run')
    run.wait_out('Ctrl-C ends it.', 60)
    check_tour(run.out())
    if ivt.build.has('http'):
        check_http(run)
    address = re.search(r"^export DBUS_SESSION_BUS_ADDRESS='(.*)'$", run.out(), re.M).group(1)
    socket = re.search(r'^-chardev socket,path=([^,]+)', run.out(), re.M).group(1)

    class Bus:
        """Where the daemon says it is."""
    Bus.address = address
    assert ivt.ctl('read', 'demo', '--length', '12', '--format', 'raw', bus=Bus).out == 'hello, guest'
    with ivt.peer(socket, vectors=4) as peer:
        assert peer.map()[:12] == b'hello, guest'

    run.signal(signal.SIGINT)
    assert run.wait(30) == 0
    wait_for(lambda: not os.listdir(run.temporary), what='the demo to leave nothing behind')


def test_session_bus_is_used(ivt, bus, dev):
    run = dev('run', bus=bus)
    run.wait_out('Ctrl-C ends it.', 60)
    assert 'your session bus' in run.out()
    client = ivt.client(bus)
    assert client.region('demo').read(0, 5) == b'hello'
    # A second one finds the name taken and keeps to itself.
    second = dev('run', '--once', bus=bus)
    assert second.wait(60) == 0, second.out() + second.err()
    run.signal(signal.SIGTERM)
    assert run.wait(30) == 0
    assert client.owner() is None


@pytest.mark.parametrize('arguments, code, text', [
    ([], 2, 'usage: ./dev COMMAND'), (['--help'], 0, 'usage: ./dev COMMAND'), (['fly'], 2, 'usage'),
    (['run', '--twice'], 1, 'no option --twice'), (['test', '--nonsense'], 1, 'no option --nonsense'),
    *[([command, '--help'], 0, f'usage: ./dev {command}')
      for command in ('run', 'build', 'test', 'bench', 'fuzz', 'format', 'check')]])
def test_command_line(dev, arguments, code, text):
    run = dev(*arguments)
    assert run.wait() == code
    assert text in run.out() + run.err()
