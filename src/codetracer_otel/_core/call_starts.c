/* How a call begins as a native entry: its parent, its arguments, its id.

   Nothing here runs code of the program, except the capture of a value that is not plain; all captures
   of a call are made before its entry is pushed, so that calls that happen meanwhile stand on the right
   entry, as in the Python recorder. */

#include "frames.h"     /* first: it says which of CPython's headers may be read */
#include "writer.h"

#define FREE_BYTES 256          /* of values, in what the record buffer counts for any record */

/* Without native entries the topmost record of the Python stack is asked, which becomes the thread's
   `python_stack`. */
static int
find_parent(ct_core *core, ct_thread *thread, PyObject *code, PyObject *context, ct_parent *found)
{
    ct_entry *below = ct_top(thread);
    if (below != NULL) {
        if (below->context != context) {
            return CT_NOT_FOUND;
        }
        *found = (ct_parent){Py_NewRef(below->segment), below->span_id, below->ratio_key, below->knows_ratio};
        return CT_FOUND;
    }
    /* Whoever gives the thread another stack lets its calls be boxed, which forgets this one. */
    PyObject *stack = thread->python_stack;
    if (stack == NULL && (stack = ct_python_stack(core, thread)) == NULL) {
        return PyErr_Occurred() ? -1 : CT_NOT_FOUND;
    }
    Py_ssize_t height = PyList_GET_SIZE(stack);
    PyObject *record = height == 0 ? NULL : PyList_GET_ITEM(stack, height - 1);
    if (record == NULL) {
        return CT_NOT_FOUND;
    }
    if (PyList_GET_ITEM(record, CT_CONTEXT) == core->roots.never) {
        return ct_begin_trace(core, thread, stack, code, context, found);
    }
    if (PyList_GET_ITEM(record, CT_CONTEXT) != context || PyList_GET_ITEM(record, CT_SEGMENT) == Py_None) {
        return CT_NOT_FOUND;
    }
    PyObject *number = PyList_GET_ITEM(record, CT_SPAN_ID);
    if (number != thread->number) {
        uint64_t read = PyLong_AsUnsignedLongLong(number);
        if (read == (uint64_t)-1 && PyErr_Occurred()) {
            return -1;
        }
        Py_XSETREF(thread->number, Py_NewRef(number));
        thread->number_read = read;
    }
    found->segment = Py_NewRef(PyList_GET_ITEM(record, CT_SEGMENT));
    found->span_id = thread->number_read;
    return CT_FOUND;
}

/* Also told to the entry that the call stands on, for its next one. */
static int
find_ratio_key(ct_core *core, const ct_thread *thread, ct_parent *below)
{
    PyObject *key = PyObject_GetAttr(below->segment, core->ratio_key_name);
    if (key == NULL) {
        return -1;
    }
    below->ratio_key = PyLong_AsUnsignedLongLong(key);
    Py_DECREF(key);
    if (below->ratio_key == (uint64_t)-1 && PyErr_Occurred()) {
        return -1;
    }
    below->knows_ratio = 1;
    ct_entry *parent = ct_top(thread);
    if (parent != NULL && parent->segment == below->segment) {
        parent->ratio_key = below->ratio_key;
        parent->knows_ratio = 1;
    }
    return 0;
}

/* Borrowed; None for a variable without a value. */
static PyObject *
read_variable(ct_frame *frame, int slot, int is_cell)
{
    PyObject *value = ct_local(frame, slot);
    if (value != NULL && is_cell && PyCell_Check(value)) {
        value = PyCell_GET(value);
    }
    return value == NULL ? Py_None : value;
}

static int
learn(PyObject *take, PyObject *value, PyObject *place)
{
    PyObject *done = PyObject_CallFunctionObjArgs(take, value, place, NULL);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Let the arguments that are hidden because of their names be found wherever else they appear: 1 if Python had
   to learn any. */
static int
learn_arguments(const ct_core *core, const ct_site *site, ct_frame *frame)
{
    Py_ssize_t count = PyTuple_GET_SIZE(site->taught);
    int were_new = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *place, *value;
        int slot, is_cell;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(site->taught, i), "ipO", &slot, &is_cell, &place)) {
            return -1;
        }
        value = Py_NewRef(read_variable(frame, slot, is_cell));
        int is_known = ct_is_nothing_new(&core->learned, value);
        int is_learned = is_known == 0 ? learn(site->learn, value, place) : is_known;
        Py_DECREF(value);
        if (is_learned < 0) {
            return -1;
        }
        were_new |= is_known == 0;
    }
    return were_new;
}

/* Write the captured arguments of the call that begins to where its entry will be: 1 if nobody but C had to
   look at them, 0 if Python did, -1 with an exception. */
static int
write_arguments(ct_writer *writer, const ct_site *site, ct_frame *frame)
{
    PyObject *values[CT_MAX_ARGUMENTS];
    int count = site->argument_count, done = 0, were_new = 0;

    if (CT_UNLIKELY(site->taught != NULL) && (were_new = learn_arguments(writer->core, site, frame)) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        values[i] = read_variable(frame, site->arguments[i].slot, site->arguments[i].is_cell);
    }
    int status = ct_write_values(writer, values, count, &done);
    if (CT_LIKELY(status == CT_WRITTEN)) {
        return !were_new;
    }
    /* Held before anything is called: it may let the program change its variables. */
    for (int i = 0; i < count; i++) {
        Py_INCREF(values[i]);
    }
    PyObject *error = PyErr_GetRaisedException();
    ct_drop_written(writer, (uint32_t)done);
    PyErr_SetRaisedException(error);
    if (status > 0) {
        status = ct_write_with_python(writer, values, count);
    }
    for (int i = 0; i < count; i++) {
        Py_DECREF(values[i]);
    }
    return status;
}

/* Whether Python keeps a record for a frame: of a generator whose end was not told. */
static int
is_known_to_python(ct_core *core, ct_frame *frame)
{
    if (PyDict_GET_SIZE(core->suspended) == 0) {
        return 0;
    }
    PyObject *key = PyLong_FromVoidPtr(frame);
    int is_known = key == NULL ? -1 : PyDict_Contains(core->suspended, key);
    Py_XDECREF(key);
    return is_known;
}

/* Before Python begins a generator: deliver the one that had its place. */
int
ct_abandon_in_this_frame(ct_core *core, const ct_site *site)
{
    ct_frame *frame = site->suspends ? ct_current_frame(PyThreadState_Get()) : NULL;
    return frame == NULL ? 0 : ct_abandon(core, frame);
}

/* The caller holds the site, and hands the context over if the call is recorded.
   CT_FOUND: it is; CT_REFUSED: it is not to be; CT_NOT_FOUND: left to Python, nothing
   has happened; -1: an exception. */
int
ct_begin_call(ct_core *core, ct_thread *thread, ct_site *site, PyObject *code, PyObject *context)
{
    ct_parent below = {0};
    ct_writer writer;
    int64_t now;

    ct_frame *frame = ct_current_frame(thread->tstate);
    if (frame == NULL || ct_code_of(frame) != code) {
        return CT_NOT_FOUND;    /* an event that C code reports of itself has no frame */
    }
    if (site->suspends) {
        int is_known = is_known_to_python(core, frame);
        if (is_known != 0 || ct_abandon(core, frame) < 0) {
            return is_known > 0 ? CT_NOT_FOUND : -1;
        }
    }
    int is_found = find_parent(core, thread, code, context, &below);
    if (is_found != CT_FOUND) {
        core->parentless += is_found == CT_NOT_FOUND;
        return is_found;
    }
    int is_sampled_out = 0;
    if (site->has_ratio_bound) {
        if (!below.knows_ratio && find_ratio_key(core, thread, &below) < 0) {
            Py_DECREF(below.segment);
            return -1;
        }
        is_sampled_out = below.ratio_key >= site->ratio_bound;
        *(is_sampled_out ? &site->sampled_out : &site->kept) += 1;
    }
    int is_unrecorded = 0, written = 1;
    uint64_t id = below.span_id;
    if ((!is_sampled_out && ct_new_span_id(core, thread, &id) < 0)
        || (core->clock != NULL && ct_read_clock(core, &now) < 0)) {
        goto error;
    }
    int has_values = !is_sampled_out && (site->argument_count != 0 || site->taught != NULL);
    if (has_values) {
        if (ct_begin_writing(&writer, core, thread, site, thread->top + sizeof(ct_entry)) < 0) {
            goto error;
        }
        written = write_arguments(&writer, site, frame);
        if (written < 0) {
            /* No level of the stack is left for a capture: the program may still have its call. */
            if (!PyErr_ExceptionMatches(PyExc_RecursionError)) {
                goto error;
            }
            PyErr_Clear();
            is_unrecorded = 1;
            id = below.span_id;
            has_values = 0;
        }
    }
    if (core->clock == NULL) {
        (void)ct_read_clock(core, &now);    /* last: what a capture took is not the call's */
    }
    /* Entries that were made records meanwhile may be of another stack than this thread's is now. */
    int may_have_changed = written <= 0 || core->clock != NULL || core->next_id != NULL;
    if (may_have_changed && ct_top(thread) == NULL && ct_python_stack(core, thread) == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_RuntimeError, "the thread's stack is gone");
        }
        goto error_with_values;
    }
    uint32_t value_bytes = has_values ? (uint32_t)(writer.at - writer.begin) : 0;
    ct_entry *entry = ct_push(thread, sizeof(ct_entry) + value_bytes);
    if (entry == NULL) {
        goto error_with_values;
    }
    int suspends = site->suspends && !is_unrecorded;
    site->references++;
    /* One by one, in place: an entry that is put together elsewhere and copied costs twice its bytes. */
    entry->value_bytes = value_bytes;
    entry->argument_count = (uint8_t)(has_values ? site->argument_count : 0);
    entry->has_result = 0;
    entry->holds_objects = has_values && writer.holds_objects != 0;
    entry->ending = CT_RETURNED;
    entry->site = has_values && CT_UNLIKELY(writer.tells_result) ? site->told : site;
    entry->code = Py_NewRef(code);
    entry->segment = below.segment;
    entry->context = context;
    entry->exception = NULL;
    entry->span_id = id;
    entry->parent_id = below.span_id;
    entry->ratio_key = below.ratio_key;
    entry->start = now;
    entry->end = 0;
    entry->resumed = suspends ? now : 0;
    entry->busy = 0;
    entry->frame = suspends ? frame : NULL;
    entry->suspensions = 0;
    entry->knows_ratio = (uint8_t)below.knows_ratio;
    entry->is_sampled_out = (uint8_t)is_sampled_out;
    entry->is_unrecorded = (uint8_t)is_unrecorded;
    entry->suspends = (uint8_t)suspends;
    size_t charged = has_values ? value_bytes + writer.shared_bytes : 0;
    if (charged > FREE_BYTES) {
        ct_log_charge(core->log, charged);
    }
    core->native_calls++;
    return CT_FOUND;

error_with_values:
    if (has_values) {
        PyObject *error = PyErr_GetRaisedException();
        ct_drop_written(&writer, (uint32_t)site->argument_count);
        PyErr_SetRaisedException(error);
    }
error:
    Py_DECREF(below.segment);
    return -1;
}
