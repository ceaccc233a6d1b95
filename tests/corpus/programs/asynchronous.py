import asyncio


async def work(number):
    await asyncio.sleep(0)
    return number


async def main():
    print(await asyncio.gather(*(work(n) for n in range(3))))
    raise ValueError("in a task")


asyncio.run(main())
