/* How the instances of a class are captured in C. */

#ifndef CODETRACER_CLASSES_H
#define CODETRACER_CLASSES_H

#include "values.h"

/* Forms, beside the tags of values that stand for themselves. */
enum {
    CT_PYTHONS = 'P',           /* Python captures each one */
    CT_BYTEARRAY = 'B',
    CT_DEQUE = 'q',             /* of no subclass: those may have an iterator of their own */
    CT_TEXT = 'S', CT_INTEGER = 'J', CT_REAL = 'R',     /* of a subclass */
    CT_NAMED_TUPLE = 'n',
    CT_EXCEPTION = 'e',         /* fields: "args" */
    CT_PATH = 'p',              /* fields: what it was asked for once, what it was made from */
    CT_ENUM = 'E',
    CT_FUNCTION = 'f',
    CT_TOLD = 'T',              /* C code of the library gives the text: `tell` */
    CT_DATETIME = 'D',          /* the same, where the time zone is none of Python code */
    CT_UUID = 'u',              /* fields: "int" */
    CT_SLICE = 'x',
    CT_CLASS = 'C',
    CT_FIELDS = 'F',            /* fields: slots, and names that are left out; `hidden`: flags below */
    CT_OBJECT = 'o'             /* Python reads its fields, unless it is the object whose method is called */
};

enum { CT_HAS_DICTIONARY = 1, CT_IS_MODEL = 2 };

typedef struct ct_form {
    PyTypeObject *type;         /* compared, never used unless `reference` is alive */
    PyObject *reference;        /* weak */
    PyObject *full_name;        /* with its module */
    uint32_t name;              /* number of the name that is shown */
    char form;
    char is_static;             /* lives as long as the interpreter */
    int ending;                 /* of exceptions: how one ends a call + 1; 0: Python says */
    PyObject *tell;             /* of CT_TOLD and CT_DATETIME; else NULL */
    PyObject *error_name;       /* what one is called as it leaves a call */
    int hidden;                 /* fields that are not shown; of CT_FIELDS flags */
    Py_ssize_t field_count;
    struct {
        PyObject *name;
        Py_ssize_t offset;      /* in the instance; -1: in its dictionary, or by its place */
    } fields[];
} ct_form;

/* Whoever asks holds an instance, or the class itself. */
static inline int
ct_is_alive(const ct_form *known)
{
#ifdef Py_GIL_DISABLED
    PyObject *alive = NULL;
    if (!known->is_static && PyWeakref_GetRef(known->reference, &alive) < 0) {
        PyErr_Clear();
    }
    Py_XDECREF(alive);
    return known->is_static || alive == (PyObject *)known->type;
#else
    return known->is_static
        || ((const PyWeakReference *)known->reference)->wr_object == (PyObject *)known->type;
#endif
}

static inline size_t
ct_class_place(const ct_classes *classes, const PyTypeObject *type)
{
    /* The middle of the product depends on all of an address that differs from class to class. */
    return (size_t)((uint64_t)(uintptr_t)type * 0x9E3779B97F4A7C15u >> 32) & (classes->capacity - 1);
}

const ct_form *ct_find_form(const ct_classes *classes, const PyTypeObject *type);

/* NULL for a class that Python has not been asked about. */
CT_INLINE const ct_form *
ct_form_of(const ct_classes *classes, const PyTypeObject *type)
{
    if (CT_UNLIKELY(classes->capacity == 0)) {
        return NULL;
    }
    const ct_form *known = classes->table[ct_class_place(classes, type)];
    return CT_LIKELY(known != NULL && known->type == type && ct_is_alive(known))
        ? known : ct_find_form(classes, type);
}

/* Changes with each form that is no more. */
static inline uint64_t
ct_generation_of(const ct_core *core)
{
    return core->classes.generation + core->named.generation;
}

int ct_learn_class(ct_core *core, PyTypeObject *type);
int ct_learn_name(ct_core *core, PyTypeObject *type);

#endif
