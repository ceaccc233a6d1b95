/* What the calls of a plan and the spans of a segment have in common on the wire, made by the Python encoder. */

#ifndef CODETRACER_FORMS_H
#define CODETRACER_FORMS_H

#include "block.h"
#include "wire.h"

#define LONGEST_HEAD 256        /* of ids, times and flags */

typedef struct {
    piece constant;             /* after the state: name, kind, attributes that never change */
    piece state;                /* of spans whose segment has none; no pointer: the segment's */
    PyObject *keys;             /* tuple of bytes: the key of each captured argument */
    piece result, fixed_result; /* the key; the whole attribute where no result is captured */
    piece busy, suspensions;    /* keys */
    piece end;                  /* after the attributes */
    int is_known;               /* else Python encodes the calls */
} ct_plan_form;

typedef struct {
    piece child, remote;        /* head of a span with a parent in this process, in another one */
    piece state;                /* after the head */
    piece suffix;               /* after the plan's constant part */
    uint64_t remote_id;
    int64_t wall_offset;
    int is_known;
} ct_segment_form;

/* Everything borrowed of what the forms were read from. */
typedef struct {
    ct_plan_form *plans;
    ct_segment_form *segments;
    piece *objects;             /* field `value` of each object; no bytes: Python encodes its record */
    Py_ssize_t span_id, parent_id, start, end;      /* where in a head they stand */
} ct_forms;

int ct_read_forms(ct_forms *forms, const ct_block *block, PyObject *const *arguments);
void ct_free_forms(ct_forms *forms);

/* The key of a captured argument. */
static inline piece
ct_key_of(const ct_plan_form *plan, int argument)
{
    PyObject *key = PyTuple_GET_ITEM(plan->keys, argument);
    return (piece){PyBytes_AS_STRING(key), (size_t)PyBytes_GET_SIZE(key)};
}

#endif
