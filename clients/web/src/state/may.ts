// SPDX-License-Identifier: LGPL-3.0-or-later
// What one may do and a region can: what is offered. The daemon decides anew each time.
import type { Permission, Region } from '../api/types';
import { session } from './link';

function may(region: Region, permission: Permission): boolean {
  return region.permissions.includes(permission) || region.permissions.includes('admin');
}

/** A region, or with none: a new one. */
export function mayAttach(region?: Region): boolean {
  if (region) return may(region, 'attach');
  const permissions = session.value?.permissions ?? [];
  return permissions.includes('attach') || permissions.includes('admin');
}

export function mayRing(region: Region): boolean {
  return may(region, 'ring') && region.capabilities.includes('ring');
}

export function mayKick(region: Region): boolean {
  return may(region, 'admin') && region.capabilities.includes('peers');
}

export function mayRead(region: Region): boolean {
  return may(region, 'read') && region.capabilities.includes('read');
}

export function mayWrite(region: Region): boolean {
  return may(region, 'write') && region.capabilities.includes('write');
}
