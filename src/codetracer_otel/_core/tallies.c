/* What the calls of each plan in a block come to, for whoever asks what recording costs. */

#include "block.h"

typedef struct {
    int64_t calls, ns;
    int64_t parents;            /* calls with a call of another plan below them, as far as this block tells */
    int64_t roots, failed;
} tally;

/* What ended last on one thread of a trace: its parent ends next, unless another child of it does. */
typedef struct {
    uint64_t parent_id;
    uint32_t plan;
} last_end;

static uint64_t
parent_of_record(PyObject *record)
{
    uint64_t id = PyLong_AsUnsignedLongLong(PyList_GET_ITEM(record, CT_PARENT_ID));
    if (id == (uint64_t)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return id;
}

static void
count_calls(const ct_block *block, const uint64_t *remote, last_end *last, tally *tallies)
{
    uint64_t made = 0;          /* the parent of the last record that Python made */
    for (Py_ssize_t i = 0; i < block->count; i++) {
        const ct_item *item = &block->items[i];
        const ct_entry *entry = item->entry;
        if (entry == NULL) {
            made = parent_of_record(item->record);
            continue;
        }
        tally *known = &tallies[item->plan];
        last_end *before = &last[item->segment];
        known->calls++;
        known->ns += entry->end - entry->start;
        known->failed += entry->ending != CT_RETURNED;
        known->roots += entry->parent_id == 0 || entry->parent_id == remote[item->segment];
        known->parents += entry->span_id == made
            || (entry->span_id == before->parent_id && item->plan != before->plan);
        *before = (last_end){entry->parent_id, item->plan};
    }
}

/* tally(remote): (plan, calls, ns, with calls below, roots, failed) of each plan, of entries alone. */
PyObject *
ct_tally_block(ct_block *block, PyObject *remote)
{
    PyObject *rows = NULL;
    uint64_t *parents = ct_remote_parents(block, remote);
    size_t segments = (size_t)PyList_GET_SIZE(block->segments.list);
    last_end *last = PyMem_Calloc(segments + 1, sizeof *last);
    tally *tallies = PyMem_Calloc((size_t)block->site_count + 1, sizeof *tallies);

    if (parents == NULL) {
        goto done;
    }
    if (last == NULL || tallies == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    count_calls(block, parents, last, tallies);
    rows = PyList_New(block->site_count);
    for (uint32_t i = 0; rows != NULL && i < block->site_count; i++) {
        const tally *told = &tallies[i];
        PyObject *row = Py_BuildValue("OLLLLL", block->sites[i]->plan, (long long)told->calls,
                                      (long long)told->ns, (long long)told->parents,
                                      (long long)told->roots, (long long)told->failed);
        if (row == NULL) {
            Py_CLEAR(rows);
            break;
        }
        PyList_SET_ITEM(rows, i, row);
    }

done:
    PyMem_Free(tallies);
    PyMem_Free(last);
    PyMem_Free(parents);
    return rows;
}
