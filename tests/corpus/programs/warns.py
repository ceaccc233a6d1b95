import logging
import sys
import warnings

warnings.warn("look out")
warnings.warn("old", DeprecationWarning)
logging.warning("logged %s", 1)
logging.getLogger("x").error("again")
print(sys.warnoptions)
