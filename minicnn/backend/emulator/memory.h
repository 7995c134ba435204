// What threads.cpp tells memory.cpp.
#pragma once

namespace emulator {

// A block begins: shared memory is that of one block, and so is what is known about it.
void begin_block();

// All threads of the block, or those of a warp, meet: what they did is done before what follows.
void block_meets();
void warp_meets(unsigned warp);

// The kernel has ended: all of its results must be written.
void end_watch();

}  // namespace emulator
