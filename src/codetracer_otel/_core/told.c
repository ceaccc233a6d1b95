/* Values whose text the library's own C code gives, or numbers make: dates, times, decimal numbers, UUIDs, slices. */

#include "writer.h"
#include <string.h>

#define UUID_DIGITS 32
#define BOUND_ROOM 22           /* of a number of 64 bits, and what separates it from the next */

/* No code of the program runs: `tell` reads the fields of a class in C. */
int
ct_write_told(ct_writer *writer, const ct_form *known, PyObject *value)
{
    PyObject *text = PyObject_CallOneArg(known->tell, value);
    int status = CT_FOR_PYTHON;

    if (text == NULL) {
        PyErr_Clear();
    }
    else if (PyUnicode_CheckExact(text)) {
        status = ct_write_short_form(writer, known, "", text, "");
    }
    Py_XDECREF(text);
    return status;
}

/* A zone that is written in Python would be asked for its offset. */
static int
has_zone_of_c(PyObject *moment)
{
    PyObject *zone = PyObject_GetAttrString(moment, "tzinfo");
    if (zone == NULL) {
        PyErr_Clear();
        return 0;
    }
    PyTypeObject *type = Py_TYPE(zone);
    int is_of_c = zone == Py_None
        || (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && strcmp(type->tp_name, "datetime.timezone") == 0);
    Py_DECREF(zone);
    return is_of_c;
}

int
ct_write_datetime(ct_writer *writer, const ct_form *known, PyObject *moment)
{
    return has_zone_of_c(moment) ? ct_write_told(writer, known, moment) : CT_FOR_PYTHON;
}

/* "0x" and the digits, those in front without zeros, with dashes after 8, 12, 16 and 20 of 32. */
static PyObject *
uuid_text(PyObject *digits)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(digits) - 2;
    const char *from = PyUnicode_AsUTF8(digits);
    char text[UUID_DIGITS + 4], *at = text;

    if (from == NULL || from[0] != '0' || length > UUID_DIGITS) {    /* negative, or too large */
        return NULL;
    }
    for (Py_ssize_t i = 0; i < UUID_DIGITS; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            *at++ = '-';
        }
        Py_ssize_t digit = i - (UUID_DIGITS - length);
        *at++ = digit < 0 ? '0' : from[2 + digit];
    }
    return PyUnicode_FromStringAndSize(text, sizeof text);
}

int
ct_write_uuid(ct_writer *writer, const ct_form *known, PyObject *uuid)
{
    PyObject *number = *(PyObject **)((char *)uuid + known->fields[0].offset);
    if (number == NULL || !PyLong_CheckExact(number)) {
        return CT_FOR_PYTHON;
    }
    PyObject *digits = PyNumber_ToBase(number, 16);
    PyObject *text = digits == NULL ? NULL : uuid_text(digits);
    int status = CT_FOR_PYTHON;

    if (text != NULL) {
        status = ct_write_short_form(writer, known, "", text, "");
    }
    else {
        PyErr_Clear();
    }
    Py_XDECREF(digits);
    Py_XDECREF(text);
    return status;
}

/* `slice(1, None, -1)`; Python writes those whose bounds are anything but None and numbers of 64 bits. */
int
ct_write_slice(ct_writer *writer, const ct_form *known, PyObject *slice)
{
    const PySliceObject *held = (const PySliceObject *)slice;
    PyObject *bounds[] = {held->start, held->stop, held->step};
    char text[3 * BOUND_ROOM];
    size_t size = 0;

    for (int i = 0; i < 3; i++) {
        const char *before = i == 0 ? "" : ", ";
        if (bounds[i] == Py_None) {
            size += (size_t)snprintf(text + size, sizeof text - size, "%sNone", before);
            continue;
        }
        int overflow = 1;
        long long number = PyLong_CheckExact(bounds[i])
            ? PyLong_AsLongLongAndOverflow(bounds[i], &overflow) : 0;
        if (overflow != 0) {
            return CT_FOR_PYTHON;
        }
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%lld", before, number);
    }
    PyObject *shown = PyUnicode_FromStringAndSize(text, (Py_ssize_t)size);
    if (shown == NULL) {
        return -1;
    }
    int status = ct_write_short_form(writer, known, "slice(", shown, ")");
    Py_DECREF(shown);
    return status;
}
