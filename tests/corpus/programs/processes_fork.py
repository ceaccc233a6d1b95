import multiprocessing
import os


class Task:
    def __init__(self, number):
        self.number = number


def work(task):
    return task.number * 2, __name__, os.path.basename(__file__)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        print(pool.map(work, [Task(1), Task(2)]))
    process = context.Process(target=print, args=("from a process",))
    process.start()
    process.join()
    print(process.exitcode)
