import os
import sys

read, write = os.pipe()
os.close(read)
os.dup2(write, sys.stdout.fileno())
print("into a closed pipe")
