# SPDX-License-Identifier: LGPL-3.0-or-later
"""The whole daemon in a guest, reached in every way: what the tests of guest-linux stand on."""

import ssl

import pytest

from ivt import TestFailure
from ivt.http import Http

MIB = 1 << 20
DAEMON = 255


@pytest.fixture(scope='module')
def guests(module_ivt):
    """(plaintext, TLS), which boot side by side."""
    both = [module_ivt.guest_daemon(name='plain', wait=False), module_ivt.guest_daemon(name='tls', tls=True, wait=False)]
    for guest in both:
        guest.wait_ready()
    return both


@pytest.fixture
def guest(guests):
    return guests[0]


def test_every_way(guest):
    """The CLI and a shell in the guest, HTTP and the bus from the host: all see one region."""
    done = guest.ctl('attach', 'host-plain', 'file', 'path=/dev/shm/file', f'size={MIB}', 'create=true')
    assert done.code == 0, done
    path = '/v1/regions/file/memory'
    assert guest.http.ask('PUT', f'{path}?offset=0', body=b'from http').status == 204
    assert guest.region('file').read(0, 9) == b'from http'
    guest.region('file').write(4096, b'from the bus')
    assert guest.sh('dd if=/dev/shm/file bs=4096 skip=1 count=1 2>/dev/null | head -c 12') == 'from the bus\n'
    guest.sh('printf "from a shell" | dd of=/dev/shm/file bs=4096 seek=2 conv=notrunc 2>/dev/null')
    assert guest.http.get(f'{path}?offset=8192&length=12').body == b'from a shell'
    data = bytes(range(256))
    assert guest.ctl('write', 'file', '--offset', '12288', data=data).code == 0
    read = guest.ctl('read', 'file', '--offset', '12288', '--length', '256', '--format', 'raw')
    assert read.raw == data
    missing = guest.ctl('read', 'missing')
    assert missing.code == 1 and 'missing' in missing.err
    guest.client.detach('file')


def test_events(guest):
    """Signals on the bus and server-sent events, through the forwarded ports."""
    region = guest.client.attach('doorbell-server', 'own', size=MIB, vectors=4)
    signals = region.subscribe()
    events = guest.events('?region=own&type=interrupt')
    assert region.ring(DAEMON, 2) == 1
    assert signals.wait('Interrupt', timeout=30) == (2, 1)
    event = events.take(30)
    assert (event['type'], event['vector'], event['count']) == ('interrupt', 2, 1)
    signals.stop()
    guest.client.detach('own')


def test_token(guest):
    assert Http(guest.address).get('/v1/daemon').code() == 'unauthenticated'
    assert Http(guest.address).get('/healthz').status == 200


def test_restart(guest):
    """The daemon alone; what the config names is there again, and the bus is as it was."""
    guest.end()
    assert not guest.running()
    assert guest.client.owner() is None
    guest.start()
    assert guest.running()
    assert guest.client.objects() is not None
    assert guest.http.get('/readyz').status == 200


def test_bad_end_is_told(guest):
    """The kit itself: a daemon that was killed did not end well."""
    with pytest.raises(TestFailure, match='ended with 137, not 0'):
        guest.end(signal='KILL')
    guest.start()


def test_tls(guests):
    guest = guests[1]
    assert guest.http.get('/v1/regions').json() == {'regions': []}
    events = guest.events('?type=region-attached')
    attached = guest.http.ask('POST', '/v1/regions', data={'name': 'own', 'plugin': 'doorbell-server', 'options': {}})
    assert attached.status == 201, attached
    assert events.take(30)['region'] == 'own'
    with pytest.raises(ssl.SSLCertVerificationError):
        Http(guest.address, guest.secret, tls=ssl.create_default_context()).get('/healthz')
    assert 'https://0.0.0.0' in guest.log() and 'insecure' not in guest.log()
