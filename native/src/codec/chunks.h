/* Chunks of a stream, each of which is put into what there is of the response; see gathering.c. */
#ifndef SCOPEFLOW__CODEC_CHUNKS_H
#define SCOPEFLOW__CODEC_CHUNKS_H

#include "codec/tree.h"

/* `kept` has the trees of what there is; chunks are copied into it. */
typedef struct scopeflow__gathering {
    scopeflow__trees *kept;
    scopeflow__node *response; /* An object. */
    scopeflow__node *items;    /* Anthropic's input as text, by position; Responses' own output. */
} scopeflow__gathering;

void scopeflow__gather_chat(scopeflow__gathering *self, const scopeflow__node *chunk);
void scopeflow__finish_chat(scopeflow__gathering *self);
void scopeflow__gather_responses(scopeflow__gathering *self, const scopeflow__node *chunk);
void scopeflow__finish_responses(scopeflow__gathering *self);
void scopeflow__gather_anthropic(scopeflow__gathering *self, const scopeflow__node *chunk);
void scopeflow__finish_anthropic(scopeflow__gathering *self);
void scopeflow__gather_gemini(scopeflow__gathering *self, const scopeflow__node *chunk);

/* --- chunks.c --- */

static inline scopeflow__node *scopeflow__chunk_part(const scopeflow__node *chunk,
                                                     const char *key) {
    return scopeflow__node_get(chunk, scopeflow__c_text(key));
}
/* A copy of the value in place of the member; null only where there is none yet. */
void scopeflow__gather_set(scopeflow__gathering *self, scopeflow__node *object, scopeflow_bytes key,
                           const scopeflow__node *value);
/* All members but those that are listed, which ends with NULL. */
void scopeflow__gather_all(scopeflow__gathering *self, scopeflow__node *object,
                           const scopeflow__node *from, const char *const *but);
/* Puts a delta into what there is: texts side by side, all else by its kind. */
void scopeflow__gather_delta(scopeflow__gathering *self, scopeflow__node *object,
                             const scopeflow__node *delta);
/* Appends to the text of a member, which is made where it is missing or null. */
void scopeflow__gather_text(scopeflow__gathering *self, scopeflow__node *object,
                            scopeflow_bytes key, const scopeflow__node *text);
/* The member, of this kind: made, or made anew, where it is not. */
scopeflow__node *scopeflow__gather_member(scopeflow__gathering *self, scopeflow__node *object,
                                          const char *key, scopeflow_token kind);
/* The element that `index` tells of, which must be no more than one beyond the last; else the last
 * one. What is made is an object. */
scopeflow__node *scopeflow__gather_element(scopeflow__gathering *self, scopeflow__node *array,
                                           const scopeflow__node *index);
/* The element whose member `index` is this one, or that has none where it is null; NULL where there
 * is no such element among the first ones. */
scopeflow__node *scopeflow__gathered_of_index(scopeflow__gathering *self,
                                              const scopeflow__node *array,
                                              const scopeflow__node *index);
/* Replaces all that an element is, but not its place. */
void scopeflow__gather_over(scopeflow__gathering *self, scopeflow__node *element,
                            const scopeflow__node *value);

#endif
