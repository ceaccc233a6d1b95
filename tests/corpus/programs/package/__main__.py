import sys

from package import sibling

from .sibling import name

print(name, sibling.__name__, __name__, __package__, __spec__.name, sys.argv[1:], sys.path[0])
print(sys.argv[0] == __file__, __spec__.parent, sys.modules["__main__"].__dict__ is globals())
