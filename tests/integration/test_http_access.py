# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who may do what over HTTP: users, tokens, browsers, web pages of others; and where it is served."""

import base64
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import ssl

import pytest

from ivt.wait import SCALE, wait_for

SECONDS = 30
ROLES = ('viewer', 'reader', 'operator', 'manager', 'admin')
PERMISSIONS = {
    'viewer': {'see'},
    'reader': {'see', 'read'},
    'operator': {'see', 'read', 'write', 'ring'},
    'manager': {'see', 'read', 'write', 'ring', 'handover', 'attach', 'bridge'},
    'admin': {'see', 'read', 'write', 'ring', 'handover', 'attach', 'bridge', 'admin'},
}
# Of IVD_LIMIT_HTTP_SESSIONS_PER_IDENTITY.
SESSIONS = 32
OTHER_USER = (65534, 65534)
OTHER_GROUP = 41002

CONFIG = '''
[daemon]
log-level=debug
[http]
listen=127.0.0.1:0, unix:{socket}
tokens={tokens}
allowed-hosts=shm.example.org
{more}
[region web]
plugin=doorbell-server
size=1M
vectors=2
{rules}
[region db]
plugin=doorbell-server
size=1M
'''

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='allowed: needs other users, so root')


def make_token():
    """A secret, and what it hashes to."""
    secret = 'ivs_' + base64.urlsafe_b64encode(os.urandom(32)).rstrip(b'=').decode()
    return secret, hashlib.sha256(secret.encode()).hexdigest()


class Answer:
    def __init__(self, question, response, body):
        self.question = question
        self.status = response.status
        self.headers = response.headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def problem(self):
        """Its code; it must agree with the status."""
        assert self.headers['Content-Type'] == 'application/problem+json', self
        problem = self.json()
        assert problem['status'] == self.status, self
        assert problem['detail'] and problem['title'], self
        return problem['type'].removeprefix('urn:ivshmem:error:')

    def cookie(self):
        """The whole Set-Cookie header, and what comes back of it."""
        header = self.headers['Set-Cookie']
        return header, header.partition(';')[0]

    def __repr__(self):
        return f'{self.question} answered {self.status} {self.headers.items()} {self.body[:1000]!r}'


class Connection(http.client.HTTPConnection):
    """To (host, port), by TLS if there is a context, or to a socket's path."""

    def __init__(self, address, context=None):
        super().__init__('test', timeout=SECONDS * SCALE)
        self.address = address
        self.context = context

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.address)
        if self.context is not None:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.address[0])


class Server:
    """A daemon with two regions, on a unix socket and on TCP, and a token for each role: NAME and NAME-web."""

    def __init__(self, ivt, bus, more='', rules='', **keywords):
        self.socket = ivt.path('http.sock')
        self.secrets = {}
        self.daemon = ivt.daemon(bus, config=CONFIG.format(
            socket=self.socket, tokens=self.make_tokens(ivt), more=more, rules=rules), **keywords)
        self.address = wait_for(self.find_address, 10, 'the address in the log')
        self.context = None

    def make_tokens(self, ivt):
        lines = []
        for role in ROLES:
            for name, pattern in ((role, ''), (f'{role}-web', 'w*b')):
                self.secrets[name], digest = make_token()
                lines.append(f'{name} sha256:{digest} {role} {pattern}\n')
        path = ivt.file('tokens', ''.join(lines))
        os.chmod(path, 0o600)
        return path

    def find_address(self):
        found = re.search(r'listening on https?://127\.0\.0\.1:([0-9]+)', self.daemon.log())
        return found and ('127.0.0.1', int(found.group(1)))

    @property
    def host(self):
        return f'127.0.0.1:{self.address[1]}'

    @property
    def origin(self):
        return f'{"https" if self.context else "http"}://{self.host}'

    def ask(self, method, target, headers=(), *, token=None, host=None, data=None, body=None, unix=False):
        """headers: pairs, sent as they are. host: '' sends none. data: JSON."""
        connection = Connection(self.socket if unix else self.address, self.context)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            if host != '':
                connection.putheader('Host', host or self.host)
            if token is not None:
                connection.putheader('Authorization', f'Bearer {self.secrets.get(token, token)}')
            if data is not None:
                connection.putheader('Content-Type', 'application/json')
                body = json.dumps(data).encode()
            if body is not None or method not in ('GET', 'HEAD'):
                connection.putheader('Content-Length', str(len(body or b'')))
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(f'{method} {target} {headers} {token} {host}', response, response.read())
        finally:
            connection.close()

    def log_in(self, token=None, unix=False):
        """The cookie of a new session."""
        answer = self.ask('POST', '/v1/logins', token=token, unix=unix)
        assert answer.status == 200, answer
        answer = self.ask('POST', '/v1/session', data={'token': answer.json()['token']})
        assert answer.status == 204, answer
        return answer.cookie()[1]


@pytest.fixture(name='server')
def server_fixture(ivt, bus):
    return Server(ivt, bus)


# --- users ---

def test_own_user_has_everything(server):
    session = server.ask('GET', '/v1/session', unix=True)
    assert session.status == 200, session
    assert set(session.json()['permissions']) == PERMISSIONS['admin']
    assert server.ask('PUT', '/v1/regions/web/memory?offset=0', body=b'abc', unix=True).status == 204
    answer = server.ask('GET', '/v1/regions/web/memory?offset=0&length=3', unix=True)
    assert (answer.status, answer.body) == (200, b'abc')
    answer = server.ask('POST', '/v1/regions', unix=True,
                        data={'plugin': 'doorbell-server', 'name': 'new', 'options': {'size': '64K'}})
    assert answer.status == 201, answer
    assert server.ask('DELETE', '/v1/regions/new', unix=True).status == 204
    assert server.ask('DELETE', '/v1/regions/web/peers/7', unix=True).status == 404


def curl(ivt, server, path, *arguments, user):
    """(status, body) as that user."""
    result = ivt.run(['curl', '--silent', '--show-error', '--write-out', '\n%{http_code}', '--unix-socket',
                      server.socket, *arguments, f'http://localhost{path}'], user=user)
    assert result.code == 0, result
    body, _newline, status = result.out.rpartition('\n')
    return int(status), body


@needs_root
def test_other_users_have_what_rules_give(ivt, bus):
    server = Server(ivt, bus, more='socket-mode=0666', rules=f'allow-read=user:{OTHER_USER[0]}')
    status, body = curl(ivt, server, '/v1/regions', user=OTHER_USER)
    assert status == 200
    assert [region['name'] for region in json.loads(body)['regions']] == ['web']
    assert json.loads(body)['regions'][0]['permissions'] == ['see', 'read']
    assert curl(ivt, server, '/v1/regions/web/memory?offset=0&length=1', user=OTHER_USER)[0] == 200
    status, body = curl(ivt, server, '/v1/regions/web/fill', '-H', 'Content-Type: application/json', '-d',
                        '{"offset":0,"length":1,"value":1}', user=OTHER_USER)
    assert status == 403
    assert f'user {OTHER_USER[0]}' in json.loads(body)['detail'] and 'allow-write' in json.loads(body)['detail']
    assert curl(ivt, server, '/v1/regions/db/memory?offset=0&length=1', user=OTHER_USER)[0] == 403


@needs_root
def test_groups_count(ivt, bus):
    server = Server(ivt, bus, more='socket-mode=0666', rules=f'allow-write=group:{OTHER_GROUP}')
    put = ('-X', 'PUT', '--data-binary', 'x')
    assert curl(ivt, server, '/v1/regions/web/memory?offset=0', *put, user=OTHER_USER)[0] == 403
    assert curl(ivt, server, '/v1/regions/web/memory?offset=0', *put, user=(OTHER_USER[0], OTHER_GROUP))[0] == 204
    # And a supplementary one, as the kernel noted it.
    result = ivt.run(['setpriv', f'--reuid={OTHER_USER[0]}', f'--regid={OTHER_USER[1]}', f'--groups={OTHER_GROUP}',
                      'curl', '--silent', '--write-out', '%{http_code}', '--unix-socket', server.socket, *put,
                      'http://localhost/v1/regions/web/memory?offset=0'])
    assert result.out == '204', result


@needs_root
def test_socket_mode_and_group(ivt, bus):
    server = Server(ivt, bus, more=f'socket-mode=0660\nsocket-group={OTHER_GROUP}')
    status = os.stat(server.socket)
    assert (status.st_mode & 0o7777, status.st_gid) == (0o660, OTHER_GROUP)
    refused = ivt.run(['curl', '--silent', '--unix-socket', server.socket, 'http://localhost/healthz'], user=OTHER_USER)
    assert refused.code == 7, refused
    assert curl(ivt, server, '/healthz', user=(OTHER_USER[0], OTHER_GROUP))[0] == 200
    server.daemon.stop()
    assert not os.path.exists(server.socket)


# --- tokens ---

NUMBERS = {'offset': 0, 'length': 1}
ATOMIC = {'op': 'add', 'offset': 0, 'width': 4, 'value': '0x0', 'expected': '0x0'}
WAIT = {'offset': 0, 'width': 4, 'op': 'at-least', 'value': '0x0', 'timeout_ms': 0}

# What is asked for, and the permission that it needs; of a region, or of the daemon.
REGION_QUESTIONS = (
    ('see', 'GET', '', None),
    ('see', 'GET', '/peers', None),
    ('read', 'GET', '/memory?offset=0&length=1', None),
    ('read', 'GET', '/watches', None),
    ('read', 'POST', '/wait', WAIT),
    ('read', 'POST', '/watches', {**NUMBERS, 'min_interval_ms': 1000}),
    ('write', 'PUT', '/memory?offset=0', b'x'),
    ('write', 'POST', '/fill', {**NUMBERS, 'value': 1}),
    ('write', 'POST', '/atomic', ATOMIC),
    ('ring', 'POST', '/ring', {'peer': 'all', 'vector': 0}),
    ('admin', 'DELETE', '/peers/9', None),
)
DAEMON_QUESTIONS = (
    ('see', 'GET', '/v1/plugins/host-plain/candidates', None),
    ('attach', 'POST', '/v1/regions', {'plugin': 'no-such-plugin', 'name': 'other', 'options': {}}),
)


def put_question(server, token, question, prefix=''):
    _permission, method, target, content = question
    data = content if isinstance(content, dict) else None
    body = content if isinstance(content, bytes) else None
    return server.ask(method, prefix + target, token=token, data=data, body=body)


def check(answer, expected, token):
    if expected:
        # Not found, at most: there is no such peer or plugin.
        assert answer.status in (200, 201, 204, 404), answer
        return
    assert answer.status == 403, answer
    assert answer.problem() == 'denied'
    assert f'token {token}' in answer.json()['detail']
    assert 'its token would need' in answer.json()['detail']


@pytest.mark.parametrize('role', ROLES)
def test_roles(server, role):
    permissions = PERMISSIONS[role]
    for question in DAEMON_QUESTIONS:
        check(put_question(server, role, question), question[0] in permissions, role)
        check(put_question(server, f'{role}-web', question), False, f'{role}-web')
    # What there is to know of the program itself is for all who are known.
    for path in ('/v1/daemon', '/v1/plugins', '/v1/openapi.json', '/v1/bridges'):
        assert server.ask('GET', path, token=f'{role}-web').status == 200, path
    assert server.ask('GET', '/v1/daemon', token=f'{role}-web').json()['regions'] == 1
    for question in REGION_QUESTIONS:
        check(put_question(server, role, question, '/v1/regions/web'), question[0] in permissions, role)
        check(put_question(server, role, question, '/v1/regions/db'), question[0] in permissions, role)
        check(put_question(server, f'{role}-web', question, '/v1/regions/web'), question[0] in permissions,
              f'{role}-web')
        check(put_question(server, f'{role}-web', question, '/v1/regions/db'), False, f'{role}-web')


def test_what_is_shown(server):
    def names(token):
        answer = server.ask('GET', '/v1/regions', token=token)
        assert answer.status == 200, answer
        return {region['name']: set(region['permissions']) for region in answer.json()['regions']}

    assert names('reader') == {'web': {'see', 'read'}, 'db': {'see', 'read'}}
    assert names('reader-web') == {'web': {'see', 'read'}}
    assert names('admin-web') == {'web': PERMISSIONS['admin']}
    session = server.ask('GET', '/v1/session', token='manager').json()
    assert session['identity'] == 'token manager'
    assert set(session['permissions']) == PERMISSIONS['manager']
    assert server.ask('GET', '/v1/session', token='manager-web').json()['permissions'] == []


def test_attach_within_the_pattern(server):
    def attach(name):
        return server.ask('POST', '/v1/regions', token='manager-web',
                          data={'plugin': 'doorbell-server', 'name': name, 'options': {'size': '64K'}})

    assert attach('other').problem() == 'denied'
    answer = attach('wb')
    assert answer.status == 201, answer
    assert server.ask('DELETE', '/v1/regions/db', token='manager-web').problem() == 'denied'
    assert server.ask('DELETE', '/v1/regions/wb', token='manager-web').status == 204


def test_paths_need_an_admin_of_all(ivt, server):
    path = ivt.path('file')
    for token, expected in (('manager', 403), ('admin-web', 403), ('admin', 201)):
        answer = server.ask('POST', '/v1/regions', token=token, data={
            'plugin': 'host-plain', 'name': 'w-b',
            'options': {'path': path, 'size': '4K', 'create': True, 'any-filesystem': True}})
        assert answer.status == expected, answer


# --- nobody ---

CLOSED = ('/metrics', '/v1/openapi.json', '/v1/daemon', '/v1/plugins', '/v1/plugins/host-plain/candidates',
          '/v1/regions', '/v1/regions/web', '/v1/regions/none', '/v1/regions/web/memory', '/v1/regions/web/peers',
          '/v1/regions/web/watches', '/v1/session', '/v1/bridges')


def assert_unauthenticated(answer):
    assert answer.status == 401, answer
    assert answer.problem() == 'unauthenticated'
    assert answer.headers['WWW-Authenticate'].startswith('Bearer'), answer
    assert answer.headers['Set-Cookie'] is None


def test_without_credentials(server):
    for path in ('/', '/healthz', '/readyz'):
        assert server.ask('GET', path).status == 200, path
    for path in CLOSED:
        assert_unauthenticated(server.ask('GET', path))
    for path in ('/v1/regions', '/v1/logins', '/v1/regions/web/ring', '/v1/regions/web/fill'):
        assert_unauthenticated(server.ask('POST', path, data={}))
    assert_unauthenticated(server.ask('PUT', '/v1/regions/web/memory?offset=0', body=b'x'))
    assert_unauthenticated(server.ask('DELETE', '/v1/regions/web'))


def test_bad_credentials(server):
    good = server.secrets['admin']
    foreign, _digest = make_token()
    bad = (
        [('Authorization', f'Bearer {foreign}')],
        [('Authorization', f'Bearer {good[:-1]}')],
        [('Authorization', f'Bearer {good}x')],
        [('Authorization', f'Bearer {good.upper()}')],
        [('Authorization', f'Bearer {good} {good}')],
        [('Authorization', 'Bearer ')],
        [('Authorization', 'Bearer')],
        [('Authorization', '')],
        [('Authorization', good)],
        [('Authorization', f'Basic {base64.b64encode(good.encode()).decode()}')],
        [('Authorization', f'Bearer {good}'), ('Authorization', f'Bearer {good}')],
        [('Authorization', f'Bearer {foreign}'), ('Authorization', f'Bearer {good}')],
        [('Authorization', f'Bearer {good}, Bearer {good}')],
        [('Cookie', f'ivshmemd-session={good}')],
        [('Cookie', 'ivshmemd-session=')],
        [('Proxy-Authorization', f'Bearer {good}')],
    )
    for headers in bad:
        assert_unauthenticated(server.ask('GET', '/v1/regions', headers))
        # Who says that they are somebody is not taken for somebody else instead.
        if headers[0][0] == 'Authorization':
            assert_unauthenticated(server.ask('GET', '/v1/regions', headers, unix=True))
    assert_unauthenticated(server.ask('GET', f'/v1/regions?token={good}'))
    assert server.ask('GET', '/v1/regions', [('Authorization', f'bearer {good}')]).status == 200


# --- names by which we are called ---

def test_hosts(server):
    port = server.address[1]
    for host in (f'127.0.0.1:{port}', '127.0.0.1', f'localhost:{port}', 'LOCALHOST', '[::1]', f'[::1]:{port}',
                 'shm.example.org', f'SHM.Example.org:{port}', '192.0.2.7'):
        assert server.ask('GET', '/v1/regions', token='viewer', host=host).status == 200, host
    for host in ('evil.example.org', f'evil.example.org:{port}', 'localhost.evil.example.org', 'xshm.example.org',
                 '127.0.0.1.evil.example.org', 'localhosts'):
        answer = server.ask('GET', '/v1/regions', token='viewer', host=host)
        assert answer.status == 403 and answer.problem() == 'denied', answer
        # Also where no token is needed: the page is not theirs.
        assert server.ask('GET', '/', host=host).status == 403
    for host in ('', '127.0.0.1:port', '[::1', ':80'):
        assert server.ask('GET', '/v1/regions', token='viewer', host=host).status == 400, host
    assert server.ask('GET', '/v1/regions', [('Host', server.host)], token='viewer').status == 400
    # Nobody comes to a unix socket through a name service.
    assert server.ask('GET', '/v1/regions', host='whatever.example.org', unix=True).status == 200


# --- browsers ---

def test_login(server):
    answer = server.ask('POST', '/v1/logins', token='operator-web')
    assert answer.status == 200, answer
    made = answer.json()
    assert made['lifetime_usec'] == 600 * 1000 * 1000
    assert re.fullmatch('ivl_[A-Za-z0-9_-]{43}', made['token'])
    answer = server.ask('POST', '/v1/session', data={'token': made['token']})
    assert answer.status == 204, answer
    header, cookie = answer.cookie()
    attributes = {part.strip() for part in header.split(';')[1:]}
    assert attributes == {'Path=/', 'HttpOnly', 'SameSite=Strict'}
    assert re.fullmatch('ivshmemd-session=[A-Za-z0-9_-]{43,}', cookie)
    assert made['token'] not in cookie

    # Once, and only as what it is.
    assert_unauthenticated(server.ask('POST', '/v1/session', data={'token': made['token']}))
    assert_unauthenticated(server.ask('GET', '/v1/regions', token=made['token']))
    assert_unauthenticated(server.ask('GET', '/v1/regions', token=cookie.partition('=')[2]))
    assert_unauthenticated(server.ask('POST', '/v1/session', data={'token': server.secrets['admin']}))
    assert_unauthenticated(server.ask('POST', '/v1/session', data={'token': ''}))

    # The rights of who made it, and no others.
    browser = [('Cookie', cookie)]
    page = browser + [('Origin', server.origin)]
    assert [region['name'] for region in server.ask('GET', '/v1/regions', browser).json()['regions']] == ['web']
    assert server.ask('PUT', '/v1/regions/web/memory?offset=0', page, body=b'x').status == 204
    assert server.ask('PUT', '/v1/regions/db/memory?offset=0', page, body=b'x').status == 403
    assert server.ask('DELETE', '/v1/regions/web', page).status == 403
    assert server.ask('GET', '/v1/session', browser + [('Cookie', 'other=1')]).status in (200, 400, 401)

    # Out again.
    answer = server.ask('DELETE', '/v1/session', page)
    assert answer.status == 204
    assert 'Max-Age=0' in answer.cookie()[0]
    assert_unauthenticated(server.ask('GET', '/v1/regions', browser))


def test_login_of_users(ivt, bus, server):
    for cookie in (server.log_in(unix=True), server.log_in(token='admin')):
        session = server.ask('GET', '/v1/session', [('Cookie', cookie)]).json()
        assert set(session['permissions']) == PERMISSIONS['admin']
    # And from the bus, as `ivshmemctl web` does it.
    token, lifetime = ivt.client(bus).call('/org/ivshmem/Daemon1', 'org.ivshmem.Daemon1.Manager', 'CreateLogin')
    assert lifetime == 600 * 1000 * 1000
    answer = server.ask('POST', '/v1/session', data={'token': token})
    assert answer.status == 204, answer


def test_foreign_pages(server):
    cookie = server.log_in(token='admin')
    foreign = ('http://evil.example.org', 'null', '', 'https://' + server.host, 'http://127.0.0.1',
               f'http://localhost:{server.address[1]}', server.origin + '.evil.example.org', server.origin + '/')
    put = ('PUT', '/v1/regions/web/memory?offset=0')
    for origin in foreign:
        headers = [('Cookie', cookie), ('Origin', origin)]
        answer = server.ask(*put, headers, body=b'x')
        assert answer.status == 403 and answer.problem() == 'denied', answer
        assert server.ask('POST', '/v1/logins', headers).status == 403
        assert server.ask('DELETE', '/v1/session', headers).status == 403
        # With a token as well: a page must not use what its reader's proxy adds.
        if origin != '':
            answer = server.ask(*put, [('Origin', origin)], token='admin', body=b'x')
            assert answer.status == 403, answer
        # Nobody allows them to read anything.
        for method in ('GET', 'OPTIONS'):
            answer = server.ask(method, '/v1/regions', headers)
            assert not [name for name in answer.headers if name.lower().startswith('access-control')], answer
    # A program with a session is none: it uses a token.
    assert server.ask(*put, [('Cookie', cookie)], body=b'x').status == 403
    assert server.ask(*put, [('Cookie', cookie), ('Origin', server.origin)], body=b'x').status == 204
    assert server.ask(*put, token='admin', body=b'x').status == 204
    # Whose names we are called by is whose pages we serve.
    host = f'shm.example.org:{server.address[1]}'
    headers = [('Cookie', cookie), ('Origin', f'http://{host}')]
    assert server.ask(*put, headers, host=host, body=b'x').status == 204
    assert server.ask(*put, headers, body=b'x').status == 403


def test_foreign_pages_and_web_sockets(server):
    cookie = server.log_in(token='admin')
    upgrade = [('Upgrade', 'websocket'), ('Connection', 'Upgrade'), ('Sec-WebSocket-Version', '13'),
               ('Sec-WebSocket-Key', base64.b64encode(os.urandom(16)).decode()), ('Cookie', cookie)]
    for headers in ([], [('Origin', 'http://evil.example.org')], [('Origin', 'null')]):
        answer = server.ask('GET', '/v1/stream', upgrade + headers)
        assert answer.status == 403, answer


def test_sessions_are_few(server):
    def is_open(cookie):
        return server.ask('GET', '/v1/session', [('Cookie', cookie)]).status == 200

    others = server.log_in(token='admin')
    cookies = [server.log_in(token='viewer') for _ in range(SESSIONS)]
    assert is_open(cookies[0])
    # The one unused longest goes.
    newest = server.log_in(token='viewer')
    assert not is_open(cookies[1])
    for cookie in (cookies[0], cookies[2], cookies[-1], newest, others):
        assert is_open(cookie)


def test_no_sessions(ivt, bus):
    server = Server(ivt, bus, more='sessions=false')
    assert server.ask('POST', '/v1/logins', token='admin').problem() == 'not-supported'
    login = 'ivl_' + 'x' * 43
    answer = server.ask('POST', '/v1/session', data={'token': login})
    assert answer.problem() == 'not-supported'
    assert server.ask('GET', '/v1/regions', token='viewer').status == 200


# --- TLS, and where it is served ---

def make_certificate(ivt):
    certificate, key = ivt.path('tls.pem'), ivt.path('tls-key.pem')
    result = ivt.run(['openssl', 'req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
                      '-days', '2', '-subj', '/CN=shm', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key,
                      '-out', certificate])
    assert result.code == 0, result
    return certificate, key


def test_tls(ivt, bus):
    certificate, key = make_certificate(ivt)
    server = Server(ivt, bus, more=f'tls-certificate={certificate}\ntls-key={key}')
    url = f'https://{server.host}/v1/regions'
    secret = f'Authorization: Bearer {server.secrets["viewer"]}'
    result = ivt.run(['curl', '--silent', '--show-error', '--fail', '--cacert', certificate, '-H', secret, url])
    assert result.code == 0 and 'web' in result.out, result
    # Whoever it is, a client that does not know it says no.
    assert ivt.run(['curl', '--silent', '-H', secret, url]).code == 60
    # Plaintext gets no answer there.
    plain = ivt.run(['curl', '--silent', '-H', secret, url.replace('https', 'http')])
    assert plain.code != 0 and not plain.out, plain

    server.context = ssl.create_default_context(cafile=certificate)
    answer = server.ask('POST', '/v1/logins', token='admin')
    answer = server.ask('POST', '/v1/session', data={'token': answer.json()['token']})
    header, cookie = answer.cookie()
    assert '; Secure' in header
    put = ('PUT', '/v1/regions/web/memory?offset=0')
    assert server.ask(*put, [('Cookie', cookie), ('Origin', server.origin)], body=b'x').status == 204
    plain_origin = server.origin.replace('https', 'http')
    assert server.ask(*put, [('Cookie', cookie), ('Origin', plain_origin)], body=b'x').status == 403
    assert f'listening on https://{server.host}' in server.daemon.log()


def run_refused(ivt, bus, config, *args):
    """What a daemon says that must not start."""
    return ivt.daemon(bus, ready=False, config=config, args=args).expect_exit(1)


def test_plaintext_stays_on_this_machine(ivt, bus):
    log = run_refused(ivt, bus, '[http]\nlisten=0.0.0.0:0')
    assert 'ivshmemd.conf:2: listen: other machines can reach 0.0.0.0:0' in log
    log = run_refused(ivt, bus, '', '--http', '[::]:0')
    assert '--http: other machines can reach [::]:0' in log
    daemon = ivt.daemon(bus, config='[daemon]\nlog-level=info\n[http]\nlisten=0.0.0.0:0\ninsecure=true', name='open')
    assert re.search(r'listening on http://0\.0\.0\.0:[1-9]', daemon.log())


def test_bad_certificate(ivt, bus):
    certificate, _key = make_certificate(ivt)
    os.rename(certificate, ivt.path('other.pem'))
    certificate, key = make_certificate(ivt)
    log = run_refused(ivt, bus, f'[http]\ntls-certificate={ivt.path("other.pem")}\ntls-key={key}')
    assert 'ivshmemd.conf:2: tls-certificate: ' in log and 'do not belong together' in log


def test_bad_tokens(ivt, bus):
    tokens = ivt.file('tokens', f'# mine\nci sha256:{"0" * 64} viewer\nci sha256:{"1" * 64} viewer\n')
    os.chmod(tokens, 0o600)
    log = run_refused(ivt, bus, f'[http]\ntokens={tokens}')
    assert f"ivshmemd.conf:2: tokens: {tokens}:3: there is a token 'ci' already" in log
    os.chmod(tokens, 0o660)
    assert 'chmod go-w' in run_refused(ivt, bus, f'[http]\ntokens={tokens}')


def test_none(ivt, bus):
    daemon = ivt.daemon(bus, config='[daemon]\nlog-level=info\n[http]\nlisten=127.0.0.1:0', args=('--http', 'none'))
    assert 'listening' not in daemon.log()
    assert not os.path.exists(os.path.join(daemon.runtime_dir, 'ivshmemd', 'http.sock'))


# --- sockets of the service manager ---

def free_port():
    with socket.create_server(('127.0.0.1', 0)) as sock:
        return sock.getsockname()[1]


def activate(ivt, bus, address, name):
    """The daemon behind `address`, to be started by the first who connects."""
    runtime = ivt.make_dir('run')
    os.chmod(runtime, 0o700)
    config = ivt.file('activated.conf', '[daemon]\nlog-level=info\n')
    return ivt.process(['systemd-socket-activate', f'--fdname={name}', '-l', address, '-E', f'XDG_RUNTIME_DIR={runtime}',
                        '-E', f'HOME={runtime}', ivt.build.ivshmemd, '--bus-address', bus.address, '--config', config,
                        '--state-dir', ivt.make_dir('state'), '--plugin-dir', ivt.plugin_dir()])


@pytest.mark.parametrize('kind', ['tcp', 'unix'])
def test_activation(ivt, bus, kind):
    if not ivt.build.has('systemd'):
        pytest.skip('allowed: built without systemd')
    path = ivt.path('passed.sock')
    port = free_port()
    address, there = (path, f'unix:{path}') if kind == 'unix' else (f'127.0.0.1:{port}', f'http://127.0.0.1:{port}')
    process = activate(ivt, bus, address, 'http')
    process.wait_err('Listening on')
    connect = ['--unix-socket', path, 'http://localhost/readyz'] if kind == 'unix' else [f'{there}/readyz']
    result = ivt.run(['curl', '--silent', '--show-error', '--fail', '--retry', '20', '--retry-all-errors',
                      '--retry-delay', '1', *connect])
    assert result.code == 0, result
    # By default, too: else nobody knew the port that port 0 has become.
    process.wait_err(f'notice listening on {there}')
    # The default one is not needed then.
    assert process.err().count('listening on') == 1
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    # It is not ours to remove.
    assert kind == 'tcp' or os.path.exists(path)


def test_activation_by_another_name(ivt, bus):
    if not ivt.build.has('systemd'):
        pytest.skip('allowed: built without systemd')
    port = free_port()
    process = activate(ivt, bus, f'127.0.0.1:{port}', 'web')
    process.wait_err('Listening on')
    with socket.create_connection(('127.0.0.1', port)):
        process.wait_err("passed a socket 'web' that is not served")
    process.wait_err('listening on unix:')
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


# --- for browsers ---

def test_link_by_url(ivt, bus):
    server = Server(ivt, bus)
    ways = (server.origin, {'IVSHMEM_TOKEN': server.secrets['reader-web']}), (f'unix:{server.socket}', None)
    for url, env in ways:
        result = ivt.ctl('web', '--url', url, '--quiet', env=env)
        assert result.code == 0, result
        address, login = result.out.strip().split('/#login=')
        assert address == server.origin
        assert server.ask('POST', '/v1/session', data={'token': login}).status == 204


def test_bytes_are_no_page(server):
    """Whatever a guest has written there."""
    server.ask('PUT', '/v1/regions/web/memory?offset=0', token='admin', body=b'<script>alert(1)</script>')
    for range_ in (), [('Range', 'bytes=0-9')], [('Range', 'bytes=0-1,4-5')]:
        answer = server.ask('GET', '/v1/regions/web/memory', range_, token='admin')
        assert answer.status in (200, 206), answer
        assert answer.headers['X-Content-Type-Options'] == 'nosniff', answer


# --- what is told nobody ---

def test_nothing_of_it_in_the_log(ivt, bus):
    server = Server(ivt, bus, env={'G_MESSAGES_DEBUG': 'all'})
    told = dict(server.secrets)
    content = 'CONTENT-' + os.urandom(8).hex()
    told['content'] = content
    told['foreign'], _digest = make_token()
    server.ask('GET', '/v1/regions', token=told['foreign'])
    server.ask('GET', f'/v1/regions?token={told["foreign"]}', token='admin')
    for role in ROLES:
        server.ask('GET', '/v1/regions/web', token=role)
        server.ask('PUT', '/v1/regions/web/memory?offset=0', token=role, body=content.encode())
        server.ask('GET', f'/v1/regions/web/memory?offset=0&length={len(content)}', token=role)
    server.ask('POST', '/v1/regions/web/fill', token='admin', body=content.encode())
    told['login'] = server.ask('POST', '/v1/logins', token='admin').json()['token']
    answer = server.ask('POST', '/v1/session', data={'token': told['login']})
    told['cookie'] = answer.cookie()[1].partition('=')[2]
    server.ask('POST', '/v1/session', data={'token': told['login']})
    server.ask('GET', '/v1/regions/web/memory?offset=0&length=9', [('Cookie', answer.cookie()[1])])
    server.ask('DELETE', '/v1/session', [('Cookie', answer.cookie()[1]), ('Origin', server.origin)])
    server.daemon.stop()
    log = server.daemon.log()
    assert 'listening on' in log
    for name, secret in told.items():
        assert secret not in log, name
        assert secret.partition('_')[2][:12] not in log or name == 'content', name
