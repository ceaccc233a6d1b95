import sys

try:
    raise TypeError("noted")
except TypeError as error:
    error.add_note("a note")
    kept = error
print(sys.exc_info())
raise kept
