# SPDX-License-Identifier: LGPL-3.0-or-later
"""data/openapi.yaml: linted, and the same as the operation table and the daemon's words."""

import filecmp
import json
import os
import shutil
import subprocess
import sys

import pytest

from ivt.build import SOURCE_DIR, Build

HERE = os.path.dirname(os.path.abspath(__file__))
METHODS = ('get', 'head', 'put', 'post', 'delete')
PACKAGE_FILES = ('package.json', 'package-lock.json', '.npmrc')
NPM_SECONDS = 240
# Whoever asks these need not say who it is.
PUBLIC = {'get-page', 'get-health', 'get-readiness', 'open-session', 'close-session'}
# The way into a WebSocket succeeds with 101; bridges do not exist yet.
NO_2XX = {'open-stream'}

# A sentence for whoever looks by hand, and no refusal.
NO_PROBLEM = {('get-readiness', '503')}


def run(*argv, **keywords):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, encoding='utf-8', errors='replace', **keywords)
    if done.returncode != 0:
        pytest.fail(f'{argv[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}', pytrace=False)
    return done.stdout


def source(*path):
    return os.path.join(SOURCE_DIR, *path)


@pytest.fixture(scope='module')
def description(module_ivt):
    path = module_ivt.path('openapi.json')
    run(sys.executable, source('data', 'openapi-to-json.py'), source('data', 'openapi.yaml'), path)
    with open(path, encoding='utf-8') as file:
        return json.load(file)


@pytest.fixture(scope='module')
def daemon_words():
    return json.loads(run(os.path.join(Build().dir, 'tests', 'api', 'print-vocabulary')))


@pytest.fixture(scope='module')
def operations(description):
    """operationId: what it says, with the parameters of its path and the pieces that it refers to put in."""
    found = {}
    for path, item in description['paths'].items():
        for method in METHODS:
            if method in item:
                operation = dict(item[method])
                operation['parameters'] = [resolve(description, parameter) for parameter
                                           in item.get('parameters', []) + operation.get('parameters', [])]
                operation['responses'] = {status: resolve(description, response) for status, response
                                          in operation['responses'].items()}
                operation['path'] = path
                operation['method'] = method
                found[operation['operationId']] = operation
    return found


def resolve(description, piece):
    """What a $ref points at, with what stands beside it."""
    while '$ref' in piece:
        target = description
        for name in piece['$ref'].removeprefix('#/').split('/'):
            target = target[name]
        piece = {**target, **{key: value for key, value in piece.items() if key != '$ref'}}
    return piece


# The linter.


def install_packages(place):
    """node_modules by the lock file, kept in the build."""
    os.makedirs(place, exist_ok=True)
    fresh = all(os.path.exists(os.path.join(place, name))
                and filecmp.cmp(os.path.join(HERE, name), os.path.join(place, name), shallow=False)
                for name in PACKAGE_FILES)
    if fresh and os.path.exists(os.path.join(place, 'installed')):
        return
    shutil.rmtree(place)
    os.makedirs(place)
    for name in PACKAGE_FILES:
        shutil.copyfile(os.path.join(HERE, name), os.path.join(place, name))
    # No script of a package runs, whatever the user's settings are.
    run('npm', 'ci', '--ignore-scripts', '--prefer-offline', cwd=place, timeout=NPM_SECONDS)
    with open(os.path.join(place, 'installed'), 'w', encoding='utf-8'):
        pass


def test_linter_has_nothing_to_say():
    if not shutil.which('npm') or not shutil.which('node'):
        pytest.skip('there is no npm')
    place = os.path.join(Build().dir, 'tests', 'api', 'npm')
    install_packages(place)
    run('node', os.path.join(HERE, 'lint.mjs'), place, source('data', 'openapi.yaml'),
        env={**os.environ, 'REDOCLY_TELEMETRY': 'off'})


def test_lock_file_names_no_registry():
    with open(os.path.join(HERE, 'package-lock.json'), encoding='utf-8') as file:
        lock = json.load(file)
    assert not [name for name, package in lock['packages'].items() if 'resolved' in package]
    assert all('integrity' in package for name, package in lock['packages'].items() if name)


def test_key_that_is_there_twice_is_refused(ivt):
    path = ivt.file('twice.yaml', 'openapi: 3.1.0\ninfo:\n  title: a\n  title: b\n')
    done = subprocess.run([sys.executable, source('data', 'openapi-to-json.py'), path, ivt.path('out.json')],
                          capture_output=True, check=False, encoding='utf-8')
    assert done.returncode != 0
    assert "'title' is there twice" in done.stderr


# The operation table.


def rest_inputs(description, operation, scope):
    """What the operation takes, but for the region that a region's operation is about: (name, schema, notes)."""
    for parameter in operation['parameters']:
        is_region = parameter['name'] == 'region' and parameter['in'] == 'path'
        if parameter['in'] == 'header' or (is_region and scope == 'region'):
            continue
        yield parameter['name'], parameter['schema'], parameter
    body = operation.get('requestBody')
    if body is None:
        return
    content = body['content']
    if 'application/json' not in content:
        yield 'body', next(iter(content.values()))['schema'], body
        return
    schema = content['application/json']['schema']
    assert schema['additionalProperties'] is False, f'{operation["operationId"]}: unknown members are refused'
    for name, member in schema['properties'].items():
        yield name, member, resolve(description, member)


def types_of(description, schema):
    """The JSON types that a schema allows."""
    schema = resolve(description, schema)
    if 'oneOf' in schema:
        return set().union(*(types_of(description, choice) for choice in schema['oneOf']))
    if 'const' in schema:
        return {'string'}
    kind = schema['type']
    return set(kind) if isinstance(kind, list) else {kind}


def takes(types, signature, is_text):
    """Whether fields of these types can be given what a parameter of the table takes. is_text: in a path or query."""
    if signature in ('s', 'ay'):
        return types == {'string'}
    if signature == 't':
        return bool(types & {'integer', 'number'}) or (is_text and 'string' in types)
    if signature in 'uy':
        return 'integer' in types
    return signature == 'a{sv}' and types == {'object'}


def offered(daemon_words, description):
    return [row for row in daemon_words['operations'] if row['name'] not in description['x-ivshmem-not-offered']]


def test_every_operation_is_offered_or_has_a_reason(daemon_words, description, operations):
    rows = {row['name']: row for row in daemon_words['operations']}
    there = {operation['x-ivshmem-operation'] for operation in operations.values()
             if 'x-ivshmem-operation' in operation}
    reasons = description['x-ivshmem-not-offered']
    assert there | set(reasons) == set(rows)
    assert not there & set(reasons)
    for name, row in rows.items():
        if any('h' in signature for _, signature in row['in'] + row['out']):
            assert name in reasons, f'{name} hands over a descriptor'


def test_operations_are_named_as_in_the_table(daemon_words, operations):
    for row in daemon_words['operations']:
        camel = ''.join(word.capitalize() for word in row['name'].split('-'))
        assert row['method'] == camel, 'D-Bus and REST call it differently'
    for name, operation in operations.items():
        assert operation.get('x-ivshmem-operation', name) == name


def test_operations_need_what_the_table_says(daemon_words, description, operations):
    for row in offered(daemon_words, description):
        operation = operations[row['name']]
        assert operation['x-ivshmem-permission'] == row['permission'], row['name']
        assert operation.get('x-ivshmem-capability') == row['capability'], row['name']
        assert ('{region}' in operation['path']) == (row['scope'] == 'region' or row['name'] == 'detach')


def test_operations_take_what_the_table_says(daemon_words, description, operations):
    for row in offered(daemon_words, description):
        wanted = dict(row['in'])
        given = {}
        texts = set()
        for name, schema, notes in rest_inputs(description, operations[row['name']], row['scope']):
            if 'x-ivshmem-http-only' in notes:
                continue
            parameter = 'options' if 'x-ivshmem-option' in notes else notes.get('x-ivshmem-parameter', name)
            assert parameter in wanted, f'{row["name"]}: {name} is not in the table'
            types = {'object'} if 'x-ivshmem-option' in notes else types_of(description, schema)
            # Two fields may stand for one parameter, in different units.
            given.setdefault(parameter, set()).update(types)
            if notes.get('in') in ('path', 'query'):
                texts.add(parameter)
        assert set(given) == set(wanted), row['name']
        for parameter, types in given.items():
            assert takes(types, wanted[parameter], parameter in texts), f'{row["name"]}: {parameter} is {types}'


def test_operations_answer_what_the_table_says(daemon_words, description, operations):
    for row in offered(daemon_words, description):
        responses = operations[row['name']]['responses']
        success = [status for status in responses if status in ('200', '201', '204')]
        assert len(success) == 1, row['name']
        response = responses[success[0]]
        signatures = [signature for _, signature in row['out']]
        if not signatures:
            assert success == ['204'] and 'content' not in response, row['name']
        elif signatures == ['ay']:
            assert list(response['content']) == ['application/octet-stream'], row['name']
        elif signatures == ['o']:
            # A path of D-Bus is nothing for HTTP: it has a Location, and what is there.
            assert success == ['201'] and 'Location' in response['headers'], row['name']
        else:
            schema = resolve(description, response['content']['application/json']['schema'])
            names = {name for name, _ in row['out']}
            assert set(schema['required']) == names, row['name']
            assert names <= set(schema['properties']), row['name']


# The daemon's words.


@pytest.mark.parametrize('schema, words', [
    ('Permission', 'permissions'), ('Capability', 'capabilities'), ('EventType', 'events'), ('State', 'states')])
def test_words_are_the_daemons(daemon_words, description, schema, words):
    assert description['components']['schemas'][schema]['enum'] == daemon_words[words]


def test_option_types_and_statistics_are_the_daemons(daemon_words, description):
    schemas = description['components']['schemas']
    assert schemas['PluginOption']['properties']['type']['enum'] == daemon_words['option_types']
    assert list(schemas['Statistics']['properties']) == daemon_words['statistics']
    assert schemas['Statistics']['required'] == daemon_words['statistics']


def test_events_are_told_apart_by_their_type(daemon_words, description):
    schemas = description['components']['schemas']
    mapping = schemas['Event']['discriminator']['mapping']
    assert list(mapping) == daemon_words['events']
    assert [choice['$ref'] for choice in schemas['Event']['oneOf']] == list(mapping.values())
    for name, reference in mapping.items():
        assert resolve(description, {'$ref': reference})['properties']['type'] == {'const': name}


# Refusals.


def test_problems_are_the_table_of_errors(daemon_words, description):
    problem = description['components']['schemas']['Problem']
    assert problem['properties']['type']['enum'] == [f'urn:ivshmem:error:{code}' for code in daemon_words['errors']]


def test_refusals_are_problems_of_the_table(daemon_words, operations):
    codes = {}
    for code, status in daemon_words['errors'].items():
        codes.setdefault(str(status), []).append(code)
    for name, operation in operations.items():
        for status, response in operation['responses'].items():
            if status < '400' or operation['method'] == 'head' or (name, status) in NO_PROBLEM:
                continue
            assert list(response['content']) == ['application/problem+json'], (name, status)
            assert status in codes, f'{name}: no error has the status {status}'
            for code in codes[status]:
                assert f'`{code}`' in response['description'], (status, code)


def test_every_operation_says_how_it_succeeds_and_what_anybody_may_hear(operations):
    for name, operation in operations.items():
        statuses = set(operation['responses'])
        assert '400' in statuses, name
        bridges = operation['tags'] == ['bridges'] and name != 'list-bridges'
        assert any(status.startswith('2') for status in statuses) != (name in NO_2XX or bridges), name
        assert (operation.get('security') == []) == (name in PUBLIC), name
        if name not in PUBLIC:
            assert {'401', '429'} <= statuses, name
        if 'requestBody' in operation:
            assert '413' in statuses, name
        if 'x-ivshmem-capability' in operation:
            assert '501' in statuses, f'{name}: a region may lack {operation["x-ivshmem-capability"]}'
        if '{region}' in operation['path']:
            assert '404' in statuses, name
