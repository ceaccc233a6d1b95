/* The items of a block: how entries of the log become some, with the plans, segments and objects that they share. */

#include "block.h"
#include "values.h"

/* Calls of one plan stand together in `plans`, whatever code object they are of. */
static int
add_site(ct_block *block, ct_site *site, uint32_t *place)
{
    if (site->last_block != block->log->block_count) {
        /* Doubled whenever the number is a power of 2. */
        uint32_t count = block->site_count;
        if ((count & (count - 1)) == 0) {
            size_t capacity = count == 0 ? 1 : 2 * (size_t)count;
            ct_site **sites = PyMem_RawRealloc(block->sites, capacity * sizeof(ct_site *));
            if (sites != NULL) {
                block->sites = sites;
            }
            uint32_t *calls = PyMem_RawRealloc(block->calls, capacity * sizeof(uint32_t));
            if (calls != NULL) {
                block->calls = calls;
            }
            if (sites == NULL || calls == NULL) {
                PyErr_NoMemory();
                return -1;
            }
        }
        block->sites[count] = site;
        block->calls[count] = 0;
        block->site_count++;
        site->last_block = block->log->block_count;
        site->place = count;
    }
    *place = site->place;
    block->calls[site->place]++;
    return 0;
}

static int
hold_chunk(ct_block *block, ct_chunk *chunk)
{
    ct_chunk **chunks = block->chunks;
    if (block->chunk_count != 0 && chunks[block->chunk_count - 1] == chunk) {
        return 0;
    }
    chunks = PyMem_RawRealloc(chunks, (size_t)(block->chunk_count + 1) * sizeof(ct_chunk *));
    if (chunks == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    block->chunks = chunks;
    chunks[block->chunk_count++] = chunk;
    chunk->references++;
    return 0;
}

/* Put an entry of the log into the block, which owns it from here on. */
static int
add_entry(ct_block *block, ct_entry *entry, ct_chunk *chunk)
{
    ct_item *item = &block->items[block->count];
    uint32_t ignored;

    *item = (ct_item){0};
    if (entry->site == NULL) {
        item->record = entry->code;
        block->count++;
        return 0;
    }
    if (entry->exception != NULL) {     /* Python completes it before anything else */
        item->record = ct_record_of(block->log, entry, 1);
        block->count += item->record != NULL;
        ct_release_entry(entry);
        return item->record == NULL ? -1 : 0;
    }
    if (hold_chunk(block, chunk) < 0) {
        ct_release_entry(entry);
        return -1;
    }
    item->entry = entry;
    item->chunk = (uint32_t)(block->chunk_count - 1);
    block->count++;
    block->size += entry->size;
    const char *at = ct_values_of(entry), *end = at + entry->value_bytes;
    while (entry->holds_objects && at < end) {
        if (*at == OBJECT && ct_add_object(&block->objects, ct_object(at), &ignored) < 0) {
            return -1;
        }
        block->size += *at == SHARED ? ct_shared_at(at)->size : 0;  /* in each: more than the memory that it takes */
        at = ct_step(at, &ignored);
    }
    if (block->count > 1 && item[-1].entry != NULL && item[-1].entry->segment == entry->segment) {
        item->segment = item[-1].segment;
    }
    else if (ct_add_object(&block->segments, entry->segment, &item->segment) < 0) {
        return -1;
    }
    return add_site(block, entry->site, &item->plan);
}

/* An item of another block, which has let go of it. */
int
ct_move_item(ct_block *block, const ct_item *item, ct_chunk *chunk)
{
    ct_item *place = &block->items[block->count];
    if (item->entry == NULL) {
        *place = *item;
        block->count++;
        return 0;
    }
    if (add_entry(block, item->entry, chunk) < 0) {
        Py_XDECREF(item->record);
        return -1;
    }
    place->record = item->record;
    place->is_changed = item->is_changed;
    return 0;
}

/* extend(records): behind the others, and before those that were discarded. */
PyObject *
ct_extend_block(ct_block *block, PyObject *records)
{
    if (!PyList_Check(records)) {
        PyErr_SetString(PyExc_TypeError, "extend(list of records)");
        return NULL;
    }
    Py_ssize_t more = PyList_GET_SIZE(records);
    size_t all = (size_t)(block->count + block->discarded + more + 1);
    ct_item *items = PyMem_RawRealloc(block->items, all * sizeof(ct_item));
    if (items == NULL) {
        return PyErr_NoMemory();
    }
    block->items = items;
    memmove(items + block->count + more, items + block->count, (size_t)block->discarded * sizeof(ct_item));
    for (Py_ssize_t i = 0; i < more; i++) {
        items[block->count++] = (ct_item){.record = Py_NewRef(PyList_GET_ITEM(records, i))};
    }
    Py_RETURN_NONE;
}

/* An empty block with room for `room` items. */
ct_block *
ct_new_block(ct_log *log, Py_ssize_t room)
{
    ct_state *state = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(log), &ct_module));
    ct_block *block = (ct_block *)state->block_type->tp_alloc(state->block_type, 0);

    if (block == NULL) {
        return NULL;
    }
    block->log = (ct_log *)Py_NewRef(log);
    block->segments.list = PyList_New(0);
    block->objects.list = PyList_New(0);
    block->items = PyMem_RawMalloc((size_t)(room + 1) * sizeof(ct_item));
    if (block->segments.list == NULL || block->objects.list == NULL) {
        goto error;
    }
    if (block->items == NULL) {
        PyErr_NoMemory();
        goto error;
    }
    log->block_count++;
    return block;

error:
    Py_DECREF(block);
    return NULL;
}

/* Up to `limit` of the oldest entries. */
PyObject *
ct_take_block(ct_log *log, Py_ssize_t limit)
{
    Py_ssize_t room = log->count < limit ? log->count : limit;
    ct_block *block = ct_new_block(log, room);
    ct_entry *entry;
    ct_chunk *chunk;

    while (block != NULL && block->count < room && (entry = ct_log_take(log, &chunk)) != NULL) {
        if (add_entry(block, entry, chunk) < 0) {
            Py_CLEAR(block);
        }
    }
    return (PyObject *)block;
}
