/* The form of values in an entry, for whoever writes or reads them.

   A tag is followed by: nothing (None, True, False); 8 bytes (an integer, a float, a strong reference
   to a captured value); a length of 2 bytes and that many of ASCII or UTF-8. */

#ifndef CODETRACER_VALUES_H
#define CODETRACER_VALUES_H

#include "core.h"
#include <string.h>

enum { NONE = 'N', TRUE_ = 'T', FALSE_ = 'F', INTEGER = 'I', FLOAT = 'D', ASCII = 'A', UTF8 = 'U',
       OBJECT = 'O' };

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

/* Where the next value begins. */
static inline const char *
ct_behind(const char *at)
{
    switch (*at) {
    case NONE: case TRUE_: case FALSE_:
        return at + 1;
    case INTEGER: case FLOAT: case OBJECT:
        return at + 9;
    default:
        return at + 3 + ct_text_size(at);
    }
}

#endif
