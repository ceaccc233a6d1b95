/* Entries as records, and what entries hold. */

#include "core.h"

static PyObject *
read_values(const ct_log *log, const char **at, uint16_t count)
{
    PyObject *values = PyTuple_New(count);
    for (uint16_t i = 0; values != NULL && i < count; i++) {
        PyObject *value = ct_read_value(log, at);
        if (value == NULL) {
            Py_CLEAR(values);
            break;
        }
        PyTuple_SET_ITEM(values, i, value);
    }
    return ct_without_cycles(values);
}

/* What stands for the result of a recorded call. */
static PyObject *
read_result(const ct_log *log, const ct_entry *entry, const char *at, int is_finished)
{
    if (entry->has_result) {
        return ct_read_value(log, &at);
    }
    PyObject *fixed = entry->site->fixed_result;
    int returned = is_finished && entry->ending == CT_RETURNED;
    return Py_NewRef(returned && fixed != NULL ? fixed : log->model.not_captured);
}

/* The record of an entry, which keeps what it holds. */
PyObject *
ct_record_of(const ct_log *log, const ct_entry *entry, int is_finished)
{
    const char *at = ct_values_of(entry);
    PyObject *plan = entry->site->plan;
    PyObject *record = PyList_New(CT_RECORD_LENGTH);
    if (record == NULL) {
        return NULL;
    }
    int is_recorded = !entry->is_unrecorded && !entry->is_sampled_out;
    PyObject *items[CT_RECORD_LENGTH] = {
        [CT_CODE] = Py_NewRef(entry->code),
        [CT_PLAN] = Py_NewRef(is_recorded ? plan : Py_None),
        [CT_SPAN_ID] = PyLong_FromUnsignedLongLong(entry->span_id),
        [CT_SEGMENT] = Py_NewRef(entry->segment),
        [CT_CONTEXT] = Py_NewRef(entry->context == NULL ? Py_None : entry->context),
        [CT_PARENT_ID] = PyLong_FromUnsignedLongLong(entry->parent_id),
        [CT_ARGUMENTS] = read_values(log, &at, entry->argument_count),
        [CT_START] = entry->is_unrecorded ? Py_NewRef(Py_None) : PyLong_FromLongLong(entry->start),
        [CT_END] = PyLong_FromLongLong(is_finished ? entry->end : 0),
    };
    if (is_recorded) {
        items[CT_RESULT] = items[CT_ARGUMENTS] == NULL
            ? NULL : read_result(log, entry, at, is_finished);
        items[CT_EXTRAS] = ct_new_details(&log->model, entry);
    }
    else {
        /* The plan of what is sampled out waits where an error would look for it. */
        items[CT_RESULT] = Py_NewRef(entry->is_unrecorded ? Py_None : plan);
        items[CT_EXTRAS] = Py_NewRef(Py_None);
    }
    int is_whole = 1;
    for (int i = 0; i < CT_RECORD_LENGTH; i++) {
        is_whole &= items[i] != NULL;
        PyList_SET_ITEM(record, i, items[i]);
    }
    if (!is_whole) {
        Py_CLEAR(record);
    }
    /* That of an open call holds a context, which may hold anything. */
    return is_finished ? ct_without_cycles(record) : record;
}

int
ct_drop(PyObject *object, void *Py_UNUSED(arg))
{
    Py_DECREF(object);
    return 0;
}

static inline int
visit_held(const ct_entry *entry, visitproc visit, void *arg)
{
    return !entry->holds_objects ? 0 : ct_visit_values(
        ct_values_of(entry), entry->argument_count + (uint32_t)entry->has_result, visit, arg);
}

/* Give up what an entry holds.  The last of a context may run code of the
   program, which pushes entries over this one: what is held is read first. */
void
ct_release_entry(ct_entry *entry)
{
    PyObject *context = entry->context, *segment = entry->segment, *code = entry->code;
    PyObject *exception = entry->exception;

    if (entry->site != NULL) {
        (void)visit_held(entry, ct_drop, NULL);
        ct_release_site(entry->site);
    }
    Py_XDECREF(exception);
    Py_XDECREF(context);
    Py_XDECREF(segment);
    Py_DECREF(code);
}

int
ct_visit_entry(ct_entry *entry, visitproc visit, void *arg)
{
    Py_VISIT(entry->code);
    Py_VISIT(entry->segment);
    Py_VISIT(entry->context);
    Py_VISIT(entry->exception);
    return visit_held(entry, visit, arg);
}
