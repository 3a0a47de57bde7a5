# What every board runs: README.md says what lives here.
