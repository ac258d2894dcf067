// SPDX-License-Identifier: LGPL-3.0-or-later
// The two-way stream. What is asked for here ends with it: watches of a page
// that was closed, or that crashed, are not left behind in the daemon.
import { Problem } from './client';
import type { Happening } from './types';

interface Waiting {
  resolve: (result: Record<string, unknown>) => void;
  reject: (error: Error) => void;
}

interface ProblemBody {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
}

interface Message {
  id?: number;
  result?: Record<string, unknown>;
  error?: ProblemBody;
  event?: Happening;
}

function toError({ type = '', title = '', status = 0, detail = '' }: ProblemBody): Problem {
  return new Problem(status, type.replace(/^urn:ivshmem:error:/, ''), title, detail);
}

export class Stream {
  onEvent: (event: Happening) => void = () => {};
  onClose: () => void = () => {};
  readonly opened: Promise<void>;
  private socket: WebSocket;
  private waiting = new Map<number, Waiting>();
  private last = 0;

  constructor() {
    const url = new URL('v1/stream', document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    this.socket = new WebSocket(url);
    this.opened = new Promise((resolve, reject) => {
      this.socket.addEventListener('open', () => resolve());
      this.socket.addEventListener('close', () => {
        reject(new Error('The live stream could not be opened.'));
        this.fail();
        this.onClose();
      });
    });
    this.opened.catch(() => {}); // who waits for it hears of it
    this.socket.addEventListener('message', ({ data }) => this.take(JSON.parse(String(data)) as Message));
  }

  private take(message: Message): void {
    if (message.event) {
      this.onEvent(message.event);
      return;
    }
    const waiting = message.id === undefined ? undefined : this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id!);
    if (message.error) waiting.reject(toError(message.error));
    else waiting.resolve(message.result ?? {});
  }

  private fail(): void {
    for (const { reject } of this.waiting.values()) reject(new Error('The live stream has ended.'));
    this.waiting.clear();
  }

  async request(op: string, parameters: Record<string, unknown>): Promise<Record<string, unknown>> {
    await this.opened;
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      if (this.socket.readyState !== WebSocket.OPEN) {
        reject(new Error('The live stream has ended.'));
        return;
      }
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, op, ...parameters }));
    });
  }

  close(): void {
    this.socket.close();
  }
}
