/* Values as tagged bytes, so that a record keeps nothing of the program alive. */

#include "values.h"

#define MOST_CLASSES 4096

/* Whether a value is recorded as it is, without asking Python. */
int
ct_is_plain(const ct_site *site, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyUnicode_Type) {
        return PyUnicode_GET_LENGTH(value) <= site->short_text;
    }
    return site->takes_plain && (value == Py_None || type == &PyLong_Type || type == &PyBool_Type
                                 || type == &PyFloat_Type);
}

/* What stands for every instance of a value's class: a new reference, or NULL without an exception
   where Python has to look at the value, or with one. */
PyObject *
ct_node_of(ct_core *core, const ct_site *site, PyObject *value)
{
    PyObject *key = NULL, *known, *node = NULL, *made = NULL, *reference = NULL;
    PyObject *type = (PyObject *)Py_TYPE(value);

    if (core->node_of_class == NULL || !site->takes_plain) {
        return NULL;
    }
    /* By id: to hash a class is code of its metaclass. */
    key = PyLong_FromVoidPtr(type);
    if (key == NULL) {
        return NULL;
    }
    known = PyDict_GetItemWithError(core->class_nodes, key);
    if (known != NULL) {
        PyObject *alive = NULL;
#if PY_VERSION_HEX >= 0x030D0000
        if (PyWeakref_GetRef(PyTuple_GET_ITEM(known, 0), &alive) < 0) {
            goto done;
        }
        Py_XDECREF(alive);      /* `value` keeps its class */
#else
        alive = PyWeakref_GetObject(PyTuple_GET_ITEM(known, 0));
#endif
        if (alive == type) {
            node = PyTuple_GET_ITEM(known, 1);
            node = node == Py_None ? NULL : Py_NewRef(node);
            goto done;
        }
    }
    else if (PyErr_Occurred()) {
        goto done;
    }
    made = PyObject_CallOneArg(core->node_of_class, type);
    if (made == NULL) {
        goto done;
    }
    reference = PyWeakref_NewRef(type, NULL);
    if (reference == NULL) {
        goto done;
    }
    known = PyTuple_Pack(2, reference, made);
    if (known == NULL) {
        goto done;
    }
    if (PyDict_GET_SIZE(core->class_nodes) >= MOST_CLASSES) {
        PyDict_Clear(core->class_nodes);    /* most are of classes that are gone */
    }
    if (PyDict_SetItem(core->class_nodes, key, known) == 0 && made != Py_None) {
        node = Py_NewRef(made);
    }
    Py_DECREF(known);
done:
    Py_DECREF(key);
    Py_XDECREF(made);
    Py_XDECREF(reference);
    return node;
}

#define OBJECT_ROOM (1 + sizeof(PyObject *))

/* An upper bound on the bytes that `ct_put_value` writes.  A text that has no UTF-8 becomes an object,
   which takes more than a text of one character. */
size_t
ct_value_room(PyObject *value)
{
    size_t room = 0;
    if (PyUnicode_CheckExact(value) && PyUnicode_GET_LENGTH(value) <= CT_SHORT_TEXT) {
        room = 3 + 4 * (size_t)PyUnicode_GET_LENGTH(value);
    }
    return room < OBJECT_ROOM ? OBJECT_ROOM : room;
}

static char *
put(char *at, char tag, const void *bytes, size_t size)
{
    *at = tag;
    memcpy(at + 1, bytes, size);
    return at + 1 + size;
}

/* NULL for a lone surrogate, which has no UTF-8. */
static char *
put_wide(char *at, PyObject *text)
{
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    unsigned char *to = (unsigned char *)at + 3;

    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 point = PyUnicode_READ(kind, data, i);
        if (point < 0x80) {
            *to++ = (unsigned char)point;
            continue;
        }
        if (point < 0x800) {
            *to++ = (unsigned char)(0xC0 | point >> 6);
        }
        else {
            if (point < 0x10000) {
                if (point >= 0xD800 && point < 0xE000) {
                    return NULL;
                }
                *to++ = (unsigned char)(0xE0 | point >> 12);
            }
            else {
                *to++ = (unsigned char)(0xF0 | point >> 18);
                *to++ = (unsigned char)(0x80 | (point >> 12 & 0x3F));
            }
            *to++ = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        }
        *to++ = (unsigned char)(0x80 | (point & 0x3F));
    }
    uint16_t size = (uint16_t)((char *)to - at - 3);
    *at = UTF8;
    memcpy(at + 1, &size, 2);
    return (char *)to;
}

/* Write a plain or captured value; return where the next one goes. */
char *
ct_put_value(char *at, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (type == &PyUnicode_Type && PyUnicode_GET_LENGTH(value) <= CT_SHORT_TEXT) {
        if (PyUnicode_IS_COMPACT_ASCII(value)) {
            uint16_t size = (uint16_t)PyUnicode_GET_LENGTH(value);
            *at = ASCII;
            memcpy(at + 1, &size, 2);
            memcpy(at + 3, PyUnicode_1BYTE_DATA(value), size);
            return at + 3 + size;
        }
        char *end = put_wide(at, value);
        if (end != NULL) {
            return end;
        }
    }
    else if (value == Py_None) {
        *at = NONE;
        return at + 1;
    }
    else if (type == &PyBool_Type) {
        *at = value == Py_True ? TRUE_ : FALSE_;
        return at + 1;
    }
    else if (type == &PyLong_Type) {
        int overflow;
        int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (!overflow) {
            return put(at, INTEGER, &number, 8);
        }
    }
    else if (type == &PyFloat_Type) {
        double number = PyFloat_AS_DOUBLE(value);
        return put(at, FLOAT, &number, 8);
    }
    /* An exact text or integer too large to copy, or what Python captured: none is the program's. */
    Py_INCREF(value);
    return put(at, OBJECT, &value, 8);
}

/* The value as an object: a new reference. */
PyObject *
ct_read_value(const char *at)
{
    int64_t integer;
    double real;
    PyObject *value;

    switch (*at) {
    case NONE:
        return Py_NewRef(Py_None);
    case TRUE_: case FALSE_:
        return PyBool_FromLong(*at == TRUE_);
    case INTEGER:
        memcpy(&integer, at + 1, 8);
        return PyLong_FromLongLong(integer);
    case FLOAT:
        memcpy(&real, at + 1, 8);
        return PyFloat_FromDouble(real);
    case OBJECT:
        return Py_NewRef(ct_object(at));
    case UTF8:
        return PyUnicode_DecodeUTF8(ct_text(at), ct_text_size(at), "strict");
    default:
        value = PyUnicode_New(ct_text_size(at), 127);
        if (value != NULL) {
            memcpy(PyUnicode_1BYTE_DATA(value), ct_text(at), ct_text_size(at));
        }
        return value;
    }
}

/* A plain value itself, or what the capture makes of another: a new reference. */
PyObject *
ct_captured(ct_core *core, ct_site *site, PyObject *value, int *is_charged)
{
    if (ct_is_plain(site, value)) {
        return Py_NewRef(value);
    }
    PyObject *node = ct_node_of(core, site, value);
    if (node == NULL && !PyErr_Occurred()) {
        *is_charged = 1;
        node = PyObject_CallOneArg(site->capture, value);
    }
    return node;
}

int
ct_charge(ct_core *core, PyObject *const *values, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);
    if (tuple == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(values[i]));
    }
    PyObject *done = PyObject_CallOneArg(core->charge, tuple);
    Py_DECREF(tuple);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}
