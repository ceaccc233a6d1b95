/* Reads the forms of plans, segments and objects. */

#include "forms.h"

static int
read_piece(PyObject *bytes, piece *found)
{
    if (!PyBytes_Check(bytes)) {
        PyErr_SetString(PyExc_TypeError, "encoded parts are bytes");
        return -1;
    }
    *found = (piece){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
    return 0;
}

static int
refuse_form(void)
{
    PyErr_SetString(PyExc_TypeError, "a form is a tuple or None");
    return -1;
}

static int
read_plan(PyObject *form, ct_plan_form *plan)
{
    PyObject *constant, *state, *result, *fixed_result, *busy, *suspensions, *end;

    *plan = (ct_plan_form){0};
    if (form == Py_None) {
        return 0;
    }
    if (!PyTuple_Check(form)) {
        return refuse_form();
    }
    if (!PyArg_ParseTuple(form, "SOO!SSSSS:plan", &constant, &state, &PyTuple_Type, &plan->keys, &result,
                          &fixed_result, &busy, &suspensions, &end)) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(plan->keys); i++) {
        piece ignored;
        if (read_piece(PyTuple_GET_ITEM(plan->keys, i), &ignored) < 0) {
            return -1;
        }
    }
    plan->is_known = 1;
    if (state != Py_None && read_piece(state, &plan->state) < 0) {
        return -1;
    }
    (void)read_piece(constant, &plan->constant);
    (void)read_piece(result, &plan->result);
    (void)read_piece(fixed_result, &plan->fixed_result);
    (void)read_piece(busy, &plan->busy);
    (void)read_piece(suspensions, &plan->suspensions);
    return read_piece(end, &plan->end);
}

static int
read_segment(PyObject *form, ct_segment_form *segment, const ct_forms *forms)
{
    PyObject *child, *remote, *state, *suffix;
    unsigned long long remote_id;
    long long wall_offset;

    *segment = (ct_segment_form){0};
    if (form == Py_None) {
        return 0;
    }
    if (!PyTuple_Check(form)) {
        return refuse_form();
    }
    if (!PyArg_ParseTuple(form, "SSSSKL:segment", &child, &remote, &state, &suffix, &remote_id,
                          &wall_offset)) {
        return -1;
    }
    *segment = (ct_segment_form){.remote_id = remote_id, .wall_offset = wall_offset, .is_known = 1};
    (void)read_piece(child, &segment->child);
    (void)read_piece(remote, &segment->remote);
    (void)read_piece(state, &segment->state);
    (void)read_piece(suffix, &segment->suffix);
    if (forms->parent_id < 2) {
        PyErr_SetString(PyExc_ValueError, "a head has no tag before the parent's id");
        return -1;
    }
    Py_ssize_t places[] = {forms->span_id, forms->parent_id, forms->start, forms->end};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(places); i++) {
        if (places[i] < 0 || (size_t)places[i] + 8 > segment->child.size) {
            PyErr_SetString(PyExc_ValueError, "a head has no room for its ids and times");
            return -1;
        }
    }
    if (segment->remote.size != segment->child.size || segment->child.size > LONGEST_HEAD) {
        PyErr_SetString(PyExc_ValueError, "heads differ in length or are too long");
        return -1;
    }
    return 0;
}

/* `arguments`: lists as long as those of the block, of what `read_plan` and `read_segment` take or None, and of
   bytes; and where ids and times stand in a head. */
int
ct_read_forms(ct_forms *forms, const ct_block *block, PyObject *const *arguments)
{
    PyObject *plans = arguments[0], *segments = arguments[1], *objects = arguments[2];
    Py_ssize_t counts[] = {block->site_count, PyList_GET_SIZE(block->segments.list),
                           PyList_GET_SIZE(block->objects.list)};

    *forms = (ct_forms){0};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(counts); i++) {
        if (!PyList_Check(arguments[i]) || PyList_GET_SIZE(arguments[i]) != counts[i]) {
            PyErr_SetString(PyExc_TypeError, "one form for each plan, segment and object of the block");
            return -1;
        }
    }
    if (!PyTuple_Check(arguments[3])) {
        return refuse_form();
    }
    if (!PyArg_ParseTuple(arguments[3], "nnnn:layout", &forms->span_id, &forms->parent_id,
                          &forms->start, &forms->end)) {
        return -1;
    }
    forms->plans = PyMem_Calloc((size_t)counts[0] + 1, sizeof *forms->plans);
    forms->segments = PyMem_Calloc((size_t)counts[1] + 1, sizeof *forms->segments);
    forms->objects = PyMem_Calloc((size_t)counts[2] + 1, sizeof *forms->objects);
    if (forms->plans == NULL || forms->segments == NULL || forms->objects == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < counts[0]; i++) {
        if (read_plan(PyList_GET_ITEM(plans, i), &forms->plans[i]) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < counts[1]; i++) {
        if (read_segment(PyList_GET_ITEM(segments, i), &forms->segments[i], forms) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < counts[2]; i++) {
        if (read_piece(PyList_GET_ITEM(objects, i), &forms->objects[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

void
ct_free_forms(ct_forms *forms)
{
    PyMem_Free(forms->plans);
    PyMem_Free(forms->segments);
    PyMem_Free(forms->objects);
}
