# SPDX-License-Identifier: LGPL-3.0-or-later
"""The daemon does what data/openapi.yaml says: every operation, every answer, and nothing else for bad input."""

import copy
import json
import os
import urllib.parse

import jsonschema
import pytest
from hypothesis import HealthCheck, configuration, given, settings
from hypothesis import strategies as st

from ivt import wait_for
from ivt.http import Http, make_token, port_of
from ivt.live import Events, WebSocket

BUILD = os.environ.get('IVT_BUILD_DIR', 'build')
# It keeps tables of its own, which are not for the source tree.
configuration.set_hypothesis_home_dir(os.path.join(BUILD, 'tests', 'hypothesis'))

MIB = 1 << 20
METHODS = ('get', 'head', 'put', 'post', 'delete')
EXAMPLES = 100
# One body's worth and one byte.
JSON_BYTES_MAX = 64 * 1024
# What a method that a path does not have is answered, whatever the operation.
METHOD_NOT_ALLOWED = 405

CONFIG = '''
[daemon]
log-level=info
[http]
tokens={tokens}
[region demo]
plugin=doorbell-server
socket={socket}
size=1M
vectors=4
[region big]
plugin=doorbell-server
size=32M
[region plain]
plugin=host-plain
path={plain}
size=64K
create=true
keep=false
'''


def load_description():
    # The build has made it from the YAML.
    with open(os.path.join(BUILD, 'data', 'openapi.json'), encoding='utf-8') as file:
        return json.load(file)


DESCRIPTION = load_description()


def resolve(piece):
    while '$ref' in piece:
        target = DESCRIPTION
        for name in piece['$ref'].removeprefix('#/').split('/'):
            target = target[name]
        piece = {**target, **{key: value for key, value in piece.items() if key != '$ref'}}
    return piece


def load_operations():
    found = {}
    for path, item in DESCRIPTION['paths'].items():
        for method in METHODS:
            if method not in item:
                continue
            operation = dict(item[method], path=path, method=method.upper())
            operation['parameters'] = [resolve(parameter) for parameter
                                       in item.get('parameters', []) + operation.get('parameters', [])]
            operation['responses'] = {int(status): resolve(response) for status, response
                                      in operation['responses'].items()}
            found[operation['operationId']] = operation
    return found


OPERATIONS = load_operations()


def make_strict(description):
    """A copy in which no answer has a member that is not described; clients are to be more lenient."""
    strict = copy.deepcopy(description)
    composed = {piece['$ref'] for schema in strict['components']['schemas'].values()
                for piece in schema.get('allOf', [])}

    def close(piece, name=None):
        if isinstance(piece, list):
            for one in piece:
                close(one)
        elif isinstance(piece, dict):
            if (isinstance(piece.get('properties'), dict) and 'additionalProperties' not in piece
                    and 'unevaluatedProperties' not in piece and name not in composed):
                piece['additionalProperties'] = False
            for key, value in piece.items():
                close(value, f'#/components/schemas/{key}')
    close(strict)
    return strict


RESOLVER = jsonschema.RefResolver('', make_strict(DESCRIPTION))


def validate(value, *path):
    """Against the schema at that place of the description."""
    pointer = '/'.join(str(name).replace('~', '~0').replace('/', '~1') for name in path)
    jsonschema.Draft202012Validator({'$ref': f'#/{pointer}'}, resolver=RESOLVER).validate(value)


def place_of_response(operation, status):
    """Where in the description the response stands."""
    place = ('paths', operation['path'], operation['method'].lower(), 'responses', status)
    piece = DESCRIPTION['paths'][operation['path']][operation['method'].lower()]['responses'][str(status)]
    return tuple(piece['$ref'].removeprefix('#/').split('/')) if '$ref' in piece else place


def check_answer(operation, answer):
    """That it is one of those which are described."""
    assert answer.status in operation['responses'], answer
    response = operation['responses'][answer.status]
    for name, header in response.get('headers', {}).items():
        header = resolve(header)
        value = answer.headers.get(name.lower())
        assert value is not None or not header.get('required'), f'{name} is missing: {answer}'
        if value is not None:
            schema = resolve(header['schema'])
            jsonschema.validate(int(value) if schema.get('type') == 'integer' else value, schema)
    if operation['method'] == 'HEAD' or not response.get('content'):
        assert answer.body == b'', answer
        return
    assert answer.type in response['content'], answer
    if answer.type.endswith('json'):
        validate(answer.json(), *place_of_response(operation, answer.status), 'content', answer.type, 'schema')
    if answer.type == 'application/problem+json':
        assert answer.json()['status'] == answer.status, answer


class Api:
    """A daemon with some regions, and clients of it."""

    def __init__(self, ivt):
        self.ivt = ivt
        self.socket = ivt.path('demo.sock')
        self.plain = ivt.shared_path('openapi')
        self.secrets = {}
        lines = []
        for name in ('admin', 'operator', 'viewer'):
            self.secrets[name], digest = make_token()
            lines.append(f'{name} {digest} {name}\n')
        tokens = ivt.file('tokens', ''.join(lines))
        os.chmod(tokens, 0o600)
        bus = ivt.bus() if ivt.build.has('dbus') else None
        self.daemon = ivt.daemon(bus, config=CONFIG.format(tokens=tokens, socket=self.socket, plain=self.plain),
                                 args=['--http', f'unix:{ivt.path("http.sock")}', '--http', '127.0.0.1:0'])
        self.address = ('127.0.0.1', port_of(self.daemon))
        self.unix = Http(ivt.path('http.sock'))
        self.admin = self.client('admin')
        self.nobody = Http(self.address)
        self.seen = {}  # operation → statuses

    def client(self, name):
        return Http(self.address, self.secrets[name])

    def origin(self):
        return f'http://{self.address[0]}:{self.address[1]}'

    def target(self, operation, path=None, query=None):
        names = {'region': 'demo', 'plugin': 'host-plain', 'bridge': 'none', **(path or {})}
        target = OPERATIONS[operation]['path'].format(
            **{name: urllib.parse.quote(str(value), safe='') for name, value in names.items()})
        return f'{target}?{urllib.parse.urlencode(query, doseq=True)}' if query else target

    def call(self, operation, status=None, *, path=None, query=None, client=None, **keywords):
        """Asks, and checks that the answer is a described one; status: the one that it must be."""
        described = OPERATIONS[operation]
        answer = (client or self.admin).ask(described['method'], self.target(operation, path, query), **keywords)
        check_answer(described, answer)
        assert answer.headers['cache-control'] == ('no-cache' if operation == 'get-page' else 'no-store')
        if status is not None:
            assert answer.status == status, answer
        self.seen.setdefault(operation, set()).add(answer.status)
        return answer

    def tagged(self, operation, **keywords):
        """A resource with an ETag, and that it is not sent again."""
        answer = self.call(operation, 200, **keywords)
        headers = {**keywords.pop('headers', {}), 'If-None-Match': answer.headers['etag']}
        same = self.call(operation, 304, headers=headers, **keywords)
        assert same.headers['etag'] == answer.headers['etag']
        return answer

    def check_alive(self):
        assert self.daemon.process.running()
        self.call('get-health', 200, client=self.nobody)
        assert self.call('list-regions', 200).json()['regions'] is not None

    def peer(self):
        return self.ivt.peer(self.socket, vectors=4)


@pytest.fixture(scope='module')
def api(module_ivt):
    if not module_ivt.build.has('http'):
        pytest.skip('allowed: the build has no HTTP')
    return Api(module_ivt)


# Each operation as it is meant. What must come of it is in these functions; that
# each answer is as described, and that every success that is described comes
# about, is checked around them.

def get_page(api):
    page = api.tagged('get-page', client=api.nobody)
    assert b'<html' in page.body.lower()


def get_health(api):
    api.call('get-health', 200, client=api.nobody)


def get_readiness(api):
    api.call('get-readiness', 200, client=api.nobody)


def get_metrics(api):
    plain = api.call('get-metrics', 200)
    assert 'version=0.0.4' in plain.headers['content-type'] and b'ivshmem_build_info' in plain.body
    modern = api.call('get-metrics', 200, headers={'Accept': 'application/openmetrics-text;version=1.0.0'})
    assert modern.type == 'application/openmetrics-text' and modern.body.endswith(b'# EOF\n')


def get_openapi(api):
    assert api.tagged('get-openapi').json() == DESCRIPTION


def get_daemon(api):
    daemon = api.call('get-daemon', 200).json()
    assert daemon['regions'] >= 2 and daemon['bridges'] == 0
    # It may have another serial, or another age, by now.
    for _ in range(20):
        tag = api.call('get-daemon', 200).headers['etag']
        if api.call('get-daemon', headers={'If-None-Match': tag}).status == 304:
            return
    pytest.fail('it is never the same')


def list_plugins(api):
    plugins = {plugin['name']: plugin for plugin in api.tagged('list-plugins').json()['plugins']}
    assert {'host-plain', 'doorbell-server', 'doorbell'} <= set(plugins)
    assert 'vectors' in {option['name'] for option in plugins['doorbell-server']['options']}


def list_candidates(api):
    answer = api.call('list-candidates', 200)
    # Others come and go on the same machine, and the tag with them.
    for _again in range(100):
        if api.call('list-candidates', headers={'If-None-Match': answer.headers['etag']}).status == 304:
            break
        answer = api.call('list-candidates', 200)
    candidates = answer.json()['candidates']
    assert [one for one in candidates if one.get('path') == api.plain and one['size'] == 65536]


def create_login(api):
    login = api.call('create-login', 200).json()
    assert login['lifetime_usec'] == 600 * 1000 * 1000


def log_in(api):
    """A browser: the cookie of a new session, and its own origin."""
    token = api.call('create-login', 200).json()['token']
    answer = api.call('open-session', 204, client=api.nobody, data={'token': token})
    cookie = answer.headers['set-cookie']
    for attribute in ('HttpOnly', 'SameSite=Strict', 'Path=/'):
        assert attribute in cookie
    api.call('open-session', 401, client=api.nobody, data={'token': token})
    return Http(api.address, headers={'Cookie': cookie.split(';')[0], 'Origin': api.origin()})


def open_session(api):
    browser = log_in(api)
    assert api.call('list-regions', 200, client=browser).json()['regions']
    foreign = Http(api.address, headers={**browser.headers, 'Origin': 'http://elsewhere.example'})
    api.call('fill', 403, client=foreign, data={'offset': 0, 'length': 1, 'value': 0})
    api.call('fill', 204, client=browser, data={'offset': 0, 'length': 1, 'value': 0})


def get_session(api):
    session = api.tagged('get-session').json()
    assert 'admin' in session['permissions'] and session['identity']
    viewer = api.call('get-session', 200, client=api.client('viewer')).json()
    assert viewer['permissions'] == ['see']


def close_session(api):
    browser = log_in(api)
    api.call('close-session', 204, client=browser)
    api.call('list-regions', 401, client=browser)


def list_regions(api):
    regions = {region['name']: region for region in api.tagged('list-regions').json()['regions']}
    assert regions['demo'] == api.call('get-region', 200).json()
    assert regions['demo']['size'] == MIB and regions['demo']['vectors'] == 4 and regions['demo']['own_id'] == 255
    assert regions['plain']['own_id'] is None and regions['plain']['state'] == 'ready'


def attach(api):
    wanted = {'plugin': 'doorbell-server', 'name': 'new', 'options': {'size': '4K', 'vectors': 2}}
    answer = api.call('attach', 201, data=wanted)
    assert answer.headers['location'] == '/v1/regions/new'
    assert answer.json() == api.call('get-region', 200, path={'region': 'new'}).json()
    assert answer.json()['size'] == 4096 and answer.json()['options']['vectors'] == 2
    assert api.call('attach', 409, data=wanted).code() == 'exists'
    api.call('detach', 204, path={'region': 'new'})
    api.call('attach', 404, data={**wanted, 'plugin': 'nothing'})
    api.call('attach', 400, data={**wanted, 'options': {'colour': 'red'}})
    api.call('attach', 400, data={**wanted, 'options': {'size': 4097}})
    api.call('attach', 403, client=api.client('operator'), data=wanted)


def get_region(api):
    region = api.tagged('get-region').json()
    assert region['state'] == 'ready' and region['reason'] is None and 'admin' in region['permissions']
    viewer = api.call('get-region', 200, client=api.client('viewer')).json()
    assert viewer['permissions'] == ['see']


def detach(api):
    for force in ({}, {'force': 'true'}):
        api.call('attach', 201, data={'plugin': 'doorbell-server', 'name': 'short',
                                      'options': {'socket': api.ivt.path('short.sock')}})
        if force:
            peer = api.ivt.peer(api.ivt.path('short.sock'), vectors=1)
            assert api.call('detach', 409, path={'region': 'short'}).code() == 'busy'
        api.call('detach', 204, path={'region': 'short'}, query=force)
    peer.wait_closed()
    api.call('detach', 404, path={'region': 'short'})


def read(api):
    api.call('write', 204, query={'offset': 0}, body=bytes(range(256)))
    whole = api.call('read', 200)
    assert len(whole.body) == MIB and whole.body.startswith(bytes(range(256)))
    assert api.call('read', 200, query={'offset': 16, 'length': 4}).body == bytes([16, 17, 18, 19])
    assert api.call('read', 200, query={'offset': MIB, 'length': 0}).body == b''
    one = api.call('read', 206, headers={'Range': 'bytes=16-19'})
    assert one.body == bytes([16, 17, 18, 19]) and one.headers['content-range'] == f'bytes 16-19/{MIB}'
    two = api.call('read', 206, headers={'Range': 'bytes=0-1,4-5'})
    assert two.type == 'multipart/byteranges' and b'\r\n\r\n\x04\x05' in two.body
    beyond = api.call('read', 416, headers={'Range': f'bytes={MIB}-'})
    assert beyond.headers['content-range'] == f'bytes */{MIB}'
    api.call('read', 416, query={'offset': MIB, 'length': 1})
    api.call('read', 400, query={'offset': 0, 'length': 1}, headers={'Range': 'bytes=0-0'})
    api.call('read', 403, client=api.client('viewer'))


def read_head(api):
    assert api.call('read-head', 200).headers['content-length'] == str(MIB)
    assert api.call('read-head', 200, query={'offset': 1, 'length': 9}).headers['content-length'] == '9'
    # RFC 9110, 14.2: only GET knows ranges.
    assert api.call('read-head', 200, headers={'Range': 'bytes=0-9'}).headers['content-length'] == str(MIB)
    api.call('read-head', 404, path={'region': 'nothing'})


def write(api):
    api.call('write', 204, query={'offset': 4096}, body=b'hello, world')
    assert api.call('read', 200, query={'offset': 4096, 'length': 12}).body == b'hello, world'
    api.call('write', 204, query={'offset': 0, 'stream': 1}, body=b'x' * MIB)
    assert api.call('write', 416, query={'offset': MIB - 1}, body=b'ab').code() == 'out-of-range'
    assert api.call('read', 200, query={'offset': MIB - 1, 'length': 1}).body == b'x'
    api.call('write', 413, path={'region': 'big'}, query={'offset': 0}, body=bytes(16 * MIB + 1))
    api.call('write', 403, client=api.client('viewer'), query={'offset': 0}, body=b'x')


def fill(api):
    api.call('fill', 204, data={'offset': 8, 'length': 8, 'value': 171})
    assert api.call('read', 200, query={'offset': 8, 'length': 9}).body[:8] == b'\xab' * 8
    api.call('fill', 416, data={'offset': MIB, 'length': 1, 'value': 0})
    api.call('fill', 416, data={'offset': '18446744073709551615', 'length': 1, 'value': 0})


def atomic(api):
    api.call('fill', 204, data={'offset': 64, 'length': 16, 'value': 0})
    add = {'op': 'add', 'offset': 64, 'width': 8, 'value': '0x29'}
    assert api.call('atomic', 200, data=add).json() == {'old': '0x0', 'done': True}
    swap = {'op': 'compare-and-set', 'offset': 64, 'width': 8, 'value': '7', 'expected': '0x28'}
    assert api.call('atomic', 200, data=swap).json() == {'old': '0x29', 'done': False}
    assert api.call('atomic', 400, data={**add, 'offset': 63}).code() == 'misaligned'
    assert api.call('atomic', 400, data={**add, 'value': '0x10000000000000000'}).code() == 'invalid-argument'


def wait(api):
    api.call('fill', 204, data={'offset': 128, 'length': 8, 'value': 0})
    until = {'offset': 128, 'width': 8, 'op': 'equals', 'value': '1', 'timeout_ms': 0.5}
    assert api.call('wait', 200, data=until).json() == {'met': False, 'value': '0x0'}
    assert api.call('wait', 200, data={**until, 'op': 'differs', 'set': '0x5', 'timeout_ms': None}).json() \
        == {'met': True, 'value': '0x0'}
    assert api.call('read', 200, query={'offset': 128, 'length': 1}).body == b'\x05'


def list_peers(api):
    peer = api.peer()
    wait_for(lambda: api.call('list-peers', 200).json()['peers'])
    peers = api.tagged('list-peers').json()['peers']
    assert [one['id'] for one in peers] == [peer.id] and peers[0]['pid'] == os.getpid()
    peer.close()
    wait_for(lambda: not api.call('list-peers', 200).json()['peers'])


def kick(api):
    peer = api.peer()
    wait_for(lambda: api.call('list-peers', 200).json()['peers'])
    api.call('kick', 204, path={'id': peer.id})
    peer.wait_closed()
    api.call('kick', 404, path={'id': peer.id})
    assert api.call('kick', 501, path={'region': 'plain', 'id': 0}).code() == 'not-supported'


def ring(api):
    peer = api.peer()
    wait_for(lambda: api.call('list-peers', 200).json()['peers'])
    assert api.call('ring', 200, data={'peer': peer.id, 'vector': 3}).json() == {'sent': 1}
    assert api.call('ring', 200, data={'peer': 'all', 'vector': 'all'}).json() == {'sent': 4}
    api.call('ring', 404, data={'peer': 77, 'vector': 0})
    api.call('ring', 501, path={'region': 'plain'}, data={'peer': 'all', 'vector': 0})
    peer.close()


def list_watches(api):
    made = api.call('watch', 201, data={'offset': 0, 'length': 8, 'min_interval_usec': 5000}).json()['watch']
    assert {'watch': made, 'offset': 0, 'length': 8, 'min_interval_usec': 5000} \
        in api.tagged('list-watches').json()['watches']
    # They are the asker's own.
    assert api.call('list-watches', 200, client=api.client('operator')).json() == {'watches': []}
    api.call('unwatch', 204, path={'watch': made})


def watch(api):
    answer = api.call('watch', 201, data={'offset': 0, 'length': 4096})
    number = answer.json()['watch']
    assert answer.headers['location'] == f'/v1/regions/demo/watches/{number}'
    assert {'watch': number, 'offset': 0, 'length': 4096, 'min_interval_usec': 100000} \
        in api.call('list-watches', 200).json()['watches']
    assert api.admin.ask('DELETE', answer.headers['location']).status == 204
    api.call('watch', 416, data={'offset': MIB, 'length': 1})
    api.call('watch', 400, data={'offset': 0, 'length': 0})


def unwatch(api):
    number = api.call('watch', 201, data={'offset': 0, 'length': 1}).json()['watch']
    api.call('unwatch', 404, client=api.client('operator'), path={'watch': number})
    api.call('unwatch', 204, path={'watch': number})
    api.call('unwatch', 404, path={'watch': number})


def validate_event(event):
    validate(event, 'components', 'schemas', 'Event')
    return event


def follow_events(api):
    secret = api.secrets['admin']

    def follow(query, **keywords):
        query = f'?{urllib.parse.urlencode(query, doseq=True)}'
        events = api.ivt.own(Events(api.address, query, token=secret, **keywords))
        assert events.status == 200 and events.header('Content-Type').split(';')[0] == 'text/event-stream'
        return events

    number = api.call('watch', 201, data={'offset': 0, 'length': 64, 'min_interval_ms': 1}).json()['watch']
    events = follow({'region': 'demo', 'type': ['interrupt', 'peer-connected,peer-disconnected', 'changed']})
    peer = api.peer()
    joined = validate_event(events.take_type('peer-connected'))
    assert joined['id'] == peer.id and joined['vectors'] == 4
    api.call('ring', 200, data={'peer': 255, 'vector': 1})
    rung = validate_event(events.take_type('interrupt'))
    assert (rung['vector'], rung['count']) == (1, 1)
    api.call('fill', 204, data={'offset': 0, 'length': 1, 'value': 9})
    changed = validate_event(events.take_type('changed'))
    assert changed['watch'] == number and changed['offset'] == 0
    peer.close()
    validate_event(events.take_type('peer-disconnected'))

    assert validate_event(follow({'last_event_id': joined['serial']}).take()) == rung
    other_run = {'Last-Event-ID': str(1 << 40)}
    assert validate_event(follow({}, headers=other_run).take_type('lost'))['count'] is None
    everything = follow({'last_event_id': joined['serial'], 'region': 'short-lived'})
    api.call('attach', 201, data={'plugin': 'doorbell-server', 'name': 'short-lived'})
    api.call('detach', 204, path={'region': 'short-lived'})
    while validate_event(everything.take())['type'] != 'region-detached':
        pass

    api.call('unwatch', 204, path={'watch': number})
    api.call('follow-events', 400, query={'type': 'weather'})
    api.call('follow-events', 400, query={'colour': 'red'})
    api.call('follow-events', 400, headers={'Last-Event-ID': 'x'})
    api.seen['follow-events'].add(200)


def open_stream(api):
    stream = api.ivt.own(WebSocket(api.address, token=api.secrets['admin']))
    assert stream.status == 101
    api.seen.setdefault('open-stream', set()).add(101)

    def say(**message):
        validate(message, 'components', 'schemas', 'StreamRequest')
        stream.say(message)

    def hear():
        message = stream.hear()
        validate(message, 'components', 'schemas', 'StreamMessage')
        return message

    say(id=1, op='subscribe', region=['demo'], type='interrupt')
    assert hear()['id'] == 1
    say(id=2, op='ring', region='demo', peer=255, vector=2)
    heard = [hear(), hear()]
    assert {'id': 2, 'result': {'sent': 1}} in heard
    assert [one['event']['vector'] for one in heard if 'event' in one] == [2]
    say(id=3, op='read', region='nothing', offset=0, length=1)
    assert hear()['error']['status'] == 404
    say(id=4, op='unsubscribe')
    assert hear()['id'] == 4
    say(id=5, op='write', region='demo', offset=512, data='AAEC')
    assert hear() == {'id': 5, 'result': {}}
    say(id=6, op='read', region='demo', offset=512, length=3)
    assert hear() == {'id': 6, 'result': {'data': 'AAEC'}}
    say(id=7, op='atomic', region='demo', operator='add', offset=512, width=1, value='1')
    assert hear() == {'id': 7, 'result': {'old': '0x0', 'done': True}}
    say(id=8, op='attach', plugin='doorbell-server', region='streamed')
    assert hear() == {'id': 8, 'result': {'region': 'streamed'}}
    say(id=9, op='detach', region='streamed')
    assert hear() == {'id': 9, 'result': {}}
    api.call('open-stream', 400)


def list_bridges(api):
    assert api.tagged('list-bridges').json() == {'bridges': []}


def add_bridge(api):
    api.call('add-bridge', 501, data={'name': 'b'})


def get_bridge(api):
    api.call('get-bridge', 404)


def remove_bridge(api):
    api.call('remove-bridge', 404)


def flush_bridge(api):
    api.call('flush-bridge', 501)


def pause_bridge(api):
    api.call('pause-bridge', 501)


def resume_bridge(api):
    api.call('resume-bridge', 501)


@pytest.mark.parametrize('operation', OPERATIONS)
def test_operation(api, operation):
    """A path without a function of its name fails here."""
    exercise = globals()[operation.replace('-', '_')]
    exercise(api)
    described = {status for status in OPERATIONS[operation]['responses'] if status < 400}
    assert described <= api.seen[operation], 'a success is described that has not come about'
    api.check_alive()


# Who may not.

PROTECTED = [name for name, operation in OPERATIONS.items() if operation.get('security') != []]


@pytest.mark.parametrize('operation', PROTECTED)
def test_nobody_is_asked_who_it_is(api, operation):
    path = {'id': 0, 'watch': 1}
    answer = api.call(operation, 401, client=api.nobody, path=path)
    assert answer.headers['www-authenticate'].startswith('Bearer')
    stranger = Http(api.address, make_token()[0])
    assert api.call(operation, 401, client=stranger, path=path).headers['www-authenticate'].startswith('Bearer')


@pytest.mark.parametrize('operation', [name for name, operation in OPERATIONS.items()
                                       if '{region}' in operation['path']])
def test_no_such_region(api, operation):
    path = {'region': 'nothing', 'id': 0, 'watch': 1}
    schema = OPERATIONS[operation].get('requestBody', {}).get('content', {}).get('application/json')
    keywords = {'data': example_of(operation)} if schema else {}
    if operation == 'write':
        keywords = {'body': b'x', 'query': {'offset': 0}}
    answer = api.call(operation, 404, path=path, **keywords)
    if OPERATIONS[operation]['method'] != 'HEAD':
        assert answer.code() == 'not-found' and 'nothing' in answer.json()['detail']


def test_what_no_operation_has(api):
    """Other paths and other methods."""
    assert api.admin.get('/v1/nothing').code() == 'not-found'
    assert api.admin.get('/v1/regions/demo/nothing').code() == 'not-found'
    assert api.admin.get('/v1').code() == 'not-found'
    for path, item in DESCRIPTION['paths'].items():
        target = path.format(region='demo', plugin='host-plain', id=0, watch=1, bridge='b')
        missing = [method for method in METHODS + ('patch', 'options') if method not in item
                   and not (method == 'head' and 'get' in item)]
        for method in missing:
            answer = api.admin.ask(method.upper(), target)
            assert answer.status == METHOD_NOT_ALLOWED, answer
            allowed = answer.headers['allow'].replace(' ', '').lower().split(',')
            assert set(item) & set(METHODS) <= set(allowed) and method not in allowed, answer
            if method != 'head':
                validate(answer.json(), 'components', 'schemas', 'Problem')
    api.check_alive()


# Bad input.

BODIES = [name for name, operation in OPERATIONS.items()
          if 'application/json' in operation.get('requestBody', {}).get('content', {})]


def example_of(operation):
    content = OPERATIONS[operation]['requestBody']['content']['application/json']
    return copy.deepcopy(content['example'] if 'example' in content
                         else next(iter(content['examples'].values()))['value'])


def target_path():
    return {'id': 0, 'watch': 1}


@pytest.mark.parametrize('operation', BODIES)
@pytest.mark.parametrize('body', [
    b'', b'{', b'[]', b'null', b'1', b'"x"', b'{}{}', b'{"a":1,"a":1}', b'{"a":NaN}', b'{"a":1e999}', b'{"a":\xff}',
    b'{"offset":9007199254740993}', b'\xef\xbb\xbf{}', b'{"a":' * 200, b'{/**/}', b"{'a':1}", b'{"\\ud800":1}',
])
def test_body_that_is_no_json_object(api, operation, body):
    answer = api.call(operation, 400, path=target_path(), body=body, headers={'Content-Type': 'application/json'})
    assert answer.code() == 'invalid-argument'


@pytest.mark.parametrize('operation', BODIES)
def test_body_that_lacks_or_has_more(api, operation):
    schema = OPERATIONS[operation]['requestBody']['content']['application/json']['schema']
    good = example_of(operation)
    for name in schema['required']:
        less = {key: value for key, value in good.items() if key != name}
        assert name in api.call(operation, 400, path=target_path(), data=less).json()['detail']
    more = api.call(operation, 400, path=target_path(), data={**good, 'colour': 'red'}).json()['detail']
    assert 'colour' in more and schema['required'][0] in more, 'it is not said what there is'
    api.call(operation, 400, path=target_path(), data=good, headers={'Content-Type': 'text/plain'})


@pytest.mark.parametrize('operation', BODIES)
def test_body_at_and_above_its_limit(api, operation):
    good = json.dumps({**example_of(operation), 'colour': ''})
    for length, status in ((JSON_BYTES_MAX, 400), (JSON_BYTES_MAX + 1, 413)):
        body = good[:-2] + 'x' * (length - len(good)) + good[-2:]
        assert len(body) == length
        api.call(operation, status, path=target_path(), body=body, headers={'Content-Type': 'application/json'})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2**65, 2**65) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(['0', '0x', '-1', '18446744073709551616', 'all', '1M', '\0']),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3),
    max_leaves=6)
INPUT = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
                 suppress_health_check=list(HealthCheck))


def is_patient(operation, data):
    """Whether it may wait for longer than a test wants to."""
    limit = data.get('timeout_ms', 30000)
    return operation == 'wait' and (limit is None or (isinstance(limit, (int, float)) and limit > 50))


@pytest.mark.parametrize('operation', [name for name in BODIES if name != 'open-session'])
@INPUT
@given(data=st.data())
def test_bodies_of_all_kinds(api, operation, data):
    """Whatever is in a body, the answer is a described one."""
    schema = OPERATIONS[operation]['requestBody']['content']['application/json']['schema']
    body = example_of(operation)
    if operation == 'wait':
        body['timeout_ms'] = 1
    for name in data.draw(st.lists(st.sampled_from(sorted(schema['properties'])), min_size=1, max_size=3)):
        body[name] = data.draw(JSON_VALUES)
    if is_patient(operation, body):
        body['timeout_ms'] = 1
    answer = api.call(operation, path=target_path(), data=body)
    if operation == 'attach' and answer.status == 201:
        api.call('detach', 204, path={'region': body['name']})
    elif operation == 'watch' and answer.status == 201:
        api.call('unwatch', 204, path={'watch': answer.json()['watch']})


# The stream of events has no end, a session's loss would be another's.
TARGETS = sorted(set(OPERATIONS) - set(BODIES) - {'follow-events', 'create-login', 'get-page'})


@pytest.mark.parametrize('operation', TARGETS)
@INPUT
@given(data=st.data())
def test_targets_of_all_kinds(api, operation, data):
    """Whatever is in a path and a query, the answer is a described one, or that there is no such path."""
    described = OPERATIONS[operation]
    text = st.text(st.characters(blacklist_categories=['Cs']), max_size=70) \
        | st.sampled_from(['.', '..', '%2e%2e', 'a/b', 'demo', '-1', '0', '4294967296', '18446744073709551616'])
    path = {parameter['name']: data.draw(text) for parameter in described['parameters'] if parameter['in'] == 'path'}
    names = [parameter['name'] for parameter in described['parameters'] if parameter['in'] == 'query']
    query = {name: data.draw(text) for name in names if data.draw(st.booleans())}
    if data.draw(st.booleans()):
        query[data.draw(st.text(st.characters(blacklist_categories=['Cs']), min_size=1, max_size=8))] \
            = data.draw(text)
    if operation == 'detach' and path['region'] in ('demo', 'plain'):
        path['region'] = 'nothing'
    # http.client has its own mind about an empty segment.
    target = api.target(operation, path, query)
    answer = api.admin.ask(described['method'], target, body=b'x' if operation == 'write' else None)
    if answer.status in (404, METHOD_NOT_ALLOWED, 400) and described['method'] != 'HEAD':
        assert answer.code() in ('not-found', 'not-supported', 'invalid-argument'), answer
    elif described['method'] != 'HEAD':
        check_answer(described, answer)
    else:
        assert answer.status in {**described['responses'], METHOD_NOT_ALLOWED: None} and answer.body == b'', answer


def test_daemon_has_lived_through_it(api):
    api.check_alive()
    assert 'CRITICAL' not in api.daemon.log()
