/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvbBench: figures that can be trusted on a noisy machine. Each row measures
 * something of ours and its named peer (or physical limit) in turn, round by
 * round; what counts is the median of the rounds' ratios, with their spread.
 */

typedef struct _IvbBench IvbBench;

/* One round: how much was got, in the row's unit. */
typedef gdouble (*IvbRoundFunc) (gpointer data);

/* Takes --json and --rounds N out of the arguments. NULL: usage was printed. */
IvbBench *ivb_bench_new (const char *program, int *argc, char ***argv);

/* Ours against a peer, interleaved. unit: "MiB/s", "µs", ... The ratio is
 * ours/peer, so that more is better for rates and less for times. */
void ivb_bench_compare (IvbBench *bench, const char *name, const char *unit, IvbRoundFunc ours, const char *peer_name, IvbRoundFunc peer, gpointer data);

/* The same of what has been measured already, in rounds in which each had its
 * turn: as many values as there are rounds. */
void ivb_bench_compare_values (IvbBench *bench, const char *name, const char *unit, const gdouble *ours, const char *peer_name, const gdouble *peers);

/* A figure without a peer, such as a number of bytes or descriptors. */
void ivb_bench_value (IvbBench *bench, const char *name, const char *unit, gdouble value);

/* Prints what has been measured, and frees it. Returns the exit status. */
int ivb_bench_end (IvbBench *take_bench);

guint ivb_bench_get_rounds (IvbBench *bench);

/* Seconds, monotonic. */
gdouble ivb_now (void);
/* The median; sorts values. */
gdouble ivb_median (gdouble *values, guint count);
