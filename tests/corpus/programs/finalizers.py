import weakref


class Kept:
    def __del__(self):
        print("deleted")


kept = Kept()
other = Kept()
weakref.finalize(other, print, "finalized")


def generator():
    try:
        yield 1
    finally:
        print("generator closed")


suspended = generator()
next(suspended)
print("end")
