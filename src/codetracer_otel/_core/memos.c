/* Objects that were captured lately, in a table by their place: see notes.c for what is compared.  What was written of
   one is there once, and each entry with it has a reference: the log is shorter, and a scan looks at it once.

   Most arguments of a real program are the same few objects again, unchanged.  Of the program the table holds texts
   and numbers alone. */

#include "writer.h"

enum {
    SLOTS = 4096,               /* a power of two */
    MOST_BYTES = 4 << 20,       /* of all memos, with the texts that they hold */
    WORTHWHILE = 64,            /* bytes of a value: less is written as fast as it is compared */
    MOST_FAILURES = 5,
    SMALLEST_BLOCK = 512, BLOCK_SIZES = 5,      /* each twice the one before */
    MOST_SPARES = 32                            /* of each size: 1 MB of them all */
};
enum { NO_MEMO = CT_FOR_PYTHON + 1 };

typedef struct {
    PyObject *verdicts;         /* strong, or NULL: what was said of names does not change */
    uint64_t generation;        /* of the classes */
    ct_shared *written;         /* counted: entries that were written by it have it as well */
    size_t size;                /* of all of it, with the texts */
    int block;                  /* which size its memory has; BLOCK_SIZES: another one */
    uint32_t word_count, held_count;
    uint64_t words[];           /* then what is held */
} memo;

typedef struct {
    const void *object, *verdicts;      /* compared, never used */
    memo *memo;
    uint8_t failures;           /* memos that did not hold, one after another */
    uint8_t wait;               /* captures to let pass until the next one is made */
} slot;

typedef struct ct_memos {
    slot slots[SLOTS];
    size_t size, hand;
    /* Memory of memos that are no more, by `next`.  Most of them are larger than what the interpreter's allocator keeps
       at hand, and one goes for each that comes. */
    struct spare {
        struct spare *next;
    } *spares[BLOCK_SIZES];
    int spare_counts[BLOCK_SIZES];
    ct_notes notes;
} ct_memos;

static inline PyObject **
held_by(memo *kept)
{
    return (PyObject **)(kept->words + kept->word_count);
}

static memo *
new_memo(ct_memos *memos, size_t size, int *block)
{
    for (*block = 0; *block < BLOCK_SIZES && size > (size_t)SMALLEST_BLOCK << *block; *block += 1) {
    }
    if (*block == BLOCK_SIZES) {
        return PyMem_Malloc(size);
    }
    struct spare *spare = memos->spares[*block];
    if (spare == NULL) {
        return PyMem_Malloc((size_t)SMALLEST_BLOCK << *block);
    }
    memos->spares[*block] = spare->next;
    memos->spare_counts[*block]--;
    return (memo *)spare;
}

static void
free_memo(ct_memos *memos, memo *kept)
{
    int block = kept->block;
    if (block == BLOCK_SIZES || memos->spare_counts[block] == MOST_SPARES) {
        PyMem_Free(kept);
        return;
    }
    struct spare *spare = (struct spare *)kept;
    spare->next = memos->spares[block];
    memos->spares[block] = spare;
    memos->spare_counts[block]++;
}

static void
forget(ct_memos *memos, slot *place)
{
    memo *kept = place->memo;
    place->memo = NULL;
    if (kept == NULL) {
        return;
    }
    memos->size -= kept->size;
    for (uint32_t i = 0; i < kept->held_count; i++) {
        Py_DECREF(held_by(kept)[i]);
    }
    Py_XDECREF(kept->verdicts);
    ct_release_shared(kept->written);
    free_memo(memos, kept);
}

void
ct_clear_memos(ct_core *core)
{
    ct_memos *memos = core->memos;
    core->memos = NULL;
    for (size_t i = 0; memos != NULL && i < SLOTS; i++) {
        forget(memos, &memos->slots[i]);
    }
    for (int block = 0; memos != NULL && block < BLOCK_SIZES; block++) {
        while (memos->spares[block] != NULL) {
            struct spare *spare = memos->spares[block];
            memos->spares[block] = spare->next;
            PyMem_Free(spare);
        }
    }
    PyMem_Free(memos);
}

static slot *
place_of(ct_memos *memos, const void *object, const void *verdicts)
{
    uintptr_t key = ((uintptr_t)object >> 4) + ((uintptr_t)verdicts >> 5);
    return &memos->slots[(key * 0x9E3779B97F4A7C15u >> 32) % SLOTS];
}

/* Bytes of a value that entries may share; NULL where there is no room. */
static ct_shared *
new_shared(const char *bytes, size_t size)
{
    ct_shared *shared = PyMem_Malloc(sizeof(ct_shared) + size);
    if (shared != NULL) {
        *shared = (ct_shared){.references = 1, .size = (uint32_t)size};
        memcpy(shared->bytes, bytes, size);
    }
    return shared;
}

/* Write a reference to a value, for which there is room. */
static void
put_shared(ct_writer *writer, ct_shared *shared)
{
    *writer->at = SHARED;
    memcpy(writer->at + 1, &shared, sizeof shared);
    writer->at += CT_SHARED_ROOM;
    shared->references++;
    writer->holds_objects = 1;
    writer->shared_bytes += shared->size;
}

/* Keep what a capture has read and written, `size` bytes up to where the writer is; where there is no room for it,
   nothing. */
static void
keep(ct_writer *writer, slot *place, size_t size)
{
    ct_memos *memos = writer->core->memos;
    const ct_notes *notes = &memos->notes;
    size_t rest = notes->count * sizeof(uint64_t) + notes->held_count * sizeof(PyObject *);
    size_t all = sizeof(memo) + sizeof(ct_shared) + rest + size + notes->held_bytes;

    if (all > MOST_BYTES / 16) {
        return;
    }
    for (; memos->size + all > MOST_BYTES; memos->hand = (memos->hand + 1) % SLOTS) {
        forget(memos, &memos->slots[memos->hand]);
    }
    ct_shared *written = new_shared(writer->at - size, size);
    int block;
    memo *kept = written == NULL ? NULL : new_memo(memos, sizeof(memo) + rest, &block);
    if (kept == NULL) {
        PyMem_Free(written);
        return;
    }
    *kept = (memo){.block = block, .verdicts = Py_XNewRef(writer->site->verdicts), .written = written, .size = all,
                   .generation = ct_generation_of(writer->core), .word_count = (uint32_t)notes->count,
                   .held_count = (uint32_t)notes->held_count};
    memcpy(kept->words, notes->words, notes->count * sizeof(uint64_t));
    for (size_t i = 0; i < notes->held_count; i++) {
        held_by(kept)[i] = Py_NewRef(notes->held[i]);
    }
    memos->size += all;
    place->memo = kept;
    if (writer->may_share) {    /* a log of references is a smaller one */
        writer->at -= size;
        put_shared(writer, written);
    }
}

/* Write it as the last time, if there is a memo of that and it holds. */
static int
write_again(ct_writer *writer, slot *place)
{
    memo *kept = place->memo;
    if (kept->generation != ct_generation_of(writer->core)
        || !ct_is_unchanged(writer->core, kept->words, kept->word_count)) {
        return NO_MEMO;
    }
    size_t size = kept->written->size;
    if (ct_need(writer, writer->may_share ? CT_SHARED_ROOM : size) < 0) {
        return -1;
    }
    if (writer->may_share) {
        put_shared(writer, kept->written);
    }
    else {
        memcpy(writer->at, kept->written->bytes, size);
        writer->at += size;
    }
    writer->core->remembered++;
    return CT_WRITTEN;
}

/* Capture an object of a class whose instances change less often than they are passed on: by a memo, or by `write`,
   of which a memo is made once an object comes again. */
int
ct_write_remembered(ct_writer *writer, const ct_form *known, PyObject *value, ct_write_by *write)
{
    ct_core *core = writer->core;
    if (core->memos == NULL && (core->memos = PyMem_Calloc(1, sizeof(ct_memos))) == NULL) {
        return write(writer, known, value);
    }
    ct_notes *notes = &core->memos->notes;
    const void *verdicts = writer->site->verdicts;
    slot *place = place_of(core->memos, value, verdicts);
    if (place->object != value || place->verdicts != verdicts) {
        forget(core->memos, place);
        /* Much is made for one call alone. */
        *place = (slot){.object = value, .verdicts = verdicts, .wait = 1};
    }
    else if (place->memo != NULL) {
        int status = write_again(writer, place);
        if (status != NO_MEMO) {
            place->failures = 0;
            return status;
        }
        forget(core->memos, place);
        place->failures += place->failures < MOST_FAILURES;
        place->wait = (uint8_t)((1 << place->failures) / 4);
    }
    if (place->wait == 0) {
        ct_begin_notes(notes);
        ct_note_value(notes, value, known);
    }
    else {
        place->wait--;
        notes = NULL;
    }
    size_t before = (size_t)(writer->at - writer->begin);
    writer->notes = notes;
    int status = write(writer, known, value);
    writer->notes = NULL;
    size_t size = (size_t)(writer->at - writer->begin) - before;
    if (notes == NULL) {
        return status;
    }
    if (status != CT_WRITTEN && status != CT_FOR_PYTHON) {
        return status;          /* once Python has answered, it is tried again */
    }
    if (status == CT_FOR_PYTHON || size < WORTHWHILE || notes->is_useless) {
        place->wait = 1 << MOST_FAILURES;
    }
    else {
        keep(writer, place, size);
    }
    return status;
}
