/* Describes an exception that leaves a call, as the Python module of that name does where the exception is plain.

   Nothing here runs code of the program or ours: the open calls stay as they are. */

#include "classes.h"

#define LONGEST_MESSAGE 1024
#define MOST_FRAMES 64          /* of a traceback; Python leaves out the middle of a longer one */
#define MOST_ARGUMENTS 32       /* of an exception */
#define NO_LINE 0

enum { TYPE_NAME, MESSAGE, FRAMES, TIME, INNERMOST, STACK_TRACE, MESSAGE_IS_CUT };

/* `told`: None, or (class of descriptions, folder of our own code). */
int
ct_read_descriptions(ct_descriptions *descriptions, PyObject *told)
{
    static const char *const names[CT_DESCRIPTION_SLOTS] = {
        [TYPE_NAME] = "type_name", [MESSAGE] = "message", [FRAMES] = "frames", [TIME] = "time_ns",
        [INNERMOST] = "innermost", [STACK_TRACE] = "stack_trace", [MESSAGE_IS_CUT] = "message_is_cut",
    };
    PyObject *type, *folder;
    if (told == Py_None) {
        return 0;
    }
    if (!PyArg_ParseTuple(told, "O!U:descriptions", &PyType_Type, &type, &folder)) {
        return -1;
    }
    for (int i = 0; i < CT_DESCRIPTION_SLOTS; i++) {
        PyObject *slot = PyObject_GetAttrString(type, names[i]);
        descriptions->slots[i] = slot == NULL ? -1 : ct_offset_of((PyTypeObject *)type, slot);
        Py_XDECREF(slot);
        if (descriptions->slots[i] < 0) {
            if (!PyErr_Occurred()) {
                PyErr_Format(PyExc_TypeError, "a description has no slot %s", names[i]);
            }
            return -1;
        }
    }
    descriptions->type = (PyTypeObject *)Py_NewRef(type);
    descriptions->own_folder = Py_NewRef(folder);
    descriptions->wall_offset_name = PyUnicode_InternFromString("wall_offset_ns");
    return descriptions->wall_offset_name == NULL ? -1 : 0;
}

int
ct_visit_descriptions(ct_descriptions *descriptions, visitproc visit, void *arg)
{
    Py_VISIT(descriptions->type);
    return 0;
}

void
ct_clear_descriptions(ct_descriptions *descriptions)
{
    Py_CLEAR(descriptions->type);
    Py_CLEAR(descriptions->own_folder);
    Py_CLEAR(descriptions->wall_offset_name);
}

/* What a traceback comes to: 1 if C may tell of it, 0 if it holds frames of ours or too many to be shown. */
static int
look_through(const ct_core *core, const PyTracebackObject *entry, Py_ssize_t *length, int *is_told_inside)
{
    *length = *is_told_inside = 0;
    for (; entry != NULL; entry = entry->tb_next) {
        PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
        int is_traced = ct_site_of(core, (PyObject *)code) != NULL;
        Py_ssize_t is_ours = is_traced ? 0 : PyUnicode_Tailmatch(code->co_filename,
                                                                 core->descriptions.own_folder, 0,
                                                                 PY_SSIZE_T_MAX, -1);
        Py_DECREF(code);
        if (is_ours != 0) {
            PyErr_Clear();
            return 0;
        }
        *is_told_inside |= is_traced && *length != 0;
        *length += 1;
    }
    return *is_told_inside || *length <= MOST_FRAMES;
}

static PyObject *
new_frame(const PyTracebackObject *entry)
{
    PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
    int number = entry->tb_lineno >= 0 ? entry->tb_lineno : PyCode_Addr2Line(code, entry->tb_lasti);
    PyObject *line = PyLong_FromLong(number < 0 ? NO_LINE : number);
    PyObject *frame = line == NULL ? NULL : PyTuple_Pack(3, code->co_filename, line, code->co_qualname);
    Py_XDECREF(line);
    Py_DECREF(code);
    return ct_without_cycles(frame);
}

static PyObject *
new_frames(const PyTracebackObject *entry, Py_ssize_t length)
{
    PyObject *frames = PyTuple_New(length);
    for (Py_ssize_t i = 0; frames != NULL && i < length; i++, entry = entry->tb_next) {
        PyObject *frame = new_frame(entry);
        if (frame == NULL) {
            Py_CLEAR(frames);
            break;
        }
        PyTuple_SET_ITEM(frames, i, frame);
    }
    return ct_without_cycles(frames);
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
    return PyUnicode_GET_LENGTH(text) <= LONGEST_MESSAGE
        ? Py_NewRef(text) : PyUnicode_Substring(text, 0, LONGEST_MESSAGE);
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

static PyObject *
new_time(const ct_core *core, PyObject *segment, int64_t now)
{
    PyObject *offset = PyObject_GetAttr(segment, core->descriptions.wall_offset_name);
    int64_t wall = offset == NULL ? -1 : PyLong_AsLongLong(offset);
    Py_XDECREF(offset);
    return PyErr_Occurred() ? NULL : PyLong_FromLongLong(now + wall);
}

/* Takes over what is given, of which some may be NULL. */
static PyObject *
new_description(const ct_descriptions *descriptions, PyObject *name, PyObject *message, PyObject *frames,
                PyObject *time, int is_innermost)
{
    PyObject *values[CT_DESCRIPTION_SLOTS] = {
        [TYPE_NAME] = Py_NewRef(name), [MESSAGE] = message, [FRAMES] = frames, [TIME] = time,
        [INNERMOST] = PyBool_FromLong(is_innermost), [STACK_TRACE] = PyUnicode_New(0, 0),
        [MESSAGE_IS_CUT] = PyBool_FromLong(message != NULL
                                           && PyUnicode_GET_LENGTH(message) >= LONGEST_MESSAGE),
    };
    int is_whole = message != NULL && frames != NULL && time != NULL;
    PyObject *made = is_whole ? PyType_GenericAlloc(descriptions->type, 0) : NULL;
    for (int i = 0; i < CT_DESCRIPTION_SLOTS; i++) {
        if (made != NULL) {
            *(PyObject **)((char *)made + descriptions->slots[i]) = values[i];
        }
        else {
            Py_XDECREF(values[i]);
        }
    }
    return ct_without_cycles(made);
}

/* How the call of an entry ends that an exception leaves, and its description or NULL: 1 if C can tell, 0 if
   Python has to, -1 with an exception. */
int
ct_describe(ct_core *core, const ct_entry *entry, PyObject *error, int64_t now, int *ending,
            PyObject **description)
{
    PyBaseExceptionObject *raised = (PyBaseExceptionObject *)error;
    const PyTracebackObject *traceback = (PyTracebackObject *)raised->traceback;
    Py_ssize_t length;
    int is_told_inside;

    *description = NULL;
    if (core->descriptions.type == NULL || !entry->site->tells_errors) {
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
    PyObject *message = is_told_inside ? PyUnicode_New(0, 0) : new_message(raised->args, known->error_name);
    if (message == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    *description = new_description(&core->descriptions, known->error_name, message,
                                   new_frames(traceback, is_told_inside ? 0 : length),
                                   new_time(core, entry->segment, now), !is_told_inside);
    return *description == NULL ? -1 : 1;
}
