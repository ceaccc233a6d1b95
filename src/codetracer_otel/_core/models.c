/* The Python objects that records are made of.  They are made here without running Python code: an open
   call may be turned into a record at any moment, on any thread. */

#include "values.h"
#include "structmember.h"
#include <stddef.h>

/* Where in the instances of a class a slot is kept; -1 for anything but a slot that they have, which holds
   an object. */
Py_ssize_t
ct_offset_of(PyTypeObject *type, PyObject *slot)
{
    if (!Py_IS_TYPE(slot, &PyMemberDescr_Type) || !PyType_IsSubtype(type, PyDescr_TYPE(slot))) {
        return -1;
    }
    const PyMemberDef *member = ((PyMemberDescrObject *)slot)->d_member;
    return member->type == T_OBJECT_EX && (member->flags & ~READONLY) == 0 ? member->offset : -1;
}

/* -1 with an exception where the class has none of that name. */
static Py_ssize_t
slot_of(PyObject *type, const char *name)
{
    PyObject *slot = PyObject_GetAttrString(type, name);
    Py_ssize_t offset = slot == NULL ? -1 : ct_offset_of((PyTypeObject *)type, slot);
    Py_XDECREF(slot);
    if (offset < 0 && !PyErr_Occurred()) {
        PyErr_Format(PyExc_TypeError, "%s has no slot %s", ((PyTypeObject *)type)->tp_name, name);
    }
    return offset;
}

int
ct_read_model(ct_model *model, PyObject *not_captured, PyObject *hidden, PyObject *node,
              PyObject *kinds, PyObject *details, PyObject *told, PyObject *endings)
{
    const struct {
        const char *name;
        Py_ssize_t *at;
    } slots[] = {{"kind", &model->node_kind}, {"type_name", &model->node_type_name},
                 {"items", &model->node_items}, {"omitted", &model->node_omitted}};
    static const char *const told_slots[CT_TOLD_SLOTS] = {
        "type_name", "message", "frames", "time_ns", "innermost", "stack_trace", "message_is_cut",
    };
    const struct {
        const char *text;
        PyObject **name;
    } names[] = {{"wall_offset_ns", &model->wall_offset_name},
                 {"ending", &model->ending_name}, {"exception", &model->exception_name},
                 {"busy_ns", &model->busy_name}, {"resumed_at", &model->resumed_name},
                 {"suspensions", &model->suspensions_name}, {"frame_id", &model->frame_name}};

    model->not_captured = Py_NewRef(not_captured);
    model->hidden = Py_NewRef(hidden);
    model->node = (PyTypeObject *)Py_NewRef(node);
    model->kinds = Py_NewRef(kinds);
    model->details = (PyTypeObject *)Py_NewRef(details);
    model->told = (PyTypeObject *)Py_NewRef(told);
    model->endings = Py_NewRef(endings);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(slots); i++) {
        *slots[i].at = slot_of(node, slots[i].name);
        if (*slots[i].at < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < CT_TOLD_SLOTS; i++) {
        model->told_slots[i] = slot_of(told, told_slots[i]);
        if (model->told_slots[i] < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(names); i++) {
        *names[i].name = PyUnicode_InternFromString(names[i].text);
        if (*names[i].name == NULL) {
            return -1;
        }
    }
    return 0;
}

int
ct_visit_model(ct_model *model, visitproc visit, void *arg)
{
    Py_VISIT(model->not_captured);
    Py_VISIT(model->hidden);
    Py_VISIT(model->node);
    Py_VISIT(model->kinds);
    Py_VISIT(model->details);
    Py_VISIT(model->told);
    Py_VISIT(model->endings);
    return 0;
}

void
ct_clear_model(ct_model *model)
{
    Py_CLEAR(model->not_captured);
    Py_CLEAR(model->hidden);
    Py_CLEAR(model->node);
    Py_CLEAR(model->kinds);
    Py_CLEAR(model->details);
    Py_CLEAR(model->told);
    Py_CLEAR(model->endings);
    Py_CLEAR(model->wall_offset_name);
    Py_CLEAR(model->ending_name);
    Py_CLEAR(model->exception_name);
    Py_CLEAR(model->busy_name);
    Py_CLEAR(model->resumed_name);
    Py_CLEAR(model->suspensions_name);
    Py_CLEAR(model->frame_name);
}

/* The kind of node that a tag stands for, as in the Python module that defines captured values. */
static int
kind_of(char tag)
{
    switch (tag) {
    case CUT_TEXT: return 2;
    case BYTES: return 3;
    case LIST: return 4;
    case TUPLE: return 5;
    case SET: return 6;
    case MAPPING: return 7;
    case STRUCT: return 8;
    case SHORT_FORM: return 9;
    case INSTANCE: return 10;
    case CYCLE: return 11;
    default: return 12;
    }
}

/* Takes over `items`, which may be NULL with an exception set. */
PyObject *
ct_new_node(const ct_log *log, char tag, uint32_t name, PyObject *items, uint64_t omitted)
{
    const ct_model *model = &log->model;
    PyObject *count = PyLong_FromUnsignedLongLong(omitted);
    PyObject *node = items == NULL || count == NULL ? NULL : PyType_GenericAlloc(model->node, 0);
    if (node == NULL) {
        Py_XDECREF(items);
        Py_XDECREF(count);
        return NULL;
    }
    char *fields = (char *)node;
    *(PyObject **)(fields + model->node_kind) = Py_NewRef(PyTuple_GET_ITEM(model->kinds, kind_of(tag)));
    *(PyObject **)(fields + model->node_type_name) = Py_NewRef(ct_name_of(&log->names, name)->text);
    *(PyObject **)(fields + model->node_items) = items;
    *(PyObject **)(fields + model->node_omitted) = count;
    return ct_without_cycles(node);
}

static int
set_made(PyObject *details, PyObject *name, PyObject *made)
{
    int is_set = made == NULL ? -1 : PyObject_SetAttr(details, name, made);
    Py_XDECREF(made);
    return is_set;
}

/* The details of a record that is made of an entry; None where it has none. */
PyObject *
ct_new_details(const ct_model *model, const ct_entry *entry)
{
    if (!entry->suspends && entry->ending == CT_RETURNED && entry->exception == NULL) {
        return Py_NewRef(Py_None);
    }
    PyObject *details = PyType_GenericAlloc(model->details, 0);
    if (details == NULL) {
        return NULL;
    }
    if (entry->ending != CT_RETURNED
        && PyObject_SetAttr(details, model->ending_name,
                            PyTuple_GET_ITEM(model->endings, entry->ending)) < 0) {
        goto error;
    }
    if (entry->exception != NULL
        && set_made(details, model->exception_name, ct_told_of(model, entry)) < 0) {
        goto error;
    }
    if (entry->suspends
        && (set_made(details, model->busy_name, PyLong_FromLongLong(entry->busy)) < 0
            || set_made(details, model->resumed_name, PyLong_FromLongLong(entry->resumed)) < 0
            || set_made(details, model->suspensions_name,
                          PyLong_FromUnsignedLong(entry->suspensions)) < 0
            || set_made(details, model->frame_name, PyLong_FromVoidPtr(entry->frame)) < 0)) {
        goto error;
    }
    return details;

error:
    Py_DECREF(details);
    return NULL;
}
