def fail(text):
    raise ValueError(text)


errors = []
for name in ("one", "two"):
    try:
        fail(name)
    except ValueError as error:
        errors.append(error)
raise ExceptionGroup("both", errors)
