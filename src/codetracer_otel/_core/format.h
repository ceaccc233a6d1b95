/* The bytes of a recorded call, for whoever writes or reads them.

   A log is a sequence of entries.  Each is a `ct_entry`, `value_bytes` of values, and padding up to
   `size`.  The values are the arguments, `argument_count` of them, then the result if `has_result`.
   The form of a value is in values.h.
   Nothing in an entry belongs to the program: what it points to is counted, and read without the GIL
   only where `ct_name` or the site has a copy, or where it is a `ct_shared`, whose bytes never change. */

#ifndef CODETRACER_FORMAT_H
#define CODETRACER_FORMAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#define CT_MOST_NESTED 32       /* nodes around a value; what is deeper is captured by Python */

/* How a call ended, as in the Python module that defines records. */
enum { CT_RETURNED, CT_RAISED, CT_CANCELLED, CT_CLOSED, CT_ABANDONED, CT_UNFINISHED, CT_EXITED };

struct ct_site;

/* A call, open on a thread's stack, suspended, or finished in the log. */
typedef struct {
    uint32_t size;              /* of all of it, rounded up to 8 bytes */
    uint32_t below;             /* bytes down to the entry below; on a stack only */
    uint32_t value_bytes;
    /* No bit fields: to set one reads what was just written in smaller pieces, and waits until that is in the cache. */
    uint8_t argument_count;
    uint8_t has_result;         /* a captured value follows the arguments */
    uint8_t holds_objects;      /* a value may be a reference, to an object or to what is shared */
    uint8_t ending;
    struct ct_site *site;       /* counted; NULL in the log: `code` is a whole record */
    PyObject *code;             /* strong */
    PyObject *segment;          /* strong */
    PyObject *context;          /* strong; NULL in the log */
    PyObject *exception;        /* strong: its description; NULL without one */
    uint64_t span_id, parent_id;
    uint64_t ratio_key;         /* of the trace; valid if `knows_ratio` */
    int64_t start, end;         /* monotonic ns */
    /* of a generator or coroutine */
    int64_t resumed, busy;      /* monotonic ns, ns */
    void *frame;                /* where it runs: what it is found by as it goes on; else NULL */
    uint32_t suspensions;
    uint8_t knows_ratio;
    uint8_t is_sampled_out;
    uint8_t is_unrecorded;      /* there was no room to capture its arguments */
    uint8_t suspends;
} ct_entry;

static inline char *
ct_values_of(const ct_entry *entry)
{
    return (char *)(entry + 1);
}

/* Names of classes by number.  They are found again by their text, so that classes which are made again
   and again share one; a number and its copy of the text stay as long as the log. */
typedef struct {
    PyObject *text;             /* strong */
    const char *utf8;           /* of the text: may be read without the GIL */
    Py_ssize_t size;
} ct_name;

#define CT_NAMES_PER_BLOCK 256
#define CT_NAME_BLOCKS 64       /* blocks are never moved */
#define CT_NO_NAME UINT32_MAX

typedef struct {
    ct_name *blocks[CT_NAME_BLOCKS];
    uint32_t count;
    PyObject *numbers;          /* dict: text -> number */
} ct_names;

static inline const ct_name *
ct_name_of(const ct_names *names, uint32_t number)
{
    return &names->blocks[number / CT_NAMES_PER_BLOCK][number % CT_NAMES_PER_BLOCK];
}

#endif
