/* A table of texts by what they say: a text takes the place of another one that has the same. */

#include "clean_texts.h"
#include <string.h>

/* Borrowed of the log until it is given back, so that scans need no lock: of two at a time, one has a table of its own.
   NULL without memory. */
ct_clean_texts *
ct_take_clean_texts(ct_log *log, uint64_t number)
{
    ct_clean_texts *texts = log->clean_texts;
    log->clean_texts = NULL;
    if (texts != NULL && texts->number != number) {
        PyMem_RawFree(texts);
        texts = NULL;
    }
    if (texts == NULL && (texts = PyMem_RawCalloc(1, sizeof *texts)) != NULL) {
        texts->number = number;
    }
    return texts;
}

void
ct_give_clean_texts(ct_log *log, ct_clean_texts *texts)
{
    PyMem_RawFree(log->clean_texts);
    log->clean_texts = texts;
}

static uint64_t
mixed(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

/* Where a text is, or would be; NULL for one that is too long. */
ct_clean_text *
ct_clean_place(ct_clean_texts *texts, const unsigned char *text, size_t size)
{
    uint64_t hash = size, word = 0;
    if (texts == NULL || size == 0 || size > CT_LONGEST_CLEAN) {
        return NULL;
    }
    for (size_t at = 0; at + 8 < size; at += 8) {
        memcpy(&word, text + at, 8);
        hash = mixed(hash, word);
    }
    if (size >= 8) {            /* the last eight bytes, of which some were read already */
        memcpy(&word, text + size - 8, 8);
    }
    else {
        for (size_t at = 0; at < size; at++) {
            word = word << 8 | text[at];
        }
    }
    return &texts->places[mixed(hash, word) % CT_CLEAN_PLACES];
}
