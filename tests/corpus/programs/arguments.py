import sys

print(sys.argv, [arg for arg in sys.argv if arg.startswith("--trace")])
