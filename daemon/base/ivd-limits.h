/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

/*
 * Every size, count, rate and time that somebody else controls, by name.
 * A test sits at each limit and one past it.
 */

/* Names: [A-Za-z0-9][A-Za-z0-9_.-]{0,63} */
#define IVD_LIMIT_NAME_BYTES 64

/* Ids on the wire are 16 bits wide (ivshmem-facts B2). */
#define IVD_LIMIT_PEER_ID 65535
/* QEMU's device takes 1..2048 vectors (ivshmem-facts B2). */
#define IVD_LIMIT_VECTORS 2048

/* One Read or Write on the bus; more goes through OpenMemory. */
#define IVD_LIMIT_TRANSFER_BYTES (1024 * 1024)
/* Copies above this leave the main thread for the pool. */
#define IVD_LIMIT_INLINE_COPY_BYTES (64 * 1024)
/* One read into a buffer of ours; more is read in pieces. */
#define IVD_LIMIT_COPY_READ_BYTES (256 * 1024 * 1024)
/* Blocks that one scan keeps hashes of: 8 bytes each. */
#define IVD_LIMIT_SCAN_BLOCKS (16 * 1024 * 1024)
/* Threads of the copy pool: memory is no faster with more. */
#define IVD_LIMIT_COPY_THREADS 4

/* Regions, plugins and what a plugin may list. */
#define IVD_LIMIT_REGIONS 4096
#define IVD_LIMIT_CANDIDATES 1024
#define IVD_LIMIT_CANDIDATE_FIELDS 32
/* Candidates are listed anew when nothing has changed for so long, and at the
 * latest so long after the first change. */
#define IVD_LIMIT_CANDIDATE_SETTLE_USEC (300 * 1000)
#define IVD_LIMIT_CANDIDATE_DELAY_USEC (2 * G_USEC_PER_SEC)
/* Different messages about one thing that keeps failing; then it is silent. */
#define IVD_LIMIT_COMPLAINTS 16
#define IVD_LIMIT_OPTIONS 64
#define IVD_LIMIT_OPTION_TEXT_BYTES 4096
#define IVD_LIMIT_PLUGIN_TEXT_BYTES 1024

/* Waits in flight, in the daemon and per caller. */
#define IVD_LIMIT_WAITS 1024
#define IVD_LIMIT_WAITS_PER_CALLER 256

/* Watches, fed vector handles and subscriptions per caller. */
#define IVD_LIMIT_WATCHES_PER_CALLER 64
#define IVD_LIMIT_WATCHES_PER_REGION 256
#define IVD_LIMIT_FEEDS_PER_CALLER 4096
#define IVD_LIMIT_SUBSCRIPTIONS_PER_CALLER 4096
#define IVD_LIMIT_WATCH_MIN_INTERVAL_USEC 1000
/* What a watch looks at until others have their turn. */
#define IVD_LIMIT_WATCH_PIECE_BYTES (16 * 1024 * 1024)
/* Runs of changed bytes that one look of a watch tells apart. */
#define IVD_LIMIT_WATCH_RUNS 64
/* Operations in flight per caller. */
#define IVD_LIMIT_REQUESTS_PER_CALLER 1024

/* The ring of recent events. */
#define IVD_LIMIT_EVENTS 16384
/* Serials are reserved on disk in blocks of this many. */
#define IVD_SERIAL_BLOCK (1u << 20)

/* A vector's eventfd: a burst, then at most this many reads a second. */
#define IVD_LIMIT_VECTOR_BURST 64
#define IVD_LIMIT_VECTOR_READS_PER_SECOND 1000

/* Reports of one plugin instance per second, before it counts as a flood. */
#define IVD_LIMIT_REPORTS_PER_SECOND 200000
/* A plugin's structs, as it gives their size. */
#define IVD_LIMIT_PLUGIN_STRUCT_BYTES 4096
/* A sentence or a log line from a plugin; more is cut. */
#define IVD_LIMIT_PLUGIN_MESSAGE_BYTES 1024
/* Log lines of one plugin instance: a burst, then so many a second. */
#define IVD_LIMIT_PLUGIN_LOG_BURST 1000
#define IVD_LIMIT_PLUGIN_LOG_LINES_PER_SECOND 100
/* What one instance may have outstanding: posts, timers, work on the pool. */
#define IVD_LIMIT_PLUGIN_POSTS 65536
#define IVD_LIMIT_PLUGIN_TIMERS 65536
#define IVD_LIMIT_PLUGIN_JOBS 64
/* A call into a plugin that takes longer is logged. */
#define IVD_LIMIT_PLUGIN_CALL_USEC (50 * 1000)

/* Attach answers within this time, or fails with timeout. */
#define IVD_LIMIT_ATTACH_USEC (5 * G_USEC_PER_SEC)
/* A backend that does not finish its detach by then is destroyed: well below
 * the 25 s after which callers on the bus give up. */
#define IVD_LIMIT_DETACH_USEC (10 * G_USEC_PER_SEC)
/* A ring into a full eventfd is given up after this time. */
#define IVD_LIMIT_RING_USEC (50 * 1000)

/* Signals of a region to one subscriber. */
#define IVD_LIMIT_SIGNALS_PER_VECTOR_PER_SECOND 10
#define IVD_LIMIT_SIGNALS_PER_REGION_PER_SECOND 200

/* Connections that stay open for events: in the daemon, and of one caller. */
#define IVD_LIMIT_STREAMS 2048
#define IVD_LIMIT_STREAMS_PER_CALLER 1024
/* What is formatted ahead for one of them, and what the kernel may hold of it
 * (it doubles the number). */
#define IVD_LIMIT_STREAM_BATCH_BYTES (16 * 1024)
#define IVD_LIMIT_STREAM_KERNEL_BYTES (64 * 1024)
/* A sign of life while nothing happens; one that takes nothing for so long is ended. */
#define IVD_LIMIT_STREAM_HEARTBEAT_USEC (15 * G_USEC_PER_SEC)
#define IVD_LIMIT_STREAM_STALL_USEC (60 * G_USEC_PER_SEC)
/* On a WebSocket: one message, over all its fragments; requests in flight; what
 * one read gives; what the answers to those in flight may come to before more
 * requests are taken; when a silent client is asked for a sign of life, and how
 * long it has for that and for a close. */
#define IVD_LIMIT_STREAM_MESSAGE_BYTES IVD_LIMIT_JSON_BYTES
#define IVD_LIMIT_STREAM_REQUESTS 64
#define IVD_LIMIT_STREAM_READ_BYTES (64 * 1024)
#define IVD_LIMIT_STREAM_ANSWER_BYTES (256 * 1024)
#define IVD_LIMIT_STREAM_PING_USEC (30 * G_USEC_PER_SEC)
#define IVD_LIMIT_STREAM_CLOSE_USEC (5 * G_USEC_PER_SEC)

/* Config. */
#define IVD_LIMIT_CONFIG_FILE_BYTES (1024 * 1024)
#define IVD_LIMIT_CONFIG_LINE_BYTES 8192
/* Files in a directory of config files, one region each as a rule. */
#define IVD_LIMIT_CONFIG_FILES IVD_LIMIT_REGIONS

/* Paths that somebody names: what the kernel takes, without the NUL. */
#define IVD_LIMIT_PATH_BYTES 4095

/* Supplementary groups of a caller; the kernel's own limit. Those beyond do not count. */
#define IVD_LIMIT_CALLER_GROUPS 65536

/* One line of the log, before escapes. */
#define IVD_LIMIT_LOG_MESSAGE_BYTES 1024

/* Files of tokens. */
#define IVD_LIMIT_TOKEN_FILE_BYTES (256 * 1024)
#define IVD_LIMIT_TOKEN_LINE_BYTES 512
/* In all files together. */
#define IVD_LIMIT_TOKENS 1024

/* One-time logins: how long one can be redeemed, and how many are open, in the
 * daemon and for one identity; the oldest goes. */
#define IVD_LIMIT_LOGIN_USEC (10 * 60 * G_USEC_PER_SEC)
#define IVD_LIMIT_LOGINS 64
#define IVD_LIMIT_LOGINS_PER_IDENTITY 16

/* Whoever connects and was not accepted yet; the kernel may allow less. */
#define IVD_LIMIT_LISTEN_BACKLOG 4096
/* Addresses to listen on, and names that a request may call us by. */
#define IVD_LIMIT_HTTP_ADDRESSES 64
#define IVD_LIMIT_HTTP_HOSTS 64
#define IVD_LIMIT_HTTP_HOST_BYTES 253
/* A file with a certificate and those that vouch for it, or a key. */
#define IVD_LIMIT_CERTIFICATE_FILE_BYTES (256 * 1024)

/* A JSON text from outside: its bytes, how deep it nests, the members of one
 * object, the characters of one number. */
#define IVD_LIMIT_JSON_BYTES (64 * 1024)
#define IVD_LIMIT_JSON_DEPTH 16
#define IVD_LIMIT_JSON_MEMBERS 256
#define IVD_LIMIT_JSON_NUMBER_BYTES 64
/* Of one Range header. */
#define IVD_LIMIT_RANGES 16
/* What follows the '?' of a URL. */
#define IVD_LIMIT_QUERY_BYTES 8192
/* Integers above this do not survive JavaScript: 2^53. */
#define IVD_LIMIT_JSON_INTEGER (G_GUINT64_CONSTANT (1) << 53)

/* HTTP. Connections at once, of all and of one user or address; those who only
 * idle give way to newcomers, and for the moment in which they go there may be a
 * few more. */
#define IVD_LIMIT_HTTP_CONNECTIONS 4096
#define IVD_LIMIT_HTTP_CONNECTIONS_PER_CLIENT 3072
#define IVD_LIMIT_HTTP_OVERLAP 64
/* How long a request's head may take, a connection may idle between requests, a
 * body or an answer may stand still, and a client may go on after a farewell. */
#define IVD_LIMIT_HTTP_HEADERS_USEC (20 * G_USEC_PER_SEC)
#define IVD_LIMIT_HTTP_IDLE_USEC (75 * G_USEC_PER_SEC)
#define IVD_LIMIT_HTTP_STALL_USEC (30 * G_USEC_PER_SEC)
#define IVD_LIMIT_HTTP_LEAVE_USEC (2 * G_USEC_PER_SEC)
/* TLS handshakes under way, and how long each may take. Beyond them whoever has
 * most of them loses its oldest. */
#define IVD_LIMIT_HTTP_HANDSHAKES 1024
#define IVD_LIMIT_HTTP_HANDSHAKE_USEC (10 * G_USEC_PER_SEC)
/* The head of a request: its bytes, its fields. The line of a chunk. */
#define IVD_LIMIT_HTTP_HEAD_BYTES (32 * 1024)
#define IVD_LIMIT_HTTP_HEAD_FIELDS 128
#define IVD_LIMIT_HTTP_CHUNK_LINE_BYTES 1024
/* What is thrown away of a body that is not taken. */
#define IVD_LIMIT_HTTP_DISCARDED_BYTES (4 * 1024 * 1024)
/* A region's bytes: how many are copied at once, so many that the copy is what
 * costs and so few that they stay in the processor's cache; and of memory that
 * is read from a device word by word. */
#define IVD_LIMIT_HTTP_PIECE_BYTES (256 * 1024)
#define IVD_LIMIT_HTTP_DEVICE_PIECE_BYTES 4096
/* Pieces of one client until others have their turn. */
#define IVD_LIMIT_HTTP_TURN_PIECES 4
/* Memory for pieces that is kept while nobody needs it. */
#define IVD_LIMIT_HTTP_SPARE_BUFFERS 16
/* A body that is written all or not at all, all of these together, and those of
 * one caller. */
#define IVD_LIMIT_HTTP_UPLOAD_BYTES (16 * 1024 * 1024)
#define IVD_LIMIT_HTTP_STAGED_BYTES (256 * 1024 * 1024)
#define IVD_LIMIT_HTTP_STAGED_BYTES_PER_CALLER (64 * 1024 * 1024)
/* Users of unix sockets that are remembered with what they hold. */
#define IVD_LIMIT_HTTP_USERS 1024
/* Browsers' sessions, of all and of one identity (whose oldest goes), and how
 * long one lasts after its last use. */
#define IVD_LIMIT_HTTP_SESSIONS 256
#define IVD_LIMIT_HTTP_SESSIONS_PER_IDENTITY 32
#define IVD_LIMIT_HTTP_SESSION_USEC (12 * 3600 * (gint64) G_USEC_PER_SEC)
