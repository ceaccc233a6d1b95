/* What an instance has beside its slots: in its dictionary, or in itself until somebody asks for that. */

#ifndef CODETRACER_ATTRIBUTES_H
#define CODETRACER_ATTRIBUTES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

typedef struct {
    PyObject *dictionary;       /* strong; NULL: they are in the instance */
    Py_ssize_t count;
    Py_ssize_t entry_count;     /* of a dictionary, with those that are gone; 0: only the interpreter can read it */
    PyObject *const *names;     /* of its class, or of the dictionary, one in each `name_step` */
    PyObject *const *values;    /* beside them in a dictionary; NULL: it is gone */
    const uint8_t *order;       /* places of names and values, as they were set; `order_step` from one to the next */
    int order_step, name_step;
    Py_ssize_t position;        /* how far somebody has read them */
} ct_attributes;

/* A piece of what was read, and is alive for as long as what stands before it is the same. */
typedef struct {
    const void *at;
    size_t size;
} ct_memory;

#define CT_MOST_MEMORIES 8      /* of one instance or dictionary */

/* attributes.c */
int ct_open_attributes(ct_attributes *attributes, PyObject *value);

/* The next attribute, borrowed, in the order in which they were set; 0 at the end. */
static inline int
ct_next_attribute(const ct_attributes *attributes, Py_ssize_t *position, PyObject **name, PyObject **held)
{
    for (; *position < attributes->entry_count; *position += 1) {
        *held = attributes->values[*position * attributes->name_step];
        if (*held != NULL) {
            *name = attributes->names[*position * attributes->name_step];
            *position += 1;
            return 1;
        }
    }
    if (attributes->dictionary != NULL) {
        return attributes->entry_count == 0 && PyDict_Next(attributes->dictionary, position, name, held);
    }
    if (*position >= attributes->count) {
        return 0;
    }
    size_t place = attributes->order[*position * attributes->order_step];
    *position += 1;
    *name = attributes->names[(Py_ssize_t)place * attributes->name_step];
    *held = attributes->values[place];
    return 1;
}

#endif
