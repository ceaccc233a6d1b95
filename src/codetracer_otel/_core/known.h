/* The search for known secrets. */

#ifndef CT_KNOWN_H
#define CT_KNOWN_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* What windows of known secrets are recognized by. */
typedef struct {
    const unsigned char *substitution;  /* of each byte */
    const unsigned char *bits;          /* NULL: nothing is known */
    int shift;
} ct_windows;

int ct_read_windows(PyObject *substitution, PyObject *bits, ct_windows *windows);
int ct_has_window(const ct_windows *windows, const unsigned char *text, size_t size);
PyObject *ct_find_windows(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif
