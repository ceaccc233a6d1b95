/* The search for known secrets. */

#ifndef CT_KNOWN_H
#define CT_KNOWN_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

PyObject *ct_find_windows(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif
