class Bad:
    def __del__(self):
        raise ValueError("in __del__")


def drop():
    bad = Bad()
    del bad


drop()
print("goes on")
