# Runs before main.py: the guard chooses what this board runs (DESIGN, "Update").
import gc
import guard

guard.run()
# Collect after so many bytes rather than when the heap is full: short pauses at a steady pace, and free memory
# stays in one piece (the allocator's search is short then too).
gc.threshold(65_536)
gc.collect()
