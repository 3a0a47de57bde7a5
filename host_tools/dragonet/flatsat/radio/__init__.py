"""What a ground station hears: from the registers and FIFO bytes of the radio chip to sound. Nothing here knows a code."""
