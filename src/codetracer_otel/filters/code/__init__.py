"""Names and finds code: modules, paths and source files."""
