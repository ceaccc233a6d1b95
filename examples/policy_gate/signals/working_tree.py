"""Print 1 where this is a git working tree, else 0 with exit status 1."""

import sys
from pathlib import Path

found = any(Path(parent, ".git").exists() for parent in (Path.cwd(), *Path.cwd().parents))
print(int(found))
sys.exit(0 if found else 1)
