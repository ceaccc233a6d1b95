from concurrent.futures import ThreadPoolExecutor


def work(number):
    return number + 1


executor = ThreadPoolExecutor(2)
futures = [executor.submit(work, number) for number in range(4)]
print([future.result() for future in futures])
