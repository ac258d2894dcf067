# SPDX-License-Identifier: LGPL-3.0-or-later
"""The whole daemon inside a guest, and every way to speak to it from the host."""

import base64
import os
import re
import shlex
import shutil
import ssl

from . import bus
from .client import Client
from .guest import Guest, kit
from .http import Http, make_token
from .live import Events, connect
from .process import Process, TestFailure, tail
from .wait import wait_for

HTTP_PORT = 8080
BUS_PORT = 8081
BUS_SOCKET = '/run/dbus/system_bus_socket'
PLUGIN_DIR = '/usr/lib/ivshmemd'
START_SECONDS = 60
STOP_SECONDS = 30
# A sanitizer's shadow and its quarantine want room.
MEMORY_MIB, SANITIZED_MEMORY_MIB = 256, 768

CONFIG = '''[daemon]
log-level={log_level}
allow-admin=user:{uid}
{daemon}
[http]
listen=unix:/run/ivshmemd/http.sock,0.0.0.0:{port}
tokens=/etc/ivshmemd/tokens
{security}

{config}
'''
TLS = 'tls-certificate=/etc/ivshmemd/tls.pem\ntls-key=/etc/ivshmemd/tls-key.pem'
PASSWD = 'root:x:0:0:root:/:/bin/sh\nmessagebus:x:100:100::/:/bin/false\nivshmemd:x:101:101::/:/bin/false\n'
GROUP = 'root:x:0:\nmessagebus:x:100:\nivshmem:x:101:\n'
NSSWITCH = 'passwd: files\ngroup: files\nhosts: files\n'
HOSTS = '127.0.0.1 localhost guest\n'
SANITIZER = ('export ASAN_OPTIONS=detect_leaks=1:intercept_tls_get_addr=0:strict_string_checks=1:exitcode=23\n'
             'export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=23\n')


class CtlResult:
    """How ivshmemctl ended in the guest."""

    def __init__(self, arguments, code, out, err):
        self.arguments = arguments
        self.code = code
        self.raw = out
        self.out = out.decode('utf-8', 'replace')
        self.err = err

    def __repr__(self):
        return f'ivshmemctl {shlex.join(self.arguments)}\nended with {self.code}\n{self.out}{self.err}'


def base_image(build, files):
    """The file system with the daemon in it, open; the test's own files come behind it."""
    plugins = {f'{PLUGIN_DIR}/{os.path.basename(path)}': path for path in build.plugins()}
    ours = {'/bin/ivshmemd': build.ivshmemd, '/bin/ivshmemctl': build.ivshmemctl, **plugins}
    programs = {**ours, '/bin/handover': build.handover, '/bin/figures': build.figures,
                '/bin/dbus-daemon': shutil.which('dbus-daemon'), '/bin/gdbus': shutil.which('gdbus')}
    if build.has('http'):
        programs[kit.tls_module()] = kit.tls_module()
    whole = {'/bin/ivtool': build.ivtool, '/bin/forward': build.forward,
             '/bin/start': os.path.join(kit.HERE, 'start'), **kit.with_libraries(programs), **files}
    return kit.base(whole, stripped=() if build.sanitized() else ours)


def make_certificate(scope, directory):
    """A certificate for 127.0.0.1 and its key, as (certificate's path, key's path)."""
    paths = os.path.join(directory, 'tls.pem'), os.path.join(directory, 'tls-key.pem')
    made = scope.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
                      '-nodes', '-days', '2', '-subj', '/CN=guest', '-addext', 'subjectAltName=IP:127.0.0.1',
                      '-keyout', paths[1], '-out', paths[0]])
    assert made.code == 0, made
    return paths


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


class GuestDaemon:
    """Boots a guest with these arguments of QEMU and starts dbus-daemon and ivshmemd in it.

    config: more of the daemon's config file (regions); daemon: more of its part [daemon].
    vfio, intremap, machine, append: as of Guest. memory: in MiB.
    files: {path in the guest: path here} of more programs.
    tls: HTTP over TLS with a certificate of its own; else plaintext with insecure=true.
    Scope.guest_daemon() makes it and waits until it is ready.

    sh(), ctl()   run a script, or ivshmemctl, in the guest
    http          asks the daemon's TCP port, with an admin's token
    client        a Client on the guest's bus, for everything but descriptors
    log()         the daemon's log so far, which needs nothing of the guest
    guest.qemu    the machine; its serial() is the console
    """

    def __init__(self, scope, args=(), *, config='', daemon='', vfio=False, intremap=True, memory=None,
                 machine='q35', append='', tls=False, files=None, log_level='debug', name='guest'):
        self.scope = scope
        self.name = name
        self.directory = scope.make_dir(f'{name}.daemon')
        self.log_path = os.path.join(self.directory, 'ivshmemd.log')
        self.sanitized = scope.build.sanitized()
        self.secret, self.token_line = make_token()
        self.tls = None
        modules = (kit.VFIO_MODULES if vfio else []) + kit.NETWORK_MODULES
        texts = self.texts(config, daemon, tls, log_level)
        with base_image(scope.build, files or {}) as base_file:
            image = kit.image_on(base_file, modules, texts, os.path.join(self.directory, 'initrd'))
        self.guest = Guest(scope, self.machine_arguments() + list(args), vfio=vfio, intremap=intremap, image=image,
                           machine=machine, append=append, name=name, wait=False,
                           memory=memory or (SANITIZED_MEMORY_MIB if self.sanitized else MEMORY_MIB))
        self.ports = None
        self.checked = False
        self._client = None

    def machine_arguments(self):
        # With random numbers from the processor nobody waits for the kernel to gather some, a second long.
        processor = ['-cpu', 'qemu64,+rdrand']
        log = ['-chardev', f'file,id=log,path={self.log_path}', '-serial', 'chardev:log']
        ports = ','.join(f'hostfwd=tcp:127.0.0.1:0-:{port}' for port in (HTTP_PORT, BUS_PORT))
        network = ['-netdev', f'user,id=network,restrict=on,{ports}',
                   '-device', 'virtio-net-pci,netdev=network,romfile=']
        return processor + log + network

    def texts(self, config, daemon, tls, log_level):
        """The test's own files."""
        uid = os.getuid()
        secrets = {'tokens': f'test {self.token_line} admin\n'}
        security = 'insecure=true'
        if tls:
            certificate, key = make_certificate(self.scope, self.directory)
            secrets.update({'tls.pem': read(certificate), 'tls-key.pem': read(key)})
            self.tls = ssl.create_default_context(cafile=certificate)
            security = TLS
        secrets['ivshmemd.conf'] = CONFIG.format(uid=uid, log_level=log_level, daemon=daemon, port=HTTP_PORT, security=security,
                                                 config=config)
        public = {'/etc/passwd': PASSWD, '/etc/group': GROUP, '/etc/nsswitch.conf': NSSWITCH, '/etc/hosts': HOSTS,
                  '/etc/machine-id': f'{0x1234:032x}\n',
                  '/etc/sanitizer': SANITIZER if self.sanitized else '',
                  '/etc/dbus.conf': bus.CONFIG.format(type='system', socket=BUS_SOCKET,
                                                      everybody='<allow user="*"/>')}
        return {**{name: (0o644, text) for name, text in public.items()},
                **{f'/etc/ivshmemd/{name}': (0o600, text) for name, text in secrets.items()}}

    # Beginning and end.

    def wait_ready(self):
        self.guest.wait_ready()
        self.sh(f'start system {os.getuid()}')
        self.start()
        self.ports = self.guest.qemu.forwarded_ports()

    def running(self):
        return self.guest.sh('test -e /run/ivshmemd.code && echo ended || echo running') == 'running\n'

    def end(self, signal='TERM', code=0):
        """Ends the daemon alone. Its connections are gone with it, not the bus."""
        self.checked = True
        ended = self.guest.sh(f'kill -{signal} $(cat /run/ivshmemd.pid)\n'
                              'until [ -s /run/ivshmemd.code ]; do sleep 0.02; done; cat /run/ivshmemd.code',
                              timeout=STOP_SECONDS)
        if int(ended) != code:
            raise TestFailure(f'the daemon in {self.name} ended with {ended.strip()}, not {code}:\n{self.log()}')
        self.check_log()

    def start(self):
        """Anew, after end()."""
        self.checked = False
        seen = len(self.log())
        self.sh('start daemon </dev/null >/dev/null 2>&1 &')
        self.wait_log('ready with ', START_SECONDS, seen)

    def check_log(self):
        if re.search(r'ERROR: \w+Sanitizer|runtime error:', self.log()):
            raise TestFailure(f'{self.name}: a sanitizer reports:\n{self.log()}')

    def kill(self):
        """The whole guest, as by a power cut."""
        self.checked = True
        self.guest.qemu.kill()

    def stop(self):
        if self.checked or not self.guest.qemu.process.running() or not self.guest.idle():
            self.check_log()
            return
        if self.guest.count > 0:
            self.end()

    def sections(self):
        yield f'ivshmemd in {self.name}', tail(self.log_path)

    # Ways to speak to it.

    def sh(self, script, timeout=120):
        return self.guest.sh(script, timeout)

    def ctl(self, *arguments, data=None, timeout=60):
        """ivshmemctl in the guest, on the guest's bus. data: bytes for its standard input."""
        words = [str(word) for word in arguments]
        stdin = f"printf %s '{base64.b64encode(data).decode()}' | base64 -d >/tmp/in\n" if data else ': >/tmp/in\n'
        answer = self.sh(f'{stdin}NO_COLOR=1 LC_ALL=C.UTF-8 ivshmemctl {shlex.join(words)} '
                         '</tmp/in >/tmp/out 2>/tmp/err\n'
                         'echo $?; base64 /tmp/out | tr -d "\\n"; echo; base64 /tmp/err | tr -d "\\n"; echo', timeout)
        code, out, err = answer.split('\n')[:3]
        return CtlResult(words, int(code), base64.b64decode(out), base64.b64decode(err).decode('utf-8', 'replace'))

    @property
    def address(self):
        """Of its HTTP."""
        return '127.0.0.1', self.ports[HTTP_PORT]

    @property
    def http(self):
        return Http(self.address, self.secret, tls=self.tls)

    def events(self, query=''):
        """A listener to its server-sent events."""
        return self.scope.own(Events(self.address, query, token=self.secret, tls=self.tls))

    def stall(self, target):
        """A connection on which target was asked for, of whose answer no more than the beginning is ever read."""
        connection = connect(self.address, receive_bytes=4096, tls=self.tls)
        connection.sendall(f'GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.secret}\r\n\r\n'
                           .encode())
        assert connection.recv(64).startswith(b'HTTP/1.1 200 ')
        return connection

    @property
    def client(self):
        if self._client is None:
            path = os.path.join(self.directory, 'bus')
            process = Process([self.scope.build.forward, f'unix:{path}', f'tcp:{self.ports[BUS_PORT]}'],
                              self.directory, 'forward')
            self.scope.own(_Forward(process))
            process.wait_out('ready')
            self._client = self.scope.own(Client(f'unix:path={path}'))
        return self._client

    def region(self, name):
        return self.client.region(name)

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read().replace('\r', '')

    def wait_log(self, text, timeout=30, begin=0):
        """The first line with text in it that came in after `begin` characters."""
        def look():
            self.guest.qemu.must_run()
            lines = self.log()[begin:].rpartition('\n')[0].splitlines()
            return next((line for line in lines if text in line), None)
        return wait_for(look, timeout, f'{text!r} in the log of the daemon in {self.name}')


class _Forward:
    """Ends with the test."""

    def __init__(self, process):
        self.process = process

    def stop(self):
        self.process.kill()

    def sections(self):
        return []
