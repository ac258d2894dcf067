# SPDX-License-Identifier: LGPL-3.0-or-later
"""What has broken the daemon's HTTP once: by hostile clients, careless operators and bad moments."""

import base64
import hashlib
import json
import os
import re

import pytest

from ivt.live import Flow, Rest
from ivt.wait import wait_for

KEY = 'dGhlIHNhbXBsZSBub25jZQ=='


class Service:
    """A daemon with HTTP over TCP, and a token for each name."""

    def __init__(self, ivt, bus, **roles):
        self.ivt = ivt
        self.secrets = {name: 'ivs_' + base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip('=') for name in roles}
        tokens = ivt.file('tokens', ''.join(
            f'{name} sha256:{hashlib.sha256(self.secrets[name].encode()).hexdigest()} {role}\n'
            for name, role in roles.items()))
        os.chmod(tokens, 0o600)
        self.daemon = ivt.daemon(bus, config='[daemon]\nlog-level=info\n[http]\nlisten=127.0.0.1:0\n'
                                             f'tokens={tokens}\n')
        found = wait_for(lambda: re.search(r'listening on http://127\.0\.0\.1:([0-9]+)', self.daemon.log()), 10,
                         'the address in the log')
        self.address = ('127.0.0.1', int(found.group(1)))
        self.origin = 'http://127.0.0.1'  # of what rest() asks

    def rest(self, token=None):
        return self.ivt.own(Rest(self.address, token and self.secrets[token]))

    def log_in(self, token):
        """The cookie of a new session."""
        rest = self.rest()
        rest.request('POST', '/v1/logins', headers={'Authorization': f'Bearer {self.secrets[token]}',
                                                    'Content-Length': '0'})
        login = json.loads(rest.getresponse().read())['token']
        rest.request('POST', '/v1/session', f'{{"token":"{login}"}}', {'Content-Type': 'application/json'})
        answer = rest.getresponse()
        answer.read()
        return answer.headers['Set-Cookie'].partition(';')[0]

    def raw(self, method, path, headers, token='admin'):
        """An answer with its body, to headers sent as they are."""
        rest = self.rest()
        rest.putrequest(method, path)
        rest.putheader('Authorization', f'Bearer {self.secrets[token]}')
        for name, value in headers:
            rest.putheader(name, value)
        rest.endheaders()
        answer = rest.getresponse()
        answer.body = answer.read()
        return answer


@pytest.fixture(name='service')
def service_fixture(ivt, bus):
    service = Service(ivt, bus, admin='admin', narrow='admin web*')
    ivt.client(bus).attach('doorbell-server', 'db', size='1M')
    return service


@pytest.mark.parametrize('method, path, body', [
    ('GET', '/v1/regions/{}', None),
    ('GET', '/v1/regions/{}/memory?offset=0&length=1', None),
    ('POST', '/v1/regions/{}/fill', {'offset': 0, 'length': 1, 'value': 1}),
    ('GET', '/v1/regions/{}/watches', None),
    ('DELETE', '/v1/regions/{}', None),
])
def test_names_cannot_be_tried_out(service, method, path, body):
    """Whoever may not see a region does not find out either that it is there."""
    rest = service.rest('narrow')
    status, hidden = rest.ask(method, path.format('db'), body)
    assert status == 403, hidden
    status, missing = rest.ask(method, path.format('xy'), body)
    assert status == 403, missing
    assert missing['detail'].replace('xy', 'db') == hidden['detail']
    assert rest.ask(method, path.format('web'), body)[0] == 404
    assert service.rest('admin').ask(method, path.format('xy'), body)[0] == 404


@pytest.mark.parametrize('path', ['/v1/regions', '/v1/openapi.json', '/'])
def test_not_modified_tells_the_true_length(service, path):
    whole = service.raw('GET', path, ())
    for method in ('GET', 'HEAD'):
        answer = service.raw(method, path, [('If-None-Match', whole.headers['ETag'])])
        assert (answer.status, answer.body) == (304, b'')
        assert answer.headers['Content-Length'] == str(len(whole.body))
        assert answer.headers['ETag'] == whole.headers['ETag']


def test_headers_that_come_twice(service):
    tag = service.raw('GET', '/v1/openapi.json', ()).headers['ETag']
    assert service.raw('GET', '/v1/openapi.json', [('If-None-Match', tag), ('If-None-Match', '"x"')]).status == 304
    ranges = [('Range', 'bytes=0-0'), ('Range', 'bytes=4-5')]
    assert service.raw('GET', '/v1/regions/db/memory', ranges).status == 400
    for first, second in (('http://evil.example', service.origin), (service.origin, 'http://evil.example')):
        answer = service.raw('POST', '/v1/logins', [('Content-Length', '0'), ('Origin', first), ('Origin', second)])
        assert answer.status in (400, 403)


def test_streams_end_with_their_session(service):
    cookie, other = service.log_in('admin'), service.log_in('admin')
    upgrade = {'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec-WebSocket-Version': '13',
               'Sec-WebSocket-Key': KEY}

    def open_both(cookie):
        for path, headers in (('/v1/events', {}), ('/v1/stream', upgrade)):
            flow = service.ivt.own(Flow(service.address, path, {
                **headers, 'Cookie': cookie, 'Origin': 'http://localhost'}))
            flow.read_head()
            yield flow

    ending, staying = list(open_both(cookie)), list(open_both(other))
    assert [flow.status for flow in ending + staying] == [200, 101] * 2
    status, _ = service.rest().ask('DELETE', '/v1/session', headers={'Cookie': cookie, 'Origin': service.origin})
    assert status == 204
    for flow in ending:
        flow.wait_end()
    assert service.rest('admin').ask('DELETE', '/v1/regions/db')[0] == 204
    staying[0].until(b'event: region-detached')


def test_page_says_what_it_takes(service):
    answer = service.raw('DELETE', '/', ())
    assert answer.status == 405
    assert answer.headers['Allow'] == 'GET, HEAD'
