"""The flatsat: board processes in lockstep on virtual time, wires between them, and the world around them."""
