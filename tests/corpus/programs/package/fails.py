def fail():
    raise ValueError("inside a module")


fail()
