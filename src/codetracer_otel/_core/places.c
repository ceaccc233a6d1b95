/* Finds a site by the address of its code, in a table with open addressing.

   A code object may go, and another one come to its address: the interpreter tells of each that goes before its memory
   is free. */

#include "core.h"

#define FIRST_PLACES 64         /* a power of two; at most half of them are taken */
#define HASH_BITS 64

/* Looked into by a core that has no site. */
static ct_site *const nowhere[2];

/* Those whose sites leave with their code: a watcher is called with the code alone. */
static ct_core *watched;

void
ct_clear_places(ct_sites *sites)
{
    *sites = (ct_sites){.places = (ct_site **)nowhere, .mask = 1, .shift = HASH_BITS - 1};
}

void
ct_free_places(ct_sites *sites)
{
    if (sites->places != nowhere) {
        PyMem_Free(sites->places);
    }
}

/* Where code is, or would be. */
static size_t
find_place(const ct_sites *sites, const PyObject *code)
{
    size_t at = ct_place_of_code(sites, code);
    while (sites->places[at] != NULL && sites->places[at]->code != code) {
        at = (at + 1) & sites->mask;
    }
    return at;
}

static int
make_room(ct_sites *sites)
{
    size_t capacity = sites->mask + 1;
    if (2 * (sites->count + 1) <= capacity && sites->places != nowhere) {
        return 0;
    }
    ct_sites larger = {.count = sites->count, .shift = HASH_BITS};
    capacity = sites->places == nowhere ? FIRST_PLACES : 2 * capacity;
    for (size_t places = capacity; places > 1; places /= 2) {
        larger.shift--;
    }
    larger.mask = capacity - 1;
    larger.places = PyMem_Calloc(capacity, sizeof *larger.places);
    if (larger.places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t at = 0; at <= sites->mask; at++) {
        if (sites->places[at] != NULL) {
            larger.places[find_place(&larger, sites->places[at]->code)] = sites->places[at];
        }
    }
    ct_free_places(sites);
    *sites = larger;
    return 0;
}

/* `before` is the site that had this one's place, or NULL: the caller's now. */
int
ct_put_site(ct_core *core, ct_site *site, ct_site **before)
{
    ct_sites *sites = &core->sites;
    if (make_room(sites) < 0) {
        return -1;
    }
    ct_site **place = &sites->places[find_place(sites, site->code)];
    *before = *place;
    *place = site;
    sites->count += *before == NULL;
    return 0;
}

/* Take the site of code out, which is the caller's then; NULL if there is none.  What stands behind it moves up, so that
   no place is marked: a program may make code for ever. */
ct_site *
ct_take_site(ct_core *core, const PyObject *code)
{
    ct_sites *sites = &core->sites;
    size_t free_place = find_place(sites, code);
    ct_site *found = sites->places[free_place];
    if (found == NULL) {
        return NULL;
    }
    for (size_t at = (free_place + 1) & sites->mask; sites->places[at] != NULL; at = (at + 1) & sites->mask) {
        size_t first = ct_place_of_code(sites, sites->places[at]->code);
        if (((at - first) & sites->mask) >= ((at - free_place) & sites->mask)) {
            sites->places[free_place] = sites->places[at];
            free_place = at;
        }
    }
    sites->places[free_place] = NULL;
    sites->count--;
    return found;
}

/* Called before a code object goes, maybe while an exception is on its way.  What a site holds is let go of at last:
   that may end a core, or make one. */
static int
on_code_event(PyCodeEvent event, PyCodeObject *code)
{
    ct_site *left = NULL;
    if (event != PY_CODE_EVENT_DESTROY) {
        return 0;
    }
    for (ct_core *core = watched; core != NULL; core = core->next_watched) {
        ct_site *site = ct_take_site(core, (PyObject *)code);
        if (site != NULL && ct_has_counts(site)) {
            ct_retire_site(core, site);
        }
        else if (site != NULL) {
            site->next = left;
            left = site;
        }
    }
    while (left != NULL) {
        ct_site *site = left;
        left = site->next;
        ct_release_site(site);
    }
    return 0;
}

/* The number of the watcher, which ends with the module; -1 with an exception if eight others watch. */
int
ct_watch_code(void)
{
    return PyCode_AddWatcher(on_code_event);
}

void
ct_watch_sites(ct_core *core)
{
    ct_clear_places(&core->sites);
    core->next_watched = watched;
    core->watched_at = &watched;
    if (watched != NULL) {
        watched->watched_at = &core->next_watched;
    }
    watched = core;
}

void
ct_unwatch_sites(ct_core *core)
{
    *core->watched_at = core->next_watched;
    if (core->next_watched != NULL) {
        core->next_watched->watched_at = core->watched_at;
    }
}
