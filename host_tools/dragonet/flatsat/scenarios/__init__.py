"""Built-in scenarios: TOML files, described in README.md."""
