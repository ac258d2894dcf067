/* SPDX-License-Identifier: LGPL-3.0-or-later */
#ifndef IVSHMEM_PLUGIN_H
#define IVSHMEM_PLUGIN_H

/*
 * The plugin ABI of ivshmemd, major version 1.
 *
 * A plugin is a shared module that knows how to open one kind of ivshmem
 * region. It exports one constant data symbol, ivshmem_plugin_v1, and links
 * nothing of the daemon: all that it needs of it comes as the host's table.
 *
 * Evolution. Every struct that crosses starts with its size in bytes. Fields
 * are only ever appended, never reordered or reused. A field is there if it
 * lies within struct_size, and a function is there if it is not NULL besides:
 * IVSHMEM_PLUGIN_HAS tests both, and both sides test before they use. A newer
 * minor version on either side is fine; another major is another symbol.
 *
 * Threads. The host calls a plugin on its main thread only, and one call at a
 * time. No call may block: long work goes through the host's run(). A plugin
 * calls the host on the main thread only, but for log(), post(), guarded()
 * and open_path(), which any thread may call. A detach ends watches and timers.
 *
 * Ownership. Whatever is passed to a call is borrowed for that call, unless
 * its description says otherwise. Each side frees what it allocated.
 *
 * Errors. A function that can fail returns an IvshmemPluginStatus below zero.
 * It should first call the host's fail() with a sentence that names what was
 * wrong and what would be right; that sentence is what the user reads.
 *
 * Trust. The host checks all that a plugin reports: ids, counts, sizes, text,
 * rates. A plugin that lies loses its region, and the daemon lives.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IVSHMEM_PLUGIN_ABI_MAJOR 1
#define IVSHMEM_PLUGIN_ABI_MINOR 1

/* TRUE if the struct behind pointer is large enough to have field. */
#define IVSHMEM_PLUGIN_HAS_FIELD(type, pointer, field) \
  ((size_t) (pointer)->struct_size >= offsetof (type, field) + sizeof ((pointer)->field))

/* The same for a function, which must be set besides. */
#define IVSHMEM_PLUGIN_HAS(type, pointer, field) \
  (IVSHMEM_PLUGIN_HAS_FIELD (type, pointer, field) && (pointer)->field != NULL)

#if defined(_WIN32)
#define IVSHMEM_PLUGIN_EXPORT __declspec (dllexport)
#elif defined(__GNUC__)
#define IVSHMEM_PLUGIN_EXPORT __attribute__ ((visibility ("default")))
#else
#define IVSHMEM_PLUGIN_EXPORT
#endif

/* A Windows HANDLE or a descriptor. No handle is IVSHMEM_PLUGIN_NO_HANDLE. */
typedef intptr_t IvshmemPluginHandle;
#define IVSHMEM_PLUGIN_NO_HANDLE ((IvshmemPluginHandle) -1)

/* What a call came to. Fixed width, so that compilers agree. */
typedef int32_t IvshmemPluginStatus;
enum
{
  IVSHMEM_PLUGIN_PENDING = 1, /* begun; a report says how it ended */
  IVSHMEM_PLUGIN_OK = 0,
  IVSHMEM_PLUGIN_INVALID_ARGUMENT = -1,
  IVSHMEM_PLUGIN_NOT_FOUND = -2,
  IVSHMEM_PLUGIN_EXISTS = -3,
  IVSHMEM_PLUGIN_DENIED = -4,
  IVSHMEM_PLUGIN_BUSY = -5,
  IVSHMEM_PLUGIN_NOT_SUPPORTED = -6,
  IVSHMEM_PLUGIN_IO = -7,
  IVSHMEM_PLUGIN_TIMEOUT = -8,
  IVSHMEM_PLUGIN_NO_SPACE = -9,
  IVSHMEM_PLUGIN_LIMIT = -10,
  IVSHMEM_PLUGIN_REGION_LOST = -11,
  IVSHMEM_PLUGIN_OUT_OF_RANGE = -12,
  IVSHMEM_PLUGIN_CLOSED = -13,
  IVSHMEM_PLUGIN_INTERNAL = -14
};

enum
{
  IVSHMEM_PLUGIN_LOG_DEBUG = 0,
  IVSHMEM_PLUGIN_LOG_INFO = 1,
  IVSHMEM_PLUGIN_LOG_NOTICE = 2,
  IVSHMEM_PLUGIN_LOG_WARNING = 3,
  IVSHMEM_PLUGIN_LOG_ERROR = 4
};

/* What a region can do. A plugin names what its regions may have at most, an
 * instance what it has now (describe). */
#define IVSHMEM_PLUGIN_CAP_READ (UINT64_C (1) << 0)
#define IVSHMEM_PLUGIN_CAP_WRITE (UINT64_C (1) << 1)
#define IVSHMEM_PLUGIN_CAP_ATOMIC (UINT64_C (1) << 2)
#define IVSHMEM_PLUGIN_CAP_ATOMIC16 (UINT64_C (1) << 3) /* the host adds it where the CPU has it */
#define IVSHMEM_PLUGIN_CAP_RING (UINT64_C (1) << 4)
#define IVSHMEM_PLUGIN_CAP_RECEIVE (UINT64_C (1) << 5)
#define IVSHMEM_PLUGIN_CAP_OWN_ID (UINT64_C (1) << 6)
#define IVSHMEM_PLUGIN_CAP_PEERS (UINT64_C (1) << 7)
#define IVSHMEM_PLUGIN_CAP_PEER_VECTORS (UINT64_C (1) << 8)
#define IVSHMEM_PLUGIN_CAP_MEMORY_FD (UINT64_C (1) << 9)
#define IVSHMEM_PLUGIN_CAP_VECTOR_FD (UINT64_C (1) << 10)
#define IVSHMEM_PLUGIN_CAP_JOIN (UINT64_C (1) << 11)

typedef struct IvshmemPluginInstance IvshmemPluginInstance; /* the plugin's own, opaque to the host */
typedef struct IvshmemPluginRegion IvshmemPluginRegion;     /* the host's own, opaque to the plugin */
typedef struct IvshmemPluginProbe IvshmemPluginProbe;       /* the host's own: one listing of candidates */
typedef struct IvshmemPluginMonitor IvshmemPluginMonitor;   /* the plugin's own: what tells that it may have changed */

/* ------------------------------------------------------------------------
 * Options
 */

enum
{
  IVSHMEM_PLUGIN_TEXT = 1,    /* any UTF-8 text: value.text */
  IVSHMEM_PLUGIN_PATH = 2,    /* absolute, normal, in a place the caller may use: value.text */
  IVSHMEM_PLUGIN_SIZE = 3,    /* bytes, K/M/G/T understood: value.number */
  IVSHMEM_PLUGIN_NUMBER = 4,  /* unsigned: value.number */
  IVSHMEM_PLUGIN_BOOLEAN = 5, /* true or false: value.number is 1 or 0 */
  IVSHMEM_PLUGIN_MODE = 6,    /* file permissions, octal: value.number */
  IVSHMEM_PLUGIN_USER = 7,    /* a user's name or number: value.number is the uid */
  IVSHMEM_PLUGIN_GROUP = 8,   /* a group's name or number: value.number is the gid */
  IVSHMEM_PLUGIN_DURATION = 9,/* "5s", "20ms", "off"; a bare number is seconds:
                                 value.number in microseconds, 0 = off */
  IVSHMEM_PLUGIN_LIST = 10    /* comma separated text, as given: value.text */
};

#define IVSHMEM_PLUGIN_OPTION_REQUIRED (UINT32_C (1) << 0)

typedef struct IvshmemPluginOption
{
  uint32_t struct_size;
  uint32_t type;
  uint32_t flags;
  uint32_t reserved;
  const char *name;          /* lower case and '-', as the user writes it */
  const char *default_text;  /* as the user would write it; NULL: none */
  const char *description;   /* one line */
  uint64_t minimum, maximum; /* of numbers, sizes and durations; both 0: no limits */
} IvshmemPluginOption;

/* The value of the option at the same place in the plugin's table. */
typedef struct IvshmemPluginValue
{
  uint32_t struct_size;
  uint32_t present; /* 0: neither given nor a default */
  uint32_t given;   /* 0: it is the default */
  uint32_t reserved;
  const char *text; /* never NULL while present */
  uint64_t number;
} IvshmemPluginValue;

/* ------------------------------------------------------------------------
 * What crosses
 */

/* Of a peer, where known; each is -1 when it is not. */
typedef struct IvshmemPluginCredentials
{
  uint32_t struct_size;
  uint32_t reserved;
  int64_t pid, uid, gid;
  const char *executable; /* NULL: not known */
} IvshmemPluginCredentials;

#define IVSHMEM_PLUGIN_MEMORY_READ_ONLY (UINT32_C (1) << 0)
#define IVSHMEM_PLUGIN_MEMORY_WRITE_COMBINED (UINT32_C (1) << 1)
#define IVSHMEM_PLUGIN_MEMORY_UNCACHED (UINT32_C (1) << 2)
#define IVSHMEM_PLUGIN_MEMORY_NO_HANDOVER (UINT32_C (1) << 3) /* never give handle to anybody else */

/* Where a region's memory is. The host maps handle itself, or, where only the
 * plugin can map (Windows), uses address, which must stay until destroy. What
 * is write-combined or uncached is a device's: of such a handle the host keeps
 * nothing when it calls detach() or returns from lost(), whoever used it. */
typedef struct IvshmemPluginMemory
{
  uint32_t struct_size;
  uint32_t flags;
  IvshmemPluginHandle handle; /* stays the plugin's; the host copies it */
  uint64_t offset;            /* of the region within handle */
  uint64_t size;              /* bytes */
  void *address;              /* NULL: the host maps handle */
} IvshmemPluginMemory;

typedef struct IvshmemPluginDescription
{
  uint32_t struct_size;
  uint32_t own_vectors;
  int64_t own_id; /* -1: none */
  uint64_t capabilities;
} IvshmemPluginDescription;

/* One property of a candidate. */
enum
{
  IVSHMEM_PLUGIN_FIELD_TEXT = 1,
  IVSHMEM_PLUGIN_FIELD_NUMBER = 2,
  IVSHMEM_PLUGIN_FIELD_BOOLEAN = 3
};

typedef struct IvshmemPluginField
{
  uint32_t struct_size;
  uint32_t type;
  const char *name;
  const char *text;
  uint64_t number;
} IvshmemPluginField;

/* ------------------------------------------------------------------------
 * The host
 */

#define IVSHMEM_PLUGIN_READABLE (UINT32_C (1) << 0)
#define IVSHMEM_PLUGIN_WRITABLE (UINT32_C (1) << 1)
#define IVSHMEM_PLUGIN_HANGUP (UINT32_C (1) << 2) /* always told, need not be asked for */

#define IVSHMEM_PLUGIN_OPEN_WRITE (UINT32_C (1) << 0)  /* read and write; else read only */
#define IVSHMEM_PLUGIN_OPEN_CREATE (UINT32_C (1) << 1) /* make it; exists is an error */
#define IVSHMEM_PLUGIN_OPEN_DIRECTORY (UINT32_C (1) << 2) /* a directory, to be used with *at() functions */

typedef void (*IvshmemPluginFunc) (void *data);
typedef void (*IvshmemPluginReadyFunc) (void *data, uint32_t conditions);

/*
 * Main thread only, unless said. region is what create() got; where it may be
 * NULL, that is said.
 */
typedef struct IvshmemPluginHost
{
  uint32_t struct_size;
  uint32_t abi_minor;

  /* Any thread. One line for the daemon's log; region may be NULL. Never log
   * what is in a region. */
  void (*log) (IvshmemPluginRegion *region, int32_t level, const char *message);

  /* The sentence that explains the failure of the call the host is in now.
   * Returns status, so that one can write return host->fail (...). */
  IvshmemPluginStatus (*fail) (IvshmemPluginRegion *region, IvshmemPluginStatus status, const char *message);

  /* Calls func whenever handle is ready, until unwatch. *id is never 0. */
  IvshmemPluginStatus (*watch) (IvshmemPluginRegion *region, IvshmemPluginHandle handle, uint32_t conditions,
                                IvshmemPluginReadyFunc func, void *data, uint64_t *id);
  /* Other conditions for a watch; 0 keeps it silent but for a hang-up. */
  void (*rewatch) (IvshmemPluginRegion *region, uint64_t id, uint32_t conditions);
  void (*unwatch) (IvshmemPluginRegion *region, uint64_t id);

  /* Calls func once, after usec microseconds or later. *id is never 0. */
  IvshmemPluginStatus (*timer) (IvshmemPluginRegion *region, uint64_t usec, IvshmemPluginFunc func,
                                void *data, uint64_t *id);
  void (*cancel_timer) (IvshmemPluginRegion *region, uint64_t id);

  /* Any thread. Calls func on the main thread, soon; not any more once
   * destroy() has begun. */
  void (*post) (IvshmemPluginRegion *region, IvshmemPluginFunc func, void *data);

  /* Calls work on some other thread, then done on the main thread. An
   * instance is destroyed only after its last done has run. */
  IvshmemPluginStatus (*run) (IvshmemPluginRegion *region, IvshmemPluginFunc work, IvshmemPluginFunc done,
                              void *data);

  /* Opens path as the rules of the daemon demand it: close-on-exec, without
   * waiting, no symbolic link in any component, and only regular files (or a
   * directory, when asked). Any thread. The handle becomes the caller's. */
  IvshmemPluginStatus (*open_path) (IvshmemPluginRegion *region, const char *path, uint32_t flags,
                                    uint32_t mode, IvshmemPluginHandle *handle);

  /* Adds one to an eventfd that others hold too. Never blocks for long: busy
   * when it is full, even if somebody made it blocking. That it is an eventfd
   * is for the plugin to check when it takes one from outside. */
  IvshmemPluginStatus (*signal) (IvshmemPluginRegion *region, IvshmemPluginHandle eventfd);

  /* --- reports --- */

  /* The region's memory is there, for the first time or anew: the host calls
   * describe() and memory() and maps it before this returns, and the region
   * is ready. A second report is a new generation. */
  IvshmemPluginStatus (*memory_ready) (IvshmemPluginRegion *region);

  /* No memory yet, but worth waiting for: attach may answer now. */
  void (*connecting) (IvshmemPluginRegion *region);

  /* Own id, own vectors or capabilities have changed: describe() says how. The
   * host then asks vector_handle() for each own vector that it has no handle
   * of since the region was last lost, and reads them itself. */
  void (*changed) (IvshmemPluginRegion *region);

  /* A peer is there with so many vectors, or has now more than before. */
  void (*peer) (IvshmemPluginRegion *region, uint32_t id, uint32_t vectors,
                const IvshmemPluginCredentials *credentials);
  void (*peer_gone) (IvshmemPluginRegion *region, uint32_t id);

  /* An own vector was rung count times. Only for vectors that have no handle
   * to be read by the host. */
  void (*interrupt) (IvshmemPluginRegion *region, uint32_t vector, uint64_t count);

  /* What stood behind the region is gone. Every peer is forgotten. Before the
   * first memory_ready it ends the attach with this error. */
  void (*lost) (IvshmemPluginRegion *region, IvshmemPluginStatus status, const char *message);

  /* The same memory is back: nothing was lost but time. */
  void (*back) (IvshmemPluginRegion *region);

  /* A detach() that answered PENDING has ended. */
  void (*detached) (IvshmemPluginRegion *region);

  /* --- probing --- */

  /* One candidate with its properties, the first of which must be the text
   * "name". Within probe() only. */
  void (*candidate) (IvshmemPluginProbe *probe, const IvshmemPluginField *fields, uint32_t n_fields);

  /* --- what is no function --- */

  /* The daemon's runtime directory, absolute: where a socket belongs that the
   * user gave no path for. It is there when create() is called. Borrowed,
   * stays as long as this table; NULL: there is none. */
  const char *runtime_dir;

  /* Before memory_ready, of an option that was not given: what it came to, such
   * as a path made of the region's name. Shown to users with the other options. */
  void (*resolved) (IvshmemPluginRegion *region, const char *option, const char *text);

  /* --- since minor 1 --- */

  /* Any thread. Calls func, which may touch length bytes at address though they
   * can vanish: a device that is pulled out, a file that is cut. A SIGBUS there
   * ends func where it stands and is answered with region-lost; so func must
   * hold no lock and own nothing. */
  IvshmemPluginStatus (*guarded) (IvshmemPluginRegion *region, const volatile void *address, uint64_t length,
                                  IvshmemPluginFunc func, void *data);

  /* The region is ready but can do less than its kind: one sentence that says
   * what is missing, why, and what would help. Users see it as its reason.
   * After memory_ready; the next one takes it away. */
  void (*limited) (IvshmemPluginRegion *region, const char *message);
} IvshmemPluginHost;

/* ------------------------------------------------------------------------
 * The plugin
 */

typedef struct IvshmemPluginOps
{
  uint32_t struct_size;
  uint32_t reserved;

  /* Optional. Lists what could be attached on this machine. May be called on
   * another thread than the main one, and must keep no state. */
  IvshmemPluginStatus (*probe) (const IvshmemPluginHost *host, IvshmemPluginProbe *probe);

  /* Begins to open a region. values has one entry per option of the plugin's
   * table. OK: instance is set, and memory_ready was, or will be, reported.
   * The values and name are borrowed for the call. */
  IvshmemPluginStatus (*create) (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *name,
                                 const IvshmemPluginValue *values, uint32_t n_values,
                                 IvshmemPluginInstance **instance);

  /* What it has now. out->struct_size says how much may be written. */
  IvshmemPluginStatus (*describe) (IvshmemPluginInstance *instance, IvshmemPluginDescription *out);

  /* Where the memory is now. */
  IvshmemPluginStatus (*memory) (IvshmemPluginInstance *instance, IvshmemPluginMemory *out);

  /* Optional. Rings one vector of one peer; own id: oneself. Nothing may be
   * reported from within. */
  IvshmemPluginStatus (*ring) (IvshmemPluginInstance *instance, uint32_t peer, uint32_t vector);

  /* Optional. The eventfd of an own vector. Stays the plugin's; the host
   * copies it and is from then on the one who reads it. */
  IvshmemPluginStatus (*vector_handle) (IvshmemPluginInstance *instance, uint32_t vector,
                                        IvshmemPluginHandle *handle);

  /* Optional. A connected stream socket that speaks the server protocol
   * (wire.h) as a new peer, under these credentials. Becomes the host's. */
  IvshmemPluginStatus (*join) (IvshmemPluginInstance *instance, const IvshmemPluginCredentials *credentials,
                               IvshmemPluginHandle *handle);

  /* Optional. Makes a peer leave; peer_gone follows. */
  IvshmemPluginStatus (*kick) (IvshmemPluginInstance *instance, uint32_t peer);

  /* Stops: no report after this but detached(). PENDING: detached() will
   * follow. keep: the daemon stops but the region is to be found again, so
   * that nothing that outlives the daemon is removed. */
  IvshmemPluginStatus (*detach) (IvshmemPluginInstance *instance, uint32_t keep);

  /* Frees it, after the last user of the memory has gone. */
  void (*destroy) (IvshmemPluginInstance *instance);

  /* --- since minor 1: what tells when probe() would list something else.
   * Optional, but all three or none, and with probe() only. One monitor a
   * plugin; nothing of a region may be reported from within. --- */

  /* Begins to look out. handle becomes readable when there may be something
   * new; it stays the plugin's, and stays open until monitor_close(). Windows:
   * a HANDLE that can be waited for. There is no region to fail() with: a
   * plugin that cannot look out here logs why. */
  IvshmemPluginStatus (*monitor_open) (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor,
                                       IvshmemPluginHandle *handle);

  /* Takes what the handle has, without waiting and not for long: what is left
   * makes it readable again. Not 0: probe() may list something else by now, or
   * something of what it lists has changed. May be called with nothing there.
   * The host waits a while after each call, so that a burst is one listing. */
  uint32_t (*monitor_take) (IvshmemPluginMonitor *monitor);

  /* Ends it. */
  void (*monitor_close) (IvshmemPluginMonitor *monitor);

  /* Optional. An eventfd that rings one vector of one peer whenever it is
   * written, for a program that rings without the daemon. Stays the plugin's,
   * as long as the instance lives; the host copies it. */
  IvshmemPluginStatus (*doorbell_handle) (IvshmemPluginInstance *instance, uint32_t peer, uint32_t vector,
                                          IvshmemPluginHandle *handle);
} IvshmemPluginOps;

typedef struct IvshmemPlugin
{
  uint32_t struct_size;
  uint32_t abi_minor;     /* that it was built against */
  uint32_t min_host_minor; /* below which it cannot work */
  uint32_t reserved;
  const char *name; /* as in Attach; the file's name without its ending */
  const char *version;
  const char *license; /* an SPDX expression */
  const char *description;
  uint64_t capabilities;
  const IvshmemPluginOption *options; /* n_options of option_size bytes each */
  uint32_t n_options;
  uint32_t option_size;
  const IvshmemPluginOps *ops;
} IvshmemPlugin;

/* The symbol that a module exports. */
extern IVSHMEM_PLUGIN_EXPORT const IvshmemPlugin ivshmem_plugin_v1;

#ifdef __cplusplus
}
#endif

#endif /* IVSHMEM_PLUGIN_H */
