/* The form of values in an entry, for whoever writes or reads them: a tag, and what stands beside it here.
   Numbers are in the machine's order and not aligned.

   A class is the number of its name in the log's `ct_names`. */

#ifndef CODETRACER_VALUES_H
#define CODETRACER_VALUES_H

#include "core.h"
#include <string.h>

enum {
    NONE = 'N', TRUE_ = 'T', FALSE_ = 'F',
    HIDDEN = 'h',               /* because of its name */
    INTEGER = 'I',              /* int64 */
    FLOAT = 'D',                /* double */
    ASCII = 'A', UTF8 = 'U',    /* uint16 size, text */
    OBJECT = 'O',               /* strong reference: what Python captured; a huge integer or text */
    SHARED = 'M',               /* counted reference: a `ct_shared`; of whole arguments and results only */
    /* What Python has as a `Node`: */
    INSTANCE = 'i',             /* uint32 class, of which nothing but that is known */
    CYCLE = 'c', DEEPER = 'd',  /* uint32 class */
    SHORT_FORM = 'x',           /* uint32 class, uint32 size, UTF-8 */
    CUT_TEXT = 'u',             /* uint32 class, uint32 size, uint64 full length, UTF-8 */
    BYTES = 'b',                /* uint32 class, uint32 size, uint64 full length, bytes */
    LIST = 'l', TUPLE = 't', SET = 's',     /* uint32 class, uint32 count, uint64 left out; the values */
    MAPPING = 'm', STRUCT = 'r' /* the same; `count` pairs of values, a key before what it holds */
};

/* A value that several entries have, and the memo that it is of: written once, and never changed.  It holds no object.
   References are counted under the GIL. */
typedef struct {
    Py_ssize_t references;
    uint64_t clean_in;          /* number of the tables by which a scan found nothing in it, see scan.c */
    uint32_t size;
    char bytes[];
} ct_shared;

#define CT_SHARED_ROOM (1 + sizeof(ct_shared *))

#define CT_NODE_HEAD 17         /* bytes of a tag with class, size and full length */

static inline uint16_t
ct_text_size(const char *at)
{
    uint16_t size;
    memcpy(&size, at + 1, 2);
    return size;
}

static inline const char *
ct_text(const char *at)
{
    return at + 3;
}

/* Borrowed of the entry. */
static inline PyObject *
ct_object(const char *at)
{
    PyObject *object;
    memcpy(&object, at + 1, sizeof object);
    return object;
}

/* Borrowed of the entry. */
static inline ct_shared *
ct_shared_at(const char *at)
{
    ct_shared *shared;
    memcpy(&shared, at + 1, sizeof shared);
    return shared;
}

/* Where the bytes of an argument or result are; the next one begins behind `at`, not behind those. */
static inline const char *
ct_bytes_at(const char *at)
{
    return *at == SHARED ? ct_shared_at(at)->bytes : at;
}

static inline uint32_t
ct_class(const char *at)
{
    uint32_t number;
    memcpy(&number, at + 1, sizeof number);
    return number;
}

/* Bytes, values or pairs, behind the class. */
static inline uint32_t
ct_size(const char *at)
{
    uint32_t size;
    memcpy(&size, at + 5, sizeof size);
    return size;
}

/* The length of what was cut, or how many items were left out. */
static inline uint64_t
ct_full(const char *at)
{
    uint64_t full;
    memcpy(&full, at + 9, sizeof full);
    return full;
}

/* Behind a tag and its own bytes; the values that stand inside follow, and are added to `*inside`. */
static inline const char *
ct_step(const char *at, uint32_t *inside)
{
    switch (*at) {
    case NONE: case TRUE_: case FALSE_: case HIDDEN:
        return at + 1;
    case INTEGER: case FLOAT: case OBJECT: case SHARED:
        return at + 9;
    case INSTANCE: case CYCLE: case DEEPER:
        return at + 5;
    case SHORT_FORM:
        return at + 9 + ct_size(at);
    case CUT_TEXT: case BYTES:
        return at + CT_NODE_HEAD + ct_size(at);
    case LIST: case TUPLE: case SET:
        *inside += ct_size(at);
        return at + CT_NODE_HEAD;
    case MAPPING: case STRUCT:
        *inside += 2 * ct_size(at);
        return at + CT_NODE_HEAD;
    default:
        return at + 3 + ct_text_size(at);
    }
}

/* Where the next value begins. */
static inline const char *
ct_behind(const char *at)
{
    for (uint32_t count = 1; count != 0; count--) {
        at = ct_step(at, &count);
    }
    return at;
}

#endif
