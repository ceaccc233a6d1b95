import sys

import neighbour

print(neighbour.__name__, __name__, repr(__package__), __spec__.name, sys.argv, sys.path[0])
raise ValueError("from the archive")
