/* Values of a call as bytes; where Python has to say something, it is asked in between.

   Python code may let everything happen: other calls of the thread, the end of the session.  So nothing that
   was written is kept across it, and what is still to be written is held. */

#include "writer.h"

#define NO_ARGUMENT -2          /* no call has its keywords there */
#define MOST_ANSWERS 64         /* to one call; then Python captures what is not clear yet */

static int
write_one(ct_writer *writer, PyObject *value, int index)
{
    if (index == 0 && writer->site->has_receiver) {
        return ct_write_receiver(writer, value);
    }
    return index == writer->site->keywords_index
        ? ct_write_keywords(writer, value) : ct_write_value(writer, value);
}

/* Whether an argument may say of another one, or of the result, that it is a secret; the site has such. */
static int
check_pairs(ct_writer *writer, PyObject *const *values)
{
    const ct_site *site = writer->site;
    Py_ssize_t count = PyTuple_GET_SIZE(site->naming);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = values[PyLong_AsLong(PyTuple_GET_ITEM(site->naming, i))];
        long verdict = CT_SHOWN;
        int status = PyBytes_CheckExact(name) ? CT_FOR_PYTHON
            : PyUnicode_CheckExact(name) ? ct_verdict_on(writer, site->verdicts, name, &verdict)
            : CT_WRITTEN;
        if (status != CT_WRITTEN || !(verdict & CT_SHOWN)) {
            return status == CT_WRITTEN ? CT_FOR_PYTHON : status;
        }
    }
    return CT_WRITTEN;
}

/* Drop whole values that will be written anew. */
void
ct_drop_written(ct_writer *writer, uint32_t count)
{
    (void)ct_visit_values(writer->begin, count, ct_drop, NULL);
    writer->at = writer->begin;
}

/* Write values that nobody but C has to look at; `*done` of them are there afterwards. */
int
ct_write_values(ct_writer *writer, PyObject *const *values, int count, int *done)
{
    const ct_site *site = writer->site;
    int status = site->naming == NULL ? CT_WRITTEN : check_pairs(writer, values), i = 0;
    while (i < count && status == CT_WRITTEN) {
        char *behind = ct_put_plain(site, writer->at, writer->end, values[i]);
        if (CT_LIKELY(behind != NULL)) {
            writer->at = behind;
        }
        else {
            status = write_one(writer, values[i], i);
        }
        i += status == CT_WRITTEN;
    }
    *done = i;
    return status;
}

static int
ask_about_name(ct_writer *writer)
{
    const ct_site *site = writer->site;
    PyObject *judge = writer->verdicts == site->verdicts ? site->judge : site->judge_keyword;
    PyObject *told = PyObject_CallOneArg(judge, writer->wanted);
    Py_XDECREF(told);
    return told == NULL ? -1 : 0;
}

/* Let Python say what stopped the writer. */
static int
ask(ct_writer *writer, int status)
{
    writer->core->answers++;
    PyObject *wanted = Py_NewRef(writer->wanted);
    int is_told = status == CT_UNKNOWN_NAME ? ask_about_name(writer)
        : status == CT_UNNAMED_CLASS ? ct_learn_name(writer->core, (PyTypeObject *)wanted)
        : ct_learn_class(writer->core, (PyTypeObject *)wanted);
    Py_DECREF(wanted);
    return is_told;
}

/* Let Python capture a value, which is replaced by what it makes. */
static int
capture(ct_core *core, const ct_site *site, PyObject **value, int index)
{
    core->captured_values++;
    PyObject *by = index == site->keywords_index ? site->capture_keywords : site->capture;
    PyObject *captured = index == 0 && site->has_receiver
        ? PyObject_CallFunctionObjArgs(by, *value, Py_True, NULL) : PyObject_CallOneArg(by, *value);
    if (captured == NULL) {
        return -1;
    }
    Py_SETREF(*value, captured);
    PyObject *charged = PyObject_CallFunction(core->charge, "((O))", captured);
    Py_XDECREF(charged);
    return charged == NULL ? -1 : 0;
}

/* Let Python hide the arguments that others name as secrets, and say whether the result is one. */
static int
hide_told(const ct_site *site, PyObject **values, int count, uint32_t *captured, int *tells_result)
{
    PyObject *given = PyTuple_New(count), *said = NULL, *shown;
    for (int i = 0; given != NULL && i < count; i++) {
        PyTuple_SET_ITEM(given, i, Py_NewRef(values[i]));
    }
    if (given != NULL) {
        said = PyObject_CallOneArg(site->hide_told, given);
        Py_DECREF(given);
    }
    if (said == NULL || !PyArg_ParseTuple(said, "O!p:hide_told", &PyTuple_Type, &shown, tells_result)
        || PyTuple_GET_SIZE(shown) != count) {
        Py_XDECREF(said);
        return -1;
    }
    for (int i = 0; i < count; i++) {
        PyObject *value = PyTuple_GET_ITEM(shown, i);
        *captured |= (uint32_t)(value != values[i]) << i;
        Py_SETREF(values[i], Py_NewRef(value));
    }
    *tells_result = *tells_result && site->told != NULL;
    Py_DECREF(said);
    return 0;
}

/* Write values of which Python has to look at some; they are held, and replaced by what it makes of them.
   `captured`: what is one already, a bit for each. */
static int
write_held(ct_writer *writer, PyObject **values, int count, uint32_t captured, int *done)
{
    int status = CT_WRITTEN;
    for (*done = 0; *done < count && status == CT_WRITTEN; *done += status == CT_WRITTEN) {
        PyObject *value = values[*done];
        if (captured >> *done & 1) {
            status = ct_need(writer, ct_value_room(value));
            if (status == CT_WRITTEN) {
                ct_put_value(writer, value);
            }
        }
        else {
            status = write_one(writer, value, *done);
        }
    }
    return status;
}

/* As `ct_write_values`, with Python's help, where the next entry's values go.  The values are held, and
   `values` afterwards whatever Python made of them. */
int
ct_write_with_python(ct_writer *writer, PyObject **values, int count)
{
    ct_core *core = writer->core;
    ct_thread *thread = writer->thread;
    const ct_site *site = writer->site;
    uint32_t captured = 0;
    int are_paired = site->naming != NULL, tells_result = 0, done = 0;

    for (int answers = 0;; answers++) {
        if (ct_begin_writing(writer, core, thread, site, thread->top + sizeof(ct_entry)) < 0) {
            return -1;
        }
        int status = are_paired ? check_pairs(writer, values) : CT_WRITTEN, is_writing = status == CT_WRITTEN;
        if (is_writing) {
            status = write_held(writer, values, count, captured, &done);
        }
        if (status == CT_WRITTEN) {
            writer->tells_result = tells_result;
            return 0;
        }
        PyObject *error = PyErr_GetRaisedException();
        ct_drop_written(writer, is_writing ? (uint32_t)done : 0);
        PyErr_SetRaisedException(error);
        if (status > 0 && status != CT_FOR_PYTHON && answers < MOST_ANSWERS) {
            status = ask(writer, status);
        }
        else if (status > 0 && is_writing) {
            status = capture(core, site, &values[done], done);
            captured |= 1u << done;
        }
        else if (status > 0) {
            status = hide_told(site, values, count, &captured, &tells_result);
            are_paired = 0;
        }
        if (status < 0) {
            return -1;
        }
    }
}

/* The result of the topmost call, behind its arguments.  1: written; 0: left to Python, for the stack has
   changed, or code of the program might run; -1: an exception. */
int
ct_write_result(ct_writer *writer, ct_core *core, ct_thread *thread, PyObject *result)
{
    PyObject *code = ct_top(thread)->code, *value = Py_NewRef(result);
    const ct_site *site = ct_top(thread)->site;
    int is_written = -1, is_captured = 0;

    for (int answers = 0;; answers++) {
        ct_entry *entry = ct_top(thread);
        if (entry == NULL || entry->code != code) {
            is_written = 0;     /* a signal's handler made the calls records meanwhile */
            break;
        }
        size_t from = thread->last + sizeof(ct_entry) + entry->value_bytes;
        if (ct_begin_writing(writer, core, thread, site, from) < 0) {
            break;
        }
        int status = is_captured ? write_held(writer, &value, 1, 1, &(int){0})
            : ct_write_value(writer, value);
        if (status == CT_WRITTEN) {
            is_written = 1;
            break;
        }
        if (status > 0 && core->runs_code) {
            is_written = 0;
            break;
        }
        if (status > 0 && status != CT_FOR_PYTHON && answers < MOST_ANSWERS) {
            status = ask(writer, status);
        }
        else if (status > 0) {
            is_captured = 1;
            status = capture(core, site, &value, NO_ARGUMENT);
        }
        if (status < 0) {
            break;
        }
    }
    Py_DECREF(value);
    return is_written;
}
