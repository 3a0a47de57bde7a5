"""What a ground station hears: from registers and FIFO bytes of the radio chip to sound. Nothing here knows a code."""
