/* What tells clean texts from others. */

#ifndef CODETRACER_SCANNER_H
#define CODETRACER_SCANNER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* Finds its keys in a text: rows of 32-bit numbers, one row per state. */
typedef struct {
    PyObject *table;            /* bytes, strong */
    unsigned char columns[256]; /* of the table, by byte */
} automaton;

typedef struct {
    PyObject_HEAD
    automaton literals, names;
    PyObject *exact;            /* tuple of bytes: literals whose case counts */
    PyObject *issuers;          /* bytes: by length and first two digits, whether a card may be so */
    Py_ssize_t run_length;      /* characters of the shortest token */
    Py_ssize_t digest_dash;     /* where the first dash of a digest stands at the earliest */
    uint16_t kinds[256];
} ct_scanner;

/* Without the GIL. */
int ct_is_suspicious(const ct_scanner *scanner, const unsigned char *text, size_t size);

extern PyType_Spec ct_scanner_spec;

#endif
