/* A block in parts: the records of some traces go on, others wait, the rest is let go. */

#include "block.h"

/* `remote`, a list with the parent of each segment that is in another process, or 0, as an array to be
   freed. */
uint64_t *
ct_remote_parents(const ct_block *block, PyObject *remote)
{
    Py_ssize_t segments = PyList_GET_SIZE(block->segments.list);
    uint64_t *parents;

    if (!PyList_Check(remote) || PyList_GET_SIZE(remote) != segments) {
        PyErr_SetString(PyExc_TypeError, "expected a list with a span id for each segment");
        return NULL;
    }
    parents = PyMem_New(uint64_t, segments == 0 ? 1 : segments);
    if (parents == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < segments; i++) {
        parents[i] = PyLong_AsUnsignedLongLong(PyList_GET_ITEM(remote, i));
        if (parents[i] == (uint64_t)-1 && PyErr_Occurred()) {
            PyMem_Free(parents);
            return NULL;
        }
    }
    return parents;
}

/* Index, segment and duration of each entry whose parent is none, or in another process. */
PyObject *
ct_roots_of(ct_block *block, PyObject *remote)
{
    uint64_t *parents = ct_remote_parents(block, remote);
    PyObject *found = parents == NULL ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; found != NULL && i < block->count; i++) {
        const ct_entry *entry = block->items[i].entry;
        if (entry == NULL
            || (entry->parent_id != 0 && entry->parent_id != parents[block->items[i].segment])) {
            continue;
        }
        PyObject *row = Py_BuildValue("nOL", i, entry->segment, (long long)(entry->end - entry->start));
        if (row == NULL || PyList_Append(found, row) < 0) {
            Py_CLEAR(found);
        }
        Py_XDECREF(row);
    }
    PyMem_Free(parents);
    return found;
}

/* How many entries each segment has. */
PyObject *
ct_sizes_of(ct_block *block, PyObject *Py_UNUSED(ignored))
{
    Py_ssize_t segments = PyList_GET_SIZE(block->segments.list);
    PyObject *sizes = NULL;
    Py_ssize_t *counts = PyMem_Calloc((size_t)segments + 1, sizeof *counts);

    if (counts == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < block->count; i++) {
        if (block->items[i].entry != NULL) {
            counts[block->items[i].segment]++;
        }
    }
    sizes = PyList_New(segments);
    for (Py_ssize_t i = 0; sizes != NULL && i < segments; i++) {
        PyObject *size = PyLong_FromSsize_t(counts[i]);
        if (size == NULL) {
            Py_CLEAR(sizes);
            break;
        }
        PyList_SET_ITEM(sizes, i, size);
    }
    PyMem_Free(counts);
    return sizes;
}

/* (index, record) of those that Python made. */
PyObject *
ct_placed_records(ct_block *block, PyObject *Py_UNUSED(ignored))
{
    PyObject *found = PyList_New(0);
    for (Py_ssize_t i = 0; found != NULL && i < block->count; i++) {
        if (block->items[i].entry != NULL) {
            continue;
        }
        PyObject *row = Py_BuildValue("nO", i, block->items[i].record);
        if (row == NULL || PyList_Append(found, row) < 0) {
            Py_CLEAR(found);
        }
        Py_XDECREF(row);
    }
    return found;
}

static PyObject *
segment_of(const ct_item *item)
{
    return item->entry != NULL ? item->entry->segment : PyList_GET_ITEM(item->record, CT_SEGMENT);
}

/* What becomes of each item: 1 kept, 0 let go, 2 waits; -1 with an exception. */
static int
find_fates(const ct_block *block, PyObject *fates, char *fate)
{
    PyObject *last = NULL;
    for (Py_ssize_t i = 0; i < block->count; i++) {
        PyObject *segment = segment_of(&block->items[i]);
        if (segment == last) {
            fate[i] = fate[i - 1];
            continue;
        }
        last = segment;
        PyObject *kept = PyDict_GetItemWithError(fates, segment);
        if (kept == NULL && PyErr_Occurred()) {
            return -1;
        }
        fate[i] = kept == NULL ? 2 : kept == Py_True;
    }
    return 0;
}

/* A block of the items that have `fate`, which it takes over.  The other items stay. */
static ct_block *
take_items(ct_block *block, const char *fates, char fate)
{
    Py_ssize_t room = 0;
    for (Py_ssize_t i = 0; i < block->count; i++) {
        room += fates[i] == fate;
    }
    ct_block *part = ct_new_block(block->log, room);
    for (Py_ssize_t i = 0; part != NULL && i < block->count; i++) {
        if (fates[i] != fate) {
            continue;
        }
        ct_item item = block->items[i];
        block->items[i] = (ct_item){0};
        if (ct_move_item(part, &item, item.entry == NULL ? NULL : block->chunks[item.chunk]) < 0) {
            Py_CLEAR(part);
        }
    }
    return part;
}

/* split(fates): (kept, waiting); the block is empty then. */
PyObject *
ct_split_block(ct_block *block, PyObject *fates)
{
    PyObject *both = NULL;
    ct_block *kept = NULL, *waiting = NULL;
    char *fate;

    if (!PyDict_Check(fates)) {
        PyErr_SetString(PyExc_TypeError, "split(dict of segments)");
        return NULL;
    }
    fate = PyMem_Malloc((size_t)block->count + 1);
    if (fate == NULL) {
        return PyErr_NoMemory();
    }
    if (find_fates(block, fates, fate) < 0) {
        goto done;
    }
    kept = take_items(block, fate, 1);
    waiting = kept == NULL ? NULL : take_items(block, fate, 2);
    if (waiting != NULL) {
        both = PyTuple_Pack(2, kept, waiting);
    }
    ct_empty_block(block);

done:
    Py_XDECREF(kept);
    Py_XDECREF(waiting);
    PyMem_Free(fate);
    return both;
}
