// Frames of Python functions on a stack of their own. Else each function with more than a few locals takes its frame from
// the heap, where finding room costs 0.1 to 2.4 ms, more as it fragments. Who needs more gets RuntimeError, as one who
// recurses too deep does. A flight takes less than half: tests/host/test_memory_limits.py.
#include "py/runtime.h"

static mp_obj_t frames[DRAGONET_FRAMES_WORDS];

void dragonet_frames_init(void) {
    mp_pystack_init(frames, frames + MP_ARRAY_SIZE(frames));
}
