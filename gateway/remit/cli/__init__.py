"""The command line: one file per group of commands; data on standard output, talk on standard error."""
