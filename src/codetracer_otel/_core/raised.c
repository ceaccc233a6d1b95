/* What is told of an exception: as it waits in an entry, and as records have it. */

#include "core.h"

enum { TYPE_NAME, MESSAGE, FRAMES, TIME, INNERMOST, STACK_TRACE, MESSAGE_IS_CUT };

/* With room for frames, which hold nothing yet. */
ct_raised *
ct_new_raised(PyTypeObject *type, PyObject *name, Py_ssize_t length)
{
    ct_raised *raised = PyObject_NewVar(ct_raised, type, length);
    if (raised != NULL) {
        raised->type_name = Py_NewRef(name);
        raised->message = NULL;
        memset(raised->frames, 0, (size_t)length * sizeof(ct_raised_frame));
    }
    return raised;
}

static void
raised_dealloc(PyObject *object)
{
    ct_raised *raised = (ct_raised *)object;
    PyTypeObject *type = Py_TYPE(object);
    for (Py_ssize_t i = 0; i < Py_SIZE(object); i++) {
        Py_XDECREF(raised->frames[i].file);
        Py_XDECREF(raised->frames[i].function);
    }
    Py_DECREF(raised->type_name);
    Py_XDECREF(raised->message);
    PyObject_Free(raised);
    Py_DECREF(type);
}

static PyObject *
new_frames(const ct_raised *raised)
{
    PyObject *frames = PyTuple_New(Py_SIZE(raised));
    for (Py_ssize_t i = 0; frames != NULL && i < Py_SIZE(raised); i++) {
        const ct_raised_frame *told = &raised->frames[i];
        PyObject *frame = ct_without_cycles(Py_BuildValue("OiO", told->file, told->line, told->function));
        if (frame == NULL) {
            Py_CLEAR(frames);
            break;
        }
        PyTuple_SET_ITEM(frames, i, frame);
    }
    return ct_without_cycles(frames);
}

/* Unix time. */
static PyObject *
new_time(const ct_model *model, const ct_entry *entry, int64_t now)
{
    PyObject *offset = PyObject_GetAttr(entry->segment, model->wall_offset_name);
    int64_t wall = offset == NULL ? -1 : PyLong_AsLongLong(offset);
    Py_XDECREF(offset);
    return PyErr_Occurred() ? NULL : PyLong_FromLongLong(now + wall);
}

/* What Python has told of the exception that left the call of an entry, or would have. */
PyObject *
ct_told_of(const ct_model *model, const ct_entry *entry)
{
    if (Py_TYPE(entry->exception)->tp_dealloc != raised_dealloc) {
        return Py_NewRef(entry->exception);
    }
    const ct_raised *raised = (ct_raised *)entry->exception;
    int is_cut = raised->message != NULL && PyUnicode_GET_LENGTH(raised->message) >= CT_LONGEST_MESSAGE;
    PyObject *frames = new_frames(raised);
    PyObject *time = frames == NULL ? NULL : new_time(model, entry, raised->time);
    PyObject *values[CT_TOLD_SLOTS] = {
        [TYPE_NAME] = Py_NewRef(raised->type_name),
        [MESSAGE] = raised->message == NULL ? PyUnicode_New(0, 0) : Py_NewRef(raised->message),
        [FRAMES] = frames,
        [TIME] = time,
        [INNERMOST] = PyBool_FromLong(raised->is_innermost),
        [STACK_TRACE] = PyUnicode_New(0, 0),
        [MESSAGE_IS_CUT] = PyBool_FromLong(is_cut),
    };
    PyObject *made = time != NULL ? PyType_GenericAlloc(model->told, 0) : NULL;
    for (int i = 0; i < CT_TOLD_SLOTS; i++) {
        if (made != NULL) {
            *(PyObject **)((char *)made + model->told_slots[i]) = values[i];
        }
        else {
            Py_XDECREF(values[i]);
        }
    }
    return ct_without_cycles(made);
}

static PyType_Slot raised_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("What is told of an exception.")},
    {Py_tp_dealloc, raised_dealloc},
    {0, NULL}
};

PyType_Spec ct_raised_spec = {
    .name = "codetracer_otel._core.native.Raised",
    .basicsize = sizeof(ct_raised),
    .itemsize = sizeof(ct_raised_frame),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = raised_slots,
};
