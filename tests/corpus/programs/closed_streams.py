import sys

sys.stdout.close()
sys.stdout = None
sys.stderr = None
raise ValueError("nobody hears")
