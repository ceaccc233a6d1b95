/* Finds where eight bytes of a known secret may stand: whoever asked looks closer at each place. */

#include "known.h"

enum { WINDOW = 8 };

typedef struct {
    Py_ssize_t *items;
    size_t count, capacity;
} places;

static int
add_place(places *found, Py_ssize_t place)
{
    if (found->count == found->capacity) {
        size_t capacity = found->capacity == 0 ? 64 : 2 * found->capacity;
        Py_ssize_t *items = PyMem_RawRealloc(found->items, capacity * sizeof(Py_ssize_t));
        if (items == NULL) {
            return -1;
        }
        found->items = items;
        found->capacity = capacity;
    }
    found->items[found->count++] = place;
    return 0;
}

/* A window is the last eight bytes, each substituted, the latest one lowest; its bit is named by the upper
   bits of its product with an odd number, as multiplicative hashing wants. */
static inline int
is_known(const ct_windows *windows, uint64_t window)
{
    uint64_t bit = (window * 0x9E3779B97F4A7C15u) >> windows->shift;
    return windows->bits[bit >> 3] >> (bit & 7) & 1;
}

/* Without the GIL. */
static int
find_all(const ct_windows *windows, const unsigned char *text, Py_ssize_t size, places *found)
{
    uint64_t window = 0;

    for (Py_ssize_t i = 0; i < size; i++) {
        window = window << 8 | windows->substitution[text[i]];
        if (is_known(windows, window) && i >= WINDOW - 1 && add_place(found, i - (WINDOW - 1)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Without the GIL: whether any window of a text may be one of a known secret. */
int
ct_has_window(const ct_windows *windows, const unsigned char *text, size_t size)
{
    uint64_t window = 0;

    if (windows->bits == NULL || size < WINDOW) {
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        window = window << 8 | windows->substitution[text[i]];
        if (is_known(windows, window) && i >= WINDOW - 1) {
            return 1;
        }
    }
    return 0;
}

static PyObject *
list_of(const places *found)
{
    PyObject *list = PyList_New((Py_ssize_t)found->count);
    for (size_t i = 0; list != NULL && i < found->count; i++) {
        PyObject *place = PyLong_FromSsize_t(found->items[i]);
        if (place == NULL) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, place);
    }
    return list;
}

/* How far a 64-bit product is shifted to name one of the bits; -1 where their number is no power of two. */
static int
shift_for(Py_ssize_t bytes)
{
    int shift = 61;

    if (bytes <= 0 || (bytes & (bytes - 1)) != 0) {
        return -1;
    }
    for (; bytes > 1; bytes >>= 1) {
        shift--;
    }
    return shift;
}

/* Both are bytes, of which windows borrow; -1 with an exception where they do not fit. */
int
ct_read_windows(PyObject *substitution, PyObject *bits, ct_windows *windows)
{
    if (!PyBytes_Check(substitution) || !PyBytes_Check(bits) || PyBytes_GET_SIZE(substitution) != 256) {
        PyErr_SetString(PyExc_TypeError, "windows are known by 256 bytes and bits");
        return -1;
    }
    windows->substitution = (const unsigned char *)PyBytes_AS_STRING(substitution);
    windows->bits = (const unsigned char *)PyBytes_AS_STRING(bits);
    windows->shift = shift_for(PyBytes_GET_SIZE(bits));
    if (windows->shift < 0) {
        PyErr_SetString(PyExc_ValueError, "bits: their number is no power of two");
        return -1;
    }
    return 0;
}

/* find_windows(text, substitution, bits), all bytes. */
PyObject *
ct_find_windows(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    places found = {0};
    ct_windows windows;
    int result;

    if (count != 3 || !PyBytes_Check(arguments[0])) {
        PyErr_SetString(PyExc_TypeError, "find_windows(text, substitution, bits)");
        return NULL;
    }
    if (ct_read_windows(arguments[1], arguments[2], &windows) < 0) {
        return NULL;
    }
    const unsigned char *text = (const unsigned char *)PyBytes_AS_STRING(arguments[0]);
    Py_BEGIN_ALLOW_THREADS
    result = find_all(&windows, text, PyBytes_GET_SIZE(arguments[0]), &found);
    Py_END_ALLOW_THREADS
    PyObject *list = result < 0 ? PyErr_NoMemory() : list_of(&found);
    PyMem_RawFree(found.items);
    return list;
}
