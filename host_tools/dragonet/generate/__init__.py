"""What is generated from the firmware's own tables (DESIGN, rule 6): nothing here holds a table of its own."""
