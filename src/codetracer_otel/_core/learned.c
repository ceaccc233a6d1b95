/* Hidden texts: Python learns each one, to find it elsewhere, and C what it need not be told again. */

#include "writer.h"

/* `told`: None where nothing is learned, or (hashes of what was, length of the shortest text that is, of the
   longest). */
int
ct_read_learned(ct_learned *learned, PyObject *told)
{
    PyObject *met;
    if (told == Py_None) {
        return 0;
    }
    if (!PyArg_ParseTuple(told, "O!nn:learned", &PySet_Type, &met, &learned->shortest, &learned->longest)) {
        return -1;
    }
    learned->met = Py_NewRef(met);
    return 0;
}

/* 1 where Python would learn nothing from a hidden value; -1 with an exception.  No code of anybody runs: the
   hash of an exact text is C's, and so is the set's comparison of integers. */
int
ct_is_nothing_new(const ct_learned *learned, PyObject *held)
{
    if (learned->met == NULL || !(PyUnicode_CheckExact(held) || PyBytes_CheckExact(held))) {
        return 1;
    }
    Py_ssize_t length = PyUnicode_CheckExact(held) ? PyUnicode_GET_LENGTH(held) : PyBytes_GET_SIZE(held);
    if (length < learned->shortest || length > learned->longest) {
        return 1;
    }
    PyObject *hash = PyLong_FromSsize_t(PyObject_Hash(held));
    int is_met = hash == NULL ? -1 : PySet_Contains(learned->met, hash);
    Py_XDECREF(hash);
    return is_met;
}

/* What stands for a value because of its name, or of its neighbour's. */
int
ct_write_hidden(ct_writer *writer, PyObject *held)
{
    int is_known = ct_is_nothing_new(&writer->core->learned, held);
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_hidden(writer->notes, held);
    }
    return is_known < 0 ? -1 : is_known ? ct_write_scalar(writer, HIDDEN, "", 0) : CT_FOR_PYTHON;
}
