/* Objects by their address: a table that is read without the GIL once it is filled. */

#include "block.h"

#define FIRST_SLOTS 64

static size_t
slot_of(const ct_objects *objects, const PyObject *object)
{
    size_t slot = ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15u >> 20 & objects->mask;
    while (objects->slots[slot] != NULL && objects->slots[slot] != object) {
        slot = (slot + 1) & objects->mask;
    }
    return slot;
}

/* Of an object that is among them. */
uint32_t
ct_place_of(const ct_objects *objects, PyObject *object)
{
    return objects->places[slot_of(objects, object)];
}

static int
make_slots(ct_objects *objects, size_t number)
{
    ct_objects larger = {.list = objects->list, .mask = number - 1};
    larger.slots = PyMem_RawCalloc(number, sizeof(PyObject *));
    larger.places = PyMem_RawMalloc(number * sizeof(uint32_t));
    if (larger.slots == NULL || larger.places == NULL) {
        PyMem_RawFree(larger.slots);
        PyMem_RawFree(larger.places);
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects->list); i++) {
        size_t slot = slot_of(&larger, PyList_GET_ITEM(objects->list, i));
        larger.slots[slot] = PyList_GET_ITEM(objects->list, i);
        larger.places[slot] = (uint32_t)i;
    }
    PyMem_RawFree(objects->slots);
    PyMem_RawFree(objects->places);
    *objects = larger;
    return 0;
}

/* Take an object that may be among them already, and say its place. */
int
ct_add_object(ct_objects *objects, PyObject *object, uint32_t *place)
{
    if (objects->slots == NULL && make_slots(objects, FIRST_SLOTS) < 0) {
        return -1;
    }
    size_t slot = slot_of(objects, object);
    if (objects->slots[slot] == NULL) {
        size_t count = (size_t)PyList_GET_SIZE(objects->list);
        if (PyList_Append(objects->list, object) < 0) {
            return -1;
        }
        objects->slots[slot] = object;
        objects->places[slot] = (uint32_t)count;
        if (2 * count >= objects->mask && make_slots(objects, 2 * (objects->mask + 1)) < 0) {
            return -1;
        }
        *place = (uint32_t)count;
        return 0;
    }
    *place = objects->places[slot];
    return 0;
}
