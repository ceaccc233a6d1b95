/* Finds the texts of a block that may hold a secret.  Texts are read where they lie, without the GIL. */

#include "block.h"
#include "clean_texts.h"
#include "known.h"
#include "scanner.h"
#include "values.h"

enum { NOT_AT_ALL, SUSPECTS, EVERY_TEXT };  /* how the texts of a plan are judged */

typedef struct {
    Py_ssize_t index;
    const char *value;          /* a text; NULL for a whole record */
} suspect;

typedef struct {
    suspect *items;
    size_t count, capacity;
} suspects;

static int
add_suspect(suspects *found, Py_ssize_t index, const char *value)
{
    if (found->count == found->capacity) {
        size_t capacity = found->capacity == 0 ? 64 : 2 * found->capacity;
        suspect *items = PyMem_RawRealloc(found->items, capacity * sizeof(suspect));
        if (items == NULL) {
            return -1;
        }
        found->items = items;
        found->capacity = capacity;
    }
    found->items[found->count++] = (suspect){index, value};
    return 0;
}

/* Where the text of a value is; NULL for one that is no text of its own. */
static const char *
text_at(const char *at, size_t *size)
{
    switch (*at) {
    case ASCII: case UTF8:
        *size = ct_text_size(at);
        return ct_text(at);
    case SHORT_FORM:
        *size = ct_size(at);
        return at + 9;
    case BYTES:     /* read as Latin-1: what is beyond ASCII is of no script that a name has */
        *size = ct_size(at);
        return at + CT_NODE_HEAD;
    default:
        return NULL;
    }
}

/* Whether a scan with these tables has found nothing in a value already.  Two threads may scan blocks with the same
   value at once: either finds a mark of its own tables or scans again. */
#if defined(__GNUC__)
#  define WAS_CLEAN(shared, scan) (__atomic_load_n(&(shared)->clean_in, __ATOMIC_RELAXED) == (scan))
#  define MARK_CLEAN(shared, scan) __atomic_store_n(&(shared)->clean_in, (scan), __ATOMIC_RELAXED)
#else
#  define WAS_CLEAN(shared, scan) ((void)(scan), 0)
#  define MARK_CLEAN(shared, scan) ((void)(scan))
#endif

/* What one entry is scanned with. */
typedef struct {
    const ct_scanner *scanner;
    const ct_windows *windows;
    const ct_block *block;
    const char *has_texts;
    uint64_t number;            /* of its tables */
    ct_clean_texts *clean;      /* found by them; NULL: there is no room to remember any */
} scan;

/* Whether nothing is in a text that anybody has to judge. */
static int
is_clean(const scan *scan, const unsigned char *text, size_t size)
{
    ct_clean_text *place = ct_clean_place(scan->clean, text, size);
    if (place != NULL && ct_is_at(place, text, size)) {
        return 1;
    }
    if (ct_is_suspicious(scan->scanner, text, size) || ct_has_window(scan->windows, text, size)) {
        return 0;
    }
    if (place != NULL) {
        ct_put_clean(place, text, size);
    }
    return 1;
}

/* Values from `at` to `end`: 1 if all of the record is to be judged, -1 without memory, else 0. */
static int
scan_values(const scan *scan, Py_ssize_t index, int mode, const char *at, const char *end, suspects *found)
{
    uint32_t ignored;
    size_t size = 0, before;
    int done = 0;

    for (; done == 0 && at < end; at = ct_step(at, &ignored)) {
        if (*at == SHARED) {
            ct_shared *shared = ct_shared_at(at);
            if (mode == SUSPECTS && WAS_CLEAN(shared, scan->number)) {
                continue;
            }
            before = found->count;
            done = scan_values(scan, index, mode, shared->bytes, shared->bytes + shared->size, found);
            if (done == 0 && mode == SUSPECTS && found->count == before) {
                MARK_CLEAN(shared, scan->number);
            }
            continue;
        }
        const unsigned char *text = (const unsigned char *)text_at(at, &size);
        if (*at == CUT_TEXT || (*at == BYTES && ct_full(at) > size)
            || (*at == OBJECT && scan->has_texts[ct_place_of(&scan->block->objects, ct_object(at))])) {
            return 1;
        }
        if (text != NULL
            && (mode == EVERY_TEXT || !is_clean(scan, text, size))
            && add_suspect(found, index, at) < 0) {
            return -1;
        }
    }
    return done;
}

/* Without the GIL.  Where a text was cut, or Python has to find the texts, all of the record is judged. */
static int
scan_entry(const scan *scan, Py_ssize_t index, int mode, suspects *found)
{
    const ct_entry *entry = scan->block->items[index].entry;
    const char *at = ct_values_of(entry);
    int done = scan_values(scan, index, mode, at, at + entry->value_bytes, found);
    return done > 0 ? add_suspect(found, index, NULL) : done;
}

static PyObject *
text_of(const char *at)
{
    size_t size = 0;
    const char *text = at == NULL ? NULL : text_at(at, &size);
    if (text == NULL) {
        return Py_NewRef(Py_None);
    }
    return *at == BYTES ? PyUnicode_DecodeLatin1(text, (Py_ssize_t)size, NULL)
        : PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, "strict");
}

static PyObject *
list_of(const suspects *found)
{
    PyObject *list = PyList_New((Py_ssize_t)found->count);
    for (size_t i = 0; list != NULL && i < found->count; i++) {
        PyObject *text = text_of(found->items[i].value);
        PyObject *row = text == NULL
            ? NULL : ct_without_cycles(Py_BuildValue("nN", found->items[i].index, text));
        if (row == NULL) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, row);
    }
    return list;
}

/* The number of the tables that a scan is made with: the same one as for the scan before, if nothing else is looked for.
   All of them are immutable, and those of the last scan are held, so that no others come to their place. */
static uint64_t
number_of(ct_log *log, PyObject *scanner, PyObject *windows)
{
    int has_windows = PyTuple_GET_SIZE(windows) == 2;
    PyObject *tables[] = {scanner, has_windows ? PyTuple_GET_ITEM(windows, 0) : NULL,
                          has_windows ? PyTuple_GET_ITEM(windows, 1) : NULL};

    if (memcmp(tables, log->scanned_with, sizeof tables) != 0) {
        log->scan_number++;
        for (int i = 0; i < 3; i++) {
            Py_XSETREF(log->scanned_with[i], Py_XNewRef(tables[i]));
        }
    }
    return log->scan_number;
}

/* scan(scanner, modes, has_texts, windows): `modes` has a byte for each plan of the block, and `has_texts`
   one for each object, whether it holds texts: then its record is a suspect.  `windows` are those of known
   secrets, or empty. */
PyObject *
ct_scan_block(ct_block *block, PyObject *const *arguments, Py_ssize_t count)
{
    ct_state *state = PyType_GetModuleState(Py_TYPE(block));
    suspects found = {0};
    ct_windows windows = {0};
    int is_scanned = 0;

    if (count != 4 || !Py_IS_TYPE(arguments[0], state->scanner_type) || !PyBytes_Check(arguments[1])
        || !PyBytes_Check(arguments[2]) || PyBytes_GET_SIZE(arguments[1]) != block->site_count
        || PyBytes_GET_SIZE(arguments[2]) != PyList_GET_SIZE(block->objects.list)
        || !PyTuple_Check(arguments[3])) {
        PyErr_SetString(PyExc_TypeError, "scan(scanner, bytes for plans, bytes for objects, windows)");
        return NULL;
    }
    if (PyTuple_GET_SIZE(arguments[3]) == 2
        && ct_read_windows(PyTuple_GET_ITEM(arguments[3], 0), PyTuple_GET_ITEM(arguments[3], 1),
                           &windows) < 0) {
        return NULL;
    }
    uint64_t number = number_of(block->log, arguments[0], arguments[3]);
    const scan scan = {(const ct_scanner *)arguments[0], &windows, block, PyBytes_AS_STRING(arguments[2]),
                       number, ct_take_clean_texts(block->log, number)};
    const char *modes = PyBytes_AS_STRING(arguments[1]);
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; is_scanned == 0 && i < block->count; i++) {
        const ct_item *item = &block->items[i];
        if (ct_is_native(item) && modes[item->plan] != NOT_AT_ALL) {
            is_scanned = scan_entry(&scan, i, modes[item->plan], &found);
        }
    }
    Py_END_ALLOW_THREADS
    ct_give_clean_texts(block->log, scan.clean);
    PyObject *list = is_scanned < 0 ? PyErr_NoMemory() : list_of(&found);
    PyMem_RawFree(found.items);
    return list;
}
