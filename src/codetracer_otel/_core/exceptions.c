/* Describes an exception that leaves a call, as the Python module of that name does where the exception is plain.

   Nothing here runs code of the program or ours: the open calls stay as they are. */

#include "classes.h"

#define MOST_FRAMES 64          /* of a traceback; Python leaves out the middle of a longer one */
#define MOST_ARGUMENTS 32       /* of an exception */
#define NO_LINE 0

/* What a traceback comes to: 1 if C may tell of it, 0 if it holds frames of ours or too many to be shown.  What is told
   inside, by the next traced frame, is told of all frames from there on. */
static int
look_through(const ct_core *core, const PyTracebackObject *entry, Py_ssize_t *length, int *is_told_inside)
{
    *length = *is_told_inside = 0;
    for (; entry != NULL; entry = entry->tb_next) {
        PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
        int is_traced = ct_site_of(core, (PyObject *)code) != NULL;
        Py_ssize_t is_ours = is_traced ? 0 : PyUnicode_Tailmatch(code->co_filename, core->own_folder, 0,
                                                                 PY_SSIZE_T_MAX, -1);
        Py_DECREF(code);
        if (is_ours != 0) {
            PyErr_Clear();
            return 0;
        }
        if (is_traced && *length != 0) {
            *is_told_inside = 1;
            return 1;
        }
        *length += 1;
    }
    return *length <= MOST_FRAMES;
}

static void
read_frames(ct_raised *raised, const PyTracebackObject *entry)
{
    for (Py_ssize_t i = 0; i < Py_SIZE(raised); i++, entry = entry->tb_next) {
        ct_raised_frame *frame = &raised->frames[i];
        PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
        int line = entry->tb_lineno >= 0 ? entry->tb_lineno : PyCode_Addr2Line(code, entry->tb_lasti);
        frame->file = Py_NewRef(code->co_filename);
        frame->function = Py_NewRef(code->co_qualname);
        frame->line = line < 0 ? NO_LINE : line;
        Py_DECREF(code);
    }
}

static int
is_scalar(PyObject *value)
{
    return value == Py_None || PyBool_Check(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value)
        || PyUnicode_CheckExact(value);
}

/* A text, cut. */
static PyObject *
new_cut(PyObject *text)
{
    return PyUnicode_GET_LENGTH(text) <= CT_LONGEST_MESSAGE
        ? Py_NewRef(text) : PyUnicode_Substring(text, 0, CT_LONGEST_MESSAGE);
}

/* What stands for a scalar in a message; NULL without an exception for an integer that Python shortens. */
static PyObject *
new_scalar_text(PyObject *value)
{
    int is_large = 0;
    if (PyLong_CheckExact(value)) {
        (void)PyLong_AsLongLongAndOverflow(value, &is_large);
    }
    if (is_large || !PyUnicode_CheckExact(value)) {
        return is_large ? NULL : PyObject_Repr(value);
    }
    PyObject *cut = new_cut(value);
    PyObject *text = cut == NULL ? NULL : PyObject_Repr(cut);
    Py_XDECREF(cut);
    return text;
}

/* "(first, second)", of scalars. */
static PyObject *
new_listing(PyObject *arguments)
{
    Py_ssize_t count = Py_MIN(PyTuple_GET_SIZE(arguments), MOST_ARGUMENTS);
    PyObject *texts = PyTuple_New(count), *whole = NULL, *message = NULL;
    PyObject *separator = PyUnicode_FromString(", ");

    for (Py_ssize_t i = 0; texts != NULL && i < count; i++) {
        PyObject *text = new_scalar_text(PyTuple_GET_ITEM(arguments, i));
        if (text == NULL) {
            Py_CLEAR(texts);
            break;
        }
        PyTuple_SET_ITEM(texts, i, text);
    }
    PyObject *joined = texts == NULL || separator == NULL ? NULL : PyUnicode_Join(separator, texts);
    if (joined != NULL) {
        whole = PyUnicode_FromFormat("(%U)", joined);
    }
    if (whole != NULL) {
        message = new_cut(whole);
    }
    Py_XDECREF(whole);
    Py_XDECREF(joined);
    Py_XDECREF(separator);
    Py_XDECREF(texts);
    return message;
}

/* The message that arguments come to, or the class where one of them is no scalar; NULL without an exception where
   Python has to say. */
static PyObject *
new_message(PyObject *arguments, PyObject *name)
{
    Py_ssize_t count = arguments == NULL ? 0 : PyTuple_GET_SIZE(arguments);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!is_scalar(PyTuple_GET_ITEM(arguments, i))) {
            return PyUnicode_FromFormat("<%U>", name);
        }
    }
    if (count == 0) {
        return PyUnicode_New(0, 0);
    }
    PyObject *first = PyTuple_GET_ITEM(arguments, 0);
    if (count > 1) {
        return new_listing(arguments);
    }
    return PyUnicode_CheckExact(first) ? new_cut(first) : new_scalar_text(first);
}

/* How the call of an entry ends that an exception leaves, and its description or NULL: 1 if C can tell, 0 if
   Python has to, -1 with an exception. */
int
ct_describe(ct_core *core, const ct_entry *entry, PyObject *error, int64_t now, int *ending,
            PyObject **description)
{
    PyBaseExceptionObject *left = (PyBaseExceptionObject *)error;
    const PyTracebackObject *traceback = (PyTracebackObject *)left->traceback;
    Py_ssize_t length;
    int is_told_inside;

    *description = NULL;
    if (core->own_folder == NULL || !entry->site->tells_errors) {
        return 0;
    }
    const ct_form *known = ct_form_of(&core->classes, Py_TYPE(error));
    if (known == NULL) {
        /* For the next one; where no level of the stack is left, that one is asked about again. */
        if (ct_learn_class(core, Py_TYPE(error)) < 0) {
            if (!PyErr_ExceptionMatches(PyExc_RecursionError)) {
                return -1;
            }
            PyErr_Clear();
        }
        return 0;
    }
    if (known->ending == 0 || !look_through(core, traceback, &length, &is_told_inside)) {
        return 0;
    }
    *ending = known->ending - 1;
    if (*ending != CT_RAISED) {
        return 1;
    }
    ct_raised *raised = ct_new_raised(core->raised_type, known->error_name, is_told_inside ? 0 : length);
    if (raised == NULL) {
        return -1;
    }
    raised->time = now;
    raised->is_innermost = !is_told_inside;
    if (!is_told_inside) {
        read_frames(raised, traceback);
        raised->message = new_message(left->args, known->error_name);
        if (raised->message == NULL) {
            Py_DECREF(raised);
            return PyErr_Occurred() ? -1 : 0;
        }
    }
    *description = (PyObject *)raised;
    return 1;
}
