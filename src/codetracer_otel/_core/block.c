/* A block: records that stay bytes until somebody asks for them as Python has them.

   It is filled under the GIL.  What is read without the GIL later (entries, plans' and objects' places)
   does not change any more; records are made, and marked as changed, under the GIL.

   The garbage collector does not look at it: nothing that it holds, captured values, code, segments and
   their records, leads back to a block, and a flight recorder keeps hundreds of thousands of entries. */

#include "block.h"
#include <stddef.h>
#include "structmember.h"

static Py_ssize_t
block_length(ct_block *block)
{
    return block->count;
}

static PyObject *
block_item(ct_block *block, Py_ssize_t index)
{
    if (index < 0 || index >= block->count) {
        PyErr_SetString(PyExc_IndexError, "record index out of range");
        return NULL;
    }
    ct_item *item = &block->items[index];
    if (item->record == NULL) {
        item->record = ct_record_of(block->log, item->entry, 1);
    }
    return Py_XNewRef(item->record);
}

static PyObject *
block_take_over(ct_block *block, PyObject *argument)
{
    Py_ssize_t index = PyNumber_AsSsize_t(argument, PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *record = block_item(block, index);
    if (record != NULL) {
        block->items[index].is_changed = 1;
    }
    return record;
}

static PyObject *
records_of(const ct_block *block, int with_changed)
{
    PyObject *records = PyList_New(0);
    for (Py_ssize_t i = 0; records != NULL && i < block->count; i++) {
        const ct_item *item = &block->items[i];
        if ((item->entry == NULL || (with_changed && item->is_changed))
            && PyList_Append(records, item->record) < 0) {
            Py_CLEAR(records);
        }
    }
    return records;
}

static PyObject *
block_made(ct_block *block, PyObject *Py_UNUSED(ignored))
{
    return records_of(block, 0);
}

static PyObject *
block_owned(ct_block *block, PyObject *Py_UNUSED(ignored))
{
    return records_of(block, 1);
}

static PyObject *
block_plans(ct_block *block, void *Py_UNUSED(closure))
{
    PyObject *plans = PyList_New(block->site_count);
    for (uint32_t i = 0; plans != NULL && i < block->site_count; i++) {
        PyObject *row = Py_BuildValue("OI", block->sites[i]->plan, block->calls[i]);
        if (row == NULL) {
            Py_CLEAR(plans);
            break;
        }
        PyList_SET_ITEM(plans, i, row);
    }
    return plans;
}

static PyObject *
block_times(ct_block *block, PyObject *Py_UNUSED(ignored))
{
    PyObject *times = PyList_New(block->count);
    for (Py_ssize_t i = 0; times != NULL && i < block->count; i++) {
        const ct_item *item = &block->items[i];
        const ct_entry *entry = item->entry;
        PyObject *row = !ct_is_native(item) ? Py_NewRef(Py_None)
            : Py_BuildValue("LLII", (long long)entry->start, (long long)entry->end, item->segment,
                            entry->suspensions);
        if (row == NULL) {
            Py_CLEAR(times);
            break;
        }
        PyList_SET_ITEM(times, i, row);
    }
    return times;
}

/* What tells calls of one function below one parent from others, without making records. */
static PyObject *
block_outlines(ct_block *block, PyObject *Py_UNUSED(ignored))
{
    PyObject *outlines = PyList_New(block->count);
    for (Py_ssize_t i = 0; outlines != NULL && i < block->count; i++) {
        const ct_item *item = &block->items[i];
        const ct_entry *entry = item->entry;
        PyObject *row = !ct_is_native(item) ? Py_NewRef(item->record)
            : Py_BuildValue("KKOOLLi", (unsigned long long)entry->span_id,
                            (unsigned long long)entry->parent_id, entry->site->plan, entry->segment,
                            (long long)entry->start, (long long)entry->end,
                            entry->ending == CT_RETURNED);
        if (row == NULL) {
            Py_CLEAR(outlines);
            break;
        }
        PyList_SET_ITEM(outlines, i, row);
    }
    return outlines;
}

/* Take items out, and close up those that stay.  What is taken out is held as long as the block: its sites
   are borrowed of the entries, whose chunks it keeps anyway. */
static PyObject *
block_discard(ct_block *block, PyObject *mask)
{
    Py_ssize_t count = block->count, kept = 0, taken = 0;
    if (!PyBytes_Check(mask) || PyBytes_GET_SIZE(mask) != count) {
        PyErr_SetString(PyExc_TypeError, "discard(bytes, one for each record)");
        return NULL;
    }
    ct_item *gone = PyMem_RawMalloc((size_t)(count + 1) * sizeof(ct_item));
    if (gone == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        ct_item item = block->items[i];
        if (PyBytes_AS_STRING(mask)[i]) {
            if (item.entry != NULL) {       /* a block of records that Python made has no calls */
                block->calls[item.plan]--;
            }
            gone[taken++] = item;
        }
        else {
            block->items[kept++] = item;
        }
    }
    memcpy(block->items + kept, gone, (size_t)taken * sizeof(ct_item));
    PyMem_RawFree(gone);
    block->count = kept;
    block->discarded += taken;
    Py_RETURN_NONE;
}

static PyObject *
block_plan_of(ct_block *block, PyObject *argument)
{
    Py_ssize_t index = PyNumber_AsSsize_t(argument, PyExc_IndexError);
    if (index < 0 || index >= block->count) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_IndexError, "record index out of range");
        }
        return NULL;
    }
    const ct_item *item = &block->items[index];
    return Py_NewRef(item->entry == NULL ? PyList_GET_ITEM(item->record, CT_PLAN)
                     : item->entry->site->plan);
}

static PyObject *
block_new_output(ct_block *block, PyObject *Py_UNUSED(ignored))
{
    ct_state *state = PyType_GetModuleState(Py_TYPE(block));
    return PyObject_CallNoArgs((PyObject *)state->output_type);
}

/* Let go of everything. */
void
ct_empty_block(ct_block *block)
{
    Py_ssize_t count = block->count + block->discarded;

    block->count = block->discarded = 0;    /* what goes may let somebody look at what is left */
    for (Py_ssize_t i = 0; i < count; i++) {
        if (block->items[i].entry != NULL) {
            ct_release_entry(block->items[i].entry);
        }
        Py_XDECREF(block->items[i].record);
    }
    for (Py_ssize_t i = 0; i < block->chunk_count; i++) {
        ct_log_give_back(block->log, block->chunks[i]);
    }
    block->chunk_count = 0;
    block->site_count = 0;
    Py_CLEAR(block->segments.list);
    Py_CLEAR(block->objects.list);
    Py_CLEAR(block->log);
}

static void
block_dealloc(ct_block *block)
{
    PyTypeObject *type = Py_TYPE(block);
    ct_empty_block(block);
    PyMem_RawFree(block->chunks);
    PyMem_RawFree(block->items);
    PyMem_RawFree(block->sites);
    PyMem_RawFree(block->calls);
    PyMem_RawFree(block->segments.slots);
    PyMem_RawFree(block->segments.places);
    PyMem_RawFree(block->objects.slots);
    PyMem_RawFree(block->objects.places);
    type->tp_free(block);
    Py_DECREF(type);
}

static PyMethodDef block_methods[] = {
    {"take_over", (PyCFunction)block_take_over, METH_O,
     PyDoc_STR("take_over(index)\n--\n\nReturn a record that will be changed: it counts, not its bytes.")},
    {"extend", (PyCFunction)ct_extend_block, METH_O,
     PyDoc_STR("extend(records)\n--\n\nAdd records that Python made.")},
    {"made", (PyCFunction)block_made, METH_NOARGS,
     PyDoc_STR("made()\n--\n\nReturn the records that Python made.")},
    {"owned", (PyCFunction)block_owned, METH_NOARGS,
     PyDoc_STR("owned()\n--\n\nReturn the records that Python made or took over.")},
    {"roots", (PyCFunction)ct_roots_of, METH_O,
     PyDoc_STR("roots(remote)\n--\n\nReturn (index, segment, ns) of entries without a parent in here.")},
    {"placed", (PyCFunction)ct_placed_records, METH_NOARGS,
     PyDoc_STR("placed()\n--\n\nReturn (index, record) of those that Python made.")},
    {"sizes", (PyCFunction)ct_sizes_of, METH_NOARGS,
     PyDoc_STR("sizes()\n--\n\nReturn how many entries each segment has.")},
    {"tally", (PyCFunction)ct_tally_block, METH_O,
     PyDoc_STR("tally(remote)\n--\n\nReturn (plan, calls, ns, with calls below, roots, failed) of entries.")},
    {"split", (PyCFunction)ct_split_block, METH_O,
     PyDoc_STR("split(fates)\n--\n\nReturn (kept, waiting) by segment; this one is empty then.")},
    {"outlines", (PyCFunction)block_outlines, METH_NOARGS,
     PyDoc_STR("outlines()\n--\n\nReturn (span id, parent id, plan, segment, start, end, whether it returned), or the record.")},
    {"discard", (PyCFunction)block_discard, METH_O,
     PyDoc_STR("discard(mask)\n--\n\nTake out the records whose byte is not 0.")},
    {"plan_of", (PyCFunction)block_plan_of, METH_O,
     PyDoc_STR("plan_of(index)\n--\n\nReturn the plan of a record.")},
    {"scan", (PyCFunction)(void *)ct_scan_block, METH_FASTCALL,
     PyDoc_STR("scan(scanner, modes, has_texts, windows)\n--\n\nReturn (index, text) of what may hold a secret.")},
    {"times", (PyCFunction)block_times, METH_NOARGS,
     PyDoc_STR("times()\n--\n\nReturn (start, end, segment, suspensions) of each entry, else None.")},
    {"new_output", (PyCFunction)block_new_output, METH_NOARGS,
     PyDoc_STR("new_output()\n--\n\nReturn an empty Output.")},
    {"encode", (PyCFunction)(void *)ct_encode_block, METH_FASTCALL,
     PyDoc_STR("encode(output, plans, segments, objects, layout, one)\n--\n\nAppend all spans as OTLP.")},
    {"render", (PyCFunction)ct_render_block, METH_VARARGS,
     PyDoc_STR("render(output, plans, segments, objects, origin, longest, one)\n--\n\n"
               "Append all spans as JSON.")},
    {0}
};

static PyGetSetDef block_attributes[] = {
    {"plans", (getter)block_plans, NULL, PyDoc_STR("List of (plan, number of its entries)."), NULL},
    {0}
};

static PyMemberDef block_members[] = {
    {"segments", T_OBJECT, offsetof(ct_block, segments.list), READONLY,
     PyDoc_STR("The segments of the entries, each once.")},
    {"objects", T_OBJECT, offsetof(ct_block, objects.list), READONLY,
     PyDoc_STR("The captured values that are no plain bytes, each once.")},
    {"size", T_PYSSIZET, offsetof(ct_block, size), READONLY, PyDoc_STR("Bytes of the entries.")},
    {0}
};

static PyType_Slot block_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Finished calls that were taken off a log together.")},
    {Py_tp_dealloc, block_dealloc},
    {Py_tp_methods, block_methods},
    {Py_tp_getset, block_attributes},
    {Py_tp_members, block_members},
    {Py_sq_length, block_length},
    {Py_sq_item, block_item},
    {0, NULL}
};

PyType_Spec ct_block_spec = {
    .name = "codetracer_otel._core.native.Block",
    .basicsize = sizeof(ct_block),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = block_slots,
};
