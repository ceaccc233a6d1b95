"""Say what was decided; stands for a mail, a chat message, an entry in a ticket."""

import sys

print(f"the decision was {sys.argv[1]}")
