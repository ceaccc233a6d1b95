/* Encoded spans in memory that is used again: a fresh page costs more than to encode a span. */

#include "texts.h"

/* Room for `more` bytes, with or without the GIL; -1 without an exception where there is no memory. */
int
ct_reserve(ct_output *output, size_t more)
{
    if (output->size + more <= output->capacity) {
        return 0;
    }
    size_t capacity = 2 * output->capacity + more;
    unsigned char *bytes = PyMem_RawRealloc(output->bytes, capacity);
    if (bytes == NULL) {
        return -1;
    }
    output->bytes = bytes;
    output->capacity = capacity;
    return 0;
}

/* Say that a span ends here. */
int
ct_end_span(ct_output *output)
{
    if (output->count == output->room) {
        Py_ssize_t room = output->room == 0 ? 2048 : 2 * output->room;
        size_t *ends = PyMem_RawRealloc(output->ends, (size_t)room * sizeof(size_t));
        if (ends == NULL) {
            return -1;
        }
        output->ends = ends;
        output->room = room;
    }
    output->ends[output->count++] = output->size;
    return 0;
}

static int
refuse_while_shared(const ct_output *output)
{
    if (output->exports != 0) {
        PyErr_SetString(PyExc_BufferError, "somebody still reads these spans");
        return -1;
    }
    return 0;
}

static PyObject *
output_append(ct_output *output, PyObject *span)
{
    char *bytes;
    Py_ssize_t size;

    if (refuse_while_shared(output) < 0 || PyBytes_AsStringAndSize(span, &bytes, &size) < 0) {
        return NULL;
    }
    if (ct_put_bytes(output, bytes, (size_t)size) < 0 || ct_end_span(output) < 0) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

/* Let Python write a record: bytes, or None for one that cannot be. */
int
ct_write_in_python(ct_output *output, Py_ssize_t index, PyObject *one)
{
    PyObject *written = PyObject_CallFunction(one, "n", index);
    PyObject *done = written == NULL || written == Py_None
        ? Py_XNewRef(written) : output_append(output, written);
    Py_XDECREF(written);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static PyObject *
output_clear(ct_output *output, PyObject *Py_UNUSED(ignored))
{
    if (refuse_while_shared(output) < 0) {
        return NULL;
    }
    output->size = 0;
    output->count = 0;
    Py_RETURN_NONE;
}

static PyObject *
output_is_shared(ct_output *output, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(output->exports != 0);
}

static Py_ssize_t
output_length(ct_output *output)
{
    return output->count;
}

static PyObject *
output_item(ct_output *output, Py_ssize_t index)
{
    if (index < 0 || index >= output->count) {
        PyErr_SetString(PyExc_IndexError, "span index out of range");
        return NULL;
    }
    return PyLong_FromSize_t(output->ends[index]);
}

static int
output_get_buffer(ct_output *output, Py_buffer *view, int flags)
{
    static unsigned char nothing;   /* a buffer has an address */
    void *bytes = output->bytes == NULL ? &nothing : output->bytes;
    if (PyBuffer_FillInfo(view, (PyObject *)output, bytes, (Py_ssize_t)output->size, 1, flags) < 0) {
        return -1;
    }
    output->exports++;
    return 0;
}

static void
output_release_buffer(ct_output *output, Py_buffer *Py_UNUSED(view))
{
    output->exports--;
}

static void
output_dealloc(ct_output *output)
{
    PyTypeObject *type = Py_TYPE(output);
    PyMem_RawFree(output->bytes);
    PyMem_RawFree(output->ends);
    type->tp_free(output);
    Py_DECREF(type);
}

static PyMethodDef output_methods[] = {
    {"append", (PyCFunction)output_append, METH_O,
     PyDoc_STR("append(span)\n--\n\nAdd the bytes of a span.")},
    {"clear", (PyCFunction)output_clear, METH_NOARGS,
     PyDoc_STR("clear()\n--\n\nForget the spans and keep their memory.")},
    {0}
};

static PyGetSetDef output_attributes[] = {
    {"is_shared", (getter)output_is_shared, NULL, PyDoc_STR("Whether a buffer of it is in use."), NULL},
    {0}
};

static PyType_Slot output_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Encoded spans: a buffer, and a sequence of where each of them ends.")},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_dealloc, output_dealloc},
    {Py_tp_methods, output_methods},
    {Py_tp_getset, output_attributes},
    {Py_sq_length, output_length},
    {Py_sq_item, output_item},
    {Py_bf_getbuffer, output_get_buffer},
    {Py_bf_releasebuffer, output_release_buffer},
    {0, NULL}
};

PyType_Spec ct_output_spec = {
    .name = "codetracer_otel._core.native.Output",
    .basicsize = sizeof(ct_output),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = output_slots,
};
