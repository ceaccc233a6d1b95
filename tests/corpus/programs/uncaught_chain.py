def inner():
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError("outer") from error


try:
    inner()
except ValueError:
    raise RuntimeError("while handling")
