import inspect
import sys


def documented():
    """Text."""
    return 1


class Thing:
    value = 2


print(inspect.getsource(documented), inspect.getsource(Thing), sep="")
print(inspect.getsourcefile(documented) == __file__, inspect.getfile(Thing) == __file__)
print(inspect.getmodule(documented) is sys.modules["__main__"])
print(documented.__code__.co_filename == __file__, inspect.stack()[0].function)
