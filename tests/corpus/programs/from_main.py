import sys

answer = 42


def read():
    from __main__ import answer as again

    return again


import __main__

print(read(), __main__.answer, sys.modules[__name__] is __main__, __main__)
