/* How a call ends: as a finished entry in the log, or in Python, or later where there is no room. */

#include "writer.h"

#define FREE_BYTES 256          /* of values, in what the record buffer counts for any record */

/* Keep a record, which Python had no room for, until the next delivery; `kind` is the class of what it raised. */
static int
keep_for_delivery(ct_core *core, PyObject *record, PyObject *kind)
{
    PyObject *deferred = PyTuple_Pack(2, record, kind);
    int is_kept = deferred == NULL ? -1 : PyList_Append(core->deferred_ends, deferred);
    Py_XDECREF(deferred);
    return is_kept;
}

/* Where no level of the stack is left to hand a finished record on, or a signal's handler raises before that is
   done, it waits. */
static int
deliver_later(ct_core *core, PyObject *record)
{
    PyObject *error = PyErr_GetRaisedException();
    int is_kept = 0;

    if (PyList_GET_ITEM(record, CT_CONTEXT) != Py_None) {
        is_kept = keep_for_delivery(core, record, Py_None);
    }
    if (is_kept == 0 && PyErr_GivenExceptionMatches(error, PyExc_RecursionError)) {
        Py_DECREF(error);
        return 0;
    }
    PyErr_SetRaisedException(error);
    return -1;
}

/* Let Python decide what becomes of an entry that the log has no room for. */
CT_RARE static int
deliver_to_python(ct_core *core, ct_entry *entry)
{
    PyObject *record = ct_record_of(core->log, entry, 1), *done = NULL;
    int is_delivered = -1;

    ct_release_entry(entry);
    /* Anything but None says that it is not in the log yet. */
    if (record != NULL && PyList_SetItem(record, CT_CONTEXT, Py_NewRef(Py_False)) == 0) {
        done = PyObject_CallOneArg(core->overflow, record);
        is_delivered = done != NULL ? 0 : deliver_later(core, record);
    }
    Py_XDECREF(record);
    Py_XDECREF(done);
    return is_delivered;
}

/* Hand a finished entry, taken off its stack, to the log, or to Python where that is full. */
static inline int
deliver(ct_core *core, ct_entry *entry)
{
    PyObject *context = entry->context;
    int is_delivered;

    entry->context = NULL;
    if (CT_LIKELY(core->log->count < core->log->watermark)) {
        is_delivered = ct_log_put(core->log, entry);
        if (is_delivered < 0) {
            ct_release_entry(entry);
        }
    }
    else {
        is_delivered = deliver_to_python(core, entry);
    }
    /* Last of all: its end may run code of the program, which pushes entries over this one.  A generator that
       was collected while it was suspended has none. */
    if (CT_UNLIKELY(is_delivered < 0)) {
        PyObject *error = PyErr_GetRaisedException();
        Py_XDECREF(context);
        PyErr_SetRaisedException(error);
    }
    else {
        Py_XDECREF(context);
    }
    return is_delivered;
}

int
ct_deliver(ct_core *core, ct_entry *entry)
{
    return deliver(core, entry);
}

/* Put the result of the topmost call behind its arguments.  1: the call has it, or no level of the stack is left
   for its capture; 0: left to Python; -1: an exception. */
static int
keep_result(ct_core *core, ct_thread *thread, const PyObject *code, PyObject *value)
{
    ct_writer writer;
    int is_written = ct_write_result(&writer, core, thread, value);

    if (is_written == 0) {
        return 0;
    }
    if (is_written < 0) {
        if (!PyErr_ExceptionMatches(PyExc_RecursionError)) {
            return -1;
        }
        PyErr_Clear();
        return ct_top(thread) != NULL && ct_top(thread)->code == code;
    }
    ct_entry *entry = ct_top(thread);
    size_t written = (size_t)(writer.at - writer.begin);
    entry->has_result = 1;
    entry->value_bytes += (uint32_t)written;
    entry->holds_objects |= writer.holds_objects != 0;
    if (written + writer.shared_bytes > FREE_BYTES) {
        ct_log_charge(core->log, written + writer.shared_bytes);
    }
    return 1;
}

/* The same for what nobody has to look at: 0 for anything else. */
static inline int
keep_plain_result(const ct_thread *thread, ct_entry *entry, PyObject *value)
{
    char *at = ct_values_of(entry) + entry->value_bytes;
    const char *behind = ct_put_plain(entry->site, at, thread->bytes + thread->capacity, value);

    if (behind == NULL) {
        return 0;
    }
    entry->has_result = 1;
    entry->value_bytes += (uint32_t)(behind - at);
    return 1;
}

/* A text, or what texts are in, has a length: no form's field or table's column, which are made by their names as
   well.  Its class alone is asked: `PyObject_Length` would run the program's code. */
static int
may_hold_text(PyObject *value)
{
    const PySequenceMethods *sequence = Py_TYPE(value)->tp_as_sequence;
    const PyMappingMethods *mapping = Py_TYPE(value)->tp_as_mapping;
    return (sequence != NULL && sequence->sq_length != NULL) || (mapping != NULL && mapping->mp_length != NULL);
}

/* 1: ended; 0: left to Python; CT_ENDED_FAILING: an exception, with the entry off its stack; -1: any other. */
int
ct_end_call(ct_core *core, ct_thread *thread, ct_entry *entry, PyObject *value)
{
    ct_site *site = entry->site;
    PyObject *code = entry->code;
    int64_t now;

    if (entry->is_sampled_out || entry->is_unrecorded) {
        ct_pop(thread);
        ct_release_entry(entry);
        return 1;
    }
    if (ct_read_clock(core, &now) < 0) {
        return -1;
    }
    if (CT_UNLIKELY(core->clock != NULL)) {     /* it may let another thread make the entry a record */
        entry = ct_top(thread);
        if (entry == NULL || entry->code != code) {
            return 0;
        }
        site = entry->site;
    }
    if (CT_UNLIKELY(site->owner != NULL) && !may_hold_text(value)) {
        entry->site = site = site->owner;
    }
    if (CT_UNLIKELY(site->result_place != NULL)) {
        int is_known = ct_is_nothing_new(&core->learned, value);
        if (is_known <= 0) {
            return is_known;    /* Python learns it: another thread may make the entry a record meanwhile */
        }
    }
    if (site->fixed_result == NULL && !keep_plain_result(thread, entry, value)) {
        int is_kept = keep_result(core, thread, code, value);
        if (is_kept <= 0) {
            return is_kept;
        }
        entry = ct_top(thread);
    }
    entry->end = now > entry->start ? now : entry->start;
    if (entry->suspends) {
        entry->busy += now - entry->resumed;
    }
    ct_pop(thread);
    return deliver(core, entry) < 0 ? CT_ENDED_FAILING : 1;
}

/* Whether the call below the topmost one is left out unless an exception leaves it: who fails in it waits for
   that. */
static int
stands_on_left_out(const ct_thread *thread, const ct_entry *entry)
{
    if (entry->below != 0) {
        return ((const ct_entry *)((const char *)entry - entry->below))->is_sampled_out;
    }
    PyObject *stack = thread->python_stack;
    Py_ssize_t height = stack == NULL ? 0 : PyList_GET_SIZE(stack);
    PyObject *record = height == 0 ? NULL : PyList_GET_ITEM(stack, height - 1);
    return record != NULL && PyList_GET_ITEM(record, CT_PLAN) == Py_None
        && PyList_GET_ITEM(record, CT_RESULT) != Py_None;
}

/* Let Python describe what leaves the topmost call, with the open calls left where they are.  1: it has; 0: the
   call is ended later, or there is no entry any more; -1: an exception. */
static int
describe_in_python(ct_core *core, ct_thread *thread, PyObject *code, PyObject *error, int64_t now,
                   int *ending, PyObject **description)
{
    ct_entry *entry = ct_top(thread);
    int is_described = -1;
    PyObject *found;

    if (entry == NULL || entry->code != code) {
        return 0;
    }
    PyObject *segment = Py_NewRef(entry->segment), *plan = Py_NewRef(entry->site->plan);
    PyObject *told = PyObject_CallFunction(core->describe, "OOOOL", code, plan, segment, error,
                                           (long long)now);
    Py_DECREF(segment);
    Py_DECREF(plan);
    if (told == NULL) {
        /* Where no level of the stack is left, the call is ended later. */
        is_described = PyErr_ExceptionMatches(PyExc_RecursionError) ? 0 : -1;
        if (is_described == 0) {
            PyErr_Clear();
        }
        return is_described;
    }
    entry = ct_top(thread);
    if (entry == NULL || entry->code != code) {
        is_described = 0;       /* a signal's handler made the calls records meanwhile */
    }
    else if (PyArg_ParseTuple(told, "iO:describe", ending, &found)) {
        *description = found == Py_None ? NULL : Py_NewRef(found);
        is_described = 1;
    }
    Py_DECREF(told);
    return is_described;
}

/* As `ct_end_call`, for a call that an exception leaves. */
int
ct_end_raised(ct_core *core, ct_thread *thread, PyObject *code, PyObject *error)
{
    ct_entry *entry = ct_top(thread);
    PyObject *description = NULL;
    int64_t now;
    int ending;

    if (entry->is_unrecorded) {
        ct_pop(thread);
        ct_release_entry(entry);
        return 1;
    }
    if (entry->is_sampled_out || stands_on_left_out(thread, entry) || entry->site->reads_at_error) {
        return 0;       /* it may be kept after all, or there is more to read */
    }
    if (ct_read_clock(core, &now) < 0) {
        return -1;
    }
    entry = ct_top(thread);
    if (entry == NULL || entry->code != code) {
        return 0;
    }
    int is_described = ct_describe(core, entry, error, now, &ending, &description);
    if (is_described == 0) {
        is_described = describe_in_python(core, thread, code, error, now, &ending, &description);
    }
    if (is_described <= 0) {
        return is_described;
    }
    entry = ct_top(thread);
    entry->ending = (uint8_t)ending;
    entry->exception = description;
    entry->end = now > entry->start ? now : entry->start;
    if (entry->suspends) {
        entry->busy += now - entry->resumed;
    }
    ct_pop(thread);
    return ct_deliver(core, entry) < 0 ? -1 : 1;
}

/* Keep a record that Python had no room to finish until it is delivered. */
static int
defer_end(ct_core *core, PyObject *record, PyObject *kind, PyObject *value)
{
    PyObject *time;
    int64_t now;

    if (PyList_GET_ITEM(record, CT_PLAN) == Py_None) {
        return 0;
    }
    const ct_site *site = ct_site_of(core, PyList_GET_ITEM(record, CT_CODE));
    if (site != NULL && site->told != NULL && PyList_GET_ITEM(record, CT_PLAN) == site->told->plan) {
        site = site->told;
    }
    if (kind == Py_None && site != NULL) {
        PyObject *result = site->fixed_result;
        if (result == NULL && ct_is_plain(site, value)) {
            result = value;
        }
        if (result != NULL && PyList_SetItem(record, CT_RESULT, Py_NewRef(result)) < 0) {
            return -1;
        }
    }
    if (ct_read_clock(core, &now) < 0) {
        return -1;
    }
    time = PyLong_FromLongLong(now);
    if (time == NULL || PyList_SetItem(record, CT_END, time) < 0) {
        return -1;
    }
    return keep_for_delivery(core, record, kind);
}

/* Hand the end of a call to Python.  The Python callbacks see to it that a call's end needs no more levels
   of the stack than its beginning; C takes none as a call begins.  So Python may not have begun, or may
   have given up before it took the record off: then the record is finished when it is delivered. */
PyObject *
ct_hand_on_end(ct_core *core, PyObject *callback, PyObject *const *arguments, Py_ssize_t count,
            PyObject *kind)
{
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL || ct_box(core, thread) < 0) {
        return NULL;
    }
    PyObject *stack = ct_python_stack(core, thread);
    if (stack == NULL && PyErr_Occurred()) {
        return NULL;
    }
    Py_ssize_t height = stack == NULL ? 0 : PyList_GET_SIZE(stack);
    PyObject *top = height < 2 ? NULL : PyList_GET_ITEM(stack, height - 1);
    if (top == NULL || PyList_GET_ITEM(top, CT_CODE) != arguments[0]) {
        return PyObject_Vectorcall(callback, arguments, (size_t)count, NULL);
    }
    Py_INCREF(stack);
    Py_INCREF(top);
    PyObject *result = PyObject_Vectorcall(callback, arguments, (size_t)count, NULL);
    if (result == NULL && !PyErr_ExceptionMatches(PyExc_RecursionError)) {
        goto done;
    }
    if (PyList_GET_SIZE(stack) != height || PyList_GET_ITEM(stack, height - 1) != top) {
        goto done;
    }
    PyErr_Clear();
    Py_XDECREF(result);
    result = NULL;
    if (PyList_SetSlice(stack, height - 1, height, NULL) == 0
        && defer_end(core, top, kind, arguments[2]) == 0) {
        result = Py_NewRef(Py_None);
    }
done:
    Py_DECREF(top);
    Py_DECREF(stack);
    return result;
}
