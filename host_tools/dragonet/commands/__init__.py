"""The commands of `dragonet`, a module each: dragonet/cli.py registers them and imports one only when it is used."""
