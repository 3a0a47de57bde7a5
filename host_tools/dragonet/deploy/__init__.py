"""Slot images: made from the checkout, described by a manifest, brought to a board."""
