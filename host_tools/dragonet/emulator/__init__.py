"""An RP2040 in software that runs the real firmware image: host_tools/rp2040 in a process of node."""
