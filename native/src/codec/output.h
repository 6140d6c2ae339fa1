/* Values that codecs hand over. */
#ifndef SCOPEFLOW__CODEC_OUTPUT_H
#define SCOPEFLOW__CODEC_OUTPUT_H

#include "codec/tree.h"
#include "scope/runtime.h"

scopeflow_status scopeflow__output_new(scopeflow_runtime *runtime, const scopeflow__node *value,
                                       scopeflow_codec_output **out_output,
                                       scopeflow_error *out_error);

#endif
