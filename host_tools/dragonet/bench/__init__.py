"""Boards of any kind on a bench: how each is reached, what it says of itself, and how flight code comes to it."""
