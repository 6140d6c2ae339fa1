/* Operations and answers in any order with any payload (S4.3, S7.3, S7.4): every start that was
 * seen has one end, and of the core and of the host nothing is left. */
#include "mix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mix mixture;
    if (size == 0) return 0;
    mix_init(&mixture, data[0] % 2 == 0);
    mix_run(&mixture, data + 1, size - 1);
    mix_deinit(&mixture);
    return 0;
}
