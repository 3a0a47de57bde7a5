"""What the ground does with what it hears: packets out of frames, housekeeping out of packets, and files of them."""
