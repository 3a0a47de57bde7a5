# One chip a file, each citing its datasheet.
