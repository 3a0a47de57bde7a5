"""What a board's firmware froze, as boards/rp2/manifest.py makes it."""

ID: bytes
BUILT: tuple[str, str]
