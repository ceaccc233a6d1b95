/* Captures of values that are not plain: by their class, or by Python. */

#include "core.h"

#define MOST_CLASSES 4096

/* What stands for every instance of a value's class: a new reference, or NULL without an exception
   where Python has to look at the value, or with one. */
static PyObject *
node_of(ct_core *core, const ct_site *site, PyObject *value)
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

/* A plain value itself, or what the capture makes of another: a new reference. */
PyObject *
ct_captured(ct_core *core, ct_site *site, PyObject *value, int *is_charged)
{
    if (ct_is_plain(site, value)) {
        return Py_NewRef(value);
    }
    PyObject *node = node_of(core, site, value);
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
