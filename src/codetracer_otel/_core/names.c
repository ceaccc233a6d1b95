/* Numbers for the names of classes. */

#include "core.h"

/* The number of an exact text; `CT_NO_NAME` without an exception where there is none, or with one. */
uint32_t
ct_number_of(ct_names *names, PyObject *text)
{
    if (names->numbers == NULL && (names->numbers = PyDict_New()) == NULL) {
        return CT_NO_NAME;
    }
    PyObject *known = PyDict_GetItemWithError(names->numbers, text);
    if (known != NULL) {
        return (uint32_t)PyLong_AsUnsignedLong(known);
    }
    uint32_t number = names->count, block = number / CT_NAMES_PER_BLOCK;
    if (PyErr_Occurred() || block >= CT_NAME_BLOCKS) {
        return CT_NO_NAME;
    }
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (utf8 == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
            PyErr_Clear();      /* Python writes such a name */
        }
        return CT_NO_NAME;
    }
    if (names->blocks[block] == NULL) {
        names->blocks[block] = PyMem_RawCalloc(CT_NAMES_PER_BLOCK, sizeof(ct_name));
        if (names->blocks[block] == NULL) {
            PyErr_NoMemory();
            return CT_NO_NAME;
        }
    }
    PyObject *counted = PyLong_FromUnsignedLong(number);
    if (counted == NULL || PyDict_SetItem(names->numbers, text, counted) < 0) {
        Py_XDECREF(counted);
        return CT_NO_NAME;
    }
    Py_DECREF(counted);
    names->blocks[block][number % CT_NAMES_PER_BLOCK] = (ct_name){Py_NewRef(text), utf8, size};
    names->count++;
    return number;
}

void
ct_clear_names(ct_names *names)
{
    for (uint32_t number = 0; number < names->count; number++) {
        Py_DECREF(ct_name_of(names, number)->text);
    }
    names->count = 0;
    for (int block = 0; block < CT_NAME_BLOCKS; block++) {
        PyMem_RawFree(names->blocks[block]);
        names->blocks[block] = NULL;
    }
    Py_CLEAR(names->numbers);
}
