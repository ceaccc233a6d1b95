"""What is read of objects: fields of the program's own, a few facts of well-known ones."""
