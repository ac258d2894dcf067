/* SPDX-License-Identifier: LGPL-3.0-or-later */
#ifndef IVSHMEM_WIRE_H
#define IVSHMEM_WIRE_H

/*
 * The ivshmem server protocol, as QEMU's docs/specs/ivshmem-spec describes it.
 *
 * A server sends messages of 8 bytes, a signed little-endian number, over a
 * stream socket of AF_UNIX; a message may carry one descriptor (SCM_RIGHTS).
 * A client sends nothing. The greeting, in this order:
 *
 *   IVSHMEM_WIRE_VERSION     no descriptor
 *   own id                   no descriptor
 *   IVSHMEM_WIRE_MEMORY      the shared memory
 *   each peer's id           one message per vector of each peer, an eventfd each
 *   own id                   one message per own vector, an eventfd each
 *
 * Later: an id with a descriptor is one more vector of that peer, an id
 * without one says that the peer has left.
 */

#define IVSHMEM_WIRE_MESSAGE_BYTES 8
#define IVSHMEM_WIRE_VERSION 0
#define IVSHMEM_WIRE_MEMORY (-1)
/* The version by which a server refuses a client: QEMU ends with a clear error. */
#define IVSHMEM_WIRE_REFUSED (-1)
#define IVSHMEM_WIRE_ID_MAX 65535
/* QEMU's device takes 1 to 2048 vectors. */
#define IVSHMEM_WIRE_VECTORS_MAX 2048

#endif /* IVSHMEM_WIRE_H */
