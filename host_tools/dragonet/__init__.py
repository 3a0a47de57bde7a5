"""Dragonet host tools: fly the satellite on a desk, flash its boards, check them, listen to them."""
