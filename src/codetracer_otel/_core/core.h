/* What the parts of the compiled core share.

   The core stands in front of the Python recorder.  It keeps the calls that have nothing but plain
   values as "native" entries on a stack of its own, which lies on top of the Python recorder's stack
   of the same thread.  Whatever needs more is handed to the Python callbacks, after every native
   entry of the thread has been turned into a record on the Python stack ("boxed").  So at any time
   the open calls of a thread are: its Python stack, then its native entries. */

#ifndef CODETRACER_CORE_H
#define CODETRACER_CORE_H

#include "format.h"
#include <time.h>

#if defined(__GNUC__)
#  define CT_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#  define CT_LIKELY(condition) __builtin_expect(!!(condition), 1)
   /* What hardly any call needs: what it saves is saved there, not in each call. */
#  define CT_RARE __attribute__((noinline, cold))
   /* What each field needs: a call of its own would cost more than what it does. */
#  define CT_INLINE static inline __attribute__((always_inline))
#else
#  define CT_INLINE static inline
#  define CT_RARE
#  define CT_UNLIKELY(condition) (condition)
#  define CT_LIKELY(condition) (condition)
#endif

/* Positions in a record, as in the Python module that defines records. */
enum {
    CT_CODE, CT_PLAN, CT_SPAN_ID, CT_SEGMENT, CT_CONTEXT, CT_PARENT_ID, CT_ARGUMENTS, CT_START,
    CT_END, CT_RESULT, CT_EXTRAS, CT_RECORD_LENGTH
};

#define CT_MAX_ARGUMENTS 32     /* of one call; code that captures more is left to Python */
#define CT_MOST_FIELDS 64       /* of one instance that is captured in C */
#define CT_SHORT_TEXT 128       /* characters of a text that is copied; the recorder's own bound */

/* One traced code object.  Its core's table holds a reference, and so does each entry: what was recorded of
   code is delivered after the code is gone. */
typedef struct ct_site {
    Py_ssize_t references;
    PyObject *code;             /* borrowed; only compared once this has left the table */
    struct ct_site *next;       /* of those that have left it */
    PyObject *site;             /* the Python recorder's */
    PyObject *plan;
    PyObject *capture;          /* makes a captured value of anything that is not plain */
    PyObject *verdicts;         /* dict: name of a key -> what Python says; NULL: all are shown */
    PyObject *judge;            /* adds a name to it */
    PyObject *keyword_verdicts, *judge_keyword;     /* the same for the keys of `**kwargs` */
    PyObject *capture_keywords; /* in Python */
    PyObject *naming;           /* tuple of arguments that may name another one as a secret, or NULL */
    PyObject *hide_told;        /* takes all arguments, and hides those that are named so */
    struct ct_site *told;       /* of a call of which an argument says that its result is a secret; or NULL */
    struct ct_site *owner;      /* whose `told` this is: it counts the references to both; or NULL */
    int has_receiver;           /* the first argument is the object whose method is called */
    int keywords_index;         /* of `**kwargs` among the arguments; -1: none */
    int is_walked;              /* containers and instances may be captured in C */
    PyObject *fixed_result;     /* what stands for every result; NULL: the result is captured */
    PyObject *learn;            /* takes what is hidden because of its name, and where that was */
    PyObject *taught;           /* tuple of (slot, is_cell, place), one for each hidden argument */
    PyObject *result_place;     /* of a hidden result; NULL: it is not learned */
    Py_ssize_t short_text;      /* longest text that needs no capture; -1: none */
    uint64_t ratio_bound;       /* trace ids whose key reaches it are sampled out */
    int64_t kept, sampled_out, in_python;   /* calls, since they were last taken */
    int has_ratio_bound;
    int takes_plain;            /* numbers and None need no capture */
    int is_native;              /* no feature beyond arguments, result and ratio */
    int suspends;               /* a generator or coroutine */
    int tells_errors;           /* C may describe what leaves it */
    int reads_at_error;         /* locals of a call that an exception leaves */
    int start_offset;           /* of the instruction where it begins; -1: not seen yet */
    uint32_t last_block;        /* the last block with a call of it, and its place in there */
    uint32_t place;
    int argument_count;
    struct {
        int slot;               /* in the frame's array of locals */
        int is_cell;
    } arguments[];
} ct_site;

/* Sites by the address of their code, see places.c.  Nothing is attached to a code object: from 3.14 on the
   interpreter hands on to another one only code that has no extra. */
typedef struct {
    ct_site **places;
    size_t mask, count;         /* the number of places - 1; how many are taken */
    int shift;                  /* of the hash */
} ct_sites;

typedef struct ct_thread {
    struct ct_core *core;       /* borrowed */
    PyThreadState *tstate;      /* in whose dictionary this is */
    struct ct_thread *next, *previous;
    PyObject *python_stack;     /* strong; the list that the native entries stand on, or NULL */
    PyObject *number;           /* strong; the integer that was read last of a record, */
    uint64_t number_read;       /* and what it is: most calls in a row have the same parent */
    char *bytes;                /* the native entries */
    size_t capacity, top;       /* bytes */
    size_t last;                /* where the topmost entry begins; meaningless while top is 0 */
    uint64_t random[2];
} ct_thread;

/* Finished entries, oldest first, in chunks that are used again. */
typedef struct ct_chunk {
    struct ct_chunk *next;
    Py_ssize_t references;      /* of the log, and of each block that has entries in it */
    size_t used, taken;         /* bytes */
    char bytes[];
} ct_chunk;

/* Of what is told of an exception, see raised.c. */
#define CT_TOLD_SLOTS 7

/* The Python classes that records are made of. */
typedef struct {
    PyObject *not_captured, *hidden;
    PyTypeObject *node;
    Py_ssize_t node_kind, node_type_name, node_items, node_omitted;     /* where its slots are */
    PyObject *kinds;            /* tuple of node kinds, in their order */
    PyTypeObject *details;
    PyTypeObject *told;         /* class of what is told of an exception */
    Py_ssize_t told_slots[CT_TOLD_SLOTS];
    PyObject *wall_offset_name;
    PyObject *ending_name, *exception_name, *busy_name, *resumed_name, *suspensions_name, *frame_name;
    PyObject *endings;          /* tuple, in their order */
} ct_model;

typedef struct {
    PyObject_HEAD
    ct_chunk *first, *last, *spares;
    int spare_count;
    uint32_t block_count;       /* blocks that were taken */
    uint64_t scan_number;       /* another one once a block is scanned with other tables, */
    PyObject *scanned_with[3];  /* strong: the scanner, and those of the windows or NULL */
    struct ct_clean_texts *clean_texts;     /* NULL: a scan has them, or none was made yet */
    Py_ssize_t count;           /* entries that wait, */
    Py_ssize_t record_count;    /* and how many of them are Python's */
    Py_ssize_t watermark;       /* from this count on Python decides what becomes of a record */
    int64_t charged;            /* bytes of large values that wait, as far as they are counted */
    int64_t most_charged;       /* from there on Python decides */
    ct_model model;
    ct_names names;
} ct_log;

/* How much of one value is kept, as in the Python module of that name. */
typedef struct {
    Py_ssize_t max_depth, max_items, max_string, max_nodes;
} ct_limits;

/* What of hidden texts has been learned, see learned.c. */
typedef struct {
    PyObject *met;              /* set of hashes; NULL: nothing is learned */
    Py_ssize_t shortest, longest;
} ct_learned;

/* What was said lately about a name, see verdicts.c. */
#define CT_RECENT_VERDICTS 512
typedef struct {
    PyObject *name, *verdicts;  /* strong */
    long verdict;
} ct_verdict;

/* A table by address, see classes.c. */
typedef struct {
    struct ct_form **table;
    size_t capacity, count;
    uint64_t generation;        /* another one each time that something leaves the table */
} ct_classes;

/* Suspended generators and coroutines, see suspended.c. */
typedef struct {
    struct ct_suspended **buckets, *free;
    size_t bucket_count, count, free_count;
} ct_suspensions;

/* What is told of an exception that leaves a call, until a record is made of that: one object, and none that the
   garbage collector counts.  It begins a round after so many that it has counted, and after some rounds looks at all
   that the program has: for a tuple, one for each frame and what held them, that was 0.5-1.1 us more for an exception
   in a program of 40,000 objects. */
typedef struct {
    PyObject *file, *function;  /* strong */
    int line;
} ct_raised_frame;

typedef struct {
    PyObject_VAR_HEAD           /* its size: number of frames */
    PyObject *type_name;        /* strong */
    PyObject *message;          /* strong; NULL where another one tells it, of a call inside */
    int64_t time;               /* monotonic ns */
    int is_innermost;
    ct_raised_frame frames[];   /* from the one that it leaves to where it was raised */
} ct_raised;

/* Where in a segment, which all calls of a trace on one thread share, its fields are.  Those of the thread and the
   trace come first. */
typedef enum {
    CT_TRACE_ID_SLOT, CT_RATIO_KEY_SLOT, CT_WALL_OFFSET_SLOT, CT_THREAD_ID_SLOT, CT_THREAD_NAME_SLOT,
    CT_FLAGS_SLOT, CT_STATE_SLOT, CT_REDACTED_SLOT, CT_REMOTE_SLOT, CT_ATTRIBUTES_SLOT, CT_SEGMENT_SLOTS
} ct_segment_slot;

/* How traces begin, see roots.c. */
typedef struct {
    PyTypeObject *type;
    Py_ssize_t slots[CT_SEGMENT_SLOTS];
    PyObject *model;            /* a segment; NULL: Python begins every trace */
    PyObject *never;            /* the context of a record that no call's is equal to */
    PyObject *span_key;
    PyObject *refuse;
    uint64_t parent_id;         /* in another process; 0: none */
    uint64_t bound;             /* of a sampler, for the low half of a trace id */
    int has_bound;
    unsigned forks;             /* that Python knows of */
} ct_roots;

/* The processor's counter, by which the system's clock is carried on for a moment, see clock.c. */
typedef struct {
    uint64_t from;              /* what it was when the system's clock was read, */
    int64_t ns;                 /* and what that said */
    int64_t told;               /* no time is earlier than this one, which may have been told already */
    uint64_t window;            /* counts for which the clock is carried on; 0: it is read each time */
    uint64_t rate;              /* ns of a count, times 2^32; 0: not known yet. Of use once `window` is not 0 */
    int is_trusted;
} ct_counter;

/* What a new call stands on. */
typedef struct {
    PyObject *segment;          /* strong */
    uint64_t span_id;
    uint64_t ratio_key;
    int knows_ratio;
} ct_parent;

/* Whether there is one; an exception is -1. */
enum {
    CT_NOT_FOUND,               /* Python has to say */
    CT_FOUND,
    CT_REFUSED                  /* the call is not recorded: Python has taken note of it */
};

typedef struct ct_core {
    PyObject_HEAD
    ct_log *log;                /* strong */
    ct_sites sites;
    ct_site *gone;              /* left the table, their counts have not been taken; by `next` */
    struct ct_core *next_watched, **watched_at;
    ct_thread *threads;
    PyObject *context_variable, *threads_local;
    PyObject *decide;           /* of code that is called for the first time */
    PyObject *start, *result, *unwind, *yield, *resume, *throw_in;     /* the Python callbacks */
    PyObject *error_boundary, *charge, *overflow;
    PyObject *deferred_ends;    /* list of (record, class of what was raised or None) */
    PyObject *clock, *next_id;  /* NULL: the system's, our own */
    ct_counter counter;
    PyObject *urandom;
    PyObject *undecided;        /* stands in records */
    /* Of the module's state, which the interpreter's end clears before the last core goes. */
    PyObject *stack_name, *ratio_key_name, *thread_key;
    PyObject *form_of_class;    /* says how instances are captured */
    PyObject *describe;         /* of an exception that leaves a call: (ending, description) */
    ct_classes classes;         /* what it said */
    ct_classes named;           /* what it said of classes that are values themselves: their names */
    PyTypeObject *raised_type;
    PyObject *own_folder;       /* where our own code is, which no traceback shows; NULL: Python tells of all */
    ct_roots roots;
    ct_limits limits;
    ct_learned learned;
    ct_verdict verdicts[CT_RECENT_VERDICTS];
    struct ct_memos *memos;     /* of objects that were captured lately; NULL: none yet */
    ct_suspensions suspensions;
    PyObject *suspended;        /* Python's: dict, address of a frame -> record */
    int runs_code;              /* a capture may run code of the program */
    int64_t boxed_calls, native_calls;
    int64_t parentless;         /* calls whose parent Python had to find */
    int64_t captured_values;    /* arguments and results that Python captured */
    int64_t remembered;         /* arguments and results that were written as the last time */
    int64_t answers;            /* of Python about classes and names */
} ct_core;

typedef struct {
    int watcher;                /* of code objects; -1: none */
    PyTypeObject *core_type, *callback_type, *log_type, *block_type, *scanner_type, *output_type, *raised_type;
    PyObject *stack_name;       /* "stack" */
    PyObject *ratio_key_name;   /* "ratio_key" */
    PyObject *thread_key;       /* of a thread's state in its dictionary */
} ct_state;

extern PyModuleDef ct_module;
ct_state *ct_state_of(PyTypeObject *type);

/* Hold an object for a moment.  Until 3.13 `Py_INCREF` writes four bytes of a count that `Py_DECREF` reads all eight
   of: with so little in between that waits until the four are in the cache, 15 cycles or more. */
static inline void
ct_hold(PyObject *object)
{
#if PY_VERSION_HEX < 0x030E0000 && !defined(Py_GIL_DISABLED) && !defined(Py_REF_DEBUG)
    Py_SET_REFCNT(object, Py_REFCNT(object) + 1);
#else
    Py_INCREF(object);
#endif
}

/* clock.c */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#  define CT_COUNT() __builtin_ia32_rdtsc()
#endif
void ct_trust_counter(ct_counter *counter);
int64_t ct_read_system_clock(ct_counter *counter);
int ct_ask_clock(ct_core *core, int64_t *now);
PyObject *ct_carried_times(PyObject *module, PyObject *readings);
int ct_read_wall_offset(int64_t *offset);

/* Whether the counter carries the clock on at a count. */
static inline int
ct_is_carried_on(const ct_counter *counter, uint64_t count, int64_t *now)
{
    uint64_t passed = count - counter->from;
    if (CT_UNLIKELY(passed >= counter->window)) {
        return 0;
    }
    int64_t at = counter->ns + (int64_t)(passed * counter->rate >> 32);
    *now = Py_MAX(at, counter->told);
    return 1;
}

/* Monotonic time in ns: the system's, or that of a recorder whose clock is another one. */
static inline int
ct_read_clock(ct_core *core, int64_t *now)
{
#ifdef CT_COUNT
    if (CT_LIKELY(core->counter.window != 0) && ct_is_carried_on(&core->counter, CT_COUNT(), now)) {
        return 0;
    }
#endif
#ifdef CLOCK_MONOTONIC
    if (CT_LIKELY(core->clock == NULL)) {
        *now = ct_read_system_clock(&core->counter);
        return 0;
    }
#endif
    return ct_ask_clock(core, now);
}

/* values.c */
int ct_is_plain(const ct_site *site, PyObject *value);
size_t ct_value_room(PyObject *value);
PyObject *ct_read_value(const ct_log *log, const char **at);
void ct_release_shared(void *shared);
PyObject *ct_without_cycles(PyObject *made);
int ct_visit_values(const char *at, uint32_t count, visitproc visit, void *arg);

/* learned.c */
int ct_read_learned(ct_learned *learned, PyObject *told);
int ct_is_nothing_new(const ct_learned *learned, PyObject *held);

/* verdicts.c */
void ct_clear_verdicts(ct_core *core);

/* memos.c */
void ct_clear_memos(ct_core *core);

/* classes.c */
void ct_clear_classes(ct_core *core);

/* names.c */
uint32_t ct_number_of(ct_names *names, PyObject *text);
void ct_clear_names(ct_names *names);

/* models.c */
int ct_read_model(ct_model *model, PyObject *not_captured, PyObject *hidden, PyObject *node,
                  PyObject *kinds, PyObject *details, PyObject *told, PyObject *endings);
int ct_visit_model(ct_model *model, visitproc visit, void *arg);
void ct_clear_model(ct_model *model);
PyObject *ct_new_node(const ct_log *log, char tag, uint32_t name, PyObject *items, uint64_t omitted);
PyObject *ct_new_details(const ct_model *model, const ct_entry *entry);
Py_ssize_t ct_offset_of(PyTypeObject *type, PyObject *slot);

/* entries.c */
PyObject *ct_record_of(const ct_log *log, const ct_entry *entry, int is_finished);
void ct_release_entry(ct_entry *entry);
int ct_visit_entry(ct_entry *entry, visitproc visit, void *arg);
int ct_drop(PyObject *object, void *arg);

/* log.c */
extern PyType_Spec ct_log_spec;
void ct_log_charge(ct_log *log, size_t size);
int ct_log_put(ct_log *log, const ct_entry *entry);
ct_entry *ct_log_take(ct_log *log, ct_chunk **chunk);
void ct_log_give_back(ct_log *log, ct_chunk *chunk);

/* threads.c */
ct_thread *ct_this_thread(ct_core *core);
static inline ct_entry *
ct_top(const ct_thread *thread)
{
    return thread->top == 0 ? NULL : (ct_entry *)(thread->bytes + thread->last);
}
int ct_enlarge(ct_thread *thread, size_t size);
/* Have so many bytes of memory. */
static inline int
ct_make_room(ct_thread *thread, size_t size)
{
    return CT_LIKELY(size <= thread->capacity) ? 0 : ct_enlarge(thread, size);
}
/* An entry on top, with what stands in its memory already; the caller fills it, header first.  NULL with an
   exception set. */
static inline ct_entry *
ct_push(ct_thread *thread, size_t size)
{
    size_t rounded = (size + 7) & ~(size_t)7;
    if (ct_make_room(thread, thread->top + rounded) < 0) {
        return NULL;
    }
    ct_entry *entry = (ct_entry *)(thread->bytes + thread->top);
    entry->size = (uint32_t)rounded;
    entry->below = thread->top == 0 ? 0 : (uint32_t)(thread->top - thread->last);
    thread->last = thread->top;
    thread->top += rounded;
    return entry;
}
/* Take the topmost entry off; its bytes stay until something is pushed. */
static inline void
ct_pop(ct_thread *thread)
{
    const ct_entry *entry = (const ct_entry *)(thread->bytes + thread->last);
    thread->top = thread->last;
    thread->last -= entry->below;
}
int ct_box(ct_core *core, ct_thread *thread);
int ct_keep_suspended(ct_core *core, void *frame, PyObject *record);
int ct_visit_threads(ct_core *core, visitproc visit, void *arg);
void ct_forget_threads(ct_core *core, ct_thread *but);
int ct_seed(ct_core *core, ct_thread *thread);
uint64_t ct_random_id(ct_thread *thread);
int ct_new_span_id(ct_core *core, ct_thread *thread, uint64_t *id);
PyObject *ct_python_stack(ct_core *core, ct_thread *thread);

/* places.c */
int ct_watch_code(void);
void ct_watch_sites(ct_core *core);
void ct_unwatch_sites(ct_core *core);
int ct_put_site(ct_core *core, ct_site *site, ct_site **before);
ct_site *ct_take_site(ct_core *core, const PyObject *code);
void ct_clear_places(ct_sites *sites);
void ct_free_places(ct_sites *sites);

static inline size_t
ct_place_of_code(const ct_sites *sites, const PyObject *code)
{
    /* The high bits of the product depend on every bit of the address. */
    return (size_t)((uint64_t)(uintptr_t)code * 0x9E3779B97F4A7C15u >> sites->shift);
}

/* NULL without an exception for code that this core knows nothing of. */
CT_INLINE ct_site *
ct_site_of(const ct_core *core, const PyObject *code)
{
    const ct_sites *sites = &core->sites;
    size_t at = ct_place_of_code(sites, code);
    ct_site *site = sites->places[at];
    while (CT_UNLIKELY(site != NULL && site->code != code)) {
        at = (at + 1) & sites->mask;
        site = sites->places[at];
    }
    return site;
}

/* sites.c */
void ct_release_site(ct_site *site);
void ct_retire_site(ct_core *core, ct_site *site);
int ct_has_counts(const ct_site *site);
PyObject *ct_add_site(ct_core *core, PyObject *arguments, PyObject *keywords);
void ct_clear_sites(ct_core *core);
PyObject *ct_take_counts(ct_core *core);
int ct_visit_sites(ct_core *core, visitproc visit, void *arg);

/* suspended.c */
int ct_suspend(ct_core *core, ct_thread *thread, PyObject *code);
int ct_resume(ct_core *core, ct_thread *thread, PyObject *code);
int ct_abandon(ct_core *core, const void *frame);
int ct_box_suspended(ct_core *core, const void *frame);
int ct_box_all_suspended(ct_core *core);
int ct_visit_suspended(ct_core *core, visitproc visit, void *arg);
void ct_clear_suspended(ct_core *core);

/* roots.c */
int ct_watch_forks(void);
void ct_note_process(ct_roots *roots);
int ct_read_roots(ct_roots *roots, PyObject *told);
int ct_set_roots(ct_roots *roots, PyObject *arguments);
int ct_visit_roots(ct_roots *roots, visitproc visit, void *arg);
void ct_clear_roots(ct_roots *roots);
int ct_begin_trace(ct_core *core, ct_thread *thread, PyObject *stack, PyObject *code, PyObject *context,
                   ct_parent *found);

/* call_starts.c */
int ct_begin_call(ct_core *core, ct_thread *thread, ct_site *site, PyObject *code, PyObject *context);
int ct_abandon_in_this_frame(ct_core *core, const ct_site *site);

/* raised.c */
extern PyType_Spec ct_raised_spec;
#define CT_LONGEST_MESSAGE 1024
ct_raised *ct_new_raised(PyTypeObject *type, PyObject *name, Py_ssize_t length);
PyObject *ct_told_of(const ct_model *model, const ct_entry *entry);

/* exceptions.c */
int ct_describe(ct_core *core, const ct_entry *entry, PyObject *error, int64_t now, int *ending,
                PyObject **description);

/* call_ends.c */
#define CT_ENDED_FAILING (-2)
int ct_deliver(ct_core *core, ct_entry *entry);
int ct_end_call(ct_core *core, ct_thread *thread, ct_entry *entry, PyObject *value);
int ct_end_raised(ct_core *core, ct_thread *thread, PyObject *code, PyObject *error);
PyObject *ct_hand_on_end(ct_core *core, PyObject *callback, PyObject *const *arguments,
                         Py_ssize_t count, PyObject *kind);

/* callbacks.c */
typedef enum {
    CT_ON_START, CT_ON_RETURN, CT_ON_UNWIND, CT_ON_YIELD, CT_ON_RESUME, CT_ON_THROW
} ct_event;
extern PyType_Spec ct_callback_spec;
PyObject *ct_new_callback(PyTypeObject *type, ct_core *core, ct_event event);

/* core.c */
extern PyType_Spec ct_core_spec;

#endif
