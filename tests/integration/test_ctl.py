# SPDX-License-Identifier: LGPL-3.0-or-later
"""ivshmemctl against a real daemon: each verb, its exit codes, its tables and its JSON."""

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from ivt import wait_for
from ivt.http import make_token, port_of

DONE, FAILED, USAGE, NO_DAEMON, DENIED = range(5)
MIB = 1 << 20
STRANGER = (65534, 65534)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='allowed: needs other users, so root')


def nameless(text):
    return re.sub(r':1\.\d+', ':1.N', text)


class Ctl:
    """ivshmemctl as calls, on the bus of a test or with the URL of its daemon. where: what says so."""

    def __init__(self, ivt, bus, url=None):
        self.ivt = ivt
        self.bus = bus if url is None else None
        self.where = ['--bus-address', bus.address] if url is None else ['--url', url]

    def __call__(self, *arguments, code=DONE, **keywords):
        where = [] if self.bus is not None else self.where
        result = self.ivt.ctl(*where, *arguments, bus=self.bus, **keywords)
        assert result.code == code, result
        return result

    def json(self, *arguments, **keywords):
        return self('--json', *arguments, **keywords).json()

    def error(self, *arguments, code=FAILED, **keywords):
        """What stands in the error's JSON; for people it must say the same."""
        answer = self('--json', *arguments, code=code, **keywords)
        assert answer.out == '', answer
        error = json.loads(answer.err)['error']
        assert set(error) == {'code', 'detail'}
        text = self(*arguments, code=code, **keywords).err
        # Who asks is somebody else on the bus each time.
        assert text.startswith('ivshmemctl: ') and nameless(error['detail']) in nameless(text), text
        return error

    def start(self, *arguments):
        """One that goes on until it is told to end."""
        return self.ivt.process([self.ivt.build.ivshmemctl, *self.where, *arguments], env={
            'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nonexistent/bus',
            'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent/bus', 'LC_ALL': 'C.UTF-8'})


class Way:
    """How ivshmemctl speaks with a daemon of the test: over 'dbus' or 'http'."""

    def __init__(self, ivt, name):
        self.ivt = ivt
        self.socket = ivt.path('http.sock') if ivt.build.has('http') else None
        self.url = f'unix:{self.socket}' if name == 'http' else None

    def daemon(self, bus, **keywords):
        return self.ivt.daemon(bus, args=['--http', f'unix:{self.socket}'] if self.socket else [], **keywords)

    def ctl(self, bus):
        return Ctl(self.ivt, bus, self.url)


@pytest.fixture(params=['dbus', 'http'])
def way(request, ivt):
    if request.param == 'http' and not ivt.build.has('http'):
        pytest.skip('allowed: the build has no HTTP')
    return Way(ivt, request.param)


# What only D-Bus can do, or is asked about.
dbus_only = pytest.mark.parametrize('way', ['dbus'], indirect=True)


@pytest.fixture
def daemon(way, bus):
    return way.daemon(bus)


@pytest.fixture
def ctl(way, bus, daemon):
    assert daemon.process.running()
    return way.ctl(bus)


@pytest.fixture
def demo(ctl, ivt):
    """A region of 4 MiB with four vectors; its socket's path."""
    path = ivt.path('demo.sock')
    ctl('attach', 'doorbell-server', 'demo', f'socket={path}', 'size=4M', 'vectors=4')
    return path


def end(process, number=signal.SIGINT):
    """A clean end: code 0, nothing on standard error but remarks."""
    process.signal(number)
    assert process.wait() == DONE, process.err()
    return process.out()


def lines_of(process):
    return [json.loads(line) for line in process.out().splitlines() if line.endswith('}')]


def wait_line(process, **members):
    """The first line of JSON with these members."""
    def look():
        assert process.running(), process.err()
        found = [line for line in lines_of(process) if members.items() <= line.items()]
        return found[0] if found else None
    return wait_for(look, 20, f'{members} from {process.argv}; so far {lines_of(process)}')


# The command line.

def test_help_and_version(ivt):
    general = ivt.ctl('--help')
    assert general.code == DONE and 'Usage: ivshmemctl' in general.out
    version = ivt.ctl('--version')
    assert re.fullmatch(r'ivshmemctl \d+\.\d+\.\d+\n', version.out)
    verbs = re.findall(r'^  ([a-z][a-z-]*) ', general.out.split('Verbs:')[1].split('Global options')[0], re.M)
    assert len(verbs) > 20
    for verb in verbs:
        text = ivt.ctl(verb, '--help')
        assert text.code == DONE and f'Usage: ivshmemctl {verb}' in text.out and '\nExample:\n' in text.out
        assert ivt.ctl(verb, '--version').out == version.out


@pytest.mark.parametrize('words, complaint', [
    ((), 'a verb is missing'),
    (('lst',), "was 'list' meant"),
    (('bridge',), "unknown verb 'bridge'"),
    (('list', 'x'), "'x' is one word too many"),
    (('--colour', 'list'), "unknown option '--colour'"),
    (('list', '--session', '--system'), 'exclude each other'),
    (('list', '--session', '--url', 'unix:/x'), 'exclude each other'),
    (('list', '--token-file', '/dev/null'), 'go with --url'),
    (('list', '--ca-file', '/dev/null'), 'go with --url'),
    (('read',), 'NAME is missing'),
    (('read', 'demo', '--offset', '-1'), 'no size'),
    (('read', 'demo', '--offset', '16777216T'), 'too big'),
    (('read', 'demo', '--length', '0x10000000000000000'), 'too big'),
    (('read', 'demo', '--format', 'octal'), 'none of hex, raw'),
    (('read', 'demo', '--format', 'raw', '--json'), 'exclude each other'),
    (('write', 'demo'), '--offset N is missing'),
    (('fill', 'demo', '--offset', '0', '--length', '1', '--value', '256'), 'at most 255'),
    (('atomic', 'demo', 'add', '--offset', '0', '--width', '3', '--value', '1'), 'none of 1, 2, 4, 8, 16'),
    (('atomic', 'demo', 'sub', '--offset', '0', '--width', '4', '--value', '1'), "'sub' is none of"),
    (('atomic', 'demo', 'add', '--offset', '0', '--width', '1', '--value', '256'), 'too big'),
    (('atomic', 'demo', 'add', '--offset', '0', '--width', '1', '--value', '1', '--expected', '1'), 'needs --expected'),
    (('wait', 'demo', '--offset', '0', '--width', '4', '--op', 'equals', '--value', '1', '--timeout', 'soon'),
     'no time'),
    (('ring', 'demo', 'everybody', '0'), "PEER (or 'all')"),
    (('ring', 'demo', '0', '4294967295'), 'too big'),
    (('attach', 'doorbell-server'), 'NAME is missing'),
    (('attach', 'doorbell-server', 'x', 'size'), 'no key=value'),
    (('attach', 'doorbell-server', 'x', 'size=1M', 'size=2M'), 'given twice'),
    (('join', 'demo', '--exec'), 'needs a command'),
    (('top', '--interval', '1us'), '10ms'),
])
def test_usage_errors(ivt, words, complaint):
    """Wrong on the face of it: no daemon is needed to say so."""
    result = ivt.ctl(*words)
    assert result.code == USAGE and complaint in result.err and result.out == '', result
    as_json = ivt.ctl('--json', *words)
    assert as_json.code == USAGE and json.loads(as_json.err)['error']['code'] == 'usage', as_json


@pytest.mark.parametrize('words, complaint', [
    (('--url', 'host:8086'), 'http://HOST:PORT'),
    (('--url', 'http://secret@host:8086'), '--token-file'),
    (('--url', 'unix:http.sock'), 'absolute path'),
    (('--url', 'unix:/x', '--token-file', '/dev/null'), 'no token'),
    (('--url', 'https://127.0.0.1:1', '--ca-file', '/dev/null'), '--ca-file'),
])
def test_usage_errors_of_url(ivt, words, complaint):
    if not ivt.build.has('http'):
        left_out = ivt.ctl('list', *words)
        assert left_out.code == FAILED and 'left out' in left_out.err, left_out
        return
    result = ivt.ctl('list', *words)
    assert result.code == USAGE and complaint in result.err and result.out == '', result


def test_token_variable_is_checked(ivt):
    if ivt.build.has('http'):
        for token in ('two words', 'line\nbreak', 'x' * 4097, 'g\u00e4nse'):
            result = ivt.ctl('list', '--url', 'unix:/nonexistent', env={'IVSHMEM_TOKEN': token})
            assert result.code == USAGE and 'IVSHMEM_TOKEN' in result.err and token not in result.err, result
        assert ivt.ctl('list', '--url', 'unix:/nonexistent', env={'IVSHMEM_TOKEN': ''}).code == NO_DAEMON


def test_no_daemon(ivt, bus):
    if ivt.build.has('http'):
        for url in ('unix:/nonexistent', 'http://127.0.0.1:1', 'http://host.invalid'):
            for verb in ('list', 'monitor'):
                result = ivt.ctl(verb, '--url', url, '--json')
                assert result.code == NO_DAEMON, result
                assert json.loads(result.err)['error']['code'] == 'no-daemon', result
    nowhere = ivt.ctl('list')
    assert nowhere.code == NO_DAEMON and 'ivshmemd --session' in nowhere.err, nowhere
    for options in ((), ('--session',), ('--bus-address', bus.address)):
        result = ivt.ctl(*options, '--json', 'list', bus=bus)
        assert result.code == NO_DAEMON and json.loads(result.err)['error']['code'] == 'no-daemon', result


@dbus_only
def test_which_bus(ivt, bus, daemon):
    """The session bus if the daemon is there, else the system bus."""
    other = ivt.bus()
    elsewhere = {'DBUS_SESSION_BUS_ADDRESS': other.address, 'DBUS_SYSTEM_BUS_ADDRESS': bus.address}
    assert ivt.ctl('--json', 'status', bus=bus).json()['daemon']['bus'] == 'session'
    assert ivt.ctl('--json', 'status', env=elsewhere).json()['daemon']['bus'] == 'system'
    assert ivt.ctl('--json', '--system', 'status', env=elsewhere).json()['daemon']['pid'] == daemon.pid
    assert ivt.ctl('--session', 'status', env=elsewhere).code == NO_DAEMON
    assert ivt.ctl('--system', 'status', bus=bus).code == NO_DAEMON
    answer = ivt.ctl('status', '--json', '--bus-address', bus.address)
    assert answer.json()['daemon']['bus'] == 'address' and answer.json()['daemon']['address'] == bus.address


@needs_root
def test_denied(ivt, way):
    """Another user sees what the config lets be seen, and exit code 4 for the rest."""
    bus = ivt.bus(everybody=True)
    way.daemon(bus, config='[region seen]\nplugin=doorbell-server\nallow-see=*\n'
                           '[region hidden]\nplugin=doorbell-server\n'
                           f'{"[http]" if way.socket else "#"}\n{"socket-mode=0666" if way.socket else ""}\n')
    ctl = way.ctl(bus)
    assert {region['name'] for region in ctl.json('list')['regions']} == {'hidden', 'seen'}
    assert [region['name'] for region in ctl.json('list', user=STRANGER)['regions']] == ['seen']
    for words in (['read', 'seen', '--length', '1'], ['ring', 'seen', 'all', '0'],
                  ['fill', 'seen', '--offset', '0', '--length', '1'], ['detach', 'seen'],
                  ['attach', 'doorbell-server', 'mine'], *([] if way.url else [['join', 'seen']])):
        assert ctl.error(*words, code=DENIED, user=STRANGER)['code'] == 'denied', words
    ctl('show', 'seen', user=STRANGER)
    # Not even that it is there is told.
    hidden = ivt.ctl('show', 'hidden', bus=bus, user=STRANGER)
    assert hidden.code in (FAILED, DENIED) and 'doorbell-server' not in hidden.out, hidden


def test_full_output(ctl, demo):
    """What cannot be written is not done."""
    result = subprocess.run(
        [ctl.ivt.build.ivshmemctl, *ctl.where, 'read', 'demo', '--format', 'raw'],
        stdout=open('/dev/full', 'wb'), stderr=subprocess.PIPE, timeout=60, check=False)
    assert result.returncode == FAILED and b'standard output' in result.stderr


# What there is.

def test_status(ctl, demo, daemon):
    answer = ctl.json('status')
    assert answer['version']
    if ctl.bus is not None:
        assert answer['daemon']['pid'] == daemon.pid and answer['daemon']['uid'] == os.geteuid()
    else:
        assert answer['daemon'] == {'address': ctl.where[1]}
    assert answer['regions'] == {'total': 1, 'ready': 1}
    assert answer['plugins']['total'] >= 3 and answer['plugins']['failed'] == 0
    assert re.search(r'^regions +1, 1 ready$', ctl('status').out, re.M)


def test_list_and_show(ctl, demo):
    regions = ctl.json('list')['regions']
    assert regions == [ctl.json('show', 'demo')]
    region = regions[0]
    assert region['name'] == 'demo' and region['plugin'] == 'doorbell-server' and region['state'] == 'ready'
    assert region['size'] == 4 * MIB and region['vectors'] == 4 and region['own_id'] == 255
    assert region['peer_count'] == 0 and region['generation'] == 1 and 'read' in region['capabilities']
    assert region['statistics']['read_bytes'] == 0 and region['options']['socket'] == demo
    table = ctl('list').lines()
    assert table[0].split() == ['NAME', 'PLUGIN', 'STATE', 'SIZE', 'ID', 'VECTORS', 'PEERS']
    assert table[1].split() == ['demo', 'doorbell-server', 'ready', '4', 'MiB', '255', '4', '0']
    assert f'socket={demo}' in ctl('show', 'demo').out


def test_show_says_why(ivt, ctl):
    """A region that is not what it was says so, and only then."""
    path = ivt.shared_path('why')
    ctl('attach', 'host-plain', 'why', f'path={path}', 'size=64K', 'create=true', 'keep=false')
    assert not re.search('^reason ', ctl('show', 'why').out, re.M)
    os.unlink(path)
    wait_for(lambda: ctl.json('show', 'why')['state'] == 'lost', 10, 'the loss')
    assert re.search(f'^reason +{path} was deleted', ctl('show', 'why').out, re.M)


def test_both_ways_say_the_same(ivt, bus):
    """The same bytes, for people and for programs."""
    if not ivt.build.has('http'):
        pytest.skip('allowed: the build has no HTTP')
    over_http = Way(ivt, 'http')
    over_http.daemon(bus)
    ctls = [Ctl(ivt, bus), over_http.ctl(bus)]
    path = ivt.shared_path('both')
    ctls[0]('attach', 'host-plain', 'plain', f'path={path}', 'size=64K', 'create=true', 'keep=false')
    ctls[1]('attach', 'doorbell-server', 'demo', f'socket={ivt.path("demo.sock")}', 'size=1M', 'vectors=4')
    peer = ivt.peer(ivt.path('demo.sock'), vectors=4)
    wait_for(lambda: ctls[0].json('peers', 'demo'))
    for words in (['list'], ['show', 'demo'], ['show', 'plain'], ['peers', 'demo'], ['plugins'],
                  ['plugins', 'doorbell-server'], ['qemu-args', 'demo'],
                  ['libvirt-xml', 'plain'], ['read', 'plain', '--length', '32'],
                  ['ring', 'demo', str(peer.id), '0']):
        for more in ([], ['--json']):
            said = [ctl(*words, *more) for ctl in ctls]
            assert (said[0].out, said[0].err) == (said[1].out, said[1].err), words
    # Other tests of the machine come and go there.
    for words in (['candidates'], ['candidates', 'host-plain']):
        said = [[entry for entry in ctl.json(*words)['candidates'] if entry.get('path') == path] for ctl in ctls]
        assert said[0] == said[1] and len(said[0]) == 1, words
    for words in (['show', 'nothing'], ['peers', 'plain'], ['attach', 'doorbell-server', 'demo'],
                  ['ring', 'plain', '0', '0'], ['fill', 'demo', '--offset', '1M', '--length', '1'],
                  ['attach', 'nope', 'x']):
        codes = [ctl.error(*words)['code'] for ctl in ctls]
        assert codes[0] == codes[1], (words, codes)
    statistics = ['operations', 'read_bytes', 'interrupts_sent']
    shown = [[region['statistics'].pop(name) for name in statistics] and region
             for region in (ctl.json('show', 'demo') for ctl in ctls)]
    assert shown[0] == shown[1] and list(shown[0]) == list(shown[1])


def test_no_regions(ctl):
    assert ctl.json('list') == {'regions': []}
    nothing = ctl('list')
    assert nothing.out == '' and 'attach --help' in nothing.err
    assert ctl('-q', 'list').err == ''


@pytest.mark.parametrize('words', [
    ['show'], ['peers'], ['read'], ['write', '--offset', '0'], ['detach'], ['watch'], ['qemu-args'],
    ['libvirt-xml'], ['fill', '--offset', '0', '--length', '1'], ['restore', '/etc/hostname'], ['dump', '/tmp/x'],
    ['ring', '0', '0'],
])
def test_no_such_region(ctl, words):
    for name in ('nothing', '9'):
        assert ctl.error(words[0], name, *words[1:], data=b'')['code'] == 'not-found'
    bad = ctl.error(words[0], 'a/b', *words[1:], data=b'')
    assert bad['code'] in ('not-found', 'invalid-argument') and 'a/b' in bad['detail']


def test_peers(ctl, ivt, demo):
    assert ctl.json('peers', 'demo') == []
    first, second = ivt.peer(demo, vectors=4), ivt.peer(demo, vectors=4)
    wait_for(lambda: len(ctl.json('peers', 'demo')) == 2)
    peers = ctl.json('peers', 'demo')
    assert isinstance(peers, list) and {peer['id'] for peer in peers} == {first.id, second.id}
    for peer in peers:
        assert peer['vectors'] == 4 and peer['pid'] == os.getpid() and peer['uid'] == os.getuid()
        assert peer['gid'] == os.getgid() and peer['executable'] == os.path.realpath(sys.executable)
    assert len(ctl('peers', 'demo').lines()) == 3


def test_plugins(ctl):
    plugins = {plugin['name']: plugin for plugin in ctl.json('plugins')['plugins']}
    assert {'host-plain', 'doorbell', 'doorbell-server'} <= set(plugins)
    one = ctl.json('plugins', 'doorbell-server')['plugins']
    assert one == [plugins['doorbell-server']]
    assert re.search(r'^size +size +4M ', ctl('plugins', 'doorbell-server').out, re.M)
    assert ctl.error('plugins', 'nope')['code'] == 'not-found'


def test_failed_plugin(ivt, bus, way):
    directory = ivt.plugin_dir()
    ivt.file('plugins/broken.so', 'no module')
    os.chmod(os.path.join(directory, 'broken.so'), 0o755)
    way.daemon(bus)
    ctl = way.ctl(bus)
    broken = [plugin for plugin in ctl.json('plugins')['plugins'] if plugin['name'] == 'broken']
    assert broken and broken[0]['error']
    assert re.search(r'^broken +- +failed ', ctl('plugins').out, re.M)
    assert ctl.json('status')['plugins']['failed'] == 1
    assert any(finding['level'] == 'warning' and 'broken' in finding['finding']
               for finding in ctl.json('doctor', 'x', code=FAILED)['findings'])


def test_candidates(ivt, ctl):
    path = ivt.shared_path('ctl')
    with open(path, 'wb') as file:
        file.truncate(MIB)
    for words in (['candidates'], ['candidates', 'host-plain']):
        found = [entry for entry in ctl.json(*words)['candidates'] if entry.get('path') == path]
        assert found and found[0]['plugin'] == 'host-plain' and found[0]['size'] == MIB
    assert path in ctl('candidates').out
    assert ctl.error('candidates', 'nope')['code'] == 'not-found'


def test_web(ctl, ivt):
    """A link for a browser, where the daemon says or the user does."""
    if not ivt.build.has('http'):
        pytest.skip('allowed: the build has no HTTP')
    # A unix socket is nothing for a browser.
    assert ctl.error('web')['code'] == 'precondition'
    link = ctl.json('web', '--address', 'https://host.example:1')
    assert re.fullmatch(r'https://host\.example:1/#login=\S{40,}', link['url']) and link['lifetime_usec'] == 600000000


def test_web_of_where_it_was_found(ivt, bus):
    if not ivt.build.has('http'):
        pytest.skip('allowed: the build has no HTTP')
    secret, digest = make_token()
    tokens = ivt.file('tokens', f'me {digest} admin\n')
    os.chmod(tokens, 0o600)
    daemon = ivt.daemon(bus, config=f'[daemon]\nlog-level=info\n[http]\ntokens={tokens}\n',
                        args=['--http', '127.0.0.1:0'])
    url = f'http://127.0.0.1:{port_of(daemon)}'
    over_http = Ctl(ivt, bus, url)
    assert over_http.error('list', code=DENIED)['code'] == 'unauthenticated'
    assert '--token-file' in over_http('list', code=DENIED).err
    token = {'IVSHMEM_TOKEN': secret}
    for ctl, env in ((Ctl(ivt, bus), {}), (over_http, token)):
        assert ctl('web', env=env).out.startswith(f'{url}/#login=')
    assert Ctl(ivt, bus, f'{url}/')('web', env=token).out.startswith(f'{url}/#login=')
    file = ivt.file('token', secret + '\n')
    assert over_http('list', '--token-file', file, env={'IVSHMEM_TOKEN': 'ivs_wrong'}).code == DONE
    assert over_http('list', env={'IVSHMEM_TOKEN': 'ivs_wrong'}, code=DENIED)


# Regions come and go.

def test_attach_and_detach(ctl, ivt):
    said = ctl('attach', 'doorbell-server', 'a.b-c', 'size=1M')
    assert said.out == 'a.b-c attached: doorbell-server, 1 MiB, ready\n'
    assert ctl('detach', 'a.b-c').out == 'a.b-c detached\n'
    region = ctl.json('attach', 'doorbell-server', '9lives', 'size=1048576', f'socket={ivt.path("9.sock")}')
    assert region['name'] == '9lives' and region['size'] == MIB
    assert ctl.json('detach', '9lives') == {'detached': '9lives'}
    assert ctl('-q', 'attach', 'doorbell-server', 'quiet').out == ''


@pytest.mark.parametrize('words, code, complaint', [
    (['doorbell-server', 'bad/name'], 'invalid-argument', 'bad/name'),
    (['doorbell-server', 'demo'], 'exists', 'demo'),
    (['nope', 'x'], 'not-found', 'nope'),
    (['doorbell-server', 'x', 'colour=red'], 'invalid-argument', 'colour'),
    (['doorbell-server', 'x', 'size=3M'], 'invalid-argument', 'power of two'),
    (['doorbell-server', 'x', 'vectors=2049'], 'invalid-argument', '2049'),
    (['host-plain', 'x'], 'invalid-argument', 'path'),
])
def test_attach_refused(ctl, demo, words, code, complaint):
    error = ctl.error('attach', *words)
    assert error['code'] == code and complaint in error['detail']
    assert [region['name'] for region in ctl.json('list')['regions']] == ['demo']


def test_detach_with_peers(ctl, ivt, demo):
    peer = ivt.peer(demo, vectors=4)
    assert ctl.error('detach', 'demo')['code'] == 'busy'
    ctl('detach', 'demo', '--force')
    peer.wait_closed()


# Memory.

def test_write_and_read(ctl, demo):
    assert ctl('write', 'demo', '--offset', '4K', data=b'hello, world\n').out \
        == 'demo: written 13 bytes at offset 4096\n'
    assert ctl('read', 'demo', '--offset', '0x1000', '--length', '13', '--format', 'raw').out == 'hello, world\n'
    assert ctl('read', 'demo', '--offset', '4096', '--length', '16').out == (
        '00001000  68 65 6c 6c 6f 2c 20 77  6f 72 6c 64 0a 00 00 00  |hello, world....|\n'
        '00001010\n')
    assert ctl.json('read', 'demo', '--offset', '4K', '--length', '3') \
        == {'offset': 4096, 'length': 3, 'bytes': '68656c'}
    dump = ctl('read', 'demo').lines()
    assert dump[1] == '*' and dump[2].startswith('00001000') and dump[-1] == '00400000' and len(dump) == 6
    assert ctl.json('write', 'demo', '--offset', '0', '-', data=b'xy') == {'written': 2}
    assert ctl.json('write', 'demo', '--offset', '4M', data=b'') == {'written': 0}
    assert ctl.json('read', 'demo', '--offset', '4M') == {'offset': 4 * MIB, 'length': 0, 'bytes': ''}


@pytest.mark.parametrize('length', [1, MIB, MIB + 1, 3 * MIB + 5, 16 * MIB, 40 * MIB + 3])
def test_long_transfers(ctl, ivt, length):
    """By one call, by several, by the memory's descriptor; from a file and from a pipe."""
    ctl('attach', 'doorbell-server', 'big', 'size=64M')
    content = os.urandom(min(length, 65521)) * (length // 65521 + 1)
    path = ivt.path('content')
    with open(path, 'wb') as file:
        file.write(content[:length])
    assert ctl.json('write', 'big', '--offset', '1M', path) == {'written': length}
    back = ivt.path('back')
    ctl('dump', 'big', back, '--offset', '1M', '--length', str(length))
    assert subprocess.run(['cmp', path, back], check=False).returncode == 0
    ctl('fill', 'big', '--offset', '0', '--length', '64M', '--value', '0xaa')
    with open(path, 'rb') as file:
        pipe = subprocess.run(['sh', '-c', 'cat | exec "$0" "$@"', ivt.build.ivshmemctl, *ctl.where, 'write', 'big',
                               '--offset', '7'], stdin=file, capture_output=True, timeout=60, check=False)
    assert pipe.returncode == DONE, pipe
    raw = subprocess.run([ivt.build.ivshmemctl, *ctl.where, 'read', 'big', '--format', 'raw', '--offset', '6',
                          '--length', str(length + 2)], capture_output=True, timeout=60, check=True)
    assert raw.stdout == b'\xaa' + content[:length] + b'\xaa'


def test_write_that_does_not_fit(ctl, ivt, demo):
    """Nothing of it is written, whatever way it comes."""
    path = ivt.path('five')
    with open(path, 'wb') as file:
        file.write(b'x' * (5 * MIB))
    ctl('fill', 'demo', '--offset', '0', '--length', '4M', '--value', '7')
    for words, data in ((['--offset', '0', path], None), (['--offset', '4194302'], b'abc'),
                        (['--offset', '5M'], b''), (['--offset', '0xffffffffffffffff'], b'ab'),
                        (['--offset', '1'], b'x' * 4 * MIB)):
        assert ctl.error('write', 'demo', *words, data=data)['code'] == 'out-of-range'
    assert ctl('read', 'demo').lines() == [
        '00000000  07 07 07 07 07 07 07 07  07 07 07 07 07 07 07 07  |................|', '*', '00400000']


def test_range_errors(ctl, demo):
    end_of_it = str(4 * MIB)
    for words in (['read', '--offset', end_of_it, '--length', '1'],
                  ['read', '--offset', '4M', '--length', '0xffffffffffffffff'],
                  ['read', '--offset', '0xffffffffffffffff', '--length', '2'], ['read', '--offset', '5M'],
                  ['fill', '--offset', end_of_it, '--length', '1'],
                  ['fill', '--offset', '1', '--length', '0xffffffffffffffff'],
                  ['atomic', 'add', '--offset', end_of_it, '--width', '1', '--value', '1'],
                  ['wait', '--offset', end_of_it, '--width', '1', '--op', 'equals', '--value', '1'],
                  ['watch', '--offset', '4M', '--length', '1'], ['dump', '/tmp/never', '--offset', '5M']):
        assert ctl.error(words[0], 'demo', *words[1:])['code'] == 'out-of-range', words
    error = ctl.error('read', 'demo', '--offset', end_of_it, '--length', '1')
    assert end_of_it in error['detail']
    assert not os.path.exists('/tmp/never')


def test_missing_files(ctl, demo):
    assert 'No such file' in ctl.error('write', 'demo', '--offset', '0', '/nonexistent')['detail']
    assert 'No such file' in ctl.error('restore', 'demo', '/nonexistent')['detail']
    assert ctl.error('restore', 'demo', '/dev/null')['code'] == 'invalid-argument'
    assert ctl.error('dump', 'demo', '/dev/null')['code'] == 'invalid-argument'
    assert ctl.error('dump', 'demo', '/nonexistent/dir/file')['code'] == 'io'


def test_fill(ctl, demo):
    assert ctl.json('fill', 'demo', '--offset', '2', '--length', '3', '--value', '0x41') == {'filled': 3}
    assert ctl.json('read', 'demo', '--length', '6')['bytes'] == '000041414100'


@pytest.mark.parametrize('width', [1, 2, 4, 8, 16])
def test_atomic(ctl, demo, width):
    def atomic(op, value, *more, **keywords):
        return ctl.json('atomic', 'demo', op, '--offset', '64', '--width', str(width), '--value', value, *more,
                        **keywords)

    assert atomic('add', '200') == {'old': '0x0', 'done': True}
    assert atomic('add', '0x10') == {'old': '0xc8', 'done': True}
    assert atomic('and', '0xf0') == {'old': '0xd8', 'done': True}
    assert atomic('or', '0x0f') == {'old': '0xd0', 'done': True}
    assert atomic('xor', '0xff') == {'old': '0xdf', 'done': True}
    assert atomic('exchange', '0x' + 'ff' * width) == {'old': '0x20', 'done': True}
    assert atomic('compare-and-set', '1', '--expected', '0x' + 'FF' * width)['done'] is True
    assert atomic('compare-and-set', '2', '--expected', '7', code=FAILED) == {'old': '0x1', 'done': False}
    lost = ctl('atomic', 'demo', 'compare-and-set', '--offset', '64', '--width', str(width), '--value', '2',
               '--expected', '7', code=FAILED)
    assert lost.out == '0x1\n' and 'not 0x7' in lost.err
    assert ctl.json('read', 'demo', '--offset', '64', '--length', str(width))['bytes'] == '01' + '00' * (width - 1)


def test_misaligned(ctl, demo):
    error = ctl.error('atomic', 'demo', 'add', '--offset', '1', '--width', '16', '--value', '1')
    assert error['code'] == 'misaligned'


def test_wait(ctl, demo):
    common = ['wait', 'demo', '--offset', '8', '--width', '4']
    over = ctl(*common, '--op', 'equals', '--value', '5', '--timeout', '50ms', code=FAILED)
    assert over.out == '0x0\n' and 'not met within 50 ms' in over.err
    assert ctl.json(*common, '--op', 'equals', '--value', '5', '--timeout', '0', code=FAILED) \
        == {'met': False, 'value': '0x0'}
    waiting = ctl.start(*common, '--op', 'at-least', '--value', '5', '--set', '0x63')
    for _ in range(7):
        ctl('atomic', 'demo', 'add', '--offset', '8', '--width', '4', '--value', '1')
        if not waiting.running():
            break
    assert waiting.wait() == DONE
    assert int(waiting.out(), 16) >= 5
    assert ctl.json(*common, '--op', 'differs', '--value', '0')['met'] is True


# Files.

def test_dump_and_restore(ctl, ivt):
    """64 MiB there and back; zeros become holes; the file is its owner's alone and appears whole."""
    ctl('attach', 'doorbell-server', 'big', 'size=64M')
    piece = os.urandom(4096)
    for offset in (0, 5 * MIB + 1, 64 * MIB - 4096):
        ctl('write', 'big', '--offset', str(offset), data=piece)
    directory = ivt.make_dir('dumps')
    path = os.path.join(directory, 'big.img')
    assert ctl('dump', 'big', path).out == f'big: 64 MiB dumped to {path}\n'
    assert os.listdir(directory) == ['big.img']
    info = os.stat(path)
    assert info.st_size == 64 * MIB and stat.S_IMODE(info.st_mode) == 0o600
    assert info.st_blocks * 512 < 2 * MIB
    ctl('fill', 'big', '--offset', '0', '--length', '64M', '--value', '1')
    assert ctl.json('restore', 'big', path) == {'restored': 64 * MIB}
    again = os.path.join(directory, 'again.img')
    ctl('dump', 'big', again)
    assert subprocess.run(['cmp', path, again], check=False).returncode == 0

    # A range, over a file that is there already.
    assert ctl.json('dump', 'big', again, '--offset', str(5 * MIB + 1), '--length', '4096') == {'dumped': 4096}
    with open(again, 'rb') as file:
        assert file.read() == piece
    assert ctl.json('restore', 'big', again, '--offset', '1M') == {'restored': 4096}
    assert sorted(os.listdir(directory)) == ['again.img', 'big.img']


def test_restore_that_does_not_fit(ctl, ivt, demo):
    path = ivt.path('large')
    with open(path, 'wb') as file:
        file.truncate(4 * MIB + 1)
        file.write(b'\xff')
    assert ctl.error('restore', 'demo', path)['code'] == 'out-of-range'
    assert ctl.json('read', 'demo', '--length', '1')['bytes'] == '00'


# Interrupts.

def test_ring(ctl, ivt, demo):
    first, second = ivt.peer(demo, vectors=4), ivt.peer(demo, vectors=4)
    assert ctl('ring', 'demo', str(first.id), '2').out == 'demo: 1 sent\n'
    assert first.wait_ring(2) == 1 and not second.rung(2)
    assert ctl.json('ring', 'demo', 'all', '3') == {'sent': 2}
    assert first.wait_ring(3) == 1 and second.wait_ring(3) == 1
    assert ctl.json('ring', 'demo', str(second.id), 'all') == {'sent': 4}
    assert [second.wait_ring(vector) for vector in range(4)] == [1, 1, 1, 1]
    assert ctl.json('ring', 'demo', 'all', 'all') == {'sent': 8}
    assert ctl.error('ring', 'demo', '777', '0')['code'] == 'not-found'
    assert ctl.error('ring', 'demo', str(first.id), '4')['code'] in ('not-found', 'out-of-range')


def test_monitor(ctl, ivt, demo):
    monitor = ctl.start('monitor', '--json')
    wait_for(lambda: ready(ctl, monitor), 20, 'the monitor to follow')
    peer = ivt.peer(demo, vectors=4)
    wait_line(monitor, region='demo', type='peer-connected', id=peer.id, vectors=4)
    peer.wait_peer(255, 4)
    peer.ring(255, 2, 3)
    rung = wait_line(monitor, region='demo', type='interrupt', vector=2)
    assert rung['count'] == 3 and re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z', rung['time'])
    peer.close()
    wait_line(monitor, region='demo', type='peer-disconnected', id=peer.id)
    ctl('attach', 'doorbell-server', 'later', f'socket={ivt.path("later.sock")}')
    wait_line(monitor, region='later', type='region-attached', plugin='doorbell-server')
    late = ivt.peer(ivt.path('later.sock'))
    wait_line(monitor, region='later', type='peer-connected', id=late.id)
    ctl('detach', 'later', '--force')
    wait_line(monitor, region='later', type='region-detached')
    end(monitor)


def ready(ctl, monitor):
    """A monitor says nothing of its own with --json: it follows once the daemon has its subscription, which
    an event shows."""
    ctl('-q', 'attach', 'doorbell-server', 'probe', 'size=4K')
    ctl('-q', 'detach', 'probe')
    return any(line['type'] == 'region-detached' for line in lines_of(monitor))


def test_monitor_named(ctl, ivt, demo):
    """Of the regions named only, also of one that is not there yet; for people; ends by itself."""
    monitor = ctl.start('monitor', 'demo', 'later', '--count', '3')
    monitor.wait_err('following 1 region;')
    assert "no region 'later' yet" in monitor.err()
    ctl('attach', 'doorbell-server', 'other')
    ctl('attach', 'doorbell-server', 'later')
    peer = ivt.peer(demo, vectors=4)
    peer.close()
    assert monitor.wait() == DONE
    lines = monitor.out().splitlines()
    assert len(lines) == 3 and 'other' not in monitor.out()
    assert re.fullmatch(r'\S+Z later region-attached plugin=doorbell-server state=\w+ size=4194304', lines[0])
    assert re.fullmatch(r'\S+Z demo peer-connected id=\d+ vectors=\d', lines[1])


def test_monitor_outlives_the_daemon(ivt, bus, way):
    first = way.daemon(bus)
    ctl = way.ctl(bus)
    ctl('attach', 'doorbell-server', 'demo', f'socket={ivt.path("a.sock")}', 'vectors=2')
    monitor = ctl.start('monitor', '--json')
    wait_for(lambda: ready(ctl, monitor), 20, 'the monitor to follow')
    first.stop()
    wait_line(monitor, type='daemon-gone')
    way.daemon(bus)
    wait_line(monitor, type='daemon-back')
    ctl('attach', 'doorbell-server', 'again', f'socket={ivt.path("b.sock")}', 'vectors=2')
    wait_line(monitor, type='region-attached', region='again')
    peer = ivt.peer(ivt.path('b.sock'), vectors=2)
    wait_line(monitor, type='peer-connected', region='again', id=peer.id)
    end(monitor, signal.SIGTERM)


def test_monitor_without_a_bus(ivt):
    """When the bus itself ends there is nothing to wait for."""
    bus = ivt.bus()
    ivt.daemon(bus).checked = True
    monitor = Ctl(ivt, bus).start('monitor')
    monitor.wait_err('following 0 regions')
    bus.stop()
    assert monitor.wait() == NO_DAEMON and 'closed the connection' in monitor.err()


@dbus_only
def test_join(ctl, ivt, demo):
    other = ivt.peer(demo, vectors=4)
    joined = ctl.start('join', 'demo', '--json')
    greeting = wait_line(joined, type='joined')
    assert greeting['size'] == 4 * MIB and greeting['vectors'] == 4 and greeting['region'] == 'demo'
    assert {'id': other.id, 'vectors': 4} in greeting['peers']
    other.wait_peer(greeting['id'], 4)
    assert greeting['id'] in [peer['id'] for peer in ctl.json('peers', 'demo')]
    other.ring(greeting['id'], 1, 5)
    assert wait_line(joined, type='interrupt', vector=1)['count'] == 5
    ctl('ring', 'demo', str(greeting['id']), '3')
    wait_line(joined, type='interrupt', vector=3)
    third = ivt.peer(demo, vectors=4)
    wait_line(joined, type='peer-connected', id=third.id)
    third.close()
    wait_line(joined, type='peer-disconnected', id=third.id)
    end(joined)
    other.wait_gone(greeting['id'])


@dbus_only
def test_join_for_people(ctl, ivt, demo):
    joined = ctl.start('join', 'demo')
    joined.wait_out('joined demo as peer ')
    assert re.match(r'joined demo as peer \d+: 4 MiB of memory, 4 vectors, \d other peers?\n', joined.out())
    ctl('detach', 'demo', '--force')
    assert joined.wait() == FAILED
    assert 'closed' in joined.err()


def test_join_needs_the_bus(ctl, demo):
    if ctl.bus is None:
        error = ctl.error('join', 'demo')
        assert error['code'] == 'not-supported' and 'D-Bus' in error['detail']


PEER_PROGRAM = '''
import os, socket, struct, sys
peer = socket.socket(fileno=int(os.environ['IVSHMEM_SOCKET_FD']))
version, = struct.unpack('<q', peer.recv(8, socket.MSG_WAITALL))
own, = struct.unpack('<q', peer.recv(8, socket.MSG_WAITALL))
memory, fds, flags, address = socket.recv_fds(peer, 8, 1)
print(version, own, struct.unpack('<q', memory)[0], os.fstat(fds[0]).st_size)
sys.exit(7)
'''


@dbus_only
def test_join_exec(ctl, demo):
    """The command is handed the socket and ivshmemctl's place; words behind --exec are its own."""
    result = ctl('join', 'demo', '--exec', '/usr/bin/python3', '-c', PEER_PROGRAM, '--json', code=7)
    version, own, memory, size = map(int, result.out.split())
    assert (version, memory, size) == (0, -1, 4 * MIB) and 0 <= own <= 65535
    only = ctl('join', 'demo', '--exec', 'sh', '-c', 'ls /proc/self/fd; echo; echo $IVSHMEM_SOCKET_FD')
    open_fds, number = only.out.split('\n\n')
    assert number.strip() in open_fds.split()
    # 0, 1, 2, the socket and ls's own.
    assert len(open_fds.split()) <= 5, open_fds
    assert ctl.error('join', 'demo', '--exec', '/nonexistent/program')['code'] == 'io'


def test_watch(ctl, demo):
    watch = ctl.start('watch', 'demo', '--offset', '64K', '--length', '64K', '--interval', '5ms', '--count', '1')
    watch.wait_err('watching 65536 bytes at offset 65536')
    ctl('write', 'demo', '--offset', '0', data=b'outside')
    ctl('write', 'demo', '--offset', '70000', data=b'inside')
    assert watch.wait() == DONE
    line = watch.out().strip()
    found = re.fullmatch(r'\S+Z demo changed watch=\d+ offset=(\d+) length=(\d+)', line)
    assert found, line
    offset, length = map(int, found.groups())
    assert 65536 <= offset <= 70000 and offset + length >= 70006


def test_watch_ends_with_its_region(ctl, demo):
    watch = ctl.start('watch', 'demo')
    watch.wait_err('watching')
    ctl('detach', 'demo', '--force')
    assert watch.wait() == FAILED and 'detached' in watch.err()


def test_top(ctl, demo):
    answer = ctl('top', '--json', '--iterations', '2', '--interval', '50ms')
    tables = [json.loads(line) for line in answer.lines()]
    assert len(tables) == 2
    for table in tables:
        assert table['interval_seconds'] > 0.04
        assert [region['name'] for region in table['regions']] == ['demo']
        assert set(table['regions'][0]) == {
            'name', 'state', 'size', 'peer_count', 'read_bytes_per_second', 'written_bytes_per_second',
            'interrupts_received_per_second', 'interrupts_sent_per_second'}
    text = ctl('top', '--iterations', '1', '--interval', '20ms').out
    assert '\033' not in text
    assert re.search(r'^demo +ready +4 MiB +0 ', text, re.M)


def test_top_rates(ctl, demo):
    top = ctl.start('top', '--json', '--interval', '200ms')
    wait_for(lambda: lines_of(top), 20)

    def busy():
        ctl('-q', 'write', 'demo', '--offset', '0', data=b'x' * 100000)
        ctl('read', 'demo', '--length', '50000', '--format', 'raw')
        rates = [table['regions'][0] for table in lines_of(top)]
        return any(row['written_bytes_per_second'] > 0 for row in rates) \
            and any(row['read_bytes_per_second'] > 0 for row in rates)
    wait_for(busy, 20, 'rates')
    end(top)


def test_top_on_a_terminal(ctl, demo):
    """Redraws in place, hides the cursor and shows it again, and ends clean."""
    script = ctl.ivt.path('typescript')
    command = shlex.join([ctl.ivt.build.ivshmemctl, *ctl.where, 'top', '--interval', '50ms', '--iterations', '2'])
    done = subprocess.run(['script', '-qefc', command, script], stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == DONE
    with open(script, encoding='utf-8') as file:
        text = file.read()
    assert text.count('\033[H\033[J') == 3 and '\033[?25l' in text and '\033[?25h' in text
    assert 'NAME' in text and 'demo' in text


# Virtual machines.

def test_qemu_args_of_a_server(ctl, ivt, demo):
    """They are tried with a real QEMU."""
    words = ctl.json('qemu-args', 'demo')['arguments']
    assert words == shlex.split(ctl('qemu-args', 'demo').out)
    assert words == ['-chardev', f'socket,path={demo},id=ivshmem-demo',
                     '-device', 'ivshmem-doorbell,vectors=4,chardev=ivshmem-demo']
    qemu = ivt.qemu(words)
    assert qemu.status() in ('prelaunch', 'paused', 'running')
    wait_for(lambda: [peer['pid'] for peer in ctl.json('peers', 'demo')] == [qemu.pid], 20, 'QEMU to be a peer')


def test_guest_config_of_a_file(ctl, ivt):
    path = ivt.shared_path('ctl,')
    ctl('attach', 'host-plain', 'plain', f'path={path}', 'size=1M', 'create=true', 'keep=false')
    words = ctl.json('qemu-args', 'plain')['arguments']
    assert words == ['-object', f'memory-backend-file,id=ivshmem-plain,share=on,mem-path={path.replace(",", ",,")},'
                     'size=1048576', '-device', 'ivshmem-plain,memdev=ivshmem-plain']
    qemu = ivt.qemu(words)
    qemu.status()
    with open(f'/proc/{qemu.pid}/maps', encoding='utf-8') as maps:
        assert path in maps.read()
    shmem = ElementTree.fromstring(ctl('libvirt-xml', 'plain').out)
    assert shmem.get('name') == os.path.basename(path) and shmem.find('model').get('type') == 'ivshmem-plain'
    assert (shmem.find('size').text, shmem.find('size').get('unit')) == ('1024', 'KiB')


def test_libvirt_xml_of_a_server(ctl, ivt):
    path = ivt.path("a&b'c.sock")
    ctl('attach', 'doorbell-server', 'demo', f'socket={path}', 'vectors=8')
    shmem = ElementTree.fromstring(ctl('libvirt-xml', 'demo').out)
    assert shmem.tag == 'shmem' and shmem.get('name') == 'demo'
    assert shmem.find('model').get('type') == 'ivshmem-doorbell'
    assert shmem.find('server').get('path') == path
    assert (shmem.find('msi').get('vectors'), shmem.find('msi').get('ioeventfd')) == ('8', 'on')
    assert ElementTree.fromstring(ctl.json('libvirt-xml', 'demo')['xml']).get('name') == 'demo'


def test_default_socket(ctl, ivt, daemon):
    """Where a server listens that was not told where: the configuration must say it."""
    ctl('attach', 'doorbell-server', 'demo')
    words = ctl.json('qemu-args', 'demo')['arguments']
    path = re.match(r'socket,path=(.*),id=', words[1]).group(1)
    assert stat.S_ISSOCK(os.stat(path).st_mode) and path.startswith(daemon.runtime_dir)
    ivt.peer(path)


# The doctor.

def findings(answer, level):
    return [finding['finding'] for finding in answer['findings'] if finding['level'] == level]


def test_doctor(ctl, ivt, demo):
    answer = ctl.json('doctor', 'demo')
    assert answer['problems'] == 0 and answer['warnings'] == 0
    assert any(demo in text for text in findings(answer, 'ok'))
    peer = ivt.peer(demo, vectors=4)
    peer.close()
    wait_for(lambda: ctl.json('show', 'demo')['statistics']['peers_disconnected'] == 1)
    left = ctl.json('doctor', 'demo')
    assert left['warnings'] == 1 and 'QEMU crashes' in findings(left, 'warning')[0]
    os.rename(demo, demo + '.away')
    broken = ctl.json('doctor', 'demo', code=FAILED)
    assert broken['problems'] == 1 and demo in findings(broken, 'problem')[0]
    os.rename(demo + '.away', demo)
    text = ctl('doctor', 'demo').out
    assert re.search(r'^ok +demo ', text, re.M) and text.endswith('0 problems, 1 warning\n')


def test_doctor_knows_silent_servers(ctl, ivt):
    path = ivt.path('a.sock')
    ctl('attach', 'doorbell-server', 'silent', f'socket={path}', 'announce-leaves=false')
    ivt.peer(path).close()
    wait_for(lambda: ctl.json('show', 'silent')['statistics']['peers_disconnected'] == 1)
    assert ctl.json('doctor', 'silent')['warnings'] == 0


def test_doctor_without_a_daemon(ivt):
    result = ivt.ctl('--json', 'doctor')
    assert result.code == FAILED
    first = result.json()['findings'][0]
    assert first['level'] == 'problem' and first['check'] == 'daemon' and 'ivshmemd --session' in first['remedy']
    assert {'memfd', '/dev/shm', 'QEMU'} <= {finding['check'] for finding in result.json()['findings']}


def test_doctor_missing_region(ctl):
    answer = ctl.json('doctor', 'nothing', code=FAILED)
    assert any('nothing' in text for text in findings(answer, 'problem'))


@needs_root
@dbus_only
def test_doctor_permissions(ivt, way):
    """What another user may not open is a problem of theirs."""
    bus = ivt.bus(everybody=True)
    path = ivt.path('demo.sock')
    way.daemon(bus, config='[daemon]\nallow-see=*\n')
    ctl = way.ctl(bus)
    ctl('attach', 'doorbell-server', 'demo', f'socket={path}', 'mode=0600')
    assert ctl.json('doctor', 'demo')['problems'] == 0
    answer = ctl.json('doctor', 'demo', user=STRANGER, code=FAILED)
    assert any('may not connect' in text for text in findings(answer, 'problem'))


# The completion, and the manual page of the options.

def complete(ctl, *words):
    return ctl('__complete', '--', *words).lines()


def test_completion(ctl, demo):
    assert complete(ctl, 'read', '') == ['demo'] and complete(ctl, 'read', 'x') == []
    assert complete(ctl, '--json', 'sh') == ['show']
    assert set(complete(ctl, 'attach', 'door')) == {'doorbell', 'doorbell-server'}
    assert complete(ctl, 'attach', 'doorbell-server', '') == []
    assert complete(ctl, 'attach', 'doorbell-server', 'x', 'max') == ['@nospace', 'max-peers=']
    assert complete(ctl, 'attach', 'doorbell-server', 'x', 'hot') == ['@nospace', 'hotplug=']
    assert complete(ctl, 'attach', 'host-plain', 'x', 'size=1M', 'gr') == ['@nospace', 'grow=', 'group=']
    assert complete(ctl, 'attach', 'host-plain', 'x', 'path=/dev') == ['@nospace', '@files']
    assert complete(ctl, 'write', 'demo', '--offset', '') == []
    assert complete(ctl, 'write', 'demo', '--offset', '0', '') == ['@files']
    assert complete(ctl, 'read', 'demo', '--format', '') == ['hex', 'raw']
    assert complete(ctl, 'monitor', 'demo', '') == ['demo']
    assert complete(ctl, 'nonsense', '') == []
    assert ctl.ivt.ctl('__complete', '--', 'read', '').out == ''
    elsewhere = ctl.ivt.ctl('__complete', '--', *ctl.where, 'read', '')
    assert elsewhere.out == 'demo\n'


def test_options_are_in_the_manual(ctl, ivt):
    """ivshmemd.conf(5) has each option of each plugin, and no other."""
    page = os.path.join(ivt.build.source_dir, 'data', 'man', 'ivshmemd.conf.5')
    with open(page, encoding='utf-8') as file:
        parts = re.split(r'^\.Ss Options of (\S+)\n', file.read(), flags=re.M)
    described = {}
    for name, text in zip(parts[1::2], parts[2::2]):
        items = re.findall(r'^\.It Cm (.*)$', text.split('\n.Sh ')[0], re.M)
        described[name] = {key for item in items for key in item.split(' , ')}
    known = {plugin['name']: {option['name'] for option in plugin['options']}
             for plugin in ctl.json('plugins')['plugins']}
    assert described == {name: known[name] for name in described}
    assert {'host-plain', 'doorbell', 'doorbell-server'} <= set(described)


def test_numbers_in_json(ctl, ivt):
    """Counters are numbers, values of words are text."""
    region = ctl.json('attach', 'doorbell-server', 'demo')
    assert isinstance(region['size'], int) and all(isinstance(v, int) for v in region['statistics'].values())
    assert isinstance(ctl.json('atomic', 'demo', 'exchange', '--offset', '0', '--width', '8',
                               '--value', str(2**64 - 1))['old'], str)
    assert ctl.json('atomic', 'demo', 'exchange', '--offset', '0', '--width', '8', '--value', '0')['old'] \
        == '0xffffffffffffffff'
