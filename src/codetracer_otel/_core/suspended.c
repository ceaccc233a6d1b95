/* Generators and coroutines between a step and the next, found by the frame that they run in: it lies in the
   generator, and so stays where it is until that is gone. */

#include "frames.h"     /* first: it says which of CPython's headers may be read */
#include "core.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64        /* a power of two */
#define FREE_ROOM 384           /* bytes of an entry whose memory is kept */
#define MOST_FREE 256

typedef struct ct_suspended {
    struct ct_suspended *next;  /* in the same bucket, or free */
    ct_entry entry;             /* and its values */
} suspended;

static suspended **
bucket_of(const ct_suspensions *all, const void *frame)
{
    return &all->buckets[((uintptr_t)frame >> 4) * 0x9E3779B1u & (all->bucket_count - 1)];
}

static suspended **
place_of(const ct_suspensions *all, const void *frame)
{
    suspended **place = bucket_of(all, frame);
    while (*place != NULL && (*place)->entry.frame != frame) {
        place = &(*place)->next;
    }
    return place;
}

static int
grow(ct_suspensions *all)
{
    size_t count = all->bucket_count == 0 ? FIRST_BUCKETS : 2 * all->bucket_count;
    ct_suspensions larger = *all;
    larger.buckets = PyMem_RawCalloc(count, sizeof *larger.buckets);
    larger.bucket_count = count;
    if (larger.buckets == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < all->bucket_count; i++) {
        for (suspended *each = all->buckets[i], *next; each != NULL; each = next) {
            next = each->next;
            suspended **bucket = bucket_of(&larger, each->entry.frame);
            each->next = *bucket;
            *bucket = each;
        }
    }
    PyMem_RawFree(all->buckets);
    *all = larger;
    return 0;
}

static suspended *
allocate(ct_suspensions *all, size_t size)
{
    if (size <= FREE_ROOM && all->free != NULL) {
        suspended *block = all->free;
        all->free = block->next;
        all->free_count--;
        return block;
    }
    size_t room = size < FREE_ROOM ? FREE_ROOM : size;
    return PyMem_RawMalloc(offsetof(suspended, entry) + room);
}

static void
give_back(ct_suspensions *all, suspended *block)
{
    if (block->entry.size <= FREE_ROOM && all->free_count < MOST_FREE) {
        block->next = all->free;
        all->free = block;
        all->free_count++;
    }
    else {
        PyMem_RawFree(block);
    }
}

static suspended *
take(ct_suspensions *all, suspended **place)
{
    suspended *block = *place;
    *place = block->next;
    all->count--;
    return block;
}

/* Take the topmost entry off its stack until its generator goes on.  Its context is its consumer's, unless the
   program has put another one on that is held across the step.  1: it is off; 0: left to Python, for it is no
   generator's; -1: an exception. */
int
ct_suspend(ct_core *core, ct_thread *thread, PyObject *code)
{
    ct_suspensions *all = &core->suspensions;
    PyObject *context = NULL;
    int64_t now;

    if (ct_read_clock(core, &now) < 0) {
        return -1;
    }
    ct_entry *entry = ct_top(thread);
    if (entry == NULL || entry->code != code || !entry->suspends) {
        return 0;
    }
    if (PyContextVar_Get(core->context_variable, NULL, &context) < 0) {
        return -1;
    }
    PyObject *held = NULL;
    if (entry->context == context) {
        held = entry->context;
        entry->context = NULL;
    }
    entry->suspensions++;
    entry->busy += now - entry->resumed;
    suspended *block = 2 * all->count >= all->bucket_count && grow(all) < 0
        ? NULL : allocate(all, entry->size);
    if (block != NULL) {
        memcpy(&block->entry, entry, entry->size);
        ct_pop(thread);
        suspended **bucket = bucket_of(all, block->entry.frame);
        block->next = *bucket;
        *bucket = block;
        all->count++;
    }
    else if (!PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    Py_XDECREF(held);
    Py_XDECREF(context);
    return block == NULL ? -1 : 1;
}

/* Put the entry of the generator that goes on in a frame on its thread's stack.  1: it is there; 0: left to
   Python, which finds what there was; -1: an exception. */
int
ct_resume(ct_core *core, ct_thread *thread, PyObject *code)
{
    ct_suspensions *all = &core->suspensions;
    ct_frame *frame = ct_current_frame(thread->tstate);
    PyObject *context = NULL;
    int64_t now;

    if (all->count == 0 || frame == NULL || ct_code_of(frame) != code) {
        return 0;
    }
    suspended **place = place_of(all, frame);
    if (*place == NULL || (*place)->entry.code != code) {
        return 0;
    }
    if (ct_read_clock(core, &now) < 0 || PyContextVar_Get(core->context_variable, NULL, &context) < 0) {
        return -1;
    }
    int has_stack = ct_top(thread) != NULL || ct_python_stack(core, thread) != NULL;
    if (PyErr_Occurred()) {
        Py_XDECREF(context);
        return -1;
    }
    place = place_of(all, frame);       /* a clock of somebody else's may have let everything happen */
    if (*place == NULL || context == NULL || !has_stack) {
        Py_XDECREF(context);
        return ct_box_suspended(core, frame) < 0 ? -1 : 0;
    }
    ct_entry *entry = ct_push(thread, (*place)->entry.size);
    if (entry == NULL) {
        Py_DECREF(context);
        return -1;
    }
    suspended *block = take(all, place);
    uint32_t below = entry->below;
    memcpy(entry, &block->entry, block->entry.size);
    entry->below = below;
    entry->resumed = now;
    if (entry->context == NULL) {
        entry->context = Py_NewRef(context);
    }
    Py_DECREF(context);
    give_back(all, block);
    return 1;
}

/* Deliver a generator that is gone: another one begins in a frame at the same place. */
int
ct_abandon(ct_core *core, const void *frame)
{
    ct_suspensions *all = &core->suspensions;
    int64_t now;

    if (all->count == 0 || *place_of(all, frame) == NULL) {
        return 0;
    }
    if (ct_read_clock(core, &now) < 0) {
        return -1;
    }
    suspended **place = place_of(all, frame);
    if (*place == NULL) {
        return 0;
    }
    suspended *block = take(all, place);
    int is_delivered = 0;
    if (block->entry.is_sampled_out) {
        ct_release_entry(&block->entry);
    }
    else {
        block->entry.ending = CT_ABANDONED;
        block->entry.end = now > block->entry.start ? now : block->entry.start;
        is_delivered = ct_deliver(core, &block->entry);
    }
    give_back(all, block);
    return is_delivered;
}

static int
box(ct_core *core, suspended *block)
{
    PyObject *record = ct_record_of(core->log, &block->entry, 0);
    int is_kept = record == NULL ? -1 : ct_keep_suspended(core, block->entry.frame, record);
    Py_XDECREF(record);
    core->boxed_calls++;
    PyObject *error = PyErr_GetRaisedException();
    ct_release_entry(&block->entry);
    PyErr_SetRaisedException(error);
    give_back(&core->suspensions, block);
    return is_kept;
}

/* Make a suspended generator a record, where Python looks for it. */
int
ct_box_suspended(ct_core *core, const void *frame)
{
    if (core->suspensions.count == 0) {
        return 0;
    }
    suspended **place = place_of(&core->suspensions, frame);
    return *place == NULL ? 0 : box(core, take(&core->suspensions, place));
}

static int
compare_starts(const void *first, const void *second)
{
    int64_t a = (*(suspended *const *)first)->entry.start, b = (*(suspended *const *)second)->entry.start;
    return (a > b) - (a < b);
}

/* The same for all of them, in the order in which they began. */
int
ct_box_all_suspended(ct_core *core)
{
    ct_suspensions *all = &core->suspensions;
    size_t count = all->count, found = 0;
    int is_boxed = 0;

    if (count == 0) {
        return 0;
    }
    suspended **blocks = PyMem_RawMalloc(count * sizeof *blocks);
    if (blocks == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < all->bucket_count; i++) {
        while (all->buckets[i] != NULL) {
            blocks[found++] = take(all, &all->buckets[i]);
        }
    }
    qsort(blocks, found, sizeof *blocks, compare_starts);
    for (size_t i = 0; i < found; i++) {
        is_boxed |= box(core, blocks[i]);
    }
    PyMem_RawFree(blocks);
    return is_boxed;
}

int
ct_visit_suspended(ct_core *core, visitproc visit, void *arg)
{
    const ct_suspensions *all = &core->suspensions;
    for (size_t i = 0; i < all->bucket_count; i++) {
        for (suspended *each = all->buckets[i]; each != NULL; each = each->next) {
            int found = ct_visit_entry(&each->entry, visit, arg);
            if (found != 0) {
                return found;
            }
        }
    }
    return 0;
}

void
ct_clear_suspended(ct_core *core)
{
    ct_suspensions *all = &core->suspensions;
    for (size_t i = 0; i < all->bucket_count; i++) {
        while (all->buckets[i] != NULL) {
            suspended *block = take(all, &all->buckets[i]);
            ct_release_entry(&block->entry);
            give_back(all, block);
        }
    }
    while (all->free != NULL) {
        suspended *block = all->free;
        all->free = block->next;
        PyMem_RawFree(block);
    }
    PyMem_RawFree(all->buckets);
    *all = (ct_suspensions){0};
}
