name = input("name? ")
print("hello", name)
try:
    input()
except EOFError as error:
    print("end", error)
