import os
import sys

print(sys.path[0], __file__, os.getcwd(), len(sys.path))
