// SPDX-License-Identifier: LGPL-3.0-or-later
// What the API answers with, as far as the page looks at it.
import type { Wide } from '../lib/number';

export type State = 'connecting' | 'ready' | 'lost' | 'closed';
export type Permission = 'see' | 'read' | 'write' | 'ring' | 'handover' | 'attach' | 'bridge' | 'admin';

export interface Region {
  name: string;
  plugin: string;
  state: State;
  reason: string | null;
  size: Wide;
  capabilities: string[];
  own_id: number | null;
  vectors: number;
  generation: Wide;
  peer_count: number;
  statistics: Record<string, Wide>;
  options: Record<string, unknown>;
  permissions: Permission[];
}

export interface Peer {
  id: number;
  vectors: number;
  pid?: number;
  uid?: number;
  gid?: number;
  executable?: string;
}

export interface Daemon {
  version: string;
  regions: number;
  plugins: number;
  http?: { connections: number; streams: number };
  uptime_seconds: number;
  bridges: number;
  event_serial: Wide;
}

export interface PluginOption {
  name: string;
  type: string;
  description?: string;
  default?: string;
  required: boolean;
}

export interface Plugin {
  /** A file that is no plugin has none. */
  name?: string;
  file?: string;
  version?: string;
  license?: string;
  description?: string;
  error?: string;
  capabilities?: string[];
  options?: PluginOption[];
}

export type Candidate = Record<string, string | number | boolean>;

export interface Session {
  identity: string;
  permissions: Permission[];
}

export const EVENT_TYPES = [
  'interrupt', 'peer-connected', 'peer-disconnected', 'region-attached', 'region-detached',
  'state-changed', 'candidate-added', 'candidate-removed', 'bridge-state', 'changed', 'lost',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface Happening {
  serial: Wide;
  time: string;
  monotonic_us: Wide;
  type: EventType;
  region?: string;
  vector?: number;
  count?: Wide | null;
  id?: number;
  vectors?: number;
  state?: State;
  reason?: string | null;
  plugin?: string;
  candidate?: string;
  watch?: number;
  offset?: Wide;
  length?: Wide;
}

/** Every capability, with what it allows. */
export const CAPABILITIES: Record<string, string> = {
  read: 'its bytes can be read',
  write: 'its bytes can be written',
  atomic: 'atomic operations of 1 to 8 bytes',
  atomic16: 'atomic operations of 16 bytes',
  ring: 'peers can be rung',
  receive: 'interrupts are received',
  'own-id': 'the daemon has a peer id of its own',
  peers: 'its peers are known',
  'peer-vectors': 'how many vectors each peer has is known',
  'memory-fd': 'its memory can be handed to a program',
  'vector-fd': 'its interrupts can be handed to a program',
  join: 'a program can join as a peer',
};
