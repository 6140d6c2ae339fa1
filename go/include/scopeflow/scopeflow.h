/* The header under the name that it has where scopeflow is installed: what is written in C for
 * another language compiles here as it is. */
#include "../../scopeflow.h"
