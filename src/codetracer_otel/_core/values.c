/* Values as tagged bytes, so that a record keeps nothing of the program alive: see format.h. */

#include "writer.h"

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

/* Write a plain or captured value, for which there is room; return where the next one goes. */
static char *
put_value(ct_writer *writer, PyObject *value)
{
    char *at = writer->at, *behind = ct_put_simple(at, value);

    if (behind != NULL) {
        return behind;
    }
    if (PyUnicode_CheckExact(value) && PyUnicode_GET_LENGTH(value) <= CT_SHORT_TEXT) {
        char *end = ct_put_utf8(at + 3, value, PyUnicode_GET_LENGTH(value));
        if (end != NULL) {      /* NULL for a lone surrogate */
            uint16_t size = (uint16_t)(end - at - 3);
            *at = UTF8;
            memcpy(at + 1, &size, 2);
            return end;
        }
    }
    else if (PyLong_CheckExact(value)) {
        int overflow;
        int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (!overflow) {
            return put(at, INTEGER, &number, 8);
        }
    }
    /* An exact text or integer too large to copy, or what Python captured: none is the program's. */
    writer->holds_objects = 1;
    Py_INCREF(value);
    return put(at, OBJECT, &value, 8);
}

void
ct_put_value(ct_writer *writer, PyObject *value)
{
    writer->at = put_value(writer, value);
}

/* Let go of a value that others may have as well. */
void
ct_release_shared(void *shared)
{
    if (--((ct_shared *)shared)->references == 0) {
        PyMem_Free(shared);
    }
}

/* Call `visit` with each object that `count` values hold; what is shared holds none, but is dropped with them. */
int
ct_visit_values(const char *at, uint32_t count, visitproc visit, void *arg)
{
    for (; count != 0; count--) {
        if (*at == OBJECT) {
            int found = visit(ct_object(at), arg);
            if (found != 0) {
                return found;
            }
        }
        else if (*at == SHARED && visit == ct_drop) {
            ct_release_shared(ct_shared_at(at));
        }
        at = ct_step(at, &count);
    }
    return 0;
}

/* What is made of an entry leads to nothing of the program, and so to no cycle.  The collector need not look at it:
   each of its rounds takes what survives on, until it looks at all objects of the program once more. */
PyObject *
ct_without_cycles(PyObject *made)
{
    if (made != NULL) {
        PyObject_GC_UnTrack(made);
    }
    return made;
}

static PyObject *
read_ascii(const char *at, uint16_t size)
{
    PyObject *text = PyUnicode_New(size, 127);
    if (text != NULL) {
        memcpy(PyUnicode_1BYTE_DATA(text), at, size);
    }
    return text;
}

static PyObject *
read_pair(const ct_log *log, const char **at)
{
    PyObject *key = ct_read_value(log, at), *held = key == NULL ? NULL : ct_read_value(log, at);
    PyObject *pair = held == NULL ? NULL : PyTuple_Pack(2, key, held);
    Py_XDECREF(key);
    Py_XDECREF(held);
    return ct_without_cycles(pair);
}

static PyObject *
read_items(const ct_log *log, const char **at, uint32_t count, int are_pairs)
{
    PyObject *items = PyTuple_New(count);
    for (uint32_t i = 0; items != NULL && i < count; i++) {
        PyObject *item = are_pairs ? read_pair(log, at) : ct_read_value(log, at);
        if (item == NULL) {
            Py_CLEAR(items);
            break;
        }
        PyTuple_SET_ITEM(items, i, item);
    }
    return ct_without_cycles(items);
}

static PyObject *
read_node(const ct_log *log, const char **at)
{
    const char *from = *at;
    uint32_t inside = 0;
    PyObject *items;
    int has_size = 1;

    *at = ct_step(from, &inside);
    switch (*from) {
    case SHORT_FORM:
        items = PyUnicode_DecodeUTF8(from + 9, ct_size(from), "strict");
        has_size = 0;
        break;
    case CUT_TEXT:
        items = PyUnicode_DecodeUTF8(from + CT_NODE_HEAD, ct_size(from), "strict");
        break;
    case BYTES:
        items = PyBytes_FromStringAndSize(from + CT_NODE_HEAD, ct_size(from));
        break;
    case LIST: case TUPLE: case SET: case MAPPING: case STRUCT:
        items = read_items(log, at, ct_size(from), *from == MAPPING || *from == STRUCT);
        break;
    default:
        items = PyTuple_New(0);
        has_size = 0;
    }
    return ct_new_node(log, *from, ct_class(from), items, has_size ? ct_full(from) : 0);
}

/* A new reference to the value as an object, and `*at` behind its bytes. */
PyObject *
ct_read_value(const ct_log *log, const char **at)
{
    const char *from = *at, *bytes;
    int64_t integer;
    double real;

    switch (*from) {
    case SHARED:
        *at = ct_behind(from);
        bytes = ct_bytes_at(from);
        return ct_read_value(log, &bytes);
    case NONE: case TRUE_: case FALSE_: case HIDDEN: case INTEGER: case FLOAT: case OBJECT: case ASCII:
    case UTF8:
        *at = ct_behind(from);
        break;
    default:
        return read_node(log, at);
    }
    switch (*from) {
    case NONE:
        return Py_NewRef(Py_None);
    case HIDDEN:
        return Py_NewRef(log->model.hidden);
    case TRUE_: case FALSE_:
        return PyBool_FromLong(*from == TRUE_);
    case INTEGER:
        memcpy(&integer, from + 1, 8);
        return PyLong_FromLongLong(integer);
    case FLOAT:
        memcpy(&real, from + 1, 8);
        return PyFloat_FromDouble(real);
    case OBJECT:
        return Py_NewRef(ct_object(from));
    case UTF8:
        return PyUnicode_DecodeUTF8(ct_text(from), ct_text_size(from), "strict");
    default:
        return read_ascii(ct_text(from), ct_text_size(from));
    }
}
