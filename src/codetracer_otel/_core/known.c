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

/* Without the GIL.  A window is the last eight bytes, each substituted, the latest one lowest; its bit is
   named by the upper bits of its product with an odd number, as multiplicative hashing wants. */
static int
find_all(const unsigned char *text, Py_ssize_t size, const unsigned char *substitution,
         const unsigned char *bits, int shift, places *found)
{
    uint64_t window = 0;

    for (Py_ssize_t i = 0; i < size; i++) {
        window = window << 8 | substitution[text[i]];
        uint64_t bit = (window * 0x9E3779B97F4A7C15u) >> shift;
        if (bits[bit >> 3] >> (bit & 7) & 1 && i >= WINDOW - 1
            && add_place(found, i - (WINDOW - 1)) < 0) {
            return -1;
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

/* find_windows(text, substitution, bits), all bytes. */
PyObject *
ct_find_windows(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    places found = {0};

    if (count != 3 || !PyBytes_Check(arguments[0]) || !PyBytes_Check(arguments[1])
        || !PyBytes_Check(arguments[2]) || PyBytes_GET_SIZE(arguments[1]) != 256) {
        PyErr_SetString(PyExc_TypeError, "find_windows(text, 256 bytes, bits)");
        return NULL;
    }
    int shift = shift_for(PyBytes_GET_SIZE(arguments[2]));
    if (shift < 0) {
        PyErr_SetString(PyExc_ValueError, "bits: their number is no power of two");
        return NULL;
    }
    const unsigned char *text = (const unsigned char *)PyBytes_AS_STRING(arguments[0]);
    const unsigned char *substitution = (const unsigned char *)PyBytes_AS_STRING(arguments[1]);
    const unsigned char *bits = (const unsigned char *)PyBytes_AS_STRING(arguments[2]);
    int result;
    Py_BEGIN_ALLOW_THREADS
    result = find_all(text, PyBytes_GET_SIZE(arguments[0]), substitution, bits, shift, &found);
    Py_END_ALLOW_THREADS
    PyObject *list = result < 0 ? PyErr_NoMemory() : list_of(&found);
    PyMem_RawFree(found.items);
    return list;
}
