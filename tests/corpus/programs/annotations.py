import dataclasses
import typing

count: int = 1


@dataclasses.dataclass
class Item:
    name: str
    size: "int" = 0


print(__annotations__, typing.get_type_hints(Item), Item("a"))
