import atexit
import gc
import sys


class Round:
    """Only a collection finds it; what it prints says how much of the program is left."""

    def __init__(self, name):
        self.name = name
        self.itself = self

    def __del__(self):
        modules = getattr(sys, "modules", None) or {}
        print(self.name, "main" in globals() and main is not None, "__main__" in modules)


def main():
    Round("lost early")
    atexit.register(Round, "lost as the program ends")
    Round("lost late").other = held


gc.collect()
held = Round("held")
main()
if "disabled" in sys.argv:
    gc.disable()
