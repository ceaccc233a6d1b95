import io
import sys

sys.stderr = io.StringIO()
print("to nowhere", file=sys.stderr)
sys.stdout = io.StringIO()
print("nor this")
