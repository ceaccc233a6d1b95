/* Entries that were taken off a log together: what a worker delivers. */

#ifndef CODETRACER_BLOCK_H
#define CODETRACER_BLOCK_H

#include "core.h"

/* One record of a block. */
typedef struct {
    ct_entry *entry;            /* in a chunk that the block holds; NULL for a record that Python made */
    PyObject *record;           /* strong; NULL until somebody asks for it */
    uint32_t plan, segment, chunk;  /* which of the block's; of an entry */
    int is_changed;             /* Python has taken the record to change it: its bytes are of no use */
} ct_item;

/* Objects by their address, each once. */
typedef struct {
    PyObject *list;             /* strong, of all of them in order */
    PyObject **slots;           /* open addressing; borrowed of the list */
    uint32_t *places;
    size_t mask;                /* of `slots`, whose number is a power of 2; meaningless without any */
} ct_objects;

typedef struct {
    PyObject_HEAD
    ct_log *log;                /* strong */
    ct_chunk **chunks;
    Py_ssize_t chunk_count;
    ct_item *items;
    Py_ssize_t count;
    Py_ssize_t discarded;       /* of items behind these, which are none of the block's records any more */
    Py_ssize_t size;            /* bytes of the entries */
    ct_site **sites;            /* borrowed of the entries: those of each plan, and its calls */
    uint32_t *calls;
    uint32_t site_count;
    ct_objects segments;
    ct_objects objects;         /* captured values that are no plain bytes */
} ct_block;

extern PyType_Spec ct_block_spec;

/* items.c */
ct_block *ct_new_block(ct_log *log, Py_ssize_t room);
PyObject *ct_take_block(ct_log *log, Py_ssize_t limit);
PyObject *ct_extend_block(ct_block *block, PyObject *records);
int ct_move_item(ct_block *block, const ct_item *item, ct_chunk *chunk);

/* objects.c */
uint32_t ct_place_of(const ct_objects *objects, PyObject *object);
int ct_add_object(ct_objects *objects, PyObject *object, uint32_t *place);

/* block.c */
void ct_empty_block(ct_block *block);

/* tallies.c */
PyObject *ct_tally_block(ct_block *block, PyObject *remote);

/* split.c */
uint64_t *ct_remote_parents(const ct_block *block, PyObject *remote);
PyObject *ct_roots_of(ct_block *block, PyObject *remote);
PyObject *ct_placed_records(ct_block *block, PyObject *ignored);
PyObject *ct_sizes_of(ct_block *block, PyObject *ignored);
PyObject *ct_split_block(ct_block *block, PyObject *fates);

/* scan.c */
PyObject *ct_scan_block(ct_block *block, PyObject *const *arguments, Py_ssize_t count);

/* Encoded spans, one behind the other. */
typedef struct {
    PyObject_HEAD
    unsigned char *bytes;
    size_t size, capacity;
    size_t *ends;               /* of each span */
    Py_ssize_t count, room;
    Py_ssize_t exports;         /* buffers in use: nothing is moved meanwhile */
} ct_output;

/* output.c */
extern PyType_Spec ct_output_spec;
int ct_reserve(ct_output *output, size_t more);
int ct_end_span(ct_output *output);
int ct_write_in_python(ct_output *output, Py_ssize_t index, PyObject *one);

/* otlp.c */
PyObject *ct_encode_block(ct_block *block, PyObject *const *arguments, Py_ssize_t count);

/* json.c */
PyObject *ct_render_block(ct_block *block, PyObject *arguments);

#define CT_FAR (INT64_C(1) << 62)   /* ns: sums of two times that are nearer do not overflow */

/* Whether a monotonic time has a form as Unix time. */
static inline int
ct_is_written(int64_t time, int64_t wall_offset)
{
    return time > -CT_FAR && time < CT_FAR && wall_offset > -CT_FAR && wall_offset < CT_FAR
        && time + wall_offset >= 0;
}

/* Whether the bytes of a record are all there is to say of it. */
static inline int
ct_is_native(const ct_item *item)
{
    return item->entry != NULL && !item->is_changed;
}

#endif
