/* What the capture of an object depended on, and the bytes that it wrote: while nothing of that changes, the same
   bytes are written again without looking at each value.  See memos.c. */

#ifndef CODETRACER_MEMOS_H
#define CODETRACER_MEMOS_H

#include "attributes.h"
#include "classes.h"

enum { CT_MOST_WORDS = 1024, CT_MOST_HELD = 256, CT_NOTED_CLASSES = 8 };

/* What the capture that is under way has read. */
typedef struct ct_notes {
    size_t count, held_count, held_bytes;
    size_t latest;              /* where the last note begins; meaningless while count is 0 */
    int is_useless;             /* it read what nobody can compare, or too much */
    const ct_form *classes[CT_NOTED_CLASSES];   /* some of those that were noted, each in its place */
    uint64_t words[CT_MOST_WORDS];
    PyObject *held[CT_MOST_HELD];       /* borrowed until they are kept */
} ct_notes;

/* notes.c */
void ct_begin_notes(ct_notes *notes);
void ct_note_class(ct_notes *notes, PyObject *object, const ct_form *known);
void ct_note_value(ct_notes *notes, PyObject *value, const ct_form *known);
void ct_note_fields(ct_notes *notes, PyObject *value, const ct_form *known, const ct_attributes *own,
                    int are_values_read);
void ct_note_count(ct_notes *notes, const Py_ssize_t *count);
void ct_note_dictionary(ct_notes *notes, PyObject *dictionary, Py_ssize_t written);
void ct_note_set(ct_notes *notes, PyObject *value, Py_ssize_t written);
void ct_note_sequence(ct_notes *notes, PyObject *value, PyObject *const *items, Py_ssize_t seen,
                      Py_ssize_t written);
void ct_note_hidden(ct_notes *notes, PyObject *held);
void ct_note_held(ct_notes *notes, PyObject *value);
int ct_is_unchanged(const ct_core *core, const uint64_t *at, size_t count);

#endif
