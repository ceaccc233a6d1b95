/* What bytes and JSON are written with.  All of it returns -1 where there is no memory, without an
   exception, and may be called without the GIL unless it says otherwise. */

#ifndef CODETRACER_TEXTS_H
#define CODETRACER_TEXTS_H

#include "block.h"

#define CT_LONGEST_NUMBER 40

/* texts.c */
int ct_put_bytes(ct_output *output, const void *bytes, size_t size);
int ct_put_escaped(ct_output *output, const char *utf8, size_t size);
int ct_put_integer(ct_output *output, int64_t number);
int ct_put_double(ct_output *output, double number);
char *ct_digits_before(char *end, uint64_t number, int least);

/* nodes.c: 1: written, 0: Python has to write it, -1: no memory. */
int ct_is_flat(const char *at);
int ct_put_node(ct_output *output, const ct_names *names, const char *at, int has_gil);

#endif
