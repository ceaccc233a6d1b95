/* Texts in which scans have found nothing lately.  Most texts of a program are the same few again: names, classes,
   states.  To find one here takes less than half of what a scan of ten characters does. */

#ifndef CODETRACER_CLEAN_TEXTS_H
#define CODETRACER_CLEAN_TEXTS_H

#include "core.h"

enum { CT_LONGEST_CLEAN = 63, CT_CLEAN_PLACES = 1024 };     /* 64 KB */

typedef struct {
    uint8_t size;               /* 0: no text */
    char bytes[CT_LONGEST_CLEAN];
} ct_clean_text;

typedef struct ct_clean_texts {
    uint64_t number;            /* of the tables that found nothing in them, see scan.c */
    ct_clean_text places[CT_CLEAN_PLACES];
} ct_clean_texts;

/* clean_texts.c */
ct_clean_texts *ct_take_clean_texts(ct_log *log, uint64_t number);
void ct_give_clean_texts(ct_log *log, ct_clean_texts *texts);
ct_clean_text *ct_clean_place(ct_clean_texts *texts, const unsigned char *text, size_t size);

static inline int
ct_is_at(const ct_clean_text *place, const unsigned char *text, size_t size)
{
    return place->size == size && memcmp(place->bytes, text, size) == 0;
}

static inline void
ct_put_clean(ct_clean_text *place, const unsigned char *text, size_t size)
{
    place->size = (uint8_t)size;
    memcpy(place->bytes, text, size);
}

#endif
