import sys

for name, value in list(globals().items()):
    print(name, type(value).__name__, value if isinstance(value, str) else "")
main = sys.modules["__main__"]
print(vars(main) is globals(), main.__spec__, main.__package__, main.__builtins__.__name__)
print(type(main.__loader__).__name__, __loader__ and getattr(__loader__, "path", None))
