// SPDX-License-Identifier: LGPL-3.0-or-later
// A daemon of the test's own, on a bus of its own, with HTTP on the loopback.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFileSync, chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { buildDir } from './packages.mjs';
import { until } from './wait.mjs';

const ROLES = ['admin', 'operator', 'reader', 'viewer'];

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function installPlugins(to) {
  mkdirSync(to);
  for (const folder of readdirSync(join(buildDir, 'plugins'), { withFileTypes: true })) {
    if (!folder.isDirectory()) continue;
    for (const name of readdirSync(join(buildDir, 'plugins', folder.name)).filter((file) => file.endsWith('.so'))) {
      copyFileSync(join(buildDir, 'plugins', folder.name, name), join(to, name));
      chmodSync(join(to, name), 0o755);
    }
  }
}

export class Daemon {
  /** regions: the text of [region …] sections. */
  static async start(regions = '') {
    const daemon = new Daemon();
    daemon.dir = mkdtempSync(join(tmpdir(), 'ivshmemd-web-'));
    daemon.tokens = {};
    const lines = ROLES.map((role) => {
      daemon.tokens[role] = `ivs_${randomBytes(32).toString('base64url')}`;
      return `${role} sha256:${createHash('sha256').update(daemon.tokens[role]).digest('hex')} ${role}\n`;
    });
    const path = (name) => join(daemon.dir, name);
    writeFileSync(path('tokens'), lines.join(''), { mode: 0o600 });
    for (const name of ['run', 'state', 'more']) mkdirSync(path(name), { mode: 0o700 });
    installPlugins(path('plugins'));
    daemon.port = await freePort();
    daemon.url = `http://127.0.0.1:${daemon.port}/`;
    writeFileSync(path('conf'), `[http]\nlisten=127.0.0.1:${daemon.port}\ntokens=${path('tokens')}\n${regions}`);
    daemon.bus = spawn('dbus-daemon', ['--session', '--nofork', '--nopidfile', `--address=unix:path=${path('bus')}`], { stdio: 'ignore' });
    await until('a message bus', () => readdirSync(daemon.dir).includes('bus'));
    await daemon.begin();
    return daemon;
  }

  async begin() {
    const path = (name) => join(this.dir, name);
    this.log = '';
    this.child = spawn(join(buildDir, 'daemon', 'ivshmemd'), ['--session', '--config', path('conf'), '--config-dir', path('more'),
      '--state-dir', path('state'), '--plugin-dir', path('plugins')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, XDG_RUNTIME_DIR: path('run'), DBUS_SESSION_BUS_ADDRESS: `unix:path=${path('bus')}`, G_DEBUG: 'fatal-criticals' },
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => { this.log += text; });
    this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(signal ?? code)));
    await until('the daemon', async () => {
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.log}`);
      return (await fetch(`${this.url}readyz`)).ok;
    }).catch((error) => { throw new Error(`${error.message}\n${this.log}`); });
  }

  /** As a crash would. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  async end() {
    this.child.kill('SIGTERM');
    const how = await this.ended;
    this.bus.kill('SIGTERM');
    rmSync(this.dir, { recursive: true, force: true });
    if (how !== 0) throw new Error(`the daemon ended with ${how}: ${this.log}`);
  }

  /** Asks as somebody outside of the browser. */
  async api(method, path, body, role = 'admin') {
    const raw = body instanceof Uint8Array;
    const response = await fetch(`${this.url}v1/${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.tokens[role]}`,
        ...(body === undefined ? {} : { 'Content-Type': raw ? 'application/octet-stream' : 'application/json' }),
      },
      body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${bytes}`);
    return response.headers.get('Content-Type')?.startsWith('application/json') ? JSON.parse(bytes) : bytes;
  }

  read(region, offset, length) {
    return this.api('GET', `regions/${region}/memory?offset=${offset}&length=${length}`);
  }

  write(region, offset, bytes) {
    return this.api('PUT', `regions/${region}/memory?offset=${offset}`, Uint8Array.from(bytes));
  }

  /** Rings the daemon itself, as a guest would: everybody hears of it. */
  ring(region, vector) {
    return this.api('POST', `regions/${region}/ring`, { peer: 255, vector });
  }

  async loginLink(role = 'admin') {
    const { token } = await this.api('POST', 'logins', undefined, role);
    return `${this.url}#login=${token}`;
  }

  /** A peer that only listens; the descriptors that it is sent are dropped by the kernel. */
  async peer(region) {
    const { options } = await this.api('GET', `regions/${region}`);
    const socket = connect(options.socket);
    socket.on('error', () => {});
    socket.resume();
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }
}

